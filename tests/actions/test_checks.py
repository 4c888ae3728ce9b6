"""Whether a done item worked: who is asked and when, what an answer does, and whom it is refused to."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from actions.checks import when_to_ask
from actions.models import ActionItem, EffectivenessCheck, ReminderPolicy
from actions.reminders import check_chases, check_entries
from config.audit.belonging import story_of
from config.outbox.models import Delivery
from config.people import roles
from config.reminding.models import Reminder
from config.reminding.sweeps import remind
from config.transitions import NotPermitted, WrongState, verbs_for
from incidents.models import Incident
from tests.cases import (
    Case,
    assert_recorded,
    assert_refused,
    assert_refused_in_other_states,
    assert_refused_when_stale,
    changes_of,
    each_verb,
    verbs_in,
)
from tests.conftest import make_person
from tests.faults import is_whole_or_absent

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
REASON = "Support sees it first."
NOTE = "The alert rang, but only after the customers had called."
EVIDENCE = "It rang in the drill."
Status = EffectivenessCheck.Status

TABLES = {
    EffectivenessCheck: {
        "answer": Case(
            start="asked",
            ask={"result": "partly", "note": NOTE, "at": AT},
            sets={"status": "partly", "note": NOTE, "answered_at": AT, "answered_by_id": "ana"},
        ),
        "ask": Case(
            start="asked", ask={"person": "lena"}, sets={"asked_of_id": "lena"}, twice=ValidationError
        ),
        "withdraw": Case(start="asked", sets={"status": "withdrawn"}),
    }
}
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def done(item, omar):
    """Omar's item, done."""
    item.complete(by=omar, evidence=EVIDENCE, at=AT)
    return item


@pytest.fixture
def check(done):
    """The question about it, asked of Ana."""
    return done.checks.get()


@pytest.fixture
def make(retro, omar, ana):
    """A check in a state, of an item of its own."""

    def of(model, state):
        item = ActionItem.objects.create(title="Ring earlier", why="Baskets.", owner=omar, retro=retro)
        item.complete(by=omar, evidence=EVIDENCE)
        check = item.checks.get()
        if state == "withdrawn":
            check.withdraw(by=ana, reason="Never mind.")
        elif state != "asked":
            check.answer(by=ana, result=state, note=NOTE)
        return check

    return of


@pytest.fixture
def asked(lena):
    def of(case):
        ask = {**case.ask, "reason": REASON}
        return ask | ({"person": lena} if "person" in ask else {})

    return of


# --- Each verb


def test_every_verb_of_a_check_is_in_the_table():
    assert verbs_in("actions")[EffectivenessCheck] == set(TABLES[EffectivenessCheck])


@verbs
def test_it_sets_everything_together_and_nothing_else(make, asked, ana, lena, model, verb, case):
    row = make(model, case.start)
    done = changes_of(row, lambda: getattr(row, verb)(by=ana, version=row.version, **asked(case)))
    people = {"ana": ana.pk, "lena": lena.pk}
    told = {name: value for name, value in done.items() if name not in row.bookkeeping()}
    assert told == {name: people.get(value, value) for name, value in case.sets.items()}
    assert_recorded(row, by=ana, reason=REASON)


@verbs
def test_it_is_refused_to_its_owner_and_to_everybody_who_is_not_asked(
    make, asked, omar, lena, ravi, aud, stranger, model, verb, case
):
    row = make(model, case.start)
    for person in (omar, lena, ravi, aud, stranger):
        assert_refused(NotPermitted, row, verb, ActionItem, by=person, **asked(case))


@verbs
def test_it_is_refused_to_an_owner_who_manages_items_or_has_come_to_be_asked(
    make, asked, omar, model, verb, case
):
    manager = make_person("boss@example.com", roles.FACILITATOR)
    row = make(model, case.start)
    # By roads that no form offers.
    ActionItem.objects.filter(pk=row.item_id).update(owner=manager)
    assert_refused(NotPermitted, row, verb, ActionItem, by=manager, **asked(case))
    EffectivenessCheck.objects.filter(pk=row.pk).update(asked_of=manager)
    assert_refused(NotPermitted, row, verb, ActionItem, by=manager, **asked(case))


@verbs
def test_it_is_refused_in_every_other_state(make, asked, ana, model, verb, case):
    assert_refused_in_other_states(make, model, verb, ActionItem, by=ana, **asked(case))


@verbs
def test_it_is_not_done_twice(make, asked, ana, model, verb, case):
    row = make(model, case.start)
    getattr(row, verb)(by=ana, **asked(case))
    assert_refused(case.twice, row, verb, by=ana, **asked(case))


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, asked, ana, model, verb, case):
    assert_refused_when_stale(make(model, case.start), verb, by=ana, **asked(case))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, asked, ana, model, verb, case):
    row, ask = make(model, case.start), asked(case)
    assert is_whole_or_absent(lambda: getattr(row, verb)(by=ana, **ask), model, ActionItem) >= 3


def test_completing_and_asking_are_one(item, omar):
    def complete():
        ActionItem.objects.get(pk=item.pk).complete(by=omar, evidence=EVIDENCE)

    assert is_whole_or_absent(complete, ActionItem, EffectivenessCheck) >= 6


def test_saying_that_it_did_not_work_and_reopening_are_one(check, ana, later):
    second = later_check(check.item, later)

    def answer():
        EffectivenessCheck.objects.get(pk=check.pk).answer(by=ana, result="not_effective", note=NOTE)

    assert is_whole_or_absent(answer, ActionItem, EffectivenessCheck) >= 8
    assert second.is_open


# --- When an item is done


def test_completing_asks_the_facilitator_on_the_day_of_the_policy(check, ana, item):
    assert (check.status, check.asked_of, check.done_at, check.incident) == ("asked", ana, AT, None)
    days = item.policy().check_after
    assert check.due_on >= date(2026, 3, 4) + timedelta(days=days)
    assert check.due_on - (date(2026, 3, 4) + timedelta(days=days)) <= timedelta(days=2)
    assert ana.is_working_day(check.due_on)


def test_the_policy_of_its_severity_decides(item, omar, severity):
    ReminderPolicy.objects.filter(severity=severity).delete()
    ReminderPolicy.objects.create(severity=severity, check_after=7)
    item.complete(by=omar, evidence=EVIDENCE, at=AT)
    assert item.checks.get().due_on == date(2026, 3, 11)


def test_the_day_that_was_agreed_counts_if_it_is_still_to_come(item, omar):
    item.check_on = date(2026, 3, 20)
    item.save()
    item.complete(by=omar, evidence=EVIDENCE, at=AT)
    assert item.checks.get().due_on == date(2026, 3, 20)


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2200, 1, 1), date.max])
def test_a_day_that_nobody_means_is_not_agreed(item, day):
    item.check_on = day
    with pytest.raises(ValidationError, match="not a day anybody means"):
        item.full_clean()


@pytest.mark.parametrize(
    ("check_on", "fields", "day"),
    [
        (None, {}, date(2026, 3, 9)),
        (date(2026, 3, 4), {}, date(2026, 3, 9)),  # the day it is done is none to look on
        (date(2026, 3, 5), {}, date(2026, 3, 5)),
        (date(2026, 3, 7), {}, date(2026, 3, 9)),  # a Saturday
        (date(2026, 3, 8), {"working_days": "67"}, date(2026, 3, 8)),
        (date(2026, 5, 1), {"country": "DE"}, date(2026, 5, 4)),
        (None, {"away_from": date(2026, 3, 9), "away_until": date(2026, 3, 17)}, date(2026, 3, 18)),
        (None, {"time_zone": "Pacific/Auckland"}, date(2026, 3, 10)),  # done there on the 5th
    ],
)
def test_the_day_is_one_on_which_whoever_is_asked_works(check_on, fields, day):
    person = make_person("nina@example.com", **fields)
    assert when_to_ask(check_on, AT, 5, person) == day


def test_without_anybody_to_ask_the_day_stays():
    assert when_to_ask(None, AT, 3, None) == date(2026, 3, 7)


# --- Who is asked


def give(item, **people):
    for name in ("facilitator", "sponsor"):
        setattr(item.retro, name, people.get(name))
    item.retro.save()
    item.owner.manager = people.get("manager")
    item.owner.save()


@pytest.mark.parametrize(
    ("people", "asked"),
    [
        ({"facilitator": "ana", "sponsor": "lena", "manager": "ravi"}, "ana"),
        ({"facilitator": "omar", "sponsor": "lena", "manager": "ravi"}, "lena"),
        ({"sponsor": "lena", "manager": "ravi"}, "lena"),
        ({"facilitator": "gone", "sponsor": "omar", "manager": "ravi"}, "ravi"),
        ({"manager": "ravi"}, "ravi"),
        ({"facilitator": "omar", "sponsor": "omar"}, None),
        ({}, None),
    ],
)
def test_it_is_asked_of_somebody_else_than_the_owner(item, omar, ana, lena, ravi, people, asked):
    gone = make_person("gone@example.com", is_active=False)
    cast = {"omar": omar, "ana": ana, "lena": lena, "ravi": ravi, "gone": gone, None: None}
    give(item, **{road: cast[name] for road, name in people.items()})
    item.complete(by=omar, evidence=EVIDENCE)
    assert item.checks.get().asked_of == cast[asked]


def test_an_item_without_retro_or_owner_is_asked_about_too(ana):
    item = ActionItem.objects.create(title="Tidy the runbook", why="Quicker next time.")
    item.complete(by=ana, evidence=EVIDENCE)
    check = item.checks.get()
    assert check.asked_of is None
    assert EffectivenessCheck.objects.waiting_for(ana, at=AT + timedelta(days=9_999)).get() == check
    check.answer(by=ana, result="effective")


def test_another_person_may_be_asked_but_never_the_owner_or_who_has_left(check, ana, lena, omar):
    lena_left = make_person("left@example.com", is_active=False)
    for person in (omar, ana, lena_left):
        assert_refused(ValidationError, check, "ask", by=ana, person=person)
    check.ask(by=ana, person=lena)
    assert {verb.name for verb in verbs_for(check, lena)} == {"answer", "ask"}
    check.answer(by=lena, result="effective")
    assert check.answered_by == lena


def test_no_form_makes_the_owner_the_one_who_is_asked(check, omar):
    check.asked_of = omar
    with pytest.raises(ValidationError, match="ask somebody else"):
        check.full_clean()


# --- What an answer does


def test_what_worked_stays_done(check, done, ana):
    check.answer(by=ana, result="effective")
    done.refresh_from_db()
    assert (check.status, check.note, done.status) == ("effective", "", "done")


def test_what_worked_in_part_stays_done_and_says_so(check, done, ana):
    check.answer(by=ana, result="partly", note=NOTE)
    done.refresh_from_db()
    assert (check.get_status_display(), done.status, done.ended_at) == ("It worked in part", "done", AT)


@pytest.mark.parametrize("result", ["partly", "not_effective"])
def test_what_did_not_work_has_to_be_explained(check, ana, result):
    assert_refused(ValidationError, check, "answer", ActionItem, by=ana, result=result, note=" ")


@pytest.mark.parametrize("result", ["asked", "withdrawn", "done", ""])
def test_nothing_else_is_an_answer(check, ana, result):
    assert_refused(ValidationError, check, "answer", ActionItem, by=ana, result=result, note=NOTE)


def test_what_did_not_work_is_open_again_and_its_owner_asked_for_a_day(check, done, omar, ana):
    done.refresh_from_db()
    promised, slips = done.promised_on, done.slips
    check.answer(by=ana, result="not_effective", note=NOTE)
    done.refresh_from_db()
    assert (done.status, done.ended_at, done.ended_by, done.evidence) == ("open", None, None, "")
    assert (done.owner, done.due_on, done.promised_on, done.slips) == (omar, None, promised, slips)
    assert_recorded(done, by=ana, reason=f"did not work: {NOTE}")
    remind(omar.calendar.next_working_moment(datetime.now(UTC) + timedelta(days=30)))
    assert Reminder.objects.about("item", done.pk).first().recipient == omar
    assert Reminder.objects.about("item", done.pk).first().step.startswith("no date")


def test_who_is_asked_need_not_manage_items_for_it_to_be_reopened(check, done, ana, lena):
    check.ask(by=ana, person=lena)
    check.answer(by=lena, result="not_effective", note=NOTE)
    done.refresh_from_db()
    assert done.is_open
    assert done.history.first().history_user_id == lena.pk


def test_whoever_answers_is_named_in_the_history_of_the_item(check, done, ana, client):
    client.force_login(ana)
    path = f"/admin/actions/effectivenesscheck/{check.pk}/do/answer/"
    answer = client.post(path, {"result": "not_effective", "note": NOTE, "version": check.version})
    assert answer.status_code == 302
    entry = done.history.first()
    assert (entry.history_user_name, entry.history_actor_kind, entry.status) == (str(ana), "web", "open")
    assert done.history.first().history_request_id == check.history.first().history_request_id


def test_done_again_it_is_asked_again(check, done, omar, ana):
    check.answer(by=ana, result="not_effective", note=NOTE)
    done.refresh_from_db()
    done.complete(by=omar, evidence="Now it rings at once.")
    again = done.checks.open().get()
    assert (again.done_at, again.asked_of) == (done.ended_at, ana)
    assert done.checks.count() == 2


# --- Reopening, by whatever road


@pytest.fixture
def later(severity, service):
    """The same again, two months later."""
    return Incident.objects.declare(
        by=None,
        title="Checkout fails again",
        severity=severity,
        services=[service],
        at=AT + timedelta(days=60),
    )


def later_check(item, incident):
    return EffectivenessCheck.objects.create(
        item=item, done_at=AT, incident=incident, asked_of=item.retro.facilitator, due_on=date(2026, 5, 3)
    )


def test_reopening_withdraws_every_open_question(done, omar, ana, later):
    later_check(done, later).answer(by=ana, result="effective")
    done.reopen(by=omar, reason="One of eleven was missed.")
    states = list(done.checks.order_by("incident").values_list("status", flat=True))
    assert sorted(states) == ["effective", "withdrawn"]
    withdrawn = done.checks.get(status="withdrawn")
    assert_recorded(withdrawn, by=omar, reason="One of eleven was missed.")


def test_an_answer_that_reopens_it_withdraws_the_other_questions(check, done, ana, later):
    other = later_check(done, later)
    other.answer(by=ana, result="not_effective", note=NOTE)
    check.refresh_from_db()
    assert check.status == "withdrawn"
    assert_refused(WrongState, check, "answer", ActionItem, by=ana, result="effective")


def test_reopening_is_whole_or_absent(done, omar):
    def reopen():
        ActionItem.objects.get(pk=done.pk).reopen(by=omar, reason=REASON)

    assert is_whole_or_absent(reopen, ActionItem, EffectivenessCheck) >= 5


def test_over_the_api_and_in_the_workspace_it_is_withdrawn_too(client, done, omar):
    client.force_login(omar)
    path = f"/admin/actions/actionitem/{done.pk}/do/reopen/"
    assert client.post(path, {"reason": "Not yet.", "version": done.version}).status_code == 302
    assert list(done.checks.values_list("status", flat=True)) == ["withdrawn"]
    done.refresh_from_db()
    done.complete(by=omar, evidence=EVIDENCE)
    answer = client.post(
        f"/api/v1/action-items/{done.pk}/reopen/", {"reason": "Not yet."}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert done.checks.filter(status="withdrawn").count() == 2


# --- What the database refuses


@pytest.mark.parametrize(
    "values",
    [
        {"status": "effective"},
        {"answered_at": AT},
        {"status": "withdrawn", "answered_at": AT},
    ],
)
def test_the_database_refuses_half_of_an_answer(check, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        EffectivenessCheck.objects.filter(pk=check.pk).update(**values)


def test_a_completion_is_asked_about_once(check):
    with pytest.raises(IntegrityError), transaction.atomic():
        EffectivenessCheck.objects.create(item=check.item, done_at=check.done_at, due_on=check.due_on)


# --- Who sees it, and where it belongs


def test_a_check_belongs_to_the_story_of_its_item(check):
    assert dict(story_of(ActionItem, check.item_id))[EffectivenessCheck] == {check.pk}


def test_checks_are_as_visible_as_their_items_and_seen_by_whoever_is_asked(check, ana, lena, ravi, aud, omar):
    incident = check.item.retro.incidents.get()
    Incident.objects.filter(pk=incident.pk).update(visibility="restricted", declared_by=None)
    incident.assignments.all().delete()

    def seers():
        everybody = (ana, omar, lena, ravi, aud)
        return {user for user in everybody if EffectivenessCheck.objects.visible_to(user).exists()}

    assert seers() == {ana, omar, aud}
    check.ask(by=ana, person=lena)
    assert seers() == {ana, omar, aud, lena}


def test_the_reminder_of_a_recurrence_names_a_hidden_incident_to_nobody_who_may_not_see_it(
    done, ana, aud, later
):
    Incident.objects.filter(pk=later.pk).update(visibility="restricted")
    check = later_check(done, later)
    reminder = Reminder(
        key=f"due 0:check {check.pk}:{check.due_on}:{ana.pk}", subject_id=check.pk, due_on=check.due_on
    )
    for reader, is_told in ((ana, False), (aud, True)):
        [entry] = check_entries([reminder], reader, Delivery(key="digest"))
        assert ("Checkout fails again" in " ".join(entry.facts)) is is_told


def test_a_question_nobody_could_be_asked_is_brought_before_facilitator_and_sponsor(item, omar, lena):
    give(item, facilitator=omar, sponsor=None)
    item.complete(by=omar, evidence=EVIDENCE)
    item.retro.sponsor = lena
    item.retro.save()
    [(_, chase)] = check_chases([item.checks.get().pk])
    assert chase.owner is None
    assert [person.id for person in chase.people.values()] == [lena.pk]


# --- The API


@pytest.fixture
def api(client):
    def ask(user, method, path="", **data):
        Client.force_login(client, user)
        options = {"content_type": "application/json"} if method == "post" else {}
        return getattr(client, method)(f"/api/v1/effectiveness-checks/{path}", data or None, **options)

    return ask


def test_the_api_lists_and_shows_checks(api, check, ana):
    [row] = api(ana, "get").json()["results"]
    assert row == api(ana, "get", f"{check.pk}/").json()
    assert (row["item"], row["status"], row["asked_of"]["email"]) == (
        *(check.item.reference, "asked"),
        "ana@example.com",
    )
    assert api(ana, "get", item="ACT-9999").json()["results"] == []
    assert len(api(ana, "get", asked_of="ana@example.com", status="asked").json()["results"]) == 1


def test_the_api_answers(api, check, ana, omar):
    path = f"{check.pk}/answer/"
    assert api(omar, "post", path, result="effective").status_code == 403
    assert api(ana, "post", path, result="maybe").status_code == 400
    assert api(ana, "post", path, result="not_effective").status_code == 400
    answer = api(ana, "post", path, result="not_effective", note=NOTE)
    assert (answer.status_code, answer.json()["status"]) == (200, "not_effective")
    assert api(ana, "post", path, result="effective").status_code == 409
    check.item.refresh_from_db()
    assert check.item.is_open


def test_the_api_names_a_hidden_incident_to_nobody_who_may_not_see_it(api, done, later, ana, aud):
    Incident.objects.filter(pk=later.pk).update(visibility="restricted")
    path = f"{later_check(done, later).pk}/"
    assert api(ana, "get", path).json()["incident"] is None
    assert api(aud, "get", path).json()["incident"] == later.reference


def test_a_list_costs_the_same_however_long(api, make, ana, django_assert_max_num_queries):
    for _ in range(2):
        make(EffectivenessCheck, "asked")
    api(ana, "get")
    with django_assert_max_num_queries(40) as few:
        api(ana, "get")
    for _ in range(8):
        make(EffectivenessCheck, "effective")
    with django_assert_max_num_queries(len(few)):
        assert len(api(ana, "get").json()["results"]) == 10
