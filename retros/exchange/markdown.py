"""A document as Markdown, and back: the same bytes. The rules are told in the docstring of this package."""

import re
from datetime import datetime

from incidents.imports.shape import Refused
from retros.exchange import front
from retros.exchange.additions import ADDITIONS
from retros.exchange.entries import (
    after_colon,
    bare_item,
    entry_item,
    item,
    items,
    read_entry,
    read_update,
    update_item,
)
from retros.exchange.plain import pruned
from retros.exchange.verbatim import as_written, verbatim
from retros.models import Finding, TimelineMark

_FRONT = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)
_PART = re.compile(r"^<!-- part: ([^\n]*) -->\n", re.MULTILINE)
_END = "<!-- end -->"
# What is not in the front matter.
_BODY = ("customer_impact", "no_actions_because", "sections", "factors", "findings")
_KINDS = dict(Finding.Kind.choices)
_OF_KIND = {label: kind for kind, label in _KINDS.items()}
_MARKED_AS = dict(TimelineMark.Kind.choices)
# Lists of which each incident has one: what they are called, how an item is written, and read.
_LISTS = {
    "timeline": ("Timeline of", entry_item, read_entry),
    "updates": ("What customers were told of", update_item, read_update),
}


# --- Writing


def render(document: dict) -> str:
    """The Markdown of a document."""
    values = {key: value for key, value in document.items() if key not in _BODY}
    values["incidents"] = [_without_lists(one) for one in document.get("incidents", [])]
    values |= {key: of.body.short(values[key]) for key, of in ADDITIONS.items() if of.body and key in values}
    values = {key: value for key, value in (values | repeated(document)).items() if value or value == 0}
    parts = "\n".join(filter(None, (_part(*part) for part in _parts(document))))
    return f"---\n{front.dump(values)}---\n\n# {document.get('title', '')}\n\n{parts}\n{_END}\n"


def _without_lists(incident):
    return {key: value for key, value in incident.items() if key not in _LISTS}


def repeated(document) -> dict:
    """What other readers of such files look for: it follows from the rest."""
    incidents = document.get("incidents", [])
    told = {"categories": [one["factor"] for one in document.get("factors", [])]}
    if "published_at" in document:
        told["source_published_at"] = document["published_at"]
    if not incidents:
        return told
    first = incidents[0]
    told |= {"uuid": first["uuid"], "severity": first["severity"], "url": first.get("source_url")}
    told["start_time"] = min((one["started_at"] for one in incidents if "started_at" in one), default=None)
    if all("resolved_at" in one for one in incidents):
        told["end_time"] = max(one["resolved_at"] for one in incidents)
    told["summary"] = _first_words(first.get("summary", ""))
    for name in ("regions", "services"):
        told[name] = sorted({slug for one in incidents for slug in one.get(name, {})})
    return told


def _first_words(text):
    words = " ".join(text.split())
    return words if len(words) <= 300 else f"{words[:299].rstrip()}…"


def _parts(document):
    """Name, heading and text of each part, in the order that never changes."""
    yield "incidents", "Incidents", _lines(_sketch_of(document.get("incidents", [])))
    yield "impact", "Customer impact", verbatim(document.get("customer_impact", ""))
    for section in document.get("sections", []):
        yield f"section {section['topic']}", section["heading"], verbatim(section.get("text", ""))
    factors = [item(one["factor"], one.get("note", "")) for one in document.get("factors", [])]
    yield "factors", "Contributing factors", _lines(factors)
    yield "findings", "Findings", _by_kind(document.get("findings", []))
    yield "accepted", "What we live with, and why", _lines(_accepted(document.get("findings", [])))
    yield "no_actions", "Why no action follows", verbatim(document.get("no_actions_because", ""))
    yield "moments", "What mattered", _lines(_moments(document.get("incidents", [])))
    for incident in document.get("incidents", []):
        for name, (heading, write, _) in _LISTS.items():
            reference, told = incident["reference"], map(write, incident.get(name, []))
            yield f"{name} {reference}", f"{heading} {reference}", _lines(told)
    for key, addition in ADDITIONS.items():
        if addition.sketch:
            yield key, addition.heading, _lines(addition.sketch(document.get(key), document))
        if addition.body and key in document:
            yield from addition.body.parts(document[key])


def _part(name, heading, text):
    if not text and name != "impact" and not name.startswith("section "):
        return ""
    return f"<!-- part: {name} -->\n## {heading}\n" + (f"\n{text}\n" if text else "")


def _lines(items):
    return "\n".join(items)


def _by_kind(findings):
    told = []
    for kind, label in _KINDS.items():
        if texts := [one["text"] for one in findings if one["kind"] == kind]:
            told.append(f"### {label}\n\n" + _lines(bare_item(text) for text in texts))
    return "\n\n".join(told)


def _with_places(findings):
    """Each finding with how it is called: findings have no name, so the second of a kind is “detection 2”."""
    counts = {}
    for one in findings:
        counts[one["kind"]] = counts.get(one["kind"], 0) + 1
        yield f"{one['kind']} {counts[one['kind']]}", one


def _accepted(findings):
    found = {place: one.get("accepted_because", "") for place, one in _with_places(findings)}
    kinds = list(_KINDS)
    in_order = sorted(found, key=lambda place: (kinds.index(place.partition(" ")[0]), int(place.split()[1])))
    return [item(place, found[place]) for place in in_order if found[place]]


def _moments(incidents):
    """What is starred or marked on the timelines, for readers: when, as what, why, and what it shows."""
    return [
        _moment(one, incident)
        for incident in incidents
        for one in incident.get("timeline", [])
        if "mark" in one or "shows" in one
    ]


def _moment(entry, incident):
    mark = entry.get("mark", {})
    what = [_MARKED_AS[mark["kind"]]] if "kind" in mark else []
    what += ["starred"] if mark.get("is_starred") else []
    what += [f"shows {', '.join(entry['shows'])}"] if "shows" in entry else []
    at = f"{incident['reference']}, {_clock(entry, 'at')}"
    note = [f"  {_first_words(mark['note'])}"] if "note" in mark else []
    head = f"- **{'; '.join(what) or 'Noted'}** ({at}): {_first_words(entry['text'])}"
    return _lines([head, *note])


def _sketch_of(incidents):
    return [
        f"- {one['reference']} {one['title']}: {one['severity']}, "
        f"{_clock(one, 'started_at')} to {_clock(one, 'resolved_at')}"
        for one in incidents
    ]


def _clock(incident, name):
    if name not in incident:
        return "not known"
    return f"{datetime.fromisoformat(incident[name]):%Y-%m-%d %H:%M} UTC"


# --- Reading


def parse(text: str, where="the text") -> dict:
    """The document in a Markdown text; Refused if it is not one of ours. The values are not checked yet."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not (found := _FRONT.match(text)):
        raise Refused(f"{where}: it does not begin with front matter between two lines of ---")
    values = front.load(found[1], where, line=2)
    return pruned(_Body(where, text, found.end(), values).document())


class _Body:
    """What follows the front matter, part by part."""

    def __init__(self, where, text, start, values):
        self.where, self.text, self.values = where, text, values
        whole = text.rstrip("\n")
        if not whole.endswith(f"\n{_END}"):
            raise Refused(f"{where}: its last line is not {_END}, so its end is missing")
        self.end = len(whole) - len(_END)
        self.marks = list(_PART.finditer(text, start, self.end))
        self.title = text[start : self.marks[0].start() if self.marks else self.end].strip("\n")

    def document(self):
        document = {key: value for key, value in self.values.items() if key not in repeated_keys()}
        incidents = document.get("incidents")
        document |= {"sections": [], "factors": [], "findings": []}
        seen, sketches, self.accepted = set(), {}, []
        for name, heading, text, line in self._parts():
            if name in seen and not name.startswith("section "):
                raise Refused(f"{self.where}, line {line}: the part {name!r} is there twice")
            seen.add(name)
            self._take(document, sketches, incidents, name, heading, text, line)
        document = {key: value for key, value in document.items() if value not in ([], "")}
        self._accept(document.get("findings", []))
        self._refuse_contradictions(document, sketches)
        return document

    def _parts(self):
        ends = [*(mark.start() for mark in self.marks[1:]), self.end]
        for mark, end in zip(self.marks, ends, strict=True):
            heading, _, rest = self.text[mark.end() : end].partition("\n")
            line = self.text.count("\n", 0, mark.start()) + 1
            if not heading.startswith("## "):
                raise Refused(f"{self.where}, line {line + 1}: no heading (## …) follows the line before")
            text = rest.removeprefix("\n").removesuffix("\n").removesuffix("\n")
            if rest.count("\n") == len(rest):
                # Nothing but empty lines: two frame a text, one stands before what follows.
                text = rest[3:]
            yield mark[1], heading[3:], text, line

    def _take(self, document, sketches, incidents, name, heading, text, line):
        place = f"{self.where}, ## {heading[:60]}"
        what, _, about = name.partition(" ")
        if name == "impact":
            document["customer_impact"] = as_written(text)
        elif name == "no_actions":
            document["no_actions_because"] = as_written(text)
        elif what == "section" and about:
            document["sections"].append({"heading": heading, "topic": about, "text": as_written(text)})
        elif name == "factors":
            document["factors"] = [_factor(one) for one in items(text, place, line + 3)]
        elif name == "findings":
            document["findings"] = list(_findings(text, place, line + 3))
        elif name == "accepted":
            self.accepted = [(place, *one) for one in items(text, place, line + 3)]
        elif what in _LISTS and about:
            told = [_LISTS[what][2](one, place) for one in items(text, place, line + 3)]
            self._incident(incidents, about, place)[what] = told
        elif name in ("incidents", "moments") or (name in ADDITIONS and ADDITIONS[name].sketch):
            sketches[name] = text
        elif body := _body_of(what):
            body.take(document, name, text, place, line + 3)
        else:
            raise Refused(f"{self.where}, line {line}: there is no part {name[:60]!r} in this format")

    def _incident(self, incidents, reference, place):
        for one in incidents if isinstance(incidents, list) else []:
            if isinstance(one, dict) and one.get("reference") == reference:
                return one
        raise Refused(f"{place}: the front matter names no incident {reference[:40]!r}")

    def _accept(self, findings):
        """Give the findings the reasons why we live with them."""
        found = dict(_with_places(findings))
        for where, line, text in self.accepted:
            place, _, because = text.partition(":")
            if place not in found or "accepted_because" in found[place]:
                raise Refused(f"{where}, line {line}: there is no finding {place[:40]!r} to say that of")
            found[place]["accepted_because"] = after_colon(because)

    def _refuse_contradictions(self, document, sketches):
        """What repeats must not say something else: it would be lost silently."""
        try:
            right, told = repeated(document), {part[0]: part[2] for part in _parts(document)}
        except (KeyError, TypeError, AttributeError, ValueError):
            return  # something is missing or of the wrong kind: whoever checks the values says it better
        for key in repeated_keys():
            if (self.values.get(key) or None) != (right.get(key) or None):
                raise Refused(
                    f"{self.where}: {key} repeats what stands elsewhere in the file, and differs from it"
                )
        for name, text in sketches.items():
            if text != told[name]:
                raise Refused(
                    f"{self.where}: the list under {name!r} repeats the front matter, and differs from it"
                )
        if self.title != f"# {document.get('title', '')}":
            raise Refused(f"{self.where}: the title in the text is not that of the front matter")


def _body_of(what):
    bodies = (addition.body for addition in ADDITIONS.values() if addition.body)
    return next((body for body in bodies if what in body.names), None)


def repeated_keys() -> tuple:
    """The keys of the front matter that follow from the rest."""
    return (
        *("categories", "source_published_at", "uuid", "severity", "url", "start_time", "end_time"),
        *("summary", "regions", "services"),
    )


def _factor(one):
    slug, _, note = one[1].partition(":")
    return {"factor": slug, "note": after_colon(note)}


def _findings(text, place, line):
    kind, lines, first = None, [], line
    for number, one in enumerate([*text.split("\n"), "### "], line):
        if not one.startswith("### "):
            lines.append(one)
            continue
        if kind is not None or any(lines):
            yield from _of_kind(kind, lines, place, first, is_last=one == "### ")
        kind, lines, first = one[4:], [], number


def _of_kind(label, lines, place, line, *, is_last):
    if label not in _OF_KIND:
        raise Refused(f"{place}, line {line}: {str(label)[:60]!r} is no kind of finding")
    # One empty line follows the heading, and one stands before the next.
    lines = lines[1:] if lines[:1] == [""] else lines
    lines = lines if is_last or lines[-1:] != [""] else lines[:-1]
    for _, text in items("\n".join(lines), place, line + 2):
        yield {"kind": _OF_KIND[label], "text": text}
