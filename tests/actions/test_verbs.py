"""Each verb of an action item: what it does together, and whom it refuses."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from actions.forms import Postpone
from actions.models import ActionItem
from config.transitions import NotPermitted, verbs_for
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

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
DUE = date(2026, 3, 9)  # a Monday
REMINDER = datetime(2026, 3, 10, 9, tzinfo=UTC)
REASON = "The supplier needs longer."
ENDED = {"ended_at": AT, "ended_by_id": "omar", "next_reminder_at": None}

TABLES = {
    ActionItem: {
        "start": Case(start="open", sets={"status": "in_progress"}),
        "complete": Case(
            start="in_progress",
            ask={"at": AT, "evidence": "The alert rang in the drill."},
            sets={"status": "done", "evidence": "The alert rang in the drill.", **ENDED},
        ),
        "postpone": Case(
            start="open",
            ask={"due_on": date(2026, 3, 13)},  # a Friday: the next working day is the 16th
            sets={"due_on": date(2026, 3, 13), "next_reminder_at": datetime(2026, 3, 16, 9, tzinfo=UTC)},
            twice=ValidationError,
        ),
        "reassign": Case(
            start="open",
            ask={"owner": "nina"},
            sets={"owner_id": "nina", "next_reminder_at": datetime(2026, 3, 10, 8, tzinfo=UTC)},
            twice=NotPermitted,
        ),
        "drop": Case(
            start="open", ask={"at": AT}, sets={"status": "dropped", "drop_reason": REASON, **ENDED}
        ),
        "reopen": Case(
            start="done",
            sets={
                **{"status": "open", "ended_at": None, "ended_by_id": None, "evidence": ""},
                "next_reminder_at": REMINDER,
            },
        ),
    },
}
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def nina(db):
    """Another owner, in Berlin."""
    return make_person("nina@example.com", "Action owner", time_zone="Europe/Berlin")


@pytest.fixture
def make(omar):
    """Omar's item in a state."""

    def of(model, state):
        item = model.objects.create(
            title="Alert on failed payments", why="Lost baskets.", owner=omar, due_on=DUE
        )
        if state == "in_progress":
            item.start(by=omar)
        elif state == "done":
            item.complete(by=omar, evidence="It rang.")
        elif state == "dropped":
            item.drop(by=omar, reason="The page is going away.")
        return item

    return of


@pytest.fixture
def asked(nina):
    def of(case):
        ask = {**case.ask, "reason": REASON}
        return ask | ({"owner": nina} if "owner" in ask else {})

    return of


def test_every_verb_of_this_app_is_in_the_table():
    assert verbs_in("actions") == {model: set(cases) for model, cases in TABLES.items()}


@verbs
def test_it_sets_everything_together_and_nothing_else(make, asked, omar, nina, model, verb, case):
    row = make(model, case.start)
    done = changes_of(row, lambda: getattr(row, verb)(by=omar, version=row.version, **asked(case)))
    people = {"omar": omar.pk, "nina": nina.pk}
    assert done == {name: people.get(value, value) for name, value in case.sets.items()}
    assert_recorded(row, by=omar, reason=REASON)


@verbs
def test_it_is_refused_to_everybody_who_does_not_answer_for_it(
    make, asked, model, verb, case, nina, aud, lena, stranger
):
    row = make(model, case.start)
    for person in (nina, aud, lena, stranger):
        assert_refused(NotPermitted, row, verb, by=person, **asked(case))


@verbs
def test_whoever_manages_actions_may_do_it_for_others(make, asked, model, verb, case, ana):
    row = make(model, case.start)
    getattr(row, verb)(by=ana, **asked(case))
    assert row.history.first().history_user_id == ana.pk


@verbs
def test_it_is_refused_in_every_other_state(make, asked, omar, model, verb, case):
    assert_refused_in_other_states(make, model, verb, by=omar, **asked(case))


@verbs
def test_it_is_not_done_twice(make, asked, omar, model, verb, case):
    row = make(model, case.start)
    getattr(row, verb)(by=omar, **asked(case))
    assert_refused(case.twice, row, verb, by=omar, **asked(case))


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, asked, omar, model, verb, case):
    assert_refused_when_stale(make(model, case.start), verb, by=omar, **asked(case))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, asked, omar, model, verb, case):
    row, ask = make(model, case.start), asked(case)
    assert is_whole_or_absent(lambda: getattr(row, verb)(by=omar, **ask), model) >= 3


def test_whose_it_is_counts_now_not_when_the_page_was_drawn(make, omar, ana, nina):
    item = make(ActionItem, "open")
    drawn = ActionItem.objects.get(pk=item.pk)
    assert drawn.owner == omar
    item.reassign(by=ana, owner=nina)
    assert_refused(NotPermitted, drawn, "complete", by=omar)


def test_an_owner_who_has_lost_the_role_may_do_nothing(make, omar):
    item = make(ActionItem, "open")
    omar.groups.clear()
    fresh = type(omar).objects.get(pk=omar.pk)
    assert verbs_for(item, fresh) == []
    assert_refused(NotPermitted, item, "complete", by=fresh)


def test_it_is_offered_only_what_can_be_done(make, omar, stranger):
    assert {v.name for v in verbs_for(make(ActionItem, "done"), omar)} == {"reopen"}
    assert "start" not in {v.name for v in verbs_for(make(ActionItem, "in_progress"), omar)}
    assert verbs_for(make(ActionItem, "open"), stranger) == []


@pytest.mark.parametrize("verb", ["postpone", "drop", "reopen"])
def test_what_must_be_explained_is_refused_without_a_reason(make, asked, omar, verb):
    case = TABLES[ActionItem][verb]
    assert_refused(
        ValidationError, make(ActionItem, case.start), verb, by=omar, **asked(case) | {"reason": ""}
    )


def test_it_is_not_handed_to_somebody_who_has_left(make, omar, nina):
    nina.is_active = False
    nina.save()
    assert_refused(ValidationError, make(ActionItem, "open"), "reassign", by=omar, owner=nina)


@pytest.mark.parametrize("day", [DUE, DUE - timedelta(days=1), date(9999, 1, 1)])
def test_it_is_not_postponed_to_a_day_that_is_none(make, omar, day):
    assert_refused(ValidationError, make(ActionItem, "open"), "postpone", by=omar, due_on=day, reason=REASON)


@pytest.mark.parametrize("text", ["2000-01-01", "2200-01-01", "soon", "2026-02-30", ""])
def test_the_form_refuses_a_day_that_is_none(text):
    assert "due_on" in Postpone({"due_on": text, "reason": REASON}).errors


def test_an_item_without_owner_or_day_can_be_done_too(omar, ana):
    item = ActionItem.objects.create(title="Tidy the runbook", why="Quicker next time.")
    item.postpone(by=ana, due_on=DUE, reason="It had no day.")
    item.reassign(by=ana, owner=omar)
    item.complete(by=omar)
    assert (item.status, item.next_reminder_at) == ("done", None)


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("open", {"status": "done"}),
        ("open", {"ended_at": AT}),
        ("done", {"ended_at": None}),
        ("done", {"drop_reason": "why"}),
        ("dropped", {"drop_reason": ""}),
        ("dropped", {"evidence": "none"}),
    ],
)
def test_the_database_refuses_half_of_an_ending(make, state, values):
    item = make(ActionItem, state)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActionItem.objects.filter(pk=item.pk).update(**values)
