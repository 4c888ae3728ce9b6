"""Placeholders of message templates: `{{ services }}`. A small substitution of our own; no text is ever run.

Each has a type, which decides how it is said: a moment in the zone of the status page, a list with “and”. A name
that is not known is refused when the template is saved, one that the incident cannot fill when it is used.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.utils import timezone

from config.display import duration
from incidents.status.moments import said

HOLE = re.compile(r"\{\{([^{}]{0,200})\}\}")
LATER = frozenset({"next_update"})  # decided in the form, so filled when it is sent


@dataclass(frozen=True)
class Facts:
    """What an update is about, as it will be when it is published."""

    incident: object
    services: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    next_update_by: datetime | None = None


@dataclass(frozen=True)
class Placeholder:
    """`read` gives the value, or nothing where it is not known; `say` puts it in words; `missing` says what to do."""

    type: str
    means: str
    missing: str
    read: Callable
    say: Callable = str


def _listed(names) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _lasted(facts):
    start = facts.incident.started_at
    return (facts.incident.resolved_at or timezone.now()) - start if start else None


def _of_incident(name):
    return lambda facts: getattr(facts.incident, name)


KNOWN = {
    "title": Placeholder(
        "line", "what customers notice", "Give the incident a title.", _of_incident("title")
    ),
    "services": Placeholder(
        *("list", "the services affected", "Say which services are affected."),
        *(lambda facts: facts.services, _listed),
    ),
    "regions": Placeholder(
        *("list", "the regions affected", "Say which regions are affected."),
        *(lambda facts: facts.regions, _listed),
    ),
    "severity": Placeholder(
        "line", "how bad it is", "Give the incident a severity.", lambda facts: facts.incident.severity
    ),
    "started": Placeholder(
        *("moment", "since when customers feel it", "Say when it started."),
        *(_of_incident("started_at"), said),
    ),
    "resolved": Placeholder(
        *("moment", "until when they felt it", "It is not resolved yet."),
        *(_of_incident("resolved_at"), said),
    ),
    "lasted": Placeholder("duration", "for how long so far", "Say when it started.", _lasted, duration),
    "next_update": Placeholder(
        *("moment", "by when we speak again", "Promise a next update."),
        *(lambda facts: facts.next_update_by, said),
    ),
    "customers": Placeholder(
        *("count", "how many customers are affected", "Say how many customers are affected."),
        *(_of_incident("customers_affected"), "{:,}".format),
    ),
    "how_many": Placeholder(
        *("line", "how many are affected, in words", "Say in words how many customers are affected."),
        _of_incident("customers_affected_note"),
    ),
    "data_safety": Placeholder(
        *("text", "whether data is safe", "Say at the incident whether data is safe."),
        _of_incident("data_safety"),
    ),
}


def names_in(text: str) -> list[str]:
    """The placeholders of `text`, each once, in the order in which they stand."""
    return list(dict.fromkeys(match[1].strip() for match in HOLE.finditer(text)))


def refuse_unknown(text: str) -> None:
    """Raise ValidationError that names each placeholder nobody knows, and each brace that opens none."""
    strange = [name for name in names_in(text) if name not in KNOWN]
    if strange:
        written = ", ".join(f"{{{{ {name} }}}}" for name in strange)
        raise ValidationError(
            f"There is no placeholder {written}. There are: {', '.join(KNOWN)}.", code="unknown_placeholder"
        )
    rest = HOLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise ValidationError("A placeholder is written {{ name }}: one brace is missing.", code="unclosed")


def missing_in(text: str, facts: Facts, *, leave: Iterable[str] = ()) -> list[str]:
    """The placeholders of `text` that cannot be filled yet; those to `leave` and unknown ones are not among them."""
    named = [name for name in names_in(text) if name in KNOWN and name not in leave]
    return [name for name in named if _is_unknown(KNOWN[name].read(facts))]


def _is_unknown(value) -> bool:
    return value is None or value in ("", ())


def fill(text: str, facts: Facts, *, leave: Iterable[str] = ()) -> str:
    """`text` with every placeholder filled but those to `leave`; ValidationError names what is missing."""
    refuse_unknown(text)
    if missing := missing_in(text, facts, leave=leave):
        told = " ".join(f"{{{{ {name} }}}}: {KNOWN[name].missing}" for name in missing)
        raise ValidationError(f"Not known yet: {told}", code="missing_placeholder")
    named = [name for name in names_in(text) if name not in leave]
    values = {name: KNOWN[name].say(KNOWN[name].read(facts)) for name in named}
    return HOLE.sub(lambda hole: values.get(hole[1].strip(), hole[0]), text)
