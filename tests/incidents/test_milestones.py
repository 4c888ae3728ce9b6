"""Milestones: their verbs, their pages, the API, who may what, and the story of their incident."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.audit.belonging import story_of
from config.outbox import troubles
from config.transitions import NotPermitted, verbs_for, verbs_of
from incidents.models import Incident, Milestone
from tests import pages
from tests.api import Caller, is_problem
from tests.cases import (
    Case,
    assert_recorded,
    assert_refused,
    assert_refused_in_other_states,
    assert_refused_when_stale,
    changes_of,
    each_verb,
)
from tests.faults import is_whole_or_absent, snapshot

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
REASON = "Customers told us."
TABLES = {
    Milestone: {
        "reach": Case(
            "planned", {"status": "reached", "reached_at": AT, "reached_by_id": "omar"}, {"at": AT}
        ),
        "drop": Case("planned", {"status": "dropped"}),
        "reopen": Case("reached", {"status": "planned", "reached_at": None, "reached_by_id": None}),
    }
}
BOOKKEEPING = {"next_reminder_at", "next_step"}
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def make(incident, omar):
    """A milestone of Omar's in a state."""

    def of(model, state):
        row = model.objects.create(incident=incident, title="Refunds are out", owner=omar)
        if state == "reached":
            row.reach(by=omar, at=AT - timedelta(days=1))
        if state == "dropped":
            row.drop(by=omar, reason="Not needed.")
        return row

    return of


def costs(client, url) -> int:
    troubles.forget()  # the banner asks anew every few seconds
    return len(pages.queries_of(client, url))


def soon(days=7) -> date:
    return datetime.now(UTC).date() + timedelta(days=days)


# --- Verbs


def test_every_verb_is_in_the_table():
    assert set(verbs_of(Milestone)) == set(TABLES[Milestone])


@verbs
def test_a_verb_sets_all_it_should_and_is_recorded(make, omar, model, verb, case):
    row = make(model, case.start)
    changed = changes_of(row, lambda: getattr(row, verb)(by=omar, reason=REASON, **case.ask))
    sets = {name: omar.pk if value == "omar" else value for name, value in case.sets.items()}
    assert {name: value for name, value in changed.items() if name not in BOOKKEEPING} == sets
    assert_recorded(row, by=omar, reason=REASON)


@verbs
def test_a_verb_is_refused_in_other_states_and_twice(make, omar, model, verb, case):
    asked = {"by": omar, "reason": REASON, **case.ask}
    assert_refused_in_other_states(make, model, verb, **asked)
    row = make(model, case.start)
    getattr(row, verb)(**asked)
    assert_refused(case.twice, row, verb, **asked)


@verbs
def test_a_verb_is_refused_to_whoever_looked_at_an_older_version(make, omar, model, verb, case):
    assert_refused_when_stale(make(model, case.start), verb, by=omar, reason=REASON, **case.ask)


@verbs
def test_owner_and_responders_may_and_nobody_else(make, omar, ravi, ana, lena, stranger, model, verb, case):
    row = make(model, case.start)
    for person in (ana, lena, stranger):
        assert_refused(NotPermitted, row, verb, by=person, reason=REASON, **case.ask)
        assert verbs_for(row, person) == []
    for person in (omar, ravi):
        getattr(make(model, case.start), verb)(by=person, reason=REASON, **case.ask)


@verbs
def test_whichever_statement_fails_nothing_is_half_done(make, omar, model, verb, case):
    row = make(model, case.start)
    fresh = lambda: model.objects.get(pk=row.pk)  # noqa: E731
    act = lambda: getattr(fresh(), verb)(by=omar, reason=REASON, **case.ask)  # noqa: E731
    assert is_whole_or_absent(act, Milestone, Incident) > 1


@pytest.mark.parametrize("verb", ["drop", "reopen"])
def test_what_must_be_explained_is_refused_without_a_reason(make, omar, verb):
    row = make(Milestone, TABLES[Milestone][verb].start)
    assert_refused(ValidationError, row, verb, by=omar, reason=" ")


@pytest.mark.parametrize(
    ("state", "values"),
    [("planned", {"status": "reached"}), ("planned", {"reached_at": AT}), ("reached", {"reached_at": None})],
)
def test_the_database_refuses_half_of_an_ending(make, state, values):
    row = make(Milestone, state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.filter(pk=row.pk).update(**values)


# --- Pages


@verbs
def test_a_verb_is_done_on_its_page_and_asking_changes_nothing(client, make, omar, lena, model, verb, case):
    row = make(model, case.start)
    answers = {"reason": REASON, "version": row.version}
    client.force_login(lena)
    pages.assert_not_offered(client, row, verb)
    pages.assert_refused(client, row, verb, answers, 403)
    client.force_login(omar)
    pages.assert_offered(client, row, verb)
    pages.assert_asking_changes_nothing(client, row, verb)
    pages.assert_done(client, row, verb, answers, by=omar)
    row.refresh_from_db()
    assert row.status == case.sets["status"]


def test_a_responder_adds_one_on_the_page_of_the_incident(client, incident, ravi, omar):
    client.force_login(ravi)
    sent = pages.sent_back(client.get(pages.page(incident)))
    rows = {"milestones-TOTAL_FORMS": "1", "milestones-0-title": "Refunds are out"}
    rows |= {"milestones-0-owner": omar.pk, "milestones-0-due_on": soon().isoformat()}
    response = client.post(pages.page(incident), sent | rows)
    assert response.status_code == 302, response.context["inline_admin_formsets"][2].formset.errors
    row = incident.milestones.get()
    assert (row.title, row.owner, row.due_on, row.status) == ("Refunds are out", omar, soon(), "planned")
    shown = client.get(pages.page(incident)).content.decode()
    assert pages.page(row) in shown
    assert row.history.get().history_user_name == "Ravi"


def test_a_day_that_has_passed_is_refused_but_one_that_was_there_may_stay(client, make, ravi):
    row = make(Milestone, "planned")
    client.force_login(ravi)
    answers = {"title": row.title, "owner": row.owner_id, "note": "", "version": row.version}
    for day in (soon(-5), date(2300, 1, 1)):
        response = client.post(pages.page(row), answers | {"due_on": day.isoformat()})
        assert "due_on" in response.context["adminform"].form.errors
    Milestone.objects.filter(pk=row.pk).update(due_on=soon(-5))
    asked = answers | {"due_on": soon(-5).isoformat(), "note": "Half are out."}
    assert client.post(pages.page(row), asked).status_code == 302
    row.refresh_from_db()
    assert (row.note, row.due_on) == ("Half are out.", soon(-5))


def test_somebody_who_has_left_is_given_none(client, make, ravi, lena):
    row = make(Milestone, "planned")
    lena.is_active = False
    lena.save()
    client.force_login(ravi)
    answers = {"title": row.title, "owner": lena.pk, "note": "", "version": row.version}
    response = client.post(pages.page(row), answers)
    assert "does not work here any more" in str(response.context["adminform"].form.errors)


def test_an_owner_reads_and_reaches_but_does_not_edit(client, make, omar):
    row = make(Milestone, "planned")
    client.force_login(omar)
    assert client.get(pages.page(row)).status_code == 200
    assert client.post(pages.page(row), {"title": "Mine", "version": row.version}).status_code == 403
    assert client.get(pages.page(row, "delete")).status_code == 403


def test_the_list_is_cheap_and_filtered(client, make, omar, ravi, incident):
    for _ in range(5):
        make(Milestone, "planned")
    late = incident.milestones.create(title="Late", owner=ravi, due_on=soon(-9))
    nobody = incident.milestones.create(title="Nobody's", due_on=soon())
    client.force_login(ravi)
    pages.assert_cheap(client, pages.list_of(Milestone))
    few = costs(client, pages.list_of(Milestone))
    for _ in range(15):
        make(Milestone, "planned")
    assert costs(client, pages.list_of(Milestone)) == few
    for query, rows in (("missing=late", [late]), ("missing=owner", [nobody])):
        shown = client.get(f"{pages.list_of(Milestone)}?{query}").context["cl"].result_list
        assert list(shown) == rows


def test_the_page_of_an_incident_costs_the_same_with_many(client, make, ravi, incident):
    client.force_login(ravi)
    make(Milestone, "planned")
    few = costs(client, pages.page(incident))
    for _ in range(15):
        make(Milestone, "planned")
    assert costs(client, pages.page(incident)) <= few


# --- API


def url(incident, *rest):
    return "/".join(["incidents", incident.reference, "milestones", *map(str, rest), ""])


def test_one_is_added_listed_and_edited_through_the_api(incident, ravi, omar):
    caller = Caller(ravi)
    answer = caller.post(
        url(incident), {"title": "Refunds are out", "owner": omar.email, "due_on": soon().isoformat()}
    )
    assert answer.status_code == 201, answer.content
    row = incident.milestones.get()
    assert answer["Location"] == f"/api/v1/{url(incident, row.pk)}"
    told = caller.get(url(incident)).json()["results"]
    assert [(one["title"], one["owner"]["email"], one["status"]) for one in told] == [
        ("Refunds are out", omar.email, "planned")
    ]
    edited = caller.patch(url(incident, row.pk), {"note": "Half are out."}, version=row.version)
    assert edited.json()["note"] == "Half are out."


@verbs
def test_the_verbs_are_in_the_api(make, incident, omar, lena, model, verb, case):
    row = make(model, case.start)
    path = url(incident, row.pk, verb)
    assert is_problem(Caller(lena).post(path, {"reason": REASON}), 403)
    answer = Caller(omar).post(path, {"reason": REASON})
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == case.sets["status"]
    assert is_problem(Caller(omar).post(path, {"reason": REASON}), 409)


def test_the_api_refuses_what_the_form_refuses(incident, ravi, lena, omar):
    lena.is_active = False
    lena.save()
    caller = Caller(ravi)
    before = snapshot(Milestone)
    for wrong in (
        {"title": ""},
        {"title": "x", "due_on": soon(-5).isoformat()},
        {"title": "x", "due_on": "2300-01-01"},
        {"title": "x", "owner": lena.email},
        {"title": "x", "status": "reached"},
    ):
        assert is_problem(caller.post(url(incident), wrong), 400)
    assert is_problem(Caller(omar).post(url(incident), {"title": "x"}), 403)
    assert snapshot(Milestone) == before


def test_a_new_day_is_set_by_editing_and_refused_as_in_the_form(client, make, incident, ravi):
    row, caller = make(Milestone, "planned"), Caller(ravi)
    Milestone.objects.filter(pk=row.pk).update(due_on=soon(-5))
    client.force_login(ravi)
    sent = {"title": row.title, "owner": row.owner_id, "note": "", "version": row.version}
    for day in (soon(-6), date(2300, 1, 1)):
        form = client.post(pages.page(row), sent | {"due_on": day.isoformat()}).context["adminform"].form
        refused = caller.patch(url(incident, row.pk), {"due_on": day.isoformat()}, version=row.version)
        assert is_problem(refused, 400)
        assert refused.json()["errors"] == form.errors != {}
    same = caller.patch(
        url(incident, row.pk), {"due_on": soon(-5).isoformat(), "note": "x"}, version=row.version
    )
    assert same.status_code == 200
    later = caller.patch(url(incident, row.pk), {"due_on": soon().isoformat()}, version=row.version + 1)
    assert later.json()["due_on"] == soon().isoformat()
    assert is_problem(caller.patch(url(incident, row.pk), {"due_on": None}, version=row.version), 412)


def test_somebody_who_has_left_is_refused_in_the_words_of_the_form_but_may_stay(
    make, incident, ravi, lena, omar
):
    row, caller = make(Milestone, "planned"), Caller(ravi)
    for person in (lena, omar):
        person.is_active = False
        person.save()
    refused = caller.patch(url(incident, row.pk), {"owner": lena.email}, version=row.version)
    assert is_problem(refused, 400)
    assert refused.json()["errors"] == {"owner": ["Lena does not work here any more."]}
    kept = caller.patch(url(incident, row.pk), {"owner": omar.email, "note": "x"}, version=row.version)
    assert kept.json()["note"] == "x"


def test_they_are_found_by_state_owner_and_day(make, incident, ravi):
    reached, mine = make(Milestone, "reached"), incident.milestones.create(title="Mine", owner=ravi)
    late = incident.milestones.create(title="Late", due_on=soon(-9))

    def found(query):
        answer = Caller(ravi).get(f"{url(incident)}?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert found("status=reached") == found("owner=omar@example.com") == [reached.pk]
    assert found("overdue=true") == found(f"due_before={soon()}") == [late.pk]
    assert found("overdue=false&ordering=reference") == [reached.pk, mine.pk]
    assert found("ordering=due_on")[0] == late.pk
    assert found(f"due_after={soon()}") == []
    assert is_problem(Caller(ravi).get(f"{url(incident)}?status=late"), 400)


# --- Seen with their incident


def test_one_of_a_restricted_incident_is_hidden_with_it(client, make, incident, lena, ravi):
    row = make(Milestone, "planned")
    Incident.objects.filter(pk=incident.pk).update(visibility="restricted", declared_by=None)
    client.force_login(lena)
    assert client.get(pages.page(row)).status_code == 302
    assert b"Refunds are out" not in client.get(pages.list_of(Milestone)).content
    assert is_problem(Caller(lena).get(url(incident)), 404)


def test_it_belongs_to_the_story_of_its_incident(client, make, incident, omar, ravi):
    row = make(Milestone, "planned")
    row.reach(by=omar)
    assert dict(story_of(Incident, incident.pk))[Milestone] == {row.pk}
    client.force_login(ravi)
    assert b"Refunds are out" in client.get(pages.page(incident, "history")).content
