"""What customers were promised to hear, and whether they did: from moments alone, nothing here reads or writes.

The severity promises a first update; each update that is not the last says when the next one comes. The update
that follows answers the promise: in time and with something new it is kept, in time and with nothing new it is
hollow, afterwards it is late. As long as none comes it is open, and broken once its moment has passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incidents.promises.hollow import is_hollow

MINUTE = timedelta(minutes=1)
SOON = timedelta(minutes=10)  # before a promise is due, at most, that its communicator is nudged
LAST = "resolved"


class Verdict(StrEnum):
    """What became of a promise."""

    KEPT = "kept"
    HOLLOW = "hollow"
    LATE = "late"
    BROKEN = "broken"
    OPEN = "open"


@dataclass(frozen=True)
class Promise:
    """By `due_at` customers hear from us. `by` is the update that said so, None for the severity's first."""

    made_at: datetime
    due_at: datetime
    by: object | None
    answer: object | None
    verdict: Verdict

    @property
    def nudge_at(self) -> datetime:
        """When whoever writes to customers is reminded of it: a third of its time before, ten minutes at most."""
        return self.due_at - min(SOON, (self.due_at - self.made_at) / 3)

    @property
    def late_by(self) -> timedelta | None:
        """How long after its moment the answer came, or None if it came in time or has not come."""
        return self.answer.published_at - self.due_at if self.verdict == Verdict.LATE else None


def promises_of(incident, updates: Iterable, at: datetime, names: Iterable[str] = ()) -> list[Promise]:
    """Every promise of `incident` in the order in which they were made, judged at `at`.

    `updates` are those that customers can read; `names` those of the services and regions, which are facts.
    """
    told = sorted(
        (one for one in updates if one.published_at <= at), key=lambda one: (one.published_at, one.pk)
    )
    names = list(names)
    first = timedelta(minutes=incident.severity.first_update_minutes)
    made = [(None, incident.declared_at, incident.declared_at + first)]
    made += [
        (one, one.published_at, one.next_update_by)
        for one in told
        if one.next_update_by and one.status != LAST
    ]
    found = []
    for by, made_at, due_at in made:
        answer = next((one for one in told if by is None or _follows(one, by)), None)
        verdict = _judge(due_at, by, answer, at, names)
        found.append(Promise(made_at, due_at, by, answer, verdict))
    return found


def _follows(one, by):
    return (one.published_at, one.pk) > (by.published_at, by.pk)


def _judge(due_at, by, answer, at, names):
    # People promise minutes: what comes within the minute that was named is in time.
    if answer is None:
        return Verdict.BROKEN if at >= due_at + MINUTE else Verdict.OPEN
    if answer.published_at >= due_at + MINUTE:
        return Verdict.LATE
    if by is not None and answer.status == by.status and is_hollow(answer.text, by.text, names):
        return Verdict.HOLLOW
    return Verdict.KEPT
