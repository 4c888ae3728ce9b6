"""Whoever was sent a text that was not right is told so, once: by mail in the same thread, or by a signed call."""

import json
import re
import smtplib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.outbox import posting, sending
from config.outbox.models import Delivery
from incidents.models import Feedback, FeedbackRequest, Incident, Publication, Region, Service, Subscriber
from incidents.subscribers import fanning
from tests.incidents.public import say, told
from tests.incidents.readers import link_in, many, queued, reader, sent, system

pytestmark = pytest.mark.django_db
BEFORE, AFTER = "Refunds arrive within two days.", "Refunds arrive within five days."
REASON = "Refunds take longer than we said."
CANARY = "canary-2b9e"


@pytest.fixture
def posted(monkeypatch):
    """What customers' systems are sent, as address, body and headers; they take everything."""
    found = []

    def take(url, body, headers):
        found.append((url, body, headers))
        return 204

    monkeypatch.setattr(posting, "post", take)
    return found


def post():
    return sending.deliver(courier=posting.Poster)


def corrected(update, text=AFTER, reason=REASON, **asked):
    """The update says something else now."""
    update.correct(by=asked.pop("by"), text=text, reason=reason, **asked)
    return update.corrections.first()


def to(letters):
    return sorted(letter.to[0] for letter in letters)


def counted(what):
    with CaptureQueriesContext(connection) as queries:
        what()
    return len(queries)


# --- Who is told


def test_those_who_were_sent_the_update_and_nobody_else(severity, service, lena):
    search = Service.objects.create(slug="search", name="Search")
    europe, america = (Region.objects.create(slug=slug, name=slug.upper()) for slug in ("eu", "us"))
    reader("all@customer.example")
    reader("checkout@customer.example", services=[service])
    reader("eu@customer.example", regions=[europe])
    reader("search@customer.example", services=[search])
    reader("us@customer.example", services=[service], regions=[america])
    incident = told(severity, services=[service])
    incident.region_impacts.create(region=europe)
    update = say(incident, BEFORE)
    whom = to(sent())
    assert whom == [f"{who}@customer.example" for who in ("all", "checkout", "eu")]
    corrected(update, by=lena)
    assert to(sent()) == whom


def test_what_was_affected_then_decides_and_not_what_is_now(severity, service, lena):
    search = Service.objects.create(slug="search", name="Search")
    then, later = reader("then@customer.example", services=[service]), reader("later@customer.example")
    later.choose(services=[search], regions=[])
    incident = told(severity, services=[service])
    update = say(incident, BEFORE)
    assert to(sent()) == [then.address]
    incident.service_impacts.all().delete()
    incident.service_impacts.create(service=search)
    then.choose(services=[search], regions=[])
    corrected(update, by=lena)
    assert to(sent()) == [then.address]


def test_who_came_later_never_read_it_and_is_not_told(severity, lena):
    reader()
    update = say(told(severity), BEFORE)
    sent()
    reader("new@customer.example")
    corrected(update, by=lena)
    assert to(sent()) == ["kim@customer.example"]


@pytest.mark.parametrize("verb", ["unsubscribe", "stop"])
def test_who_wants_no_more_is_not_told(severity, lena, verb):
    gone, waiting = reader(), reader("lee@customer.example")
    update = say(told(severity), BEFORE)
    sent()
    getattr(gone, verb)(by=None, reason="Enough.")
    corrected(update, by=lena)
    assert fanning.tell() == 1
    getattr(waiting, verb)(by=None, reason="Enough.")
    assert sent() == []
    assert queued().get(kind=fanning.CORRECTION_MAIL).state == "cancelled"


def test_who_is_told_again_after_having_left_and_come_back(severity, lena):
    row = reader()
    update = say(told(severity), BEFORE)
    sent()
    row.unsubscribe(by=None)
    row.ask(by=None, address="kim@customer.example")
    row.confirm(by=None)
    corrected(update, by=lena)
    assert to(sent()) == ["kim@customer.example"]


def test_a_mail_that_has_not_gone_out_says_the_new_text_and_needs_no_other(severity, lena):
    reader()
    update = say(told(severity), BEFORE)
    corrected(update, by=lena)
    [letter] = sent()
    assert AFTER in letter.body
    assert BEFORE not in letter.body
    assert sent() == []
    assert [one.subscribers for one in Publication.objects.order_by("pk")] == [1, 0]


def test_a_mail_of_which_nobody_knows_whether_it_went_out_counts_as_told(severity, lena, monkeypatch):
    reader()
    update = say(told(severity), BEFORE)
    fanning.tell()

    def lose(backend, letters):
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", lose)
        sending.deliver()
    assert queued().get().ambiguous == 1
    corrected(update, by=lena)
    assert fanning.tell() == 1


@pytest.mark.parametrize("state", ["dead", "cancelled"])
def test_whom_the_update_never_reached_is_not_told(severity, lena, state):
    reader()
    update = say(told(severity), BEFORE)
    sent()
    queued().update(state=state, sent_at=None)
    corrected(update, by=lena)
    assert sent() == []


def test_an_update_that_nobody_was_told_of_is_corrected_without_a_mail(severity, lena):
    reader()
    update = say(told(severity), BEFORE, ago=60 * 25)
    assert sent() == []
    corrected(update, by=lena)
    assert sent() == []
    assert not Publication.objects.waiting().exists()


def test_a_correction_entered_long_after_it_was_made_is_no_news(severity, lena):
    reader()
    update = say(told(severity, ago=60 * 60), BEFORE)
    sent()
    corrected(update, by=lena, at=timezone.now() - timedelta(hours=25))
    assert sent() == []


# --- Once, whole, and at the same cost


def test_nobody_is_told_twice_however_often_the_sweep_runs(severity, lena):
    reader()
    update = say(told(severity), BEFORE)
    sent()
    corrected(update, by=lena)
    assert [fanning.tell() for _ in range(3)] == [1, 0, 0]
    Publication.objects.update(queued_at=None)
    assert fanning.tell() == 0
    assert queued().count() == 2


def test_each_correction_is_told_once_and_says_what_it_says_by_then(severity, lena):
    reader()
    update = say(told(severity), BEFORE)
    sent()
    corrected(update, by=lena)
    corrected(update, "Refunds arrive within six days.", "We counted again.", by=lena)
    first, second = sent()
    for letter in (first, second):
        assert "It says now:\n\nRefunds arrive within six days." in letter.body
    assert (BEFORE in first.body, AFTER in second.body) == (True, True)
    assert sent() == []


def test_a_correction_and_its_publication_are_whole_or_absent(severity, lena, monkeypatch):
    update = say(told(severity), BEFORE)

    def fail(**_):
        raise RuntimeError

    monkeypatch.setattr(Publication.objects, "create", fail)
    with pytest.raises(RuntimeError):
        corrected(update, by=lena)
    update.refresh_from_db()
    assert (update.text, update.corrections.count()) == (BEFORE, 0)


def test_the_statements_do_not_grow_with_the_subscribers(severity, lena):
    counts = {}
    for total in (3, 30):
        many(total - Subscriber.objects.count(), start=Subscriber.objects.count())
        update = say(told(severity), BEFORE)
        assert len(sent()) == total
        correcting = counted(lambda: corrected(update, by=lena))  # noqa: B023
        fanning_out = counted(fanning.tell)
        assert queued().filter(kind=fanning.CORRECTION_MAIL, state="pending").count() == total
        sending.deliver()
        counts[total] = correcting, fanning_out
    assert counts[3] == counts[30]
    assert counts[3][1] <= 9


# --- What it says


def test_the_mail_says_what_it_said_what_it_says_and_why(severity, lena):
    reader()
    incident = told(severity)
    update = say(incident, "Refunds arrive **within two days**.")
    [first] = sent()
    corrected(update, "Refunds arrive **within five days**.", by=lena)
    [letter] = sent()
    html = letter.alternatives[0][0]
    assert "**within two days**" in letter.body
    assert "**within five days**" in letter.body
    assert "<strong>within two days</strong>" in html
    assert "<strong>within five days</strong>" in html
    for body in (letter.body, html):
        assert REASON in body
        assert "It says now" in body
        assert "It said before" in body
        assert f"/incidents/{incident.public_id}/" in body
        assert "/subscribe/manage/" in body
        assert "/feedback/" not in body
    assert letter.subject == first.subject
    assert not Feedback.objects.exists()
    assert FeedbackRequest.objects.count() == 1  # that of the update itself


def test_it_answers_in_the_thread_of_the_update_under_an_id_of_its_own(severity, lena):
    reader()
    update = say(told(severity), BEFORE)
    [first] = sent()
    corrected(update, by=lena)
    [letter] = sent()
    for name in ("In-Reply-To", "References", "List-Id", "Auto-Submitted", "X-Aftercare-Reason"):
        assert letter.extra_headers[name] == first.extra_headers[name]
    assert letter.extra_headers["Message-ID"] != first.extra_headers["Message-ID"]


def test_one_click_ends_it_as_with_every_update(client, severity, lena):
    row = reader()
    update = say(told(severity), BEFORE)
    sent()
    corrected(update, by=lena)
    [letter] = sent()
    headers = letter.extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [path] = re.findall(r"https?://[^/]+(/\S+)>", headers["List-Unsubscribe"])
    assert path == link_in(letter, "stop")
    client.get(path)
    row.refresh_from_db()
    assert row.is_confirmed
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    row.refresh_from_db()
    assert row.status == "unsubscribed"


def test_a_system_gets_an_event_of_its_own_signed_as_the_standard_has_it(posted, severity, service, lena):
    standardwebhooks = pytest.importorskip("standardwebhooks")
    row = system()
    incident = told(severity, services=[service])
    update = say(incident, BEFORE)
    fanning.tell()
    assert post() == {"sent": 1}
    made = corrected(update, by=lena)
    fanning.tell()
    assert post() == {"sent": 1}
    (_, _, before), (url, body, headers) = posted
    assert url == row.address
    standardwebhooks.Webhook(row.secret).verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(row.secret).verify(body.replace(b"five", b"nine"), headers)
    assert headers["webhook-id"] != before["webhook-id"]
    event = json.loads(body)
    assert event["type"] == "incident.update_corrected"
    assert event["timestamp"] == event["data"]["correction"]["corrected_at"]
    assert event["data"]["incident"]["id"] == incident.public_id
    assert event["data"]["update"]["id"] == update.public_id
    assert event["data"]["update"]["body"] == AFTER
    assert event["data"]["correction"]["id"] == made.public_id
    assert event["data"]["correction"]["body_before"] == BEFORE
    assert event["data"]["correction"]["reason"] == REASON
    assert event["data"]["services"] == [{"name": "Checkout"}]


def test_what_a_system_missed_of_it_can_be_replayed(posted, severity, lena):
    row = system()
    update = say(told(severity), BEFORE)
    fanning.tell()
    post()
    corrected(update, by=lena)
    fanning.tell()
    post()
    since = queued().get(kind=fanning.CORRECTION_HOOK).created_at
    row.replay(by=lena, since=since)
    assert post() == {"sent": 1}
    assert posted[1][2]["webhook-id"] == posted[2][2]["webhook-id"]


# --- What must not be told

HIDDEN = [{"visibility": "restricted"}, {"visibility": "internal"}, {"is_drill": True}]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_of_what_is_not_public_nothing_goes_out(severity, service, lena, hidden):
    reader()
    system()
    incident = told(severity, services=[service], **hidden)
    update = say(incident, BEFORE)
    corrected(update, by=lena)
    assert sent() == []
    assert not queued().exists()


@pytest.mark.parametrize("hidden", HIDDEN)
def test_of_what_is_hidden_after_it_was_told_nothing_more_goes_out(posted, severity, lena, hidden):
    reader()
    system()
    incident = told(severity)
    update = say(incident, BEFORE)
    sent()
    post()
    corrected(update, by=lena)
    assert fanning.tell() == 2
    Incident.objects.filter(pk=incident.pk).update(**hidden)
    assert sent() == []
    assert post() == {"cancelled": 1}
    assert set(queued().filter(kind__startswith="incidents.correction").values_list("state", flat=True)) == {
        "cancelled"
    }
    assert len(posted) == 1


def test_neither_mail_nor_call_says_more_than_the_public_page(posted, severity, lena, ravi):
    reader()
    system()
    hidden = Service.objects.create(slug="inside", name=f"{CANARY} service", is_public=False)
    incident = told(severity, summary=CANARY, data_safety=CANARY, services=[hidden])
    incident.log("note", CANARY, by=ravi)
    incident.milestones.create(title=CANARY, note=CANARY)
    incident.updates.create(text=f"{CANARY} draft")
    other = say(told(severity, f"{CANARY} elsewhere", visibility="internal"), f"{CANARY} internal")
    corrected(other, f"{CANARY} corrected", CANARY, by=lena)
    update = say(incident, BEFORE)
    sent()
    post()
    corrected(update, by=lena)
    [letter] = sent()
    post()
    written = letter.message().as_bytes() + posted[-1][1] + letter.subject.encode()
    for word in (CANARY, lena.email, str(lena)):
        assert word.encode() not in written
    kept = str(list(Delivery.history.values()))
    assert "kim@customer.example" not in kept


def test_hostile_words_are_neither_script_nor_header(severity, lena):
    hostile = (
        "<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) \x0bBcc: everybody"
    )
    reader()
    update = say(told(severity), hostile)
    sent()
    corrected(update, f"{hostile} again", f"{hostile}\r\nBcc: nobody", by=lena)
    [letter] = sent()
    html = letter.alternatives[0][0]
    for part in ("<script", "<img", 'href="javascript'):
        assert part not in html
    assert b"\nBcc:" not in letter.message().as_bytes().partition(b"\n\n")[0]
