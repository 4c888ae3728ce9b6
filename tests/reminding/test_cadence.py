"""Who is told when: each rule of config/reminding/cadence.py on its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from config.people.calendar import WorkCalendar
from config.reminding.cadence import Cadence, Chase, Person, Rung, due, in_words, plan, steps, upcoming

LONG_AGO, FAR_OFF = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
BERLIN = WorkCalendar("Europe/Berlin", "12345", "DE")
NEW_YORK = WorkCalendar("America/New_York", "12345", "US")
OMAR = Person(5, "Omar", BERLIN)
MIA = Person(7, "Mia", NEW_YORK)  # his manager
ANA = Person(8, "Ana", BERLIN)  # the facilitator
SAM = Person(9, "Sam", BERLIN)  # the sponsor
LADDER = ((Rung.MANAGER, 3), (Rung.FACILITATOR, 5), (Rung.SPONSOR, 10))
DUE = date(2026, 3, 12)  # a Thursday


def chase(cadence=None, **fields):
    people = {Rung.MANAGER: MIA, Rung.FACILITATOR: ANA, Rung.SPONSOR: SAM}
    chase = Chase("item 12", cadence or Cadence(), date(2026, 3, 2), DUE, OMAR, people)
    return replace(chase, **fields)


def away(person, first, last):
    first, last = date.fromisoformat(first), date.fromisoformat(last)
    return replace(person, calendar=replace(person.calendar, away_from=first, away_until=last))


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def told(chase, until=FAR_OFF, start=LONG_AGO):
    """Kind, number, recipient and moment in UTC of every step."""
    return [
        f"{s.kind} {s.number} {s.recipient.name} {s.send_at:%m-%d %H:%M}" for s in steps(chase, start, until)
    ]


MARCH = at("2026-03-20T00:00Z")


# --- S1: the owner's steps


def test_an_owner_hears_before_on_the_day_and_while_it_is_overdue():
    assert told(chase(Cadence((5, 1))), MARCH) == [
        "before 5 Omar 03-05 08:00",
        "before 1 Omar 03-11 08:00",
        "due 0 Omar 03-12 08:00",
        "overdue 1 Omar 03-13 08:00",
        "overdue 2 Omar 03-16 08:00",
        "overdue 3 Omar 03-17 08:00",
        "overdue 4 Omar 03-18 08:00",
        "overdue 5 Omar 03-19 08:00",
    ]


def test_every_second_working_day():
    assert told(chase(Cadence(every=2)), MARCH)[1:] == [
        "overdue 1 Omar 03-13 08:00",
        "overdue 2 Omar 03-17 08:00",
        "overdue 3 Omar 03-19 08:00",
    ]


def test_a_due_day_that_is_no_ordinary_one_is_told_of_on_the_last_before():
    easter_monday = chase(Cadence((2, 1)), due_on=date(2026, 4, 6))
    assert told(easter_monday, at("2026-04-08T00:00Z")) == [
        "before 2 Omar 04-01 07:00",
        "due 0 Omar 04-02 07:00",  # and not “before 1”, which is the same day
        "overdue 1 Omar 04-07 07:00",
    ]
    silent = replace(easter_monday, cadence=Cadence((2, 1), on_the_day=False))
    assert told(silent, at("2026-04-03T00:00Z")) == ["before 2 Omar 04-01 07:00", "before 1 Omar 04-02 07:00"]


def test_a_step_says_all_there_is_to_say():
    step = steps(chase(), LONG_AGO, MARCH)[1]
    assert (step.kind, step.number, step.rung, step.recipient) == ("overdue", 1, Rung.OWNER, OMAR)
    assert (step.day, step.because) == (date(2026, 3, 13), "you own it")
    assert step.key == "overdue 1:item 12:2026-03-12:5"


# --- S2: absence, and what nobody wants


def test_a_manager_hears_while_the_owner_is_away_in_hours_of_their_own():
    omar = away(OMAR, "2026-03-12", "2026-03-13")
    assert told(chase(owner=omar), at("2026-03-17T00:00Z")) == [
        "due 0 Mia 03-12 13:00",
        "overdue 1 Mia 03-13 13:00",
        "overdue 2 Omar 03-16 08:00",
    ]
    step = steps(chase(owner=omar), LONG_AGO, MARCH)[0]
    assert (step.rung, step.because) == (Rung.MANAGER, "Omar is away until 13 March")
    assert step.key == "due 0:item 12:2026-03-12:5"  # whose it is, and not who is told


def test_until_the_manager_is_at_work_the_step_before_is_the_last():
    omar = away(OMAR, "2026-03-12", "2026-03-13")
    assert [s.kind for s in due(chase(owner=omar), at("2026-03-13T10:00Z"))] == ["due"]
    assert [s.kind for s in due(chase(owner=omar), at("2026-03-13T13:00Z"))] == ["overdue"]


@pytest.mark.parametrize("manager", [None, replace(MIA, is_active=False), OMAR])
def test_without_a_manager_it_waits_for_the_owner_and_the_last_says_it_all(manager):
    omar = away(OMAR, "2026-03-12", "2026-03-17")
    waiting = chase(Cadence(every=3), owner=omar, people={Rung.MANAGER: manager})
    assert told(waiting, MARCH) == ["overdue 2 Omar 03-18 08:00"]
    daily = replace(waiting, cadence=Cadence())
    assert told(daily, MARCH) == ["overdue 4 Omar 03-18 08:00", "overdue 5 Omar 03-19 08:00"]


def test_a_manager_who_never_works_stands_in_for_nobody():
    never = Person(7, "Mia", WorkCalendar("UTC", ""))
    omar = away(OMAR, "2026-03-12", "2026-03-13")
    assert told(chase(owner=omar, people={Rung.MANAGER: never}), MARCH)[0] == "overdue 2 Omar 03-16 08:00"


def test_a_manager_slower_than_the_owner_is_back_hears_nothing():
    omar, mia = away(OMAR, "2026-03-12", "2026-03-13"), away(MIA, "2026-03-13", "2026-03-16")
    assert told(chase(owner=omar, people={Rung.MANAGER: mia}), at("2026-03-18T00:00Z")) == [
        "due 0 Mia 03-12 13:00",
        "overdue 2 Omar 03-16 08:00",
        "overdue 3 Omar 03-17 08:00",
    ]


def test_who_wants_no_reminders_gets_none_but_what_is_overdue_is_still_told():
    silent = chase(Cadence(ladder=LADDER), owner=replace(away(OMAR, "2026-03-13", "2026-03-13"), wants=False))
    assert told(silent) == [
        "escalated 3 Mia 03-17 13:00",
        "escalated 5 Ana 03-19 08:00",
        "escalated 10 Sam 03-26 08:00",
    ]


def test_quiet_hours_are_kept():
    quiet = replace(OMAR, calendar=replace(BERLIN, quiet_from=time(8), quiet_until=time(10, 30)))
    assert told(chase(owner=quiet), MARCH)[0] == "due 0 Omar 03-12 09:30"


def test_hours_that_the_clocks_skip_are_made_up_for_by_the_next_day():
    """In Berlin 29 March has no hour from two to three."""
    owl = replace(
        OMAR, calendar=WorkCalendar("Europe/Berlin", "1234567", works_from=time(2), works_until=time(3))
    )
    assert told(chase(due_on=date(2026, 3, 28), owner=owl), at("2026-03-31T12:00Z")) == [
        "due 0 Omar 03-28 01:00",
        "overdue 2 Omar 03-30 00:00",
        "overdue 3 Omar 03-31 00:00",
    ]


# --- S3: snoozing


def test_a_snooze_silences_and_says_when_it_is_over():
    snoozed = chase(Cadence((2,), every=3), snoozed_until=date(2026, 3, 14))
    assert told(snoozed, MARCH) == [
        "back 739689 Omar 03-16 08:00",
        "overdue 2 Omar 03-18 08:00",
    ]
    assert date(2026, 3, 14).toordinal() == 739689


def test_a_snooze_that_ends_on_the_day_of_a_step_says_nothing_of_its_own():
    assert told(chase(snoozed_until=date(2026, 3, 16)), at("2026-03-17T00:00Z")) == [
        "overdue 2 Omar 03-16 08:00"
    ]


def test_a_snooze_stops_no_escalation():
    snoozed = chase(Cadence(ladder=LADDER), snoozed_until=date(2026, 4, 7))
    assert told(snoozed, at("2026-04-01T00:00Z")) == [
        "escalated 3 Mia 03-17 13:00",
        "escalated 5 Ana 03-19 08:00",
        "escalated 10 Sam 03-26 08:00",
    ]


# --- S4: the ladder


def test_each_rung_hears_once_and_after_the_owner():
    found = steps(chase(Cadence(ladder=LADDER)), LONG_AGO, at("2026-03-20T00:00Z"))
    assert [step.kind for step in found if step.day == date(2026, 3, 19)] == ["overdue", "escalated"]
    manager = next(step for step in found if step.kind == "escalated")
    assert (manager.rung, manager.number) == (Rung.MANAGER, 3)
    assert manager.because == "it is three working days overdue and you are Omar’s manager"
    assert manager.key == "escalated manager:item 12:2026-03-12:5"


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({Rung.MANAGER: None}, ["Ana", "Sam"]),
        ({Rung.MANAGER: replace(MIA, is_active=False)}, ["Ana", "Sam"]),
        ({Rung.MANAGER: replace(MIA, wants=False)}, ["Mia", "Ana", "Sam"]),
        ({Rung.FACILITATOR: OMAR}, ["Mia", "Sam"]),
        ({Rung.FACILITATOR: MIA}, ["Mia", "Sam"]),
        ({Rung.SPONSOR: MIA, Rung.FACILITATOR: MIA}, ["Mia"]),
        ({Rung.MANAGER: None, Rung.SPONSOR: ANA}, ["Ana"]),
    ],
)
def test_a_rung_without_somebody_new_is_left_out(people, expected):
    all_people = {**chase().people, **people}
    found = steps(chase(Cadence(ladder=LADDER), people=all_people), LONG_AGO, FAR_OFF)
    assert [step.recipient.name for step in found if step.kind == "escalated"] == expected


def test_an_absent_rung_hears_when_back_and_is_not_passed_over():
    mia = away(MIA, "2026-03-16", "2026-03-20")
    late = chase(Cadence(ladder=LADDER), people={Rung.MANAGER: mia})
    assert "escalated 3 Mia 03-23 13:00" in told(late)


# --- S5 and S6: nobody owns it, no due day


@pytest.mark.parametrize(
    ("fields", "recipient", "because"),
    [
        ({"owner": None}, "Ana", "nobody owns it"),
        ({"owner": replace(OMAR, is_active=False)}, "Ana", "Omar, who owns it, no longer works here"),
        ({"owner": None, "people": {Rung.SPONSOR: SAM}}, "Sam", "nobody owns it"),
        ({"owner": None, "people": {Rung.FACILITATOR: replace(ANA, wants=False)}}, "Ana", "nobody owns it"),
    ],
)
def test_what_nobody_owns_is_brought_before_the_facilitator_or_else_the_sponsor(fields, recipient, because):
    found = steps(chase(Cadence(every=2, owner_within=3, ladder=LADDER), **fields), LONG_AGO, MARCH)
    assert [f"{s.kind} {s.number} {s.recipient.name} {s.day}" for s in found][:2] == [
        f"no owner 1 {recipient} 2026-03-05",
        f"no owner 2 {recipient} 2026-03-09",
    ]
    assert {step.because for step in found} == {because}
    assert {step.kind for step in found} == {"no owner"}


@pytest.mark.parametrize(
    "nobody",
    [
        chase(Cadence(owner_within=3), owner=None, people={}),
        chase(Cadence(owner_within=3), owner=None, people={Rung.MANAGER: MIA}),
        chase(Cadence(ladder=LADDER), owner=None),
        chase(Cadence(ladder=LADDER), due_on=None, snoozed_until=date(2026, 3, 10)),
        chase(Cadence((5,), ladder=LADDER, owner_within=1, date_within=1), is_open=False),
    ],
    ids=["nobody there", "only a manager", "no owner_within", "no date_within", "done"],
)
def test_nobody_is_told_of_what_is_not_chased(nobody):
    assert steps(nobody, LONG_AGO, FAR_OFF) == due(nobody, FAR_OFF) == []
    assert upcoming(nobody, LONG_AGO) is plan(nobody, set(), MARCH) is None


def test_an_owner_is_asked_for_a_day():
    omar = away(OMAR, "2026-03-09", "2026-03-10")
    asked = chase(Cadence(every=3, date_within=2), due_on=None, owner=omar)
    assert told(asked, at("2026-03-13T00:00Z")) == [
        "no date 1 Omar 03-04 08:00",
        "no date 2 Mia 03-09 13:00",
        "no date 3 Omar 03-12 08:00",
    ]
    assert steps(asked, LONG_AGO, MARCH)[0].key == "no date 1:item 12:-:5"


# --- What is due, and what is planned


def test_what_is_due_is_the_last_of_the_owners_and_every_rung():
    late = chase(Cadence((5, 1), ladder=LADDER))
    assert [s.key.partition(":")[0] for s in due(late, at("2026-03-19T12:00Z"))] == [
        "escalated manager",
        "overdue 5",
        "escalated facilitator",
    ]
    assert due(late, at("2026-03-05T07:59:59Z")) == []
    assert [s.kind for s in due(late, at("2026-03-05T08:00Z"))] == ["before"]


def test_what_was_missed_is_made_up_for_when_the_recipient_is_at_work():
    moment, step = plan(chase(), set(), at("2026-03-12T12:34:56Z"))
    assert (moment, step.kind) == (at("2026-03-12T12:34:56Z"), "due")
    moment, step = plan(chase(), set(), at("2026-03-12T22:00Z"))
    assert (moment, step.key.partition(":")[0]) == (at("2026-03-13T08:00Z"), "overdue 1")


def test_only_the_last_missed_step_is_made_up_for():
    made, seen, now = set(), [], at("2026-03-19T08:30Z")
    late = chase(Cadence((5, 1), ladder=LADDER))
    while (found := plan(late, made, now)) and found[0] <= now:
        made.add(found[1].key)
        seen.append(found[1].key.partition(":")[0])
    assert seen == ["overdue 5", "escalated facilitator"]
    assert (found[0], found[1].rung) == (at("2026-03-19T13:00Z"), Rung.MANAGER)


def test_somebody_away_for_long_holds_nobody_else_up():
    mia = away(MIA, "2026-03-16", "2026-06-30")
    late = chase(Cadence(ladder=((Rung.MANAGER, 3),)), people={Rung.MANAGER: mia})
    moment, step = plan(late, {"overdue 5:item 12:2026-03-12:5"}, at("2026-03-19T12:00Z"))
    assert (moment, step.number, step.recipient) == (at("2026-03-20T08:00Z"), 6, OMAR)


def test_a_changed_calendar_repeats_nothing_and_a_new_day_or_owner_begins_anew():
    now = at("2026-03-18T12:00Z")
    made = {step.key for step in steps(chase(), LONG_AGO, now)}
    holiday = replace(OMAR, calendar=replace(BERLIN, working_days="1345"))
    assert plan(chase(owner=holiday), made, now)[0] > now
    assert plan(chase(due_on=date(2026, 3, 11)), made, now)[0] == now
    assert plan(chase(owner=SAM), made, now)[0] == now


def test_nothing_is_planned_twice_even_if_the_count_has_fallen_back():
    now = at("2026-03-13T12:00Z")
    made = {f"overdue {n}:item 12:2026-03-12:5" for n in (1, 2, 3)}
    moment, step = plan(chase(), made, now)
    assert (moment, step.number) == (at("2026-03-18T08:00Z"), 4)


def test_the_next_step_is_looked_for_within_four_hundred_days():
    distant = chase(due_on=date(2028, 3, 1))
    assert upcoming(distant, at("2026-03-02T00:00Z")) is None
    assert plan(distant, set(), at("2026-03-02T00:00Z")) is None
    assert upcoming(distant, at("2027-03-02T00:00Z")).kind == "due"


@pytest.mark.parametrize(
    "fields",
    [
        {"due_on": date.min},
        {"due_on": date.max},
        {"due_on": None, "since": date.min},
        {"snoozed_until": date.max},
        {"owner": replace(OMAR, calendar=WorkCalendar("UTC", ""))},
        {
            "owner": replace(OMAR, calendar=replace(BERLIN, away_from=date.min, away_until=date.max)),
            "people": {},
        },
    ],
    ids=[
        "due in year 1",
        "due in year 9999",
        "since year 1",
        "snoozed for good",
        "never works",
        "gone for good",
    ],
)
def test_what_somebody_mistyped_is_told_to_nobody_and_breaks_nothing(fields):
    odd = chase(Cadence((5, 1), date_within=2, owner_within=2), **fields)
    assert steps(odd, at("2026-03-02T00:00Z"), MARCH) == []
    assert due(odd, MARCH) == []
    assert plan(odd, set(), MARCH) is None


def test_a_snooze_until_long_ago_is_none():
    assert told(chase(snoozed_until=date.min), MARCH, at("2026-03-01T00:00Z")) == told(chase(), MARCH)


def test_what_is_years_overdue_is_still_told():
    old = chase(due_on=date(2011, 3, 11))
    moment, step = plan(old, set(), at("2026-03-12T12:00Z"))
    assert (moment, step.day) == (at("2026-03-12T12:00Z"), date(2026, 3, 12))
    assert step.number > 3_700


def test_a_name_of_any_length_leaves_a_line_short():
    omar = replace(away(OMAR, "2026-03-12", "2026-03-13"), name="Omar " * 40)
    for step in steps(chase(Cadence(ladder=LADDER), owner=omar), LONG_AGO, MARCH):
        assert len(step.because) <= 200


# --- A cadence


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"before": (0,)},
        {"ladder": ((Rung.MANAGER, 0),)},
        {"owner_within": 0},
        {"date_within": -1},
    ],
)
def test_a_cadence_counts_from_one(wrong):
    with pytest.raises(ValueError, match="one day"):
        Cadence(**wrong)


@pytest.mark.parametrize(
    ("cadence", "words"),
    [
        (Cadence(), "On the day, then every working day while overdue."),
        (Cadence(on_the_day=False), "Every working day while overdue."),
        (
            Cadence((5,), True, 2, LADDER),
            "Five working days before, on the day, then every second working day while overdue; "
            "after three working days their manager is told, after five the facilitator, after ten the sponsor.",
        ),
        (
            Cadence((10, 5, 1), False, 12, (), 2, 15),
            "Ten, five and one working days before, then every 12th working day while overdue; with nobody to own "
            "it the facilitator is told after two working days; with no due day its owner is asked for one after "
            "15 working days.",
        ),
        (
            Cadence((1,), False, 1, ((Rung.SPONSOR, 1),)),
            "One working day before, then every working day while overdue; after one working day the sponsor is told.",
        ),
    ],
)
def test_a_cadence_is_said_in_one_sentence(cadence, words):
    assert in_words(cadence) == words


def test_a_preview_of_a_month_begins_after_now_and_ends_with_the_last_moment():
    ahead = chase()
    first = upcoming(ahead, at("2026-01-01T00:00Z"))
    assert steps(ahead, first.send_at, first.send_at) == []
    assert steps(ahead, first.send_at - timedelta(seconds=1), first.send_at) == [first]
