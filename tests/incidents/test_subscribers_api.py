"""Subscribers in the API: for those who see them in the workspace, with the verbs of it, and never a secret."""

import pytest
from django.utils import timezone

from config.people.models import ApiToken
from incidents.models import Region, Service, Subscriber
from incidents.subscribers import fanning
from tests import pages
from tests.api import Caller, is_problem
from tests.faults import snapshot
from tests.incidents.public import say, told
from tests.incidents.readers import queued, reader, sent, system

pytestmark = pytest.mark.django_db

# verb: (of what, what it asks, the state it leads to, the states in which it is refused)
VERBS = {
    "unsubscribe": ("confirmed", {"reason": "They asked by phone."}, "unsubscribed"),
    "stop": ("confirmed", {"reason": "They asked by phone."}, "stopped"),
    "resume": ("stopped", {}, "confirmed"),
    "rotate": ("webhook", {"reason": "It was in a mail."}, "confirmed"),
}
every_verb = pytest.mark.parametrize("name", VERBS)


def url(row=None, *rest):
    return "/".join(["subscribers", *([str(row.pk)] if row else []), *map(str, rest), ""])


def make(state):
    row = system() if state == "webhook" else reader()
    if state == "stopped":
        row.stop(by=None, reason="Refused ten times.")
        Subscriber.objects.filter(pk=row.pk).update(bounces=10, failing_since=timezone.now())
    row.refresh_from_db()
    return row


def test_whoever_sees_them_in_the_workspace_reads_them(lena, aud, service):
    Region.objects.create(slug="eu", name="Europe")
    row = reader(services=[service], regions=Region.objects.all())
    for person in (lena, aud):
        one = Caller(person).get(url(row))
        assert one["ETag"] == f'"{row.version}"'
        assert one.json() == Caller(person).get(url()).json()["results"][0]
        assert (one.json()["address"], one.json()["status"]) == ("kim@customer.example", "confirmed")
        assert one.json()["services"] == [{"service": "checkout", "name": "Checkout"}]
        assert one.json()["regions"] == [{"region": "eu", "name": "Europe"}]


def test_nobody_else_learns_of_them(ravi, ana, omar, stranger):
    row = reader()
    for person in (ravi, ana, omar, stranger):
        for path in (url(), url(row), f"{url()}?status=confirmed"):
            answer = Caller(person).get(path)
            assert is_problem(answer, 403)
            assert b"kim" not in answer.content
        assert is_problem(Caller(person).post(url(row, "unsubscribe"), {"reason": "x"}), 403)
    row.refresh_from_db()
    assert row.is_confirmed


def test_a_secret_is_never_told_whatever_is_done(lena, admin_user):
    row = system()
    for person in (lena, admin_user):
        caller = Caller(person)
        secrets = {row.secret}
        answers = [caller.get(url()), caller.get(url(row))]
        answers.append(caller.post(url(row, "rotate"), {}))
        row.refresh_from_db()
        secrets |= {row.secret, row.former_secret}
        answers += [caller.get(url(row)), caller.post(url(row, "stop"), {"reason": "x"})]
        answers += [
            caller.post(url(row, "resume"), {}),
            caller.post(url(row, "rotate"), {"secret": row.secret}),
        ]
        assert len(secrets) == 2
        for answer in answers:
            assert b"whsec_" not in answer.content
            assert b"fingerprint" not in answer.content
            assert not any(secret.encode() in answer.content for secret in secrets)


@every_verb
def test_a_verb_does_what_it_does_in_the_workspace(lena, name):
    start, asked, state = VERBS[name]
    row = make(start)
    answer = Caller(lena).post(url(row, name), asked, If_Match=f'"{row.version}"')
    assert answer.status_code == 200, answer.content
    row.refresh_from_db()
    assert answer.json()["status"] == row.status == state
    assert answer["ETag"] == f'"{row.version}"'


def test_resuming_sets_back_what_was_refused_in_a_row(lena):
    row = make("stopped")
    caller = Caller(lena)
    before = caller.get(url(row)).json()
    assert (before["bounces"], before["stopped_because"]) == (10, "Refused ten times.")
    after = caller.post(url(row, "resume"), {"reason": "Their mailbox was full."}).json()
    assert [after[name] for name in ("bounces", "failing_since", "stopped_at", "stopped_because")] == [
        *(0, None, None, "")
    ]
    assert row.history.first().history_change_reason == "Their mailbox was full."


def test_who_unsubscribed_is_forgotten(lena):
    row = reader()
    answer = Caller(lena).post(url(row, "unsubscribe"), {"reason": "They asked by phone."})
    assert (answer.json()["address"], answer.json()["status"]) == ("", "unsubscribed")
    assert b"kim" not in Caller(lena).get(url()).content
    assert is_problem(Caller(lena).post(url(row, "unsubscribe"), {"reason": "Again."}), 409)


@every_verb
def test_a_verb_is_refused_to_the_wrong_person_the_late_and_in_the_wrong_state(lena, aud, name):
    start, asked, _ = VERBS[name]
    row = make(start)
    row.save()
    gone = system("https://hooks.customer.example/gone")
    gone.unsubscribe(by=None, reason="Gone.")
    before = snapshot(Subscriber)
    assert is_problem(Caller(aud).post(url(row, name), asked), 403)
    assert is_problem(Caller(lena, scope=ApiToken.Scope.READ).post(url(row, name), asked), 403)
    assert is_problem(Caller(lena).post(url(row, name), asked, If_Match=f'"{row.version - 1}"'), 412)
    assert is_problem(Caller(lena).post(url(gone, name), asked), 409)
    assert is_problem(Caller(lena).post(url(row, name), asked | {"address": "x"}), 400)
    assert is_problem(Caller(lena).get(url(row, name)), 405)
    assert snapshot(Subscriber) == before


@pytest.mark.parametrize("name", ["unsubscribe", "stop"])
def test_it_asks_why_in_the_words_of_the_form(client, lena, name):
    row = reader()
    client.force_login(lena)
    form = client.post(pages.verb_page(row, name), {"version": row.version, "reason": "\u2800"}).context[
        "form"
    ]
    answer = Caller(lena).post(url(row, name), {"reason": "\u2800"})
    assert is_problem(answer, 400)
    assert answer.json()["errors"] == form.errors != {}
    row.refresh_from_db()
    assert row.is_confirmed


def test_what_only_a_webhook_has_is_refused_to_a_mailbox(admin_user):
    caller, row = Caller(admin_user), reader()
    assert is_problem(caller.post(url(row, "rotate"), {}), 403)
    assert is_problem(caller.post(url(row, "replay"), {"since": "2026-01-01T00:00:00Z"}), 403)


def test_whether_it_is_wanted_only_its_reader_can_say(admin_user):
    row = reader()
    Subscriber.objects.filter(pk=row.pk).update(status="pending", confirmed_at=None)
    for name in ("ask", "confirm"):
        assert is_problem(Caller(admin_user).post(url(row, name), {}), 404)
    row.refresh_from_db()
    assert row.status == "pending"


def test_what_was_missed_is_sent_again(lena, severity):
    row, began = system(), timezone.now()
    caller = Caller(lena)
    nothing = caller.post(url(row, "replay"), {"since": began.isoformat()})
    assert is_problem(nothing, 400)
    assert nothing.json()["errors"] == {"since": ["Nothing was sent since then."]}
    say(told(severity))
    fanning.tell()
    queued().update(state="dead")
    answer = caller.post(url(row, "replay"), {"since": began.isoformat()})
    assert answer.status_code == 200, answer.content
    assert queued().get().state == "pending"
    assert is_problem(caller.post(url(row, "replay"), {}), 400)


def test_who_is_stopped_by_the_api_hears_nothing(lena, severity):
    row, incident = reader(), told(severity)
    Caller(lena).post(url(row, "stop"), {"reason": "They asked by phone."})
    say(incident)
    assert sent() == []


def test_they_are_found_by_state_channel_and_what_they_chose(lena, service):
    Service.objects.create(slug="search", name="Search")
    kim, lee = reader("kim@customer.example", services=[service]), reader("lee@customer.example")
    hook = system()
    lee.stop(by=None, reason="Gone.")
    Subscriber.objects.filter(pk=lee.pk).update(failing_since=timezone.now())

    def found(query):
        answer = Caller(lena).get(f"{url()}?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert found("") == [hook.pk, lee.pk, kim.pk]
    assert found("status=stopped") == found("failing=true") == [lee.pk]
    assert found("failing=false&ordering=created_at") == [kim.pk, hook.pk]
    assert found("channel=webhook") == [hook.pk]
    assert found("service=checkout") == [kim.pk]
    assert found("service=search") == found("region=eu") == []
    assert found("created_before=2020-01-01T00:00:00Z") == []
    assert is_problem(Caller(lena).get(f"{url()}?address=kim@customer.example"), 400)


def test_nobody_is_added_changed_or_deleted_here(lena):
    row = reader()
    for method, path in (("POST", url()), ("PATCH", url(row)), ("DELETE", url(row))):
        assert is_problem(Caller(lena).ask(method, path, {"address": "x@customer.example"}), 405)
