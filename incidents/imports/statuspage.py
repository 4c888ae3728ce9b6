"""Reads the public Statuspage v2 shape: what it claims, and which of its moments can be believed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import models
from tqdm import tqdm

from config.fields import Line
from incidents.imports import keeping, windows
from incidents.imports.shape import TOP, Part, refuse_twice, said
from incidents.models import CustomerUpdate, Impact, Incident, Service, TimelineEntry

RANKS = {"critical": 1, "major": 2, "minor": 3, "none": 4}
MILDEST = 4
DOUBT = "doubt:"

_S = Incident.Status
# The first four are those of incidents; the rest are those of announced maintenance.
STATUSES = {
    "investigating": _S.INVESTIGATING,
    "identified": _S.IDENTIFIED,
    "monitoring": _S.MONITORING,
    "resolved": _S.RESOLVED,
    "postmortem": _S.RESOLVED,
    "scheduled": _S.IDENTIFIED,
    "in_progress": _S.IDENTIFIED,
    "verifying": _S.MONITORING,
    "completed": _S.RESOLVED,
}
DEGREES = [Impact.NONE, Impact.DEGRADED, Impact.PARTIAL, Impact.MAJOR]
WORD = Line(max_length=100)
POSITIONS = range(2**31)


@dataclass(frozen=True)
class Component:
    """What the page says of a component; `is_listed` if it stands on the page and not only in incidents."""

    id: str
    name: str
    description: str = ""
    position: int = 0
    showcase: bool = True
    group: str = ""
    kept: dict = field(default_factory=dict)
    is_listed: bool = False


@dataclass(frozen=True)
class Update:
    """One thing customers were told."""

    id: str
    status: str
    text: str
    at: datetime
    affected: list = field(default_factory=list)
    kept: dict = field(default_factory=dict)


@dataclass
class Record:
    """One incident: its plain values, and the doubts about it as key and sentence."""

    id: str
    title: str
    url: str
    rank: int
    status: str
    moments: dict
    updates: list
    impacts: dict
    kept: dict = field(default_factory=dict)
    doubts: dict = field(default_factory=dict)


@dataclass
class Page:
    """The whole document."""

    source: str
    name: str
    components: dict
    records: list
    windows: list = field(default_factory=list)

    @property
    def is_flagged(self) -> int:
        """How many records contradict themselves."""
        return sum(bool(record.doubts) for record in self.records)


def read(document) -> Page:
    """Check the whole document; Refused with the place of the first thing that is wrong."""
    top = Part.of(document, TOP)
    page = top.part("page")
    source = page.identifier() if "id" in page.values else page.text("url", WORD)
    name = page.text("name", WORD, is_required=False, empty=source)
    # Optional: the newest fifty incidents come without the list, and carry their own components.
    listed = top.parts("components", "component", is_required=False)
    # What says only when work is planned is a document of its own.
    planned = top.parts("scheduled_maintenances", "maintenance", is_required=False)
    incidents = top.parts("incidents", "incident", is_required="scheduled_maintenances" not in top.values)
    refuse_twice((part.identifier() for part in listed), "component")
    refuse_twice((part.identifier() for part in incidents), "incident")
    refuse_twice((part.identifier() for part in planned), "maintenance")
    groups = {
        part.identifier(): part.text("name", _field(Service, "group")) for part in listed if _is_group(part)
    }
    components = {part.identifier(): _listed(part, groups) for part in listed if not _is_group(part)}
    records = [
        _record(part, components, groups)
        for part in tqdm(incidents, desc="Reading incidents", disable=None, leave=False)
    ]
    refuse_twice((update.id for record in records for update in record.updates), "update")
    plans = [windows.read(part, partial(_known, components=components, groups=groups)) for part in planned]
    for plan in plans:
        plan.components = [one for one in dict.fromkeys(plan.components) if one]
    refuse_twice((said.id for plan in plans for said in plan.said), "update")
    return Page(source, name, components, records, plans)


def _known(part, components, groups) -> str:
    """Make a component known that a window names; its identifier, empty for a group."""
    name = part.identifier()
    if name in groups or _is_group(part):
        return ""
    if name not in components:
        components[name] = Component(name, part.text("name", _field(Service, "name")))
    return name


def _field(model, name) -> models.Field:
    return model._meta.get_field(name)


def _is_group(part):
    value = part.values.get("group")
    if not isinstance(value, bool | None):
        part.refuse("group", "is neither true nor false")
    return bool(value)


def _group(part, groups):
    name = part.values.get("group_id")
    return groups.get(name, "") if isinstance(name, str) else ""


def _listed(part, groups):
    position = part.values.get("position")
    position = 0 if position is None else position
    if isinstance(position, bool) or not isinstance(position, int) or position not in POSITIONS:
        part.refuse("position", "is not a position")
    return Component(
        id=part.identifier(),
        name=part.text("name", _field(Service, "name")),
        description=part.text("description", _field(Service, "description"), is_required=False),
        position=position,
        showcase=part.values.get("showcase") is not False,
        group=_group(part, groups),
        kept=keeping.of_component(part),
        is_listed=True,
    )


def _record(part, components, groups):
    parts = part.parts("incident_updates", "update")
    updates = [_update(one) for one in parts]
    record = Record(
        id=part.identifier(),
        title=part.text("name", _field(Incident, "title")),
        url=part.text("shortlink", _field(Incident, "source_url"), is_required=False),
        rank=RANKS.get(impact := part.text("impact", WORD), MILDEST),
        status=_status(part),
        moments={
            "declared_at": part.moment("created_at", is_required=True),
            "started_at": part.moment("started_at"),
            "mitigated_at": part.moment("monitoring_at"),
            "resolved_at": part.moment("resolved_at"),
        },
        updates=updates,
        impacts=_impacts(part, parts, components, groups),
        kept=keeping.of_incident(part),
    )
    if impact not in RANKS:
        record.doubts["impact"] = (
            f"The source gives the impact as “{impact}”, which says nothing about how bad it was;"
            " taken as the mildest severity."
        )
    _weigh(record)
    return record


def _status(part):
    word = part.text("status", WORD)
    if word not in STATUSES:
        part.refuse("status", "is not one we know")
    return STATUSES[word]


def _update(part):
    status = _status(part)
    label = CustomerUpdate.Status(status).label
    shown_at = "display_at" if part.values.get("display_at") is not None else "created_at"
    return Update(
        id=part.identifier(),
        status=status,
        # Some updates say nothing but their status.
        text=part.text("body", _field(CustomerUpdate, "text"), empty=label),
        at=part.moment(shown_at, is_required=True),
        affected=keeping.affected(part),
        kept=keeping.of_update(part),
    )


def _impacts(part, updates, components, groups):
    """The worst that was seen of each component; one only named was affected, we do not know how badly."""
    worst = Counter()
    for update in updates:
        for one in update.parts("affected_components", "component", key="code", is_required=False):
            _note(worst, one, "code", "new_status", components, groups)
    for one in part.parts("components", "component", is_required=False):
        seen = one.identifier() in worst
        _note(worst, one, "id", "status", components, groups, at_least=0 if seen else 1)
    return {name: DEGREES[degree] for name, degree in worst.items()}


def _note(worst, part, key, word, components, groups, at_least=0):
    name = part.identifier(key)
    if name in groups or _is_group(part):
        return
    if name not in components:
        components[name] = Component(name, part.text("name", _field(Service, "name")))
    status = part.text(word, WORD, is_required=False)
    # A word that is no degree, such as under_maintenance, still says that customers noticed.
    degree = DEGREES.index(status) if status in DEGREES else 1
    worst[name] = max(worst[name], degree, at_least)


def _weigh(record):
    """Leave out the moments that cannot be true beside the others, and say so in `doubts`.

    What machines stamped outweighs what people typed: created_at and the moments of updates are written
    by the page as things happen, started_at is usually the page's too but can be set by hand. In the real
    file it lies 4 to 622 ms *before* created_at 757 times, and seconds to hours after it three times, each
    with updates before the start; so nothing between needs a tolerance, and the start is the doubtful one.
    """
    moments = record.moments
    first = min([moments["declared_at"], *(update.at for update in record.updates)])
    is_open = record.status in Incident.OPEN
    if moments["started_at"] and moments["started_at"] > first:
        _doubt(record, "started_at", f"started, but speaks of it at {said(first)} already")
    start = moments["started_at"]
    if (end := moments["resolved_at"]) and is_open:
        _doubt(record, "resolved_at", f"was resolved, but its status is {record.status}")
    elif end and start and end < start:
        _doubt(record, "resolved_at", f"was resolved, before it started at {said(start)}")
    end = moments["resolved_at"]
    if not (fix := moments["mitigated_at"]):
        return
    if is_open and record.status != _S.MONITORING:
        _doubt(record, "mitigated_at", f"had a fix in place, but its status is {record.status}")
    elif start and fix < start:
        _doubt(record, "mitigated_at", f"had a fix in place, before it started at {said(start)}")
    elif end and fix > end:
        # The end is what everybody sees; a watch that begins after it is a late entry.
        _doubt(record, "mitigated_at", f"had a fix in place, after it was resolved at {said(end)}")


def _doubt(record, name, but):
    moment = record.moments[name]
    record.moments[name] = None
    record.doubts[name] = (
        f"The source says at {said(moment)} it {but}. That moment is left out of the computed times."
    )


def told(record) -> dict:
    """The timeline of a record: external id → kind, text and moment."""
    updates = {
        update.id: (
            TimelineEntry.Kind.UPDATE,
            f"{CustomerUpdate.Status(update.status).label}: {update.text}",
            update.at,
        )
        for update in record.updates
    }
    doubts = {
        DOUBT + name: (TimelineEntry.Kind.DOUBT, text, record.moments["declared_at"])
        for name, text in record.doubts.items()
    }
    return updates | doubts
