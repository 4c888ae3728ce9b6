"""Half a year of reminders: people all over the world, whatever happens to what they own, and workers that die.

What is asserted of every item: nothing missed, nothing twice, nobody told outside their hours, and each step
as an oracle expects it that shares no code with what is tested.
"""

import os
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from random import Random

import pytest

from config.people.calendar import WorkCalendar
from config.reminding.cadence import Cadence, Chase, Person, Rung, due, plan, steps, upcoming
from tests.reminding import oracle

DAYS = 180
# Within these days the clocks change in spring (Berlin, New York, St John's, Cairo), in autumn (Sydney, Lord
# Howe by half an hour, Auckland, Santiago), and in Casablanca for Ramadan.
START = datetime(2026, 2, 10, tzinfo=UTC)
END = START + timedelta(days=DAYS)
HORIZON = END.date() + timedelta(days=60)
PLACES = [
    ("Europe/Berlin", "DE", "BY", "12345"),
    ("America/New_York", "US", "NY", "12345"),
    ("America/St_Johns", "CA", "NL", "12345"),
    ("America/Santiago", "CL", "", "12345"),
    ("Australia/Sydney", "AU", "NSW", "12345"),
    ("Australia/Lord_Howe", "AU", "NSW", "1234"),
    ("Pacific/Auckland", "NZ", "", "12345"),
    ("Africa/Cairo", "EG", "", "12347"),
    ("Africa/Casablanca", "MA", "", "12345"),
    ("Asia/Kathmandu", "NP", "", "12347"),
    ("Asia/Tokyo", "JP", "", "12345"),
    ("Pacific/Kiritimati", "", "", "135"),
    ("Pacific/Pago_Pago", "AS", "", "1234567"),
]
HOURS = [
    (time(9), time(17), None, None),
    (time(9), time(17), time(12), time(13)),
    (time(7, 30), time(15), time(7), time(9, 15)),
    (time(0), time(8), None, None),
    (time(2, 30), time(10, 45), None, None),  # begins where clocks jump
    (time(14), time(23, 45), time(18), time(20)),
]
CADENCES = [
    Cadence(),
    Cadence((5,), True, 1, ((Rung.MANAGER, 3), (Rung.FACILITATOR, 5)), 2, 3),
    Cadence((10, 3, 1), True, 2, ((Rung.MANAGER, 2), (Rung.FACILITATOR, 6), (Rung.SPONSOR, 10)), 1, 1),
    Cadence((1,), False, 5, ((Rung.FACILITATOR, 1), (Rung.SPONSOR, 1)), 5, None),
    Cadence((), False, 3, ((Rung.OWNER, 1), (Rung.MANAGER, 4)), None, 2),
]


@dataclass
class Item:
    """What is chased, and what will happen to it: at each moment, what it is from then on."""

    chase: Chase
    changes: list = field(default_factory=list)


class World:
    """People and items, the same for the same seed."""

    def __init__(self, seed, size):
        self.random = Random(seed)
        self.people = [self.person(number) for number in range(120)]
        self.items = [self.item(number) for number in range(size)]

    def person(self, number):
        zone, country, subdivision, days = PLACES[number % len(PLACES)]
        absence = self.absence() if self.random.random() < 0.5 else (None, None)
        calendar = WorkCalendar(zone, days, country, subdivision, *absence, *self.random.choice(HOURS))
        wants, active = self.random.random() > 0.08, self.random.random() > 0.05
        return Person(number + 1, f"Person {number + 1}", calendar, active, wants)

    def absence(self):
        first = START.date() + timedelta(days=self.random.randrange(-20, DAYS))
        return first, first + timedelta(days=self.random.choice([0, 1, 4, 10, 20, 45]))

    def day(self):
        return START.date() + timedelta(days=self.random.randrange(-30, DAYS))

    def moment(self):
        return START + timedelta(seconds=self.random.randrange(DAYS * 86_400))

    def someone(self, chance):
        return self.random.choice(self.people) if self.random.random() < chance else None

    def item(self, number):
        random = self.random
        owner = self.someone(0.92)
        people = {Rung.FACILITATOR: self.someone(0.9), Rung.SPONSOR: self.someone(0.7)}
        people[Rung.MANAGER] = self.someone(0.7)
        due_on = self.day() if random.random() < 0.9 else None
        since = (due_on or self.day()) - timedelta(days=random.randrange(40))
        chase = Chase(f"item {number}", random.choice(CADENCES), since, due_on, owner, people)
        return Item(chase, list(self.changes(chase)))

    def changes(self, chase):
        """In the order of time; the last may be that it is done."""
        happens = [self.snooze, self.postpone, self.hand_over, self.go_away, self.complete]
        moments = sorted(self.moment() for _ in range(self.random.choice([0, 1, 1, 2, 3, 5])))
        for moment in moments:
            chase = self.random.choice(happens)(chase, moment)
            yield moment, chase

    def snooze(self, chase, at):
        return replace(chase, snoozed_until=at.date() + timedelta(days=self.random.randrange(15)))

    def postpone(self, chase, at):
        return replace(
            chase, due_on=at.date() + timedelta(days=self.random.randrange(30)), snoozed_until=None
        )

    def hand_over(self, chase, at):
        people = {**chase.people, Rung.MANAGER: self.someone(0.7)}
        return replace(chase, owner=self.someone(0.95), people=people, snoozed_until=None)

    def go_away(self, chase, at):
        """The owner says only now when they are away."""
        if chase.owner is None:
            return chase
        first, last = self.absence()
        calendar = replace(chase.owner.calendar, away_from=first, away_until=last)
        return replace(chase, owner=replace(chase.owner, calendar=calendar))

    def complete(self, chase, at):
        return replace(chase, is_open=not chase.is_open)  # and is opened again, if it was done


def sweeps_of_mortals(seed):
    """When sweeps ran: about each minute, but workers die for minutes, for hours, and for days."""
    random, at, found = Random(seed), START, []
    while at < END:
        gap = timedelta(seconds=random.randrange(30, 90))
        chance = random.random()
        if chance < 0.000_1:
            gap = timedelta(hours=random.randrange(24, 96))
        elif chance < 0.001:
            gap = timedelta(minutes=random.randrange(60, 600))
        elif chance < 0.01:
            gap = timedelta(minutes=random.randrange(2, 60))
        at += gap
        found.append(at)
    return found


class AtOnce:
    """Sweeps that run at the very moment at which something is due."""

    def after(self, moment):
        return moment


class Mortal:
    """Sweeps that run when they can."""

    def __init__(self, seed):
        self.moments = sweeps_of_mortals(seed)

    def after(self, moment):
        at = bisect_left(self.moments, moment)
        return self.moments[at] if at < len(self.moments) else END


@dataclass
class Run:
    """What happened: each step with the moment it was planned for, and the sweep that took it."""

    taken: list = field(default_factory=list)  # (moment, sweep, key, recipient)
    missed: list = field(default_factory=list)


def follow(item, sweeps, planner):
    """Plan, wait for a sweep, take the step, plan again: until half a year is over."""
    run, made, at, chase = Run(), set(), START, item.chase
    for change, changed in [*item.changes, (END, None)]:
        plans = planner(chase)
        found = plans.plan(made, at)
        while found and (swept := sweeps.after(found[0])) < change:
            moment, step = found
            run.taken.append((moment, swept, step.key, step.recipient))
            made.add(step.key)
            at, found = swept, plans.plan(made, swept)
            if not (found and found[0] <= swept):
                run.missed += plans.missed(made, swept)
        at, chase = max(at, change), changed
    return run


class Planned:
    def __init__(self, chase):
        self.chase = chase
        self.expectation = None

    def plan(self, made, at):
        return plan(self.chase, made, at)

    def missed(self, made, at):
        self.expectation = self.expectation or oracle.Expectation(self.chase, HORIZON)
        return self.expectation.missed(made, at)


class Foretold:
    def __init__(self, chase):
        self.expectation = oracle.Expectation(chase, HORIZON)

    def plan(self, made, at):
        return self.expectation.next(made, at)

    def missed(self, made, at):
        return []


def told_at(taken):
    """When the message goes out: at the sweep, or when the recipient is at work next."""
    _, swept, _, recipient = taken
    return recipient.calendar.next_working_moment(swept)


def check(item, sweeps):
    """All that is promised of one item; returns how many steps there were."""
    run = follow(item, sweeps, Planned)
    assert run.missed == []
    keys = [key for _, _, key, _ in run.taken]
    assert len(keys) == len(set(keys))
    for taken in run.taken:
        moment, _, _, recipient = taken
        assert oracle.at_work(recipient.calendar, moment)
        assert oracle.at_work(recipient.calendar, told_at(taken))
    assert run.taken == follow(item, sweeps, Foretold).taken
    return len(keys)


SIZES = [
    pytest.param(300, id="300 items"),
    pytest.param(
        10_000,
        id="10,000 items",
        marks=pytest.mark.skipif(
            "SIMULATE_ALL" not in os.environ, reason="minutes long: set SIMULATE_ALL=1 to run it"
        ),
    ),
]


@pytest.mark.parametrize("size", SIZES)
def test_half_a_year_is_told_to_the_minute_while_sweeps_run(size):
    world = World(1, size)
    told = sum(check(item, AtOnce()) for item in world.items)
    assert told > 5 * size


@pytest.mark.parametrize("size", SIZES)
def test_half_a_year_is_told_whatever_befalls_the_workers(size):
    world, sweeps = World(2, size), Mortal(3)
    told = sum(check(item, sweeps) for item in world.items)
    assert told > 5 * size


def test_the_world_is_as_wide_as_is_said():
    world = World(1, 2_000)
    changes = {len(item.changes) for item in world.items}
    zones = {person.calendar.zone for person in world.people}
    assert (len(zones), max(changes)) == (len(PLACES), 5)
    gaps = [b - a for a, b in pairwise(sweeps_of_mortals(3))]
    assert max(gaps) > timedelta(days=1)
    assert sum(gap > timedelta(hours=1) for gap in gaps) > 20


def test_what_is_shown_ahead_is_what_the_oracle_expects():
    for item in World(4, 250).items:
        for _, chase in [(START, item.chase), *item.changes]:
            expected = oracle.Expectation(chase, HORIZON).steps(START, END)
            found = steps(chase, START, END)
            assert [(s.send_at, s.key, s.recipient, s.day) for s in found] == expected
            first = upcoming(chase, START)
            assert (first if first and first.send_at <= END else None) == (found[0] if found else None)
            by_now = {step.key for step in due(chase, END)}
            assert {s.key for s in found if s.kind == "escalated"} <= by_now


def test_a_chase_planned_day_by_day_is_the_same_as_planned_once():
    """Planning more often than needed changes nothing: what has not been told yet stays planned."""
    for item in World(5, 60).items:
        at, found = START, plan(item.chase, set(), START)
        while found and at < found[0] and at < END:
            assert plan(item.chase, set(), at) == found
            at += timedelta(hours=7)
