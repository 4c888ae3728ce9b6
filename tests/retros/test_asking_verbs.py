"""Each verb of a perspective, of the meeting and of what is said of it: what it does together, and whom it refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.transitions import NotPermitted, WrongState
from retros.models import AgendaItem, Answer, Impression, Meeting, Perspective
from tests.cases import (
    Case,
    assert_recorded,
    assert_refused,
    assert_refused_in_other_states,
    assert_refused_when_stale,
    changes_of,
    each_verb,
)
from tests.faults import is_whole_or_absent
from tests.retros import asked

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 4, 10, tzinfo=UTC)
REASON = "Asked for on Tuesday."
SAID = {"is_attributed": True, "answer_1": "The page stayed white."}

TABLES = {
    Perspective: {
        "write": Case(start="invited", ask=SAID, sets={"is_attributed": True}, twice=None),
        "submit": Case(
            start="invited",
            ask={**SAID, "at": AT},
            sets={"is_attributed": True, "status": "answered", "answered_at": AT},
            twice=None,
        ),
        "decline": Case(start="answered", sets={"status": "declined", "answered_at": None}),
        "withdraw": Case(start="answered", sets={"status": "withdrawn", "answered_at": None}),
    },
    Meeting: {
        "move": Case(
            start="cancelled",
            ask={"starts_at": AT + timedelta(days=400), "minutes": 30, "place": "Room 2"},
            sets={
                "starts_at": AT + timedelta(days=400),
                "minutes": 30,
                "place": "Room 2",
                "sequence": 2,
                "status": "planned",
            },
        ),
        "cancel": Case(start="planned", sets={"status": "cancelled", "sequence": 1}),
        "start": Case(start="planned", ask={"at": AT}, sets={"status": "running", "started_at": AT}),
        "next_part": Case(start="running", ask={"at": AT + timedelta(minutes=5)}, sets={}, twice=None),
        "end": Case(
            start="running",
            ask={"at": AT + timedelta(hours=1)},
            sets={"status": "ended", "ended_at": AT + timedelta(hours=1)},
        ),
    },
    Impression: {
        "give": Case(
            start="asked",
            ask={"learned": "yes", "would_attend": "partly", "words": "Shorter, please.", "at": AT},
            sets={
                "status": "answered",
                "learned": "yes",
                "would_attend": "partly",
                "words": "Shorter, please.",
                "answered_at": AT,
            },
        )
    },
}
ROADS = {
    Perspective: {
        "invited": [],
        "answered": [("submit", {"answer_1": "It was slow."})],
        "declined": [("decline", {})],
        "withdrawn": [("withdraw", {})],
    },
    Meeting: {
        "planned": [],
        "cancelled": [("cancel", {})],
        "running": [("start", {"at": AT})],
        "ended": [("start", {"at": AT}), ("end", {"at": AT + timedelta(minutes=50)})],
    },
    Impression: {"asked": [], "answered": [("give", {"learned": "no", "would_attend": "yes"})]},
}
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def make(retro, omar):
    """A row in a state; Omar is whom it asks."""

    def of(model, state):
        Perspective.objects.all().delete()
        Meeting.objects.all().delete()
        participant, _ = retro.participants.get_or_create(user=omar, hat="product")
        row = asked.invite(retro, participant) if model is Perspective else asked.schedule(retro)
        if model is Impression:
            row = row.impressions.create(participant=participant)
        for verb, about in ROADS[model][state]:
            getattr(row, verb)(by=None, **about)
        return row

    return of


@pytest.fixture
def doer(ana, omar):
    """Who does it: facilitators what they lead, and Omar what he is asked."""

    def of(model, verb):
        return ana if model is Meeting or verb == "withdraw" else omar

    return of


def about(case):
    return {**case.ask, "reason": REASON}


@verbs
def test_it_sets_everything_together_and_nothing_else(make, doer, model, verb, case):
    row, by = make(model, case.start), doer(model, verb)
    assert changes_of(row, lambda: getattr(row, verb)(by=by, version=row.version, **about(case))) == case.sets
    if case.sets:
        assert_recorded(row, by=by, reason=REASON)


@verbs
def test_it_is_refused_to_whom_it_does_not_ask(make, doer, model, verb, case, ravi, omar, ana, aud, stranger):
    row = make(model, case.start)
    for person in {ravi, omar, ana, aud, stranger} - {doer(model, verb)}:
        assert_refused(NotPermitted, row, verb, Answer, AgendaItem, by=person, **about(case))


@verbs
def test_it_is_refused_in_every_other_state(make, doer, model, verb, case):
    assert_refused_in_other_states(make, model, verb, Answer, AgendaItem, by=doer(model, verb), **about(case))


@verbs
def test_it_is_not_done_twice(make, doer, model, verb, case):
    if case.twice is None:
        pytest.skip("what is written may be written again, and there is a next part after the next")
    row, by = make(model, case.start), doer(model, verb)
    getattr(row, verb)(by=by, **about(case))
    assert_refused(case.twice, row, verb, by=by, **about(case))


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, doer, model, verb, case):
    assert_refused_when_stale(make(model, case.start), verb, by=doer(model, verb), **about(case))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, doer, model, verb, case):
    row, by = make(model, case.start), doer(model, verb)
    act = lambda: getattr(row, verb)(by=by, **about(case))  # noqa: E731
    assert is_whole_or_absent(act, model, Answer, AgendaItem) >= 3


# --- Perspectives


def test_nothing_is_sent_in_that_says_nothing(make, omar):
    row = make(Perspective, "invited")
    assert_refused(ValidationError, row, "submit", Answer, by=omar, answer_1=" \n")


@pytest.mark.parametrize("verb", ["write", "submit", "decline"])
def test_once_the_review_begins_answers_stay_as_they_are(make, ana, omar, verb):
    row = make(Perspective, "answered")
    row.retro.send_for_review(by=ana)
    told = {} if verb == "decline" else SAID
    assert_refused(WrongState, row, verb, Answer, by=omar, **told)
    row.retro.return_to_draft(by=ana, reason="Hear them again")
    getattr(row, verb)(by=omar, **told)


def test_who_declined_may_change_their_mind(make, omar):
    row = make(Perspective, "declined")
    row.submit(by=omar, **SAID)
    assert row.status == "answered"


def test_sending_in_again_keeps_the_first_moment(make, omar):
    row = make(Perspective, "invited")
    row.submit(by=omar, at=AT, **SAID)
    row.submit(by=omar, answer_1="It was white, then grey.")
    assert row.answered_at == AT


def test_answered_goes_with_its_moment_in_the_database(make):
    for state, values in [("invited", {"status": "answered"}), ("answered", {"answered_at": None})]:
        row = make(Perspective, state)
        with pytest.raises(IntegrityError), transaction.atomic():
            Perspective.objects.filter(pk=row.pk).update(**values)


# --- The meeting


def test_parts_follow_each_other_and_after_the_last_the_meeting_ends(make, ana):
    meeting = make(Meeting, "running")
    seen = [meeting.current_item().position]
    for minute in range(1, 5):
        meeting.next_part(by=ana, at=AT + timedelta(minutes=minute))
        seen.append(meeting.current_item().position)
    assert seen == [1, 2, 3, 4, 5]
    assert_refused(WrongState, meeting, "next_part", AgendaItem, by=ana)
    meeting.end(by=ana)
    assert meeting.current_item() is None


def test_moving_to_where_it_is_already_is_no_move(make, ana):
    meeting = make(Meeting, "planned")
    assert_refused(WrongState, meeting, "move", by=ana, starts_at=meeting.starts_at, minutes=60)


def test_another_length_shares_the_minutes_out_anew(make, ana):
    meeting = make(Meeting, "planned")
    meeting.move(by=ana, minutes=90)
    assert sum(minutes for _, minutes in meeting.parts()) == 90
    assert len(meeting.parts()) == 5


def test_a_meeting_has_moments_as_its_state_wants_them(make):
    for state, values in [
        ("planned", {"started_at": AT}),
        ("running", {"started_at": None}),
        ("running", {"status": "ended"}),
        ("ended", {"ended_at": None}),
    ]:
        meeting = make(Meeting, state)
        with pytest.raises(IntegrityError), transaction.atomic():
            Meeting.objects.filter(pk=meeting.pk).update(**values)


def test_an_impression_is_one_of_three_words(make, omar):
    row = make(Impression, "asked")
    assert_refused(ValidationError, row, "give", by=omar, learned="maybe", would_attend="yes")
    assert_refused(ValidationError, row, "give", by=omar, learned="", would_attend="yes")
