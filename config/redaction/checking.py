"""The check itself: every kind looks at the text as it is seen; what it finds is told where it was typed."""

from collections.abc import Iterable

from config.redaction.kinds import KINDS, Found
from config.redaction.names import companies, names
from config.redaction.patterns import FORMS
from config.redaction.reading import Reading


def check(
    text: str, *, people: Iterable[str] = (), customers: Iterable[str] = (), hosts: Iterable[str] = ()
) -> list[Found]:
    """What in `text` must not be public, in the order in which it stands there.

    `people` are names and mailboxes of persons, `customers` other names that must not be public, `hosts` names of
    systems; what has a form of its own is found without being named.
    """
    named = {"host": (companies, hosts), "customer": (companies, customers), "person": (names, people)}
    found = set()
    for reading in _readings(text):
        for kind, why in KINDS.items():
            spans = FORMS[kind](reading.text) if kind in FORMS else ()
            if kind in named:
                find, given = named[kind]
                spans = (*spans, *find(reading.text, given))
            for start, end in spans:
                first, last = reading.source(start, end)
                found.add(Found(first, last, kind, text[first:last], why))
    return sorted(_outermost(found))


def _readings(text):
    yield Reading(text)
    if "\\" in text:
        # `AKIA\IOSF…` is shown with its backslash, and whoever reads it knows what it is; paths have them, too.
        yield Reading(text, joined=True)


def _outermost(found):
    """Without what lies whole inside something that is of the same kind or was named earlier."""
    order = {kind: place for place, kind in enumerate(KINDS)}
    kept, around, reach = [], [], -1
    # By start, the longest first: whatever may contain one comes before it.
    for one in sorted(found, key=lambda one: (one.start, -one.end, order[one.kind])):
        around, reach = (around, max(reach, one.end)) if one.start < reach else ([], one.end)
        if not any(end >= one.end and rank <= order[one.kind] for end, rank in around):
            kept.append(one)
            around.append((one.end, order[one.kind]))
    return kept
