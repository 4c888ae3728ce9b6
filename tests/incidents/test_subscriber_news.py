"""What is published reaches each subscriber it concerns, once; and nothing else reaches anybody."""

import re
import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.outbox import sending
from config.outbox.models import Delivery
from incidents.models import Feedback, FeedbackRequest, Incident, Publication, Region, Service, Subscriber
from incidents.subscribers import fanning
from tests.incidents.public import say, told, window
from tests.incidents.readers import many, queued, reader, sent, system

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(time_machine):
    """One that is set forward."""
    time_machine.move_to(timezone.now())
    return time_machine


CANARY = "canary-7f3a"


def to(letters):
    return sorted(letter.to[0] for letter in letters)


# --- Whom it reaches


@pytest.fixture
def search(db):
    return Service.objects.create(slug="search", name="Search")


@pytest.fixture
def places(db):
    return [Region.objects.create(slug=slug, name=slug.upper()) for slug in ("eu", "us")]


def test_it_reaches_whom_it_concerns(severity, service, search, places):
    europe, america = places
    reader("all@customer.example")
    reader("checkout@customer.example", services=[service])
    reader("both@customer.example", services=[service, search])
    reader("search@customer.example", services=[search])
    reader("checkout-us@customer.example", services=[service], regions=[america])
    reader("eu@customer.example", regions=[europe])
    incident = told(severity, services=[service])
    incident.region_impacts.create(region=europe)
    say(incident)
    assert to(sent()) == [f"{who}@customer.example" for who in ("all", "both", "checkout", "eu")]


def test_what_names_no_service_and_no_region_concerns_everybody(severity, search, places):
    reader("search@customer.example", services=[search], regions=[places[0]])
    say(told(severity))
    assert to(sent()) == ["search@customer.example"]


@pytest.mark.parametrize("status", ["pending", "unsubscribed", "stopped"])
def test_it_reaches_nobody_who_is_not_confirmed(severity, status):
    row = reader()
    if status == "pending":
        Subscriber.objects.update(status="pending")
    else:
        getattr(row, {"unsubscribed": "unsubscribe", "stopped": "stop"}[status])(by=None, reason="Gone.")
    say(told(severity))
    assert sent() == []
    assert not queued().exists()


def test_who_unsubscribes_while_it_waits_is_not_written_to(severity):
    row = reader()
    say(told(severity))
    assert fanning.tell() == 1
    row.unsubscribe(by=None)
    sending.deliver()
    assert mail.outbox == []
    assert queued().get().state == "cancelled"


# --- Once, and never lost


def test_nobody_is_told_twice_however_often_the_sweep_runs(severity):
    reader()
    update = say(told(severity))
    assert [fanning.tell() for _ in range(3)] == [1, 0, 0]
    publication = Publication.objects.get(update=update)
    assert (publication.subscribers, publication.queued_at is not None) == (1, True)
    # As if a worker had died after the messages and before it noted so, which one transaction forbids.
    Publication.objects.update(queued_at=None)
    assert fanning.tell() == 0
    assert queued().count() == 1


def test_a_publication_and_its_update_are_whole_or_absent(severity, monkeypatch):
    incident = told(severity)
    update = incident.updates.create(text="We are looking into it.")

    def fail(**_):
        raise RuntimeError

    monkeypatch.setattr(Publication.objects, "create", fail)
    with pytest.raises(RuntimeError):
        update.publish(by=None)
    update.refresh_from_db()
    assert not update.is_published
    monkeypatch.undo()
    update.publish(by=None)
    assert Publication.objects.waiting().count() == 1


def counted(what):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        what()
    return len(queries)


def test_the_statements_do_not_grow_with_the_subscribers(severity, service):
    counts = {}
    for number, total in enumerate((20, 2_000)):
        many(total - Subscriber.objects.count(), start=Subscriber.objects.count())
        incident = told(severity, services=[service])
        update = incident.updates.create(text=f"We are looking into it, {number}.")
        publishing = counted(lambda: update.publish(by=None))  # noqa: B023
        before = queued().count()
        fanning_out = counted(fanning.tell)
        assert queued().count() - before == total
        counts[total] = publishing, fanning_out
    assert counts[20] == counts[2_000]
    assert counts[20][1] <= 9


def test_twenty_mails_cost_hardly_more_than_their_own_marks(severity, service):
    many(20)
    say(told(severity, services=[service]))
    fanning.tell()
    total = counted(lambda: sending.deliver(limit=20))
    assert len(mail.outbox) == 20
    assert total <= 20 + 20  # one mark each; the rest is read once for all


def test_what_is_entered_long_after_it_was_said_is_no_news(severity):
    reader()
    say(told(severity), ago=60 * 25)
    assert sent() == []
    assert Publication.objects.get().queued_at


def test_what_was_said_while_no_worker_ran_is_still_told(severity, clock):
    reader()
    say(told(severity))
    clock.shift(timedelta(days=2))
    assert len(sent()) == 1


def test_what_was_said_before_the_incident_was_made_public_is_told_when_it_is(severity, clock):
    reader()
    incident, other = told(severity, visibility="internal"), told(severity, visibility="internal")
    say(incident, ago=1)
    say(other, ago=1)
    assert sent() == []
    Incident.objects.filter(pk=incident.pk).update(visibility="public")
    assert len(sent()) == 1
    clock.shift(timedelta(days=1, minutes=1))
    assert sent() == []  # it is given up, and not looked at again
    Incident.objects.filter(pk=other.pk).update(visibility="public")
    assert sent() == []
    assert not Publication.objects.waiting().exists()


# --- What it says


def test_a_mail_says_what_happened_and_what_to_expect(severity, service, places):
    reader()
    incident = told(severity, services=[(service, "partial_outage")])
    incident.region_impacts.create(region=places[0])
    soon = timezone.now() + timedelta(minutes=30)
    say(
        incident,
        "Paying **fails** for some. Try [again](https://customer.example/x) later.",
        next_update_by=soon,
    )
    [letter] = sent()
    html = letter.alternatives[0][0]
    assert letter.subject == "[Aftercare status] Checkout fails for one in five"
    for body in (letter.body, html):
        assert "Investigating" in body
        assert "Checkout: out for some" in body
        assert "EU" in body
        assert f"Next update by {soon:%-d %b %Y, %H:%M} UTC" in body
        assert f"/incidents/{incident.public_id}/" in body
        assert "/subscribe/manage/" in body
        assert "/subscribe/stop/" in body
        assert "because you asked for the updates" in body
        assert "How did we do?" not in body
    assert "<strong>fails</strong>" in html


def test_the_mails_of_one_incident_are_one_thread_with_one_subject(severity):
    reader()
    incident, other = told(severity), told(severity, "Search is slow")
    say(incident)
    [first] = sent()
    say(incident, "It is over.", status="resolved", ago=1)
    [second] = sent()
    say(other)
    [third] = sent()
    assert first.extra_headers["References"] == second.extra_headers["References"]
    assert first.extra_headers["References"] != third.extra_headers["References"]
    assert first.subject == second.subject
    ids = {letter.extra_headers["Message-ID"] for letter in (first, second, third)}
    assert len(ids) == 3
    assert incident.public_id in first.extra_headers["References"]


def question_in(letter, words):
    """The path of the question that a letter asks in these words."""
    [path] = re.findall(rf"{re.escape(words)} https?://[^/]+(/feedback/\S+)", letter.body)
    assert path in letter.alternatives[0][0]
    assert words in letter.alternatives[0][0]
    return path


def test_each_mail_asks_one_question_that_is_answered_once(severity, client):
    kim, lee = reader(), reader("lee@customer.example")
    update = say(told(severity))
    paths = {question_in(letter, "Did you know what you needed to know?") for letter in sent()}
    assert len(paths) == 2
    for path in paths:
        client.get(path)
        assert client.post(path, {"known": "yes", "words": ""}).status_code == 200
        client.post(path, {"known": "no", "words": ""})
    assert list(Feedback.objects.values_list("update", "known", "source")) == [(update.pk, "yes", "mail")] * 2
    assert FeedbackRequest.objects.filter(update=update).count() == 2
    assert {kim.is_confirmed, lee.is_confirmed} == {True}


def test_the_last_mail_asks_how_it_was_also_when_it_is_said_twice(severity):
    reader()
    incident = told(severity)
    say(incident, "It is over.", status="resolved")
    [letter] = sent()
    path = question_in(letter, "How did we do?")
    say(incident, "It is over, really.", status="resolved", ago=0)
    [again] = sent()
    assert question_in(again, "How did we do?") == path
    assert FeedbackRequest.objects.count() == 1


def test_neither_programs_nor_announcements_are_asked(severity, service):
    reader()
    system()
    window(services=[service])
    assert all("/feedback/" not in letter.body for letter in sent())
    assert not FeedbackRequest.objects.exists()


def test_each_word_on_announced_work_is_told(service, search):
    reader("checkout@customer.example", services=[service])
    reader("search@customer.example", services=[search])
    row = window(services=[service])
    [letter] = sent()
    assert letter.to == ["checkout@customer.example"]
    for body in (letter.body, letter.alternatives[0][0]):
        assert "Maintenance: Scheduled" in body
        assert "Saving takes longer." in body
        assert "Checkout" in body
        assert "When:" in body
    row.begin(by=None)
    row.tell(by=None, text="Half of it is done.")
    row.complete(by=None)
    assert [letter.body.split("\n")[2].partition(",")[0] for letter in sent()] == [
        *("Maintenance: In progress", "Maintenance: In progress", "Maintenance: Completed")
    ]


# --- What must not be told


def test_what_is_not_public_is_told_to_nobody(severity, service, ravi):
    reader()
    system()
    for fields in ({"visibility": "restricted"}, {"visibility": "internal"}, {"is_drill": True}):
        incident = told(severity, f"{CANARY} title", services=[service], summary=CANARY, **fields)
        say(incident, f"{CANARY} update")
    public = told(severity, "Checkout fails", summary=CANARY, data_safety=CANARY, services=[service])
    public.updates.create(text=f"{CANARY} draft")
    public.log("note", CANARY, by=ravi)
    public.milestones.create(title=CANARY, note=CANARY)
    hidden = Service.objects.create(slug="inside", name=f"{CANARY} service", is_public=False)
    public.service_impacts.create(service=hidden)
    window(f"{CANARY} window", announced=False)
    announced = window("New disks")
    announced.service_links.create(service=hidden)
    announced.tell(by=None, text="It goes well.")
    say(public)
    letters = sent()
    assert len(letters) == 3
    for letter in letters:
        assert CANARY.encode() not in letter.message().as_bytes()
        assert CANARY not in letter.body + letter.alternatives[0][0] + letter.subject
    for hook in queued().filter(channel="webhook"):
        from config.outbox.messages import KINDS

        assert CANARY.encode() not in KINDS[hook.kind](hook).body
    assert queued().count() == 6


@pytest.mark.parametrize(
    "hide", [{"visibility": "restricted"}, {"visibility": "internal"}, {"is_drill": True}]
)
def test_what_is_hidden_while_it_waits_is_not_sent(severity, hide):
    reader()
    incident = told(severity)
    say(incident)
    assert fanning.tell() == 1
    Incident.objects.filter(pk=incident.pk).update(**hide)
    sending.deliver()
    assert mail.outbox == []
    assert queued().get().state == "cancelled"


def test_hostile_text_is_neither_script_nor_picture_nor_header(severity, service):
    hostile = (
        "<script>alert(1)</script> ![x](https://evil.example/track.png) <img src=x onerror=alert(1)>"
        " [x](javascript:alert(1)) [y](//evil.example) \x0bBcc: everybody"
    )
    Service.objects.filter(pk=service.pk).update(name="<img src=https://evil.example/a.png>")
    service.refresh_from_db()
    region = Region.objects.create(slug="x", name="<b onclick=x>EU</b>")
    reader()
    incident = told(severity, "<script>alert(2)</script>\r\nBcc: all@evil.example", services=[service])
    incident.region_impacts.create(region=region)
    say(incident, hostile)
    [letter] = sent()
    html = letter.alternatives[0][0]
    assert "\n" not in letter.subject
    assert "<script" not in html
    assert "<img" not in html
    assert "<b onclick" not in html
    assert 'href="javascript' not in html
    assert 'href="//evil' not in html
    raw = letter.message().as_bytes()
    assert b"\nBcc:" not in raw.partition(b"\r\n\r\n")[0]


# --- Mails that come back


class Refusing:
    """A mail server that says no to some."""

    def __init__(self, monkeypatch, code=550):
        self.addresses, self.code = set(), code
        before = mail.backends.locmem.EmailBackend.send_messages
        monkeypatch.setattr(
            mail.backends.locmem.EmailBackend,
            "send_messages",
            lambda backend, letters: self.send(before, backend, letters),
        )

    def send(self, before, backend, letters):
        for letter in letters:
            if letter.to[0] in self.addresses:
                raise smtplib.SMTPRecipientsRefused(
                    {letter.to[0]: (self.code, f"no {letter.to[0]}".encode())}
                )
        return before(backend, letters)


def test_three_refusals_in_a_row_stop_a_subscriber(severity, monkeypatch, admin_user):
    server, row, other = Refusing(monkeypatch), reader(), reader("lee@customer.example")
    incident = told(severity)
    server.addresses = {row.address}
    for number in range(4):
        say(incident, f"Update {number}.", ago=20 - number)
        assert to(sent()) == ["lee@customer.example"]
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.status, row.bounces) == ("stopped", 3)
    assert "3 mails in a row were refused" in row.stopped_because
    assert row.address not in row.stopped_because
    assert other.is_confirmed
    dead = queued().filter(state="dead")
    assert dead.count() == 3
    assert row.address not in str(list(Delivery.history.values("error")))
    # It is one address of thousands, and on their page: nobody is written to about it.
    assert not Delivery.objects.filter(kind="outbox.refused").exists()


def test_one_that_arrives_makes_the_count_start_anew(severity, monkeypatch):
    server, row, incident = Refusing(monkeypatch), reader(), told(severity)
    for number, is_refused in enumerate((True, True, False, True, True)):
        server.addresses = {row.address} if is_refused else set()
        say(incident, f"Update {number}.", ago=20 - number)
        sent()
    row.refresh_from_db()
    assert (row.status, row.bounces) == ("confirmed", 2)


def test_a_server_that_is_only_busy_counts_as_no_bounce(severity, monkeypatch):
    server, row = Refusing(monkeypatch, code=451), reader()
    server.addresses = {row.address}
    say(told(severity))
    sent()
    row.refresh_from_db()
    assert row.bounces == 0
    assert queued().get().state == "pending"
