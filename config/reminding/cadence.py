"""When somebody is told about what they own, and who is told next: pure policy, nothing here reads a row.

S1  An *ordinary day* is one of a person's weekdays that is no public holiday of theirs; that they are away
    does not count. The owner's steps fall on ordinary days of the owner: `before k` on the k-th before the
    due day, if that is later than the day it was agreed; `due` on the due day, or on the last ordinary one
    before it; `overdue n` on the ((n - 1) * every + 1)-th after it. Of two on one day only the later kind
    counts: due beats before.
S2  A step of day D goes to the owner at the start of their D. If they are away on D, it goes to their manager
    at the manager's first working moment from then on; without an active manager it waits for the owner's
    own. A step that would come no earlier than one of a later day is left out: the later says it all. Who
    does not want reminders gets none, and neither does their manager instead of them.
S3  While snoozed, the owner's steps of days before `snoozed_until` are left out. A step `back` falls on the
    first ordinary day from then on, unless another step does.
S4  The ladder: `rung, m` tells the person of that rung on the m-th ordinary day of the owner after the due
    day, at their own first working moment from the start of the owner's day on. It is left out if there is
    no such active person, if it is the owner, or if an earlier rung told the same person. No snooze and no
    wish stops it; the mail says so.
S5  What nobody active owns is brought before the facilitator, or else the sponsor, or else nobody: on the
    (owner_within + (n - 1) * every)-th ordinary day of theirs after the day it was agreed, n = 1, 2, …, at
    their first working moment from the start of that day on, whatever they want. Without `owner_within`
    nothing is sent.
S6  An owner without a due day is asked for one in the same way, with `date_within`, by their own calendar
    and with S2.
S7  What is not open tells nobody anything.

What has been told is remembered by a step's key. It names the chased owner, never the recipient, and dates,
never ages: a changed calendar repeats nothing, a new owner or a new due day begins anew.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from textwrap import shorten

from config.people.calendar import DAY, FIRST_DAY, WorkCalendar

HORIZON = timedelta(days=400)  # how far ahead a next step is looked for


class Rung(StrEnum):
    """As what somebody is told."""

    OWNER = "owner"
    MANAGER = "manager"
    FACILITATOR = "facilitator"
    SPONSOR = "sponsor"


class Kind(StrEnum):
    """What a step says."""

    BEFORE = "before"
    DUE = "due"
    OVERDUE = "overdue"
    BACK = "back"
    NO_OWNER = "no owner"
    NO_DATE = "no date"
    ESCALATED = "escalated"


@dataclass(frozen=True)
class Person:
    """Somebody who may be told."""

    id: int
    name: str
    calendar: WorkCalendar
    is_active: bool = True
    wants: bool = True


@dataclass(frozen=True)
class Cadence:
    """How something is chased; every number counts ordinary days."""

    before: tuple[int, ...] = ()
    on_the_day: bool = True
    every: int = 1
    ladder: tuple[tuple[Rung, int], ...] = ()
    owner_within: int | None = None
    date_within: int | None = None

    def __post_init__(self):
        counts = [*self.before, self.every, *(days for _, days in self.ladder)]
        counts += [days for days in (self.owner_within, self.date_within) if days is not None]
        if min(counts) < 1:
            raise ValueError("A cadence counts from one day on.")


@dataclass(frozen=True)
class Chase:
    """One thing to chase: `people` holds the owner's manager, the facilitator and the sponsor."""

    subject: str
    cadence: Cadence
    since: date
    due_on: date | None
    owner: Person | None
    people: Mapping[Rung, Person | None] = field(default_factory=dict)
    is_open: bool = True
    snoozed_until: date | None = None


@dataclass(frozen=True)
class Step:
    """One thing to tell one person."""

    kind: Kind
    number: int
    rung: Rung
    recipient: Person
    send_at: datetime
    day: date
    because: str
    key: str


def steps(chase: Chase, start: datetime, end: datetime) -> list[Step]:
    """Every step with start < send_at <= end, in order; of one moment the owner's come first."""
    track = _Track(chase)
    found = [step for step in track.escalations() if start < step.send_at <= end]
    step = track.first(start)
    while step and step.send_at <= end:
        found.append(step)
        step = track.first(step.send_at)
    return sorted(found, key=_order)


def due(chase: Chase, at: datetime) -> list[Step]:
    """What should have been told by `at`: the last of the owner's steps, and every escalation."""
    track = _Track(chase)
    last = track.last(at)
    found = [step for step in track.escalations() if step.send_at <= at]
    return sorted([last, *found] if last else found, key=_order)


def upcoming(chase: Chase, after: datetime) -> Step | None:
    """The first step after `after`; None if there is none within the horizon."""
    track = _Track(chase)
    found = [track.first(after), *track.escalations()]
    ahead = [step for step in found if step and after < step.send_at <= after + HORIZON]
    return min(ahead, key=_order, default=None)


def plan(chase: Chase, made: Container[str], at: datetime) -> tuple[datetime, Step] | None:
    """What to tell next and when, `made` being the keys of what has been told; None if there is nothing.

    A step that was missed is made up for at the recipient's next working moment, unless the next one of the
    owner's comes no later: then that takes its place.
    """
    track = _Track(chase)
    found = []
    for step in track.escalations(made):
        if step.send_at <= at + HORIZON and (moment := _moment(step, at)):
            found.append((moment, step))
    last = track.last(at)
    following = track.following(last, at)
    if last and last.key not in made:
        moment = _moment(last, at)
        if moment and not (following and following.send_at <= moment):
            found.append((moment, last))
    while following and following.key in made:
        following = track.first(following.send_at)
    if following and following.send_at <= at + HORIZON:
        found.append((following.send_at, following))
    return min(found, key=lambda pair: (pair[0], pair[1].kind == Kind.ESCALATED), default=None)


def _moment(step, at):
    """When to make `step` if it has not been made by `at`."""
    return step.recipient.calendar.next_working_moment(at) if step.send_at <= at else step.send_at


def _order(step):
    return step.send_at, step.kind == Kind.ESCALATED


@dataclass(frozen=True)
class _Mark:
    """A step of the owner's before it is known whom it reaches and when."""

    day: date
    kind: Kind
    number: int


class _Track:
    """The steps of one chase. Marks are found by counting, so that years overdue cost no more than a day."""

    def __init__(self, chase: Chase):
        self.chase = chase
        self.chased, self.rung = self._chased()
        self.tail = _tail(chase)
        self.back = self.calendar = None
        if self.chased is None:
            return
        self.calendar = self.chased.calendar
        cadence, due_on = chase.cadence, chase.due_on
        if self.rung is not Rung.OWNER:
            self.repeats = Kind.NO_OWNER, chase.since, cadence.owner_within
        elif due_on is None:
            self.repeats = Kind.NO_DATE, chase.since, cadence.date_within
        else:
            self.repeats = Kind.OVERDUE, due_on, 1
        if chase.snoozed_until:
            self.back = self._on_or_after(chase.snoozed_until)

    def _chased(self) -> tuple[Person | None, Rung]:
        """Whose days count for the owner's steps, and as what they are told; nobody if there are none."""
        chase, owner = self.chase, self.chase.owner
        if not chase.is_open:
            return None, Rung.OWNER
        if owner is not None and owner.is_active:
            silent = not owner.wants or (chase.due_on is None and chase.cadence.date_within is None)
            return None if silent else owner, Rung.OWNER
        if chase.cadence.owner_within is not None:
            for rung in (Rung.FACILITATOR, Rung.SPONSOR):
                if person := _active(chase, rung):
                    return person, rung
        return None, Rung.OWNER

    @cached_property
    def fixed(self) -> list[_Mark]:
        """The marks up to the due day, in order, each day once."""
        cadence, due_on, calendar, marks = self.chase.cadence, self.chase.due_on, self.calendar, []
        if self.repeats[0] is not Kind.OVERDUE:
            return marks
        on = due_on if calendar.is_ordinary(due_on) else calendar.add_ordinary(due_on, -1)
        for number in sorted(set(cadence.before), reverse=True):
            day = calendar.add_ordinary(due_on, -number)
            if day and day > self.chase.since and not (cadence.on_the_day and day == on):
                marks.append(_Mark(day, Kind.BEFORE, number))
        if cadence.on_the_day and on:
            marks.append(_Mark(on, Kind.DUE, 0))
        return marks

    # --- Marks, by day

    def _last_mark(self, day: date) -> _Mark | None:
        """The last mark up to and with `day`."""
        mark = self._last_repeated(day) or next((m for m in reversed(self.fixed) if m.day <= day), None)
        if self.chase.snoozed_until is None:
            return mark
        if mark and mark.day >= self.chase.snoozed_until:
            return mark
        return self.back if self.back and self.back.day <= day else None

    def _next_mark(self, day: date) -> _Mark | None:
        """The first mark after `day`."""
        if snoozed := self.chase.snoozed_until:
            mark = self._next_unsnoozed(max(day, _eve(snoozed)))
            if self.back and self.back.day > day and (mark is None or self.back.day < mark.day):
                return self.back
            return mark
        return self._next_unsnoozed(day)

    def _next_unsnoozed(self, day):
        mark = None
        if day < self.repeats[1]:
            mark = next((m for m in self.fixed if m.day > day), None)
        return mark or self._repeated(day)

    def _last_repeated(self, day):
        kind, base, first = self.repeats
        count = self.calendar.count_ordinary(base, day) - first
        return self._mark(kind, base, first, count // self.chase.cadence.every + 1) if count >= 0 else None

    def _repeated(self, day):
        """The first of the repeated marks after `day`."""
        kind, base, first = self.repeats
        count = self.calendar.count_ordinary(base, day) - first
        number = count // self.chase.cadence.every + 2 if count >= 0 else 1
        return self._mark(kind, base, first, number)

    def _mark(self, kind, base, first, number):
        day = self.calendar.add_ordinary(base, first + (number - 1) * self.chase.cadence.every)
        return _Mark(day, kind, number) if day else None

    def _on_or_after(self, snoozed_until):
        """The mark that says that the snooze is over."""
        day = self.calendar.add_ordinary(_eve(snoozed_until), 1)
        return _Mark(day, Kind.BACK, snoozed_until.toordinal()) if day else None

    # --- Steps, by moment

    def last(self, at: datetime) -> Step | None:
        """The last of the owner's steps up to and with `at`: of those with a moment by then, the last day's."""
        if self.calendar is None:
            return None
        mark = self._last_mark(self.calendar.today(at))
        while mark:
            step = self._step(mark)
            if step and step.send_at <= at:
                return step
            # Nobody stands in: all days of an absence wait for its end.
            waits = self.rung is not Rung.OWNER or step is None or step.rung is Rung.OWNER
            before = mark.day
            if waits and self.calendar.is_away(mark.day):
                before = max(self.calendar.away_from, FIRST_DAY)
            mark = self._last_mark(before - DAY)
        return None

    def first(self, after: datetime) -> Step | None:
        """The first of the owner's steps after `after`."""
        return self.following(self.last(after), after)

    def following(self, last: Step | None, after: datetime) -> Step | None:
        """The first step after `after`, which `last` is the last one up to."""
        if self.calendar is None:
            return None
        mark = self._next_mark(last.day if last else date.min)
        step = mark and self._step(mark)
        if step is None:
            return None
        if self.calendar.is_away(mark.day):
            # Whoever stands in may be slower than the owner is back.
            home = self._next_mark(self.calendar.away_until)
            moment = min(step.send_at, self._step(home).send_at) if home else step.send_at
            return self.last(moment)
        if self.calendar.today(step.send_at) != mark.day:  # the clocks skip all of their hours
            return self.last(step.send_at)
        return step

    def _step(self, mark: _Mark) -> Step | None:
        """Whom the step of a mark reaches, and when; None if that is never."""
        who, rung, because = self.chased, self.rung, None
        moment = self.calendar.start_of(mark.day)
        if self.calendar.is_away(mark.day):
            stand_in = self._stand_in(moment) if rung is Rung.OWNER else None
            if stand_in:
                who, rung, moment = stand_in
                because = f"{_name(self.chased)} is away until {_spoken(self.calendar.away_until)}"
            else:
                moment = self.calendar.next_working_moment(moment)
        elif self.calendar.today(moment) != mark.day:  # the clocks skip all of their hours
            moment = self.calendar.next_working_moment(moment)
        if moment is None:
            return None
        key = f"{mark.kind} {mark.number}:{self.tail}"
        because = because or self._because()
        return Step(mark.kind, mark.number, rung, who, moment, mark.day, because, key)

    def _stand_in(self, starts: datetime) -> tuple[Person, Rung, datetime] | None:
        """Who is told while the owner is away, and when: their manager, if that is somebody else at work."""
        boss = _active(self.chase, Rung.MANAGER)
        if boss is None or boss.id == self.chased.id:
            return None
        moment = boss.calendar.next_working_moment(starts)
        return (boss, Rung.MANAGER, moment) if moment else None

    def _because(self):
        if self.rung is Rung.OWNER:
            return "you own it"
        if self.chase.owner is None:
            return "nobody owns it"
        return f"{_name(self.chase.owner)}, who owns it, no longer works here"

    def escalations(self, made: Container[str] = ()) -> Iterator[Step]:
        """The ladder but for what is made, rung by rung; neither a snooze nor a wish to hear nothing changes it."""
        chase, owner = self.chase, self.chase.owner
        if not chase.is_open or chase.due_on is None or owner is None or not owner.is_active:
            return
        told = {owner.id}
        for rung, number in sorted(chase.cadence.ladder, key=lambda pair: pair[1]):
            person = _active(chase, rung)
            if person is None or person.id in told:
                continue
            told.add(person.id)
            key = f"{Kind.ESCALATED} {rung}:{self.tail}"
            if key in made or (day := owner.calendar.add_ordinary(chase.due_on, number)) is None:
                continue
            moment = person.calendar.next_working_moment(owner.calendar.start_of(day))
            if moment:
                because = _because_overdue(owner, rung, number)
                yield Step(Kind.ESCALATED, number, rung, person, moment, day, because, key)


def _because_overdue(owner: Person, rung: Rung, number: int) -> str:
    role = f"{_name(owner)}’s manager" if rung == Rung.MANAGER else f"its {rung}"
    return f"it is {_days(number)} overdue and you are {role}"


def _active(chase: Chase, rung: Rung) -> Person | None:
    person = chase.people.get(rung)
    return person if person and person.is_active else None


def _tail(chase: Chase) -> str:
    """What ends every key: what is chased, and with whom and by when that begins anew."""
    return f"{chase.subject}:{chase.due_on or '-'}:{chase.owner.id if chase.owner else '-'}"


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B}"


def _name(person: Person) -> str:
    """Their name, so short that a line holds it and the rest."""
    return shorten(person.name, 100, placeholder="…")


def _eve(day: date) -> date:
    return max(day, FIRST_DAY) - DAY


# --- A cadence, said

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ORDINALS = ("", "", "second ", "third ", "fourth ", "fifth ")


def in_words(cadence: Cadence) -> str:
    """What a cadence does, in one sentence."""
    days = sorted(set(cadence.before), reverse=True)
    parts = [f"{_days(days.pop(0), *days)} before"] if days else []
    parts += ["on the day"] if cadence.on_the_day else []
    often = ORDINALS[cadence.every] if cadence.every < len(ORDINALS) else f"{cadence.every}th "
    parts.append(f"{'then ' if parts else ''}every {often}working day while overdue")
    clauses = [", ".join(parts)]
    if ladder := sorted(cadence.ladder, key=lambda pair: pair[1]):
        clauses.append(_ladder_in_words(ladder))
    if cadence.owner_within is not None:
        clauses.append(f"with nobody to own it the facilitator is told after {_days(cadence.owner_within)}")
    if cadence.date_within is not None:
        clauses.append(f"with no due day its owner is asked for one after {_days(cadence.date_within)}")
    said = "; ".join(clauses)
    return f"{said[0].upper()}{said[1:]}."


def _ladder_in_words(ladder) -> str:
    (rung, days), *rest = ladder
    first = f"after {_days(days)} {_title(rung)} is told"
    return ", ".join([first, *(f"after {_number(days)} {_title(rung)}" for rung, days in rest)])


def _title(rung) -> str:
    return "their manager" if rung == Rung.MANAGER else f"the {rung}"


def _days(*counts) -> str:
    """The counts joined, with what they count: five, two and one working days."""
    words = [_number(count) for count in counts]
    said = f"{', '.join(words[:-1])} and {words[-1]}" if words[1:] else words[0]
    return f"{said} working day{'' if counts == (1,) else 's'}"


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
