"""Announced maintenance as Statuspage has it: read like its incidents, stored with its moments and its link."""

from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError

from config.fields import Line
from incidents.imports.following import Followed, Together, Wanted, follow
from incidents.models import Maintenance, MaintenanceService, MaintenanceUpdate
from incidents.public_ids import is_id, new_id

WORD = Line(max_length=100)
S = Maintenance.Status
STATUSES = {
    "scheduled": S.SCHEDULED,
    "in_progress": S.IN_PROGRESS,
    "verifying": S.VERIFYING,
    "completed": S.COMPLETED,
}
BEGUN = (S.IN_PROGRESS, S.VERIFYING, S.COMPLETED)


@dataclass(frozen=True)
class Said:
    """One thing customers were told about a window."""

    id: str
    status: str
    text: str
    at: datetime


@dataclass
class Window:
    """One announced maintenance."""

    id: str
    title: str
    text: str
    status: str
    moments: dict
    said: list
    components: list = field(default_factory=list)


def read(part, note) -> Window:
    """One of `scheduled_maintenances`; `note` makes a component known by its part and returns its identifier."""
    said = [_said(one) for one in part.parts("incident_updates", "update")]
    status, announced = _status(part), part.moment("created_at", is_required=True)
    begins, ends = (part.moment(name, is_required=True) for name in ("scheduled_for", "scheduled_until"))
    if ends <= begins:
        part.refuse("scheduled_until", "is not after scheduled_for")
    title = part.text("name", Maintenance._meta.get_field("title"))
    return Window(
        id=part.identifier(),
        title=title,
        text=min(said, key=lambda one: one.at).text if said else title,
        status=status,
        moments={
            "scheduled_for": begins,
            "scheduled_until": ends,
            "announced_at": announced,
            "begun_at": _first(said, S.IN_PROGRESS, begins) if status in BEGUN else None,
            "completed_at": (part.moment("resolved_at") or _first(said, S.COMPLETED, ends))
            if status == S.COMPLETED
            else None,
        },
        said=said,
        components=[note(one) for one in part.parts("components", "component", is_required=False)],
    )


def _first(said, status, otherwise):
    return min((one.at for one in said if one.status == status), default=otherwise)


def _status(part):
    word = part.text("status", WORD)
    if word not in STATUSES:
        part.refuse("status", "is not one we know")
    return STATUSES[word]


def _said(part):
    status = _status(part)
    shown_at = "display_at" if part.values.get("display_at") is not None else "created_at"
    text = part.text("body", MaintenanceUpdate._meta.get_field("text"), empty=S(status).label)
    return Said(part.identifier(), status, text, part.moment(shown_at, is_required=True))


# --- Storing -----------------------------------------------------------------------------------------------


def _fits(maintenance):
    try:
        maintenance.clean()
        maintenance.validate_constraints()
    except ValidationError:
        return False
    return True


LIFE = Together("status", frozenset({"status", "announced_at", "begun_at", "completed_at"}), _fits)


def store(windows, source, services) -> Followed:
    """Bring our windows in line; nobody is mailed of what was announced elsewhere."""
    taken = set(Maintenance.objects.values_list("public_id", flat=True))
    followed = follow(
        Maintenance,
        ("source", "external_id"),
        {
            (source, one.id): Wanted(
                {"title": one.title, "text": one.text, "status": one.status, **one.moments},
                {"public_id": one.id if is_id(one.id) and one.id not in taken else new_id()},
            )
            for one in windows
        },
        together=LIFE,
        stays_deleted=False,
        source=source,
    )
    pks = {one.id: followed.rows[source, one.id].pk for one in windows}
    mine = {"maintenance__source": source}
    said = {
        (pks[one.id], update.id): Wanted(
            {"status": update.status, "text": update.text, "published_at": update.at}
        )
        for one in windows
        for update in one.said
    }
    follow(MaintenanceUpdate, ("maintenance_id", "external_id"), said, **mine)
    links = {
        (pks[one.id], services.rows[source, name].pk): Wanted({})
        for one in windows
        for name in one.components
    }
    follow(MaintenanceService, ("maintenance_id", "service_id"), links, **mine)
    return followed
