"""The rules of config/reminding/cadence.py once more: day by day, quarter by quarter, sharing none of its code.

It reads the same chases and people, and calls nothing of theirs. Hours are on the quarter, as here everywhere.
"""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from holidays import country_holidays

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


class Expected(NamedTuple):
    """A step, as far as it can be told from outside."""

    send_at: datetime
    key: str
    recipient: object
    day: object


# --- Calendars


@cache
def holidays_of(country, subdivision, year):
    return set(country_holidays(country, subdiv=subdivision or None, years=year)) if country else set()


@cache
def ordinary(calendar, day):
    holidays = holidays_of(calendar.country, calendar.subdivision, day.year)
    return str(day.isoweekday()) in calendar.working_days and day not in holidays


def away(calendar, day):
    return calendar.away_from is not None and calendar.away_from <= day <= calendar.away_until


def wall(calendar, at):
    return at.astimezone(ZoneInfo(calendar.zone))


def at_work(calendar, at):
    there = wall(calendar, at)
    if away(calendar, there.date()) or not ordinary(calendar, there.date()):
        return False
    return in_hours(calendar, there.time())


def in_hours(calendar, hour):
    if calendar.quiet_from is not None and calendar.quiet_from <= hour < calendar.quiet_until:
        return False
    return calendar.works_from <= hour < calendar.works_until


@cache
def quarters(calendar, day):
    """Every quarter of an hour that somebody's clock shows that day within their hours."""
    at = datetime.combine(day, time(), UTC) - timedelta(hours=20)
    found = []
    for _ in range(4 * 64):
        at += QUARTER
        there = wall(calendar, at)
        if there.date() == day and in_hours(calendar, there.time()):
            found.append(at)
    return found


@cache
def next_at_work(calendar, at):
    if at_work(calendar, at):
        return at
    day = wall(calendar, at).date()
    for _ in range(800):
        if ordinary(calendar, day) and not away(calendar, day):
            for quarter in quarters(calendar, day):
                if quarter >= at:
                    return quarter
        day += DAY
    return None


# --- Steps


def own_steps(chase, until):
    """The owner's steps up to the day `until`, by day; those that a later one overtakes are among them."""
    who = chased(chase)
    if who is None:
        return []
    days = {}
    if is_owned(chase) and chase.due_on:
        walk_to_the_due_day(chase, who.calendar, days)
        walk_on(days, who.calendar, chase.due_on, until, 1, chase.cadence.every, "overdue")
    else:
        kind, within = ("no date", chase.cadence.date_within)
        if not is_owned(chase):
            kind, within = ("no owner", chase.cadence.owner_within)
        walk_on(days, who.calendar, chase.since, until, within, chase.cadence.every, kind)
    if chase.snoozed_until:
        days = {day: what for day, what in days.items() if day >= chase.snoozed_until}
        day = chase.snoozed_until
        while not ordinary(who.calendar, day):
            day += DAY
        days.setdefault(day, f"back {chase.snoozed_until.toordinal()}")
    return [step_of(chase, who, day, what) for day, what in sorted(days.items())]


def is_owned(chase):
    return chase.owner is not None and chase.owner.is_active


def chased(chase):
    """Whose days count, if anybody is to be told."""
    if not chase.is_open:
        return None
    if is_owned(chase):
        wants = chase.owner.wants and (chase.due_on or chase.cadence.date_within)
        return chase.owner if wants else None
    if chase.cadence.owner_within is None:
        return None
    for rung in ("facilitator", "sponsor"):
        if chase.people.get(rung) and chase.people[rung].is_active:
            return chase.people[rung]
    return None


def walk_to_the_due_day(chase, calendar, days):
    count, day = 0, chase.due_on
    while count < max(chase.cadence.before, default=0):
        day -= DAY
        if ordinary(calendar, day):
            count += 1
            if count in chase.cadence.before and day > chase.since:
                days[day] = f"before {count}"
    if chase.cadence.on_the_day:
        day = chase.due_on
        while not ordinary(calendar, day):
            day -= DAY
        days[day] = "due 0"


def walk_on(days, calendar, day, until, first, every, kind):
    count = 0
    while day < until:
        day += DAY
        if ordinary(calendar, day):
            count += 1
            if count >= first and (count - first) % every == 0:
                days[day] = f"{kind} {(count - first) // every + 1}"


def step_of(chase, who, day, what):
    starts = quarters(who.calendar, day)[0]
    recipient = who
    manager = chase.people.get("manager")
    stands_in = is_owned(chase) and manager and manager.is_active and manager.id != who.id
    if away(who.calendar, day) and stands_in:
        recipient = manager
    return Expected(next_at_work(recipient.calendar, starts), f"{what}:{tail(chase)}", recipient, day)


def ladder_steps(chase):
    if not chase.is_open or not is_owned(chase) or not chase.due_on:
        return []
    found, told = [], [chase.owner.id]
    for rung, number in chase.cadence.ladder:
        person = chase.people.get(rung)
        if not person or not person.is_active or person.id in told:
            continue
        told.append(person.id)
        count, day = 0, chase.due_on
        while count < number:
            day += DAY
            count += ordinary(chase.owner.calendar, day)
        send_at = next_at_work(person.calendar, quarters(chase.owner.calendar, day)[0])
        found.append(Expected(send_at, f"escalated {rung}:{tail(chase)}", person, day))
    return found


def tail(chase):
    owner = chase.owner.id if chase.owner else "-"
    return f"{chase.subject}:{chase.due_on or '-'}:{owner}"


# --- What is to be told when


class Expectation:
    """What is to be told about one chase as long as nothing changes."""

    def __init__(self, chase, until):
        self.own = own_steps(chase, until)
        self.ladder = ladder_steps(chase)
        self.turns = self._turns()
        self.moments = [moment for moment, _ in self.turns]

    def _turns(self):
        """From which moment on which of the owner's steps is the last: the latest day's of those begun."""
        turns = []
        for step in sorted(self.own, key=lambda step: (step.send_at, step.day)):
            if turns and turns[-1][1].day > step.day:
                continue  # a later day's has come first
            if turns and turns[-1][0] == step.send_at:
                turns.pop()
            turns.append((step.send_at, step))
        return turns

    def steps(self, start, end):
        found = [(step.send_at, 0, step) for _, step in self.turns]
        found += [(step.send_at, 1, step) for step in self.ladder]
        return [step for _, _, step in sorted(found, key=lambda row: row[:2]) if start < step.send_at <= end]

    def next(self, made, at):
        """The first moment from `at` on at which somebody at work has not been told what they should be told."""
        found = [self._next_own(made, at)]
        for place, step in enumerate(self.ladder):
            if step.key not in made:
                found.append((next_at_work(step.recipient.calendar, max(step.send_at, at)), 1 + place, step))
        first = min((row for row in found if row), key=lambda row: row[:2], default=None)
        return first and (first[0], first[2])

    def _next_own(self, made, at):
        for turn in range(max(bisect_right(self.moments, at) - 1, 0), len(self.turns)):
            begins, step = self.turns[turn]
            moment = next_at_work(step.recipient.calendar, max(begins, at))
            ends = self.moments[turn + 1] if turn + 1 < len(self.turns) else None
            if step.key not in made and (ends is None or moment < ends):
                return moment, 0, step
        return None

    def missed(self, made, at):
        """What could be told at `at` to somebody at work, should have been by then, and has not been."""
        last = bisect_left(self.moments, at + timedelta.resolution) - 1
        told = [self.turns[last][1]] if last >= 0 else []
        told += [step for step in self.ladder if step.send_at <= at]
        return [s.key for s in told if s.key not in made and at_work(s.recipient.calendar, at)]
