"""Where a timeline is silent: no word to customers for longer than promised, or nothing recorded at all.

Pure: moments in, gaps out. Nothing here reads a row or asks what time it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

UPDATE, SILENCE = "update", "silence"
# Without a severity's own cadence.
FIRST_UPDATE, NEXT_UPDATE = timedelta(minutes=30), timedelta(minutes=60)


@dataclass(frozen=True)
class Cadence:
    """What a severity owes its customers: the first word within, then one every."""

    first: timedelta = FIRST_UPDATE
    every: timedelta = NEXT_UPDATE

    @classmethod
    def of(cls, severity) -> "Cadence":
        """The cadence of a severity."""
        first, every = severity.first_update_minutes, severity.update_every_minutes
        return cls(timedelta(minutes=first), timedelta(minutes=every))


@dataclass(frozen=True)
class Open:
    """While customers could feel an incident: what is silent before or after it is no gap."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Gap:
    """From one moment to another, nothing of the kind that was owed."""

    kind: str
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.until - self.since

    @property
    def words(self) -> str:
        """Such as “22 min without a customer update”."""
        lasted = _in_words(self.length)
        return f"{lasted} without a customer update" if self.kind == UPDATE else f"{lasted} of silence"


def _in_words(length) -> str:
    minutes = int(length.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return " ".join(parts[:2]) or "under 1 min"


def gaps(entries: Iterable[tuple[datetime, bool]], while_open: Open, cadence: Cadence) -> list[Gap]:
    """The gaps of one incident, in the order in which they end.

    `entries` are pairs of a moment and whether it was an update to customers. A silence that a missing update
    explains already is told once, as the update that is missing.
    """
    inside = sorted((at, told) for at, told in entries if while_open.since <= at <= while_open.until)
    told = [at for at, is_update in inside if is_update]
    missed = list(_missed(told, while_open, cadence))
    silent = [
        Gap(SILENCE, since, until)
        for since, until in _stretches([at for at, _ in inside], while_open)
        if until - since > cadence.first and not _is_explained(since, until, missed)
    ]
    return sorted([*missed, *silent], key=lambda gap: (gap.until, gap.kind, gap.since))


def _missed(told, while_open, cadence):
    for number, (since, until) in enumerate(_stretches(told, while_open)):
        owed = cadence.every if number else cadence.first
        if until - since > owed:
            yield Gap(UPDATE, since, until)


def _stretches(moments, while_open):
    points = [while_open.since, *moments, while_open.until]
    return list(pairwise(points))


def _is_explained(since, until, missed) -> bool:
    return any(gap.since == since and gap.until == until for gap in missed)
