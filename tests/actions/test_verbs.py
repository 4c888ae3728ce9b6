"""Each verb of an action item: what it does together, and whom it refuses."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from actions.forms import Postpone
from actions.models import ActionItem, EffectivenessCheck
from actions.models.item import MOST_SNOOZES
from config.outbox.models import Delivery
from config.transitions import NotPermitted, WrongState, verbs_for
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
REASON = "The supplier needs longer."
ENDED = {"ended_at": AT, "ended_by_id": "omar"}
OFFERED = {"offered_to_id": None, "offered_at": None, "offered_by_id": None, "offer_note": ""}
AWAKE = {"snoozed_until": None, "waits_for": ""}


@dataclass(frozen=True)
class Said(Case):
    """By whom it is said, and what was said before."""

    by: str = "omar"
    before: str = ""


TABLES = {
    ActionItem: {
        "start": Said(start="open", sets={"status": "in_progress"}),
        "complete": Said(
            start="in_progress",
            ask={"at": AT, "evidence": "The alert rang in the drill."},
            sets={"status": "done", "evidence": "The alert rang in the drill.", **ENDED},
        ),
        "postpone": Said(
            start="open",
            ask={"due_on": date(2026, 3, 13)},
            before="blocked",
            sets={"due_on": date(2026, 3, 13), "slips": 1, **AWAKE},
            twice=ValidationError,
        ),
        "hand_over": Said(
            start="open",
            ask={"to": "nina", "note": "You know it best.", "at": AT},
            sets={
                **{"offered_to_id": "nina", "offered_by_id": "omar"},
                **{"offered_at": AT, "offer_note": "You know it best."},
            },
        ),
        "accept": Said(
            start="open",
            by="nina",
            before="offered",
            sets={"owner_id": "nina", **OFFERED},
            twice=NotPermitted,
        ),
        "decline": Said(start="open", by="nina", before="offered", sets=OFFERED, twice=NotPermitted),
        "keep": Said(start="open", before="offered", sets=OFFERED),
        "snooze": Said(
            start="open",
            ask={"until": date(2026, 3, 6)},
            sets={"snoozed_until": date(2026, 3, 6), "snoozes": 1},
        ),
        "block": Said(
            start="open",
            ask={"until": date(2026, 3, 20), "waits_for": "The supplier"},
            sets={"snoozed_until": date(2026, 3, 20), "waits_for": "The supplier"},
        ),
        "unblock": Said(start="open", before="blocked", sets=AWAKE),
        "reassign": Said(
            start="open",
            by="ana",
            before="offered",
            ask={"owner": "nina"},
            sets={"owner_id": "nina", **OFFERED},
            twice=ValidationError,
        ),
        "drop": Said(
            start="open", ask={"at": AT}, sets={"status": "dropped", "drop_reason": REASON, **ENDED}
        ),
        "reopen": Said(
            start="done", sets={"status": "open", "ended_at": None, "ended_by_id": None, "evidence": ""}
        ),
    },
}
TAKERS = {"accept", "decline"}  # for whoever was asked
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def nina(db):
    """Another owner, in Berlin."""
    return make_person("nina@example.com", "Action owner", time_zone="Europe/Berlin")


@pytest.fixture
def people(omar, nina, ana):
    return {"omar": omar, "nina": nina, "ana": ana}


@pytest.fixture
def make(omar, nina):
    """Omar's item in a state, after something was said before."""

    def of(model, state, before=""):
        item = model.objects.create(
            title="Alert on failed payments", why="Lost baskets.", owner=omar, due_on=DUE
        )
        if state == "in_progress":
            item.start(by=omar)
        elif state == "done":
            item.complete(by=omar, evidence="It rang.")
        elif state == "dropped":
            item.drop(by=omar, reason="The page is going away.")
        if before == "offered":
            item.hand_over(by=omar, to=nina, note="Please.")
        elif before == "blocked":
            item.block(by=omar, waits_for="Parts", until=DUE)
        return item

    return of


@pytest.fixture
def asked(people):
    def of(case):
        named = {name: people[value] for name, value in case.ask.items() if name in ("owner", "to")}
        return {**case.ask, "reason": REASON, **named}

    return of


def test_every_verb_of_an_item_is_in_the_table():
    assert verbs_in("actions")[ActionItem] == set(TABLES[ActionItem])


@verbs
def test_it_sets_everything_together_and_nothing_else(make, asked, people, model, verb, case):
    row = make(model, case.start, case.before)
    if verb == "reassign":
        row.keep(by=None)
        row.hand_over(by=people["omar"], to=people["ana"], note="Please.")
    by = people[case.by]
    done = changes_of(row, lambda: getattr(row, verb)(by=by, version=row.version, **asked(case)))
    kept = {name: value for name, value in done.items() if name not in row.bookkeeping()}
    ids = {name: person.pk for name, person in people.items()}
    expected = {name: ids.get(value, value) for name, value in case.sets.items()}
    assert kept | expected == kept
    assert {name: value for name, value in kept.items() if name not in expected} == {}
    assert_recorded(row, by=by, reason=REASON)


@verbs
def test_it_asks_for_the_next_reminder_to_be_planned_anew(make, asked, people, model, verb, case):
    row = make(model, case.start, case.before)
    model.objects.update(next_reminder_at=None, next_step="overdue 3:x")
    getattr(row, verb)(by=people[case.by], **asked(case))
    assert (row.next_reminder_at, row.next_step) == (AT, "")


@verbs
def test_it_is_refused_to_everybody_who_does_not_answer_for_it(
    make, asked, people, model, verb, case, aud, lena, stranger
):
    row = make(model, case.start, case.before)
    others = {"omar", "nina"} - {case.by}
    for person in (*(people[name] for name in others), aud, lena, stranger):
        assert_refused(NotPermitted, row, verb, by=person, **asked(case))


@verbs
def test_whoever_manages_actions_may_do_it_for_others_but_not_take_it_for_them(
    make, asked, model, verb, case, ana
):
    row = make(model, case.start, case.before)
    if verb in TAKERS:
        assert_refused(NotPermitted, row, verb, by=ana, **asked(case))
        return
    getattr(row, verb)(by=ana, **asked(case))
    assert row.history.first().history_user_id == ana.pk


@verbs
def test_it_is_refused_in_every_other_state(make, asked, model, verb, case):
    # By Aftercare itself: an offer ends with the item, and with it the permission to take it.
    assert_refused_in_other_states(make, model, verb, by=None, **asked(case))


@verbs
def test_it_is_not_done_twice(make, asked, people, model, verb, case):
    row = make(model, case.start, case.before)
    getattr(row, verb)(by=people[case.by], **asked(case))
    assert_refused(case.twice, row, verb, by=people[case.by], **asked(case))


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, asked, people, model, verb, case):
    row = make(model, case.start, case.before)
    assert_refused_when_stale(row, verb, by=people[case.by], **asked(case))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, asked, people, model, verb, case):
    row, ask = make(model, case.start, case.before), asked(case)
    models = (model, EffectivenessCheck, Delivery)
    assert is_whole_or_absent(lambda: getattr(row, verb)(by=people[case.by], **ask), *models) >= 3


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


@pytest.mark.parametrize("verb", ["decline", "drop", "reopen"])
def test_what_must_be_explained_is_refused_without_a_reason(make, asked, people, verb):
    case = TABLES[ActionItem][verb]
    row = make(ActionItem, case.start, case.before)
    assert_refused(ValidationError, row, verb, by=people[case.by], **asked(case) | {"reason": " "})


def test_a_new_date_is_explained_from_the_second_time_on_and_counted_openly(make, omar):
    item = make(ActionItem, "open")
    item.postpone(by=omar, due_on=DUE + timedelta(days=1))
    later = DUE + timedelta(days=2)
    assert_refused(ValidationError, item, "postpone", by=omar, due_on=later, reason=" ")
    item.postpone(by=omar, due_on=later, reason=REASON)
    assert (item.promised_on, item.due_on, item.slips) == (DUE, later, 2)


def test_the_first_day_of_an_item_is_no_slip(omar):
    item = ActionItem.objects.create(title="Tidy", why="x", owner=omar)
    item.postpone(by=omar, due_on=DUE)
    assert (item.promised_on, item.slips) == (DUE, 0)


@pytest.mark.parametrize("evidence", ["", "  ", "\n"])
def test_it_is_not_done_without_what_shows_it(make, omar, evidence):
    assert_refused(ValidationError, make(ActionItem, "open"), "complete", by=omar, evidence=evidence)


@pytest.mark.parametrize(
    ("verb", "days"), [("snooze", 0), ("snooze", -1), ("snooze", 8), ("block", 0), ("block", 31)]
)
def test_it_is_not_put_off_without_end_nor_to_the_past(make, omar, verb, days):
    asked = {"until": AT.date() + timedelta(days=days)} | ({"waits_for": "Parts"} if verb == "block" else {})
    assert_refused(ValidationError, make(ActionItem, "open"), verb, by=omar, **asked)


def test_it_is_snoozed_a_few_times_until_it_has_a_new_date(make, omar):
    item, tomorrow = make(ActionItem, "open"), AT.date() + timedelta(days=1)
    for days in range(MOST_SNOOZES):
        item.snooze(by=omar, until=tomorrow + timedelta(days=days % 2))
    assert_refused(ValidationError, item, "snooze", by=omar, until=tomorrow + timedelta(days=1))
    item.postpone(by=omar, due_on=DUE + timedelta(days=1))
    item.snooze(by=omar, until=tomorrow)
    assert item.snoozes == 1


def test_what_it_waits_for_is_said(make, omar):
    item = make(ActionItem, "open")
    assert_refused(
        ValidationError, item, "block", by=omar, waits_for=" ", until=AT.date() + timedelta(days=1)
    )


@pytest.mark.parametrize("verb", ["keep", "unblock"])
def test_what_is_not_so_cannot_be_ended(make, omar, verb):
    assert_refused(WrongState, make(ActionItem, "open"), verb, by=omar)


def test_until_the_other_accepts_it_stays_where_it_is(make, omar, nina):
    item = make(ActionItem, "open", "offered")
    assert item.owner == omar
    assert "complete" in {verb.name for verb in verbs_for(item, omar)}
    assert {verb.name for verb in verbs_for(item, nina)} == {"accept", "decline"}


def test_it_is_not_offered_to_its_owner(make, omar):
    assert_refused(ValidationError, make(ActionItem, "open"), "hand_over", by=omar, to=omar)


def test_whoever_owns_it_decides_not_for_others(make, omar, nina):
    assert_refused(NotPermitted, make(ActionItem, "open"), "reassign", by=omar, owner=nina)


@pytest.mark.parametrize(("verb", "name"), [("reassign", "owner"), ("hand_over", "to")])
def test_it_is_not_given_to_somebody_who_has_left(make, ana, nina, verb, name):
    nina.is_active = False
    nina.save()
    assert_refused(ValidationError, make(ActionItem, "open"), verb, by=ana, **{name: nina})


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
    item.complete(by=omar, evidence="It is tidy.")
    assert (item.status, item.slips) == ("done", 0)


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("open", {"status": "done"}),
        ("open", {"ended_at": AT}),
        ("done", {"ended_at": None}),
        ("done", {"drop_reason": "why"}),
        ("dropped", {"drop_reason": ""}),
        ("dropped", {"evidence": "none"}),
        ("open", {"offered_at": AT}),
        ("open", {"offer_note": "x"}),
        ("open", {"waits_for": "Parts"}),
    ],
)
def test_the_database_refuses_half_of_an_ending(make, state, values):
    item = make(ActionItem, state)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActionItem.objects.filter(pk=item.pk).update(**values)
