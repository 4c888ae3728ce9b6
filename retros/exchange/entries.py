"""Lines of the timeline, and what customers were told, as items of a list; and back.

- 2026-08-01T10:48:00Z note {"by": "jonas@example.com", "mark": {"kind": "detection", "star": true}}: Three calls.
- 2026-08-01T11:05:00Z identified {"by": "lena@example.com", "next": "2026-08-01T11:35:00Z"}: It is not your card.

A moment, a kind, in braces what else is known, as JSON, and after the colon the text as it was written.
"""

import json
import re

from incidents.imports.shape import Refused
from incidents.models import TimelineEntry

_HEAD = re.compile(r"(\S+) ([a-z_]+)(?: (?=\{)|(?=:)|$)")
_AFTERCARE = TimelineEntry(source="Aftercare").source  # where most entries are from; not said each time
# What stands in the braces, and what the document calls it.
_OF_ENTRY = {"by": "author", "id": "external_id", "key": "is_key", "mark": "mark", "shows": "shows"}
_OF_MARK = {"at": "marked_at", "by": "marked_by", "kind": "kind", "note": "note", "star": "is_starred"}
_OF_UPDATE = {"by": "published_by", "id": "external_id", "next": "next_update_by"}


# --- Lists


def item(head, text) -> str:
    """An item of a list: what it is, and its text; further lines are indented."""
    first, *others = text.split("\n")
    if text:
        head += ":" + (f" {first}" if first else "")
    return "\n".join([f"- {head}", *map(_indented, others)])


def bare_item(text) -> str:
    """An item that is nothing but its text."""
    first, *others = text.split("\n")
    return "\n".join([f"- {first}", *map(_indented, others)])


def _indented(line):
    return f"  {line}" if line else ""


def items(text, place, line) -> list[tuple[int, str]]:
    """The items of a list, each without its dash and indentation, with the line it begins in."""
    found = []
    for number, one in enumerate(text.split("\n") if text else [], line):
        if one.startswith("- ") or one == "-":
            found.append((number, [one[2:]]))
        elif found and (not one or one.startswith("  ")):
            found[-1][1].append(one[2:])
        else:
            raise Refused(f"{place}, line {number}: neither an item (- …) nor indented by two blanks")
    return [(number, "\n".join(lines)) for number, lines in found]


def after_colon(text) -> str:
    """What follows a colon: a blank, unless the first line is empty."""
    return text.removeprefix(" ")


# --- Writing


def entry_item(entry) -> str:
    """One entry of the timeline."""
    more = shortened(entry, _OF_ENTRY)
    if "mark" in more:
        more["mark"] = shortened(more["mark"], _OF_MARK)
    if (source := entry.get("source", "")) != _AFTERCARE:
        more["source"] = source
    return item(head(entry["at"], entry["kind"], more), entry["text"])


def update_item(update) -> str:
    """One text that customers read."""
    more = shortened(update, _OF_UPDATE)
    return item(head(update["published_at"], update["status"], more), update["text"])


def shortened(values, names) -> dict:
    """What stands in the braces: `names` says what each is called there."""
    return {short: values[name] for short, name in names.items() if name in values}


def head(at, kind, more) -> str:
    """What an item begins with."""
    said = f" {json.dumps(more, ensure_ascii=False, sort_keys=True)}" if more else ""
    return f"{at} {kind}{said}"


# --- Reading


def read_entry(one, place) -> dict:
    """The entry that an item is."""
    place = f"{place}, line {one[0]}"
    at, kind, more, text = taken_apart(one[1], place, {*_OF_ENTRY, "source"})
    entry = {"at": at, "kind": kind, "text": text, **in_full(more, _OF_ENTRY)}
    if isinstance(mark := entry.get("mark"), dict):
        _refuse_strange(mark, _OF_MARK, place, "a mark")
        entry["mark"] = in_full(mark, _OF_MARK)
    source = more.get("source", _AFTERCARE)
    return entry | ({"source": source} if source else {})


def read_update(one, place) -> dict:
    """The text to customers that an item is."""
    at, status, more, text = taken_apart(one[1], f"{place}, line {one[0]}", _OF_UPDATE)
    return {"published_at": at, "status": status, "text": text, **in_full(more, _OF_UPDATE)}


def in_full(values, names) -> dict:
    """What stood in the braces, as the document calls it."""
    return {names[short]: value for short, value in values.items() if short in names}


def taken_apart(text, place, known) -> tuple:
    """The moment, the kind, what stood in the braces, and the text of an item."""
    if not (found := _HEAD.match(text)):
        raise Refused(f"{place}: an entry begins with its moment and its kind")
    more, rest = {}, text[found.end() :]
    if rest.startswith("{"):
        try:
            more, end = json.JSONDecoder().raw_decode(rest)
        except (ValueError, RecursionError) as error:
            raise Refused(f"{place}: what stands in {{…}} is not JSON") from error
        rest = rest[end:]
    _refuse_strange(more, known, place, "an entry")
    if rest and not rest.startswith(":"):
        raise Refused(f"{place}: a colon stands before the text")
    return found[1], found[2], more, after_colon(rest[1:])


def _refuse_strange(values, known, place, what):
    if strange := sorted(values.keys() - set(known)):
        raise Refused(f"{place}: {strange[0][:60]!r} says nothing about {what}")
