"""What an incident was for customers, in figures. Rows in, dataclasses out; nothing is stored, nothing written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """A length of time, with the two moments behind it."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it took; never less than nothing."""
        return max(self.until - self.since, timedelta())

    @classmethod
    def between(cls, since, until) -> "Span | None":
        """The span, or None while either moment is unknown."""
        return cls(since, until) if since and until else None


@dataclass(frozen=True)
class CustomerSide:
    """How long customers waited for somebody to care, for a word, for it to be over."""

    acknowledge: Span | None
    first_update: Span | None
    restore: Span | None
    updates: int
    longest_without_update: Span | None


def customer_side(incident, told: Iterable[datetime]) -> CustomerSide:
    """The figures of one incident; `told` are the moments at which customers were told something."""
    told = sorted(told)
    began = incident.detected_at or incident.started_at or incident.declared_at
    return CustomerSide(
        acknowledge=Span.between(incident.detected_at, incident.acknowledged_at),
        first_update=Span.between(began, told[0] if told else None),
        restore=Span.between(incident.started_at, incident.resolved_at),
        updates=len(told),
        longest_without_update=_longest(began, told, incident.resolved_at),
    )


def _longest(began, told, ended) -> Span | None:
    if ended is None:  # it goes on, so nobody knows yet
        return None
    points = [began, *(at for at in told if began < at < ended), max(began, ended)]
    spans = [Span(a, b) for a, b in pairwise(points)]
    return max(spans, key=lambda span: span.length)
