"""What other rooms have to say of a retro, such as its action items: they register it, retros do not import them.

register(Addition("actions", tell=…, read=…, store=…, heading="Action items", sketch=…))
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Addition:
    """One more key of the document, and what it means."""

    key: str
    tell: Callable  # (retro, telling) → plain lists and dicts; what is empty is left out
    read: Callable  # (plain value, where) → what `store` wants; Refused if something is wrong with it
    store: Callable  # (retro, what was read, keeping) → None
    heading: str = ""
    fetch: tuple = ()  # what to fetch together with the retros it is told of
    sketch: Callable | None = None  # (plain value, document) → lines of Markdown for readers
    incidents: Callable | None = None  # (retro) → incidents that it names, besides those the retro is about


ADDITIONS: dict[str, Addition] = {}


def register(addition: Addition) -> None:
    """Make it part of every export and import from now on."""
    ADDITIONS[addition.key] = addition
