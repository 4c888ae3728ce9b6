"""What is chased: each app says in its reminders.py which rows, how, and what a mail tells of them.

chased("item", ActionItem, chases=…, entries=…)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import models

from config.reminding.cadence import Chase, Person, Step

CHASED: dict[str, "Chased"] = {}


@dataclass(frozen=True)
class Button:
    """An answer that a mail offers: one tap, then one page."""

    label: str
    url: str


@dataclass
class Entry:
    """One thing in a mail: what it is, why it matters, how late it is, and what can be answered."""

    title: str
    url: str
    reference: str = ""
    group: str = ""  # what it came from, such as a retro; entries of one group stand together
    why: str = ""
    due_on: date | None = None
    days_late: int = 0
    question: str = ""  # instead of a due day: “Nobody owns it yet.”
    facts: list[str] = field(default_factory=list)
    because: str = ""  # why this person reads it, if it is not theirs
    buttons: list[Button] = field(default_factory=list)


@dataclass(frozen=True)
class Chased:
    """One kind of thing that is chased. Both functions take many at once and ask a constant number of queries."""

    kind: str
    model: type[models.Model]
    chases: Callable[[list[int]], Iterable[tuple[int, Chase]]]
    # (reminders, reader, delivery) → the entries that still hold; what has changed is left out.
    entries: Callable[..., list[Entry]]


def chased(kind, model, *, chases, entries) -> None:
    """Register what is chased under the name its keys carry."""
    CHASED[kind] = Chased(kind, model, chases, entries)


def person(user) -> Person | None:
    """A user as the pure policy knows them."""
    if user is None:
        return None
    return Person(
        id=user.pk,
        name=str(user),
        calendar=user.calendar,
        is_active=user.is_active,
        wants=user.wants_reminders,
    )


def preview(kind, pk, start: datetime, end: datetime) -> list[Step]:
    """What would be sent about one thing between two moments if nothing changed."""
    from config.reminding.cadence import steps

    return [step for _, chase in CHASED[kind].chases([pk]) for step in steps(chase, start, end)]
