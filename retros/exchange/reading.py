"""Checks a document that somebody else may have written: what `store` gets is whole, or it is refused."""

import re
from dataclasses import dataclass

from config.people.models import User
from incidents.imports.shape import Part, Refused, refuse_twice
from incidents.models import (
    Assignment,
    CustomerUpdate,
    Impact,
    Incident,
    Milestone,
    Region,
    Service,
    Severity,
    TimelineEntry,
)
from retros.exchange import telling
from retros.exchange.additions import ADDITIONS
from retros.exchange.identity import OURS
from retros.exchange.plain import refuse_unknown, typed
from retros.models import (
    Factor,
    Finding,
    Participant,
    RetroFactor,
    Retrospective,
    Section,
    TimelineMark,
)

_REFERENCE = re.compile(r"(RETRO|INC|ACT)-(\d{4,9})", re.ASCII)
PLACE = re.compile(r"([a-z_]+) (\d{1,4})", re.ASCII)  # of a finding: its kind, and the how manieth of it
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INCIDENT_PARTS = {
    "roles": (Assignment, telling.ROLE),
    "milestones": (Milestone, telling.MILESTONE),
}
_KEYS = {"aftercare", "reference", "incidents", "sections", "factors", "findings", "participants", "names"}
_NAMED = {"factors": Factor, "people": User, "regions": Region, "services": Service}


@dataclass
class Told:
    """A checked document: typed columns, and people by their addresses."""

    where: str
    document: dict  # as it was, to be compared
    format: int
    number: int
    retro: dict
    incidents: list
    sections: list
    factors: list
    findings: list
    participants: list
    names: dict
    added: dict


def read(document: dict, where="the document") -> Told:
    """The checked content of `document`; Refused with the place of what is wrong."""
    part = Part(where, document)
    _refuse_other(part)
    told = Told(
        where=where,
        document=document,
        format=int(document["aftercare"]),
        number=number_of(part, "RETRO"),
        retro=typed(part, Retrospective, (*telling.RETRO, *telling.LATER)),
        incidents=[_incident(one) for one in parts_of(part, "incidents", "incident")],
        sections=_rows(part, "sections", Section, telling.SECTION),
        factors=[_factor(one) for one in parts_of(part, "factors", "factor")],
        findings=_rows(part, "findings", Finding, telling.FINDING),
        participants=_rows(part, "participants", Participant, telling.PARTICIPANT),
        names=_names(part),
        added={key: one.read(document.get(key, []), where) for key, one in ADDITIONS.items()},
    )
    _refuse_twice(told)
    return told


def _refuse_other(part):
    version = part.values.get("aftercare")
    if isinstance(version, bool) or str(version) not in map(str, range(1, telling.FORMAT + 1)):
        part.refuse("aftercare", "says which format it is" if version is None else "is not a format we know")
    if part.values.get("left_out"):
        raise Refused(f"{part.where}: it holds only what one reader may see (left_out); import a whole one")
    refuse_unknown(part, {*_KEYS, *telling.RETRO, *telling.LATER, *ADDITIONS})
    if not part.values.get("incidents"):
        part.refuse("incidents", "are missing: a retro is known by what it is about")


def number_of(part, prefix) -> int:
    """The number in a reference such as INC-0042."""
    value = part.values.get("reference")
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if not found or found[1] != prefix:
        part.refuse("reference", f"is not a reference such as {prefix}-0042")
    return int(found[2])


def parts_of(part, name, what) -> list[Part]:
    """The objects in a list, each found again by its number."""
    values = part.values.get(name, [])
    if not isinstance(values, list):
        part.refuse(name, "is not a list")
    return [Part.of(value, f"{part.where}, {what} no. {number}") for number, value in enumerate(values, 1)]


def _rows(part, key, model, names):
    parts = parts_of(part, key, model._meta.verbose_name)
    for one in parts:
        refuse_unknown(one, names)
    return [typed(one, model, names) for one in parts]


def _factor(part):
    refuse_unknown(part, {"factor", "note"})
    return {"factor": _slug(part, "factor", Factor), **typed(part, RetroFactor, ("note",))}


def _slug(part, name, model):
    value = part.values.get(name)
    if not isinstance(value, str):
        part.refuse(name, "is not text")
    return part.fit(name, value, model._meta.get_field("slug"))


def _incident(part):
    more = {"reference", "uuid", "severity", "services", "regions", "source", "external_id"}
    refuse_unknown(part, {*more, *telling.INCIDENT, *_INCIDENT_PARTS, "timeline", "updates"})
    values = {
        "number": number_of(part, "INC"),
        "uuid": uuid_of(part),
        "severity": part.text("severity", Severity._meta.get_field("name")),
        "columns": typed(part, Incident, telling.INCIDENT) | typed(part, Incident, ("source", "external_id")),
        "services": _impacts(part, "services", Service),
        "regions": _impacts(part, "regions", Region),
    }
    _refuse_half_a_source(part, values["columns"])
    parts = {name: _rows(part, name, *of) for name, of in _INCIDENT_PARTS.items()}
    for number, role in enumerate(parts["roles"], 1):
        if not role["user"]:
            raise Refused(f"{part.where}, role no. {number}: user is missing")
    entries = [_entry(one) for one in parts_of(part, "timeline", "timeline entry")]
    return values | parts | {"timeline": entries, "updates": _updates(part)}


@dataclass
class Entry:
    """One line of a timeline, and what the retro says of it."""

    where: str
    columns: dict
    mark: dict | None
    shows: list


def _entry(part):
    refuse_unknown(part, {*telling.ENTRY, "mark", "shows"})
    mark = part.values.get("mark")
    return Entry(
        part.where,
        typed(part, TimelineEntry, telling.ENTRY),
        None if mark is None else _mark(Part.of(mark, f"{part.where}, mark")),
        _places(part),
    )


def _mark(part):
    refuse_unknown(part, telling.MARK)
    mark = typed(part, TimelineMark, telling.MARK)
    if not (mark["is_starred"] or mark["kind"] or mark["note"]):
        raise Refused(f"{part.where}: it says neither that the entry is starred nor what it is")
    return mark


def _places(part):
    values = part.values.get("shows", [])
    if not isinstance(values, list) or not all(is_place(value) for value in values):
        part.refuse("shows", "is not a list of findings, such as “detection 2”")
    return values


def is_place(value) -> bool:
    """Whether it can be the name of a finding."""
    return isinstance(value, str) and PLACE.fullmatch(value) is not None


def _updates(part):
    told = _rows(part, "updates", CustomerUpdate, telling.UPDATE)
    for number, one in enumerate(told, 1):
        if one["published_at"] is None:
            raise Refused(f"{part.where}, customer update no. {number}: published_at is missing")
    return told


def uuid_of(part) -> str:
    """By what the incident is known: see identity.py."""
    value = part.values.get("uuid")
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        part.refuse("uuid", "is not a UUID")
    return value


def _refuse_half_a_source(part, columns):
    if columns["source"] and not columns["external_id"]:
        part.refuse("source", "needs the external_id that it has there")
    if columns["source"] == OURS:
        part.refuse("source", "is kept for what Aftercare itself exported")


def _impacts(part, name, model):
    values = part.values.get(name, {})
    if not isinstance(values, dict):
        part.refuse(name, "does not say how badly each was affected")
    for slug, impact in values.items():
        part.fit(name, slug, model._meta.get_field("slug"))
        if impact not in Impact.values:
            part.refuse(name, "holds an impact that is not one we know")
    return values


def _names(part):
    values = part.values.get("names", {})
    named = Part.of(values, f"{part.where}, names")
    refuse_unknown(named, _NAMED)
    return {kind: _named(named, kind, model) for kind, model in _NAMED.items()}


def _named(part, kind, model):
    one = Part.of(part.values.get(kind, {}), f"{part.where}, {kind}")
    key = model._meta.get_field("email" if model is User else "slug")
    found = {}
    for name in one.values:
        name_here = one.fit(name, User.normalise(name) if model is User else name, key)
        value = one.values[name]
        if not isinstance(value, str):
            one.refuse(name, "is not text")
        found[name_here] = one.fit(name, value, model._meta.get_field("name")) if value else ""
    return found


def _refuse_twice(told):
    refuse_twice((one["uuid"] for one in told.incidents), f"{told.where}: incident")
    refuse_twice((one["heading"] for one in told.sections), f"{told.where}: the heading")
    refuse_twice((one["factor"] for one in told.factors), f"{told.where}: the factor")
    people = [one["user"] for one in told.participants if one["user"]]
    refuse_twice(people, f"{told.where}: participant")
    for number, one in enumerate(told.participants, 1):
        if bool(one["user"]) == bool(one["name"]):
            raise Refused(f"{told.where}, participant no. {number}: either user or name says who")
