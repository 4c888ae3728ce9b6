"""“Have we seen this before?” on other pages: a card on the page of a row, and a fragment while somebody types.

tells("incident", unfinished)    # unfinished(pks, user) yields (pk, Note): what is told below that incident
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.urls import reverse

from config.admin import Card
from config.search.kinds import KINDS, open_to
from config.search.similarity import SHARED, Alike, Trait, similar, similar_to

SHOWN = 5
HEADING = "Have we seen this before?"
NOTES = 3  # of one similar row; the rest is counted
LONGEST = 2_000  # characters of what is being typed

_tellers: dict[str, list[Callable]] = defaultdict(list)


@dataclass(frozen=True)
class Note:
    """What is known of a similar row, such as an action item of it that is not done: in words, with a page."""

    text: str
    url: str
    mark: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Remembered:
    """A similar row as a page shows it."""

    alike: Alike
    title: str
    notes: tuple[Note, ...]
    more: int = 0

    @property
    def url(self) -> str:
        return self.alike.kind.url(self.alike.pk)


def tells(kind: str, notes) -> None:
    """Say what else is told of similar rows: `notes(pks, user)` yields (pk, Note), of what `user` may see."""
    _tellers[kind].append(notes)


def remembered(found: list[Alike], user) -> list[Remembered]:
    """Similar rows with their names and what is told of them; a constant number of queries."""
    if not found:
        return []
    kind, pks = found[0].kind, [one.pk for one in found]
    rows = kind.visible_to(user).in_bulk(pks)
    notes = defaultdict(list)
    for teller in _tellers[kind.name]:
        for pk, note in teller(pks, user):
            notes[pk].append(note)
    return [
        Remembered(one, str(rows[one.pk]), tuple(notes[one.pk][:NOTES]), max(len(notes[one.pk]) - NOTES, 0))
        for one in found
        if one.pk in rows
    ]


def alike_card(kind: str, pks: list[int], user) -> list[Card]:
    """The card that brings up what rows are like; none for who may not search, nor if there is nothing."""
    if not pks or KINDS[kind] not in open_to(user):
        return []
    found = remembered(similar_to(kind, pks, user, SHOWN), user)
    facts = [
        (f"{place}.", render_to_string("search/_remembered.html", {"one": one}))
        for place, one in enumerate(found, start=1)
    ]
    return [Card(HEADING, facts)] if facts else []


def typed(kind: str, params, user) -> list[Remembered]:
    """What a text that somebody writes is like; `params` are those of the address that the form asks."""
    title, body = (params.get(name, "")[:LONGEST].replace("\x00", "") for name in ("title", "body"))
    traits = {
        Trait(what, int(key), "")
        for what in SHARED
        for key in params.getlist(what)[:50]
        if key.isascii() and key.isdigit() and len(key) < 19
    }
    return remembered(similar(kind, title, body, traits, user, limit=SHOWN), user)


def while_typing(kind: str, **inputs) -> dict[str, str]:
    """The attributes of an input below which similar rows appear while somebody types.

    `inputs` name the inputs that are read: `title`, `body`, and any trait that rows share.
    """
    read = " ".join(f"{name}:{field}" for name, field in inputs.items())
    return {"data-alike": reverse("search:alike", args=[kind]), "data-alike-reads": read}
