"""What other rooms have to say of a retro, such as its action items: they register it, retros do not import them.

register(Addition("actions", tell=…, read=…, store=…, heading="Action items", sketch=…))
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Body:
    """What of an addition stands in the text, as it was written, and not in the front matter."""

    names: frozenset  # the first words of the names of its parts
    short: Callable  # (plain value) → what of it stands in the front matter; nothing if all is in the text
    parts: Callable  # (plain value) → name, heading and text of each part
    take: Callable  # (document, name, text, place, line) → None: puts into the document what a part says


@dataclass(frozen=True)
class Addition:
    """One more key of the document, and what it means."""

    key: str
    tell: Callable  # (retro, telling) → plain lists and dicts; what is empty is left out
    read: Callable  # (plain value, where) → what `store` wants; Refused if something is wrong with it
    store: Callable  # (retro, what was read, keeping) → None
    heading: str = ""
    fetch: tuple = ()  # what to fetch together with the retros it is told of
    flags: Callable | None = None  # () → what to ask of each retro, as annotations
    sketch: Callable | None = None  # (plain value, document) → lines of Markdown for readers
    body: Body | None = None
    incidents: Callable | None = None  # (retro) → incidents that it names, besides those the retro is about
    people: Callable | None = None  # (retro) → primary keys of people whom it names, and no row of its
    place: int = 50  # where its parts stand among the others


ADDITIONS: dict[str, Addition] = {}


def register(addition: Addition) -> None:
    """Make it part of every export and import from now on."""
    found = {**ADDITIONS, addition.key: addition}
    ADDITIONS.clear()
    ADDITIONS.update(sorted(found.items(), key=lambda one: (one[1].place, one[0])))
