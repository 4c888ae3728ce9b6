"""The board as the JSON of Statuspage's public API, version 2, so that existing clients work unchanged.

Moments are UTC with milliseconds, identifiers twelve small letters and digits, updates newest first. What was
imported says again what its own page said of it, where no field of ours holds it.
"""

from datetime import UTC

from django.conf import settings

from incidents.models import Impact
from incidents.public_ids import id_of
from incidents.status.board import MAINTENANCE, NEWEST, changed_at

# What the page says of itself, by the worst of its services and of its open incidents.
INDICATORS = {
    Impact.NONE.value: "none",
    MAINTENANCE: "maintenance",
    Impact.DEGRADED.value: "minor",
    Impact.PARTIAL.value: "major",
    Impact.MAJOR.value: "critical",
}
DESCRIPTIONS = {
    "none": "All Systems Operational",
    "maintenance": "Service Under Maintenance",
    "minor": "Partially Degraded Service",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
}
_ORDER = list(DESCRIPTIONS)


def moment(at) -> str | None:
    """2026-08-20T14:43:01.531Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def documents(board) -> dict[str, dict]:
    """Every document of the API, by its path below /api/v2/ without the ending."""
    page = {"page": _page(board)}
    status = {"status": _status(board)}
    components = {"components": _components(board)}
    unresolved = {"incidents": [incident(board, told) for told in _by_date(board.open)]}
    newest = [incident(board, told) | _postmortem(told) for told in board.incidents[:NEWEST]]
    upcoming = [maintenance(board, window) for window in board.upcoming]
    active = [maintenance(board, window) for window in board.active]
    announced = [window for window in board.windows if window.row.status != "cancelled"]
    return {
        "summary": page | components | unresolved | {"scheduled_maintenances": [*active, *upcoming]} | status,
        "status": page | status,
        "components": page | components,
        "incidents": page | {"incidents": newest},
        "incidents/unresolved": page | unresolved,
        "scheduled-maintenances": page
        | {"scheduled_maintenances": [maintenance(board, window) for window in announced[:NEWEST]]},
        "scheduled-maintenances/upcoming": page | {"scheduled_maintenances": upcoming},
        "scheduled-maintenances/active": page | {"scheduled_maintenances": active},
    }


NAMES = (
    *("summary", "status", "components", "incidents", "incidents/unresolved"),
    *("scheduled-maintenances", "scheduled-maintenances/upcoming", "scheduled-maintenances/active"),
)


def _by_date(tolds):
    return sorted(tolds, key=lambda told: (told.row.declared_at, told.row.pk), reverse=True)


def _page(board):
    zone = "Etc/UTC" if settings.TIME_ZONE == "UTC" else settings.TIME_ZONE
    return {
        "id": board.page_id,
        "name": board.name,
        "url": settings.SITE_URL,
        "time_zone": zone,
        "updated_at": moment(board.changed_at) or "1970-01-01T00:00:00.000Z",
    }


def _status(board):
    impacts = [told.impact for told in board.open]
    indicator = max([INDICATORS[board.degree], *impacts], key=_ORDER.index)
    return {"indicator": indicator, "description": DESCRIPTIONS[indicator]}


# --- Components --------------------------------------------------------------------------------------------


def _components(board):
    found = []
    for group in board.groups:
        members = [_component(board, standing.row) for standing in group.members]
        if group.name:
            found.append(_group(board, group, members))
        found += members
    return found


def _component(board, service):
    first, last = board.lives.get(service.pk, (None, None))
    kept = service.as_imported
    return {
        "id": service.public_id,
        "name": service.name,
        "status": board.standings[service.pk].degree,
        "created_at": kept.get("created_at") or moment(first),
        "updated_at": kept.get("updated_at") or moment(last),
        "position": service.position,
        "description": service.description or None,
        "showcase": service.showcase,
        "start_date": kept.get("start_date"),
        "group_id": id_of("group", service.group) if service.group else None,
        "page_id": board.page_id,
        "group": False,
        "only_show_if_degraded": False,
    }


def _group(board, group, members):
    return {
        "id": group.id,
        "name": group.name,
        "status": group.degree,
        "created_at": min(filter(None, (one["created_at"] for one in members)), default=None),
        "updated_at": max(filter(None, (one["updated_at"] for one in members)), default=None),
        "position": members[0]["position"],
        "description": None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": board.page_id,
        "group": True,
        "only_show_if_degraded": False,
        "components": [one["id"] for one in members],
    }


# --- Incidents ---------------------------------------------------------------------------------------------


def incident(board, told) -> dict:
    """One incident with all that was said of it."""
    row, kept = told.row, told.row.as_imported
    return {
        "id": row.public_id,
        "name": row.title,
        "status": told.status,
        "created_at": moment(row.declared_at),
        "updated_at": _updated(told),
        # A moment that contradicts the others counts in no computed time of ours, but was said.
        "monitoring_at": moment(row.mitigated_at) or kept.get("monitoring_at"),
        "resolved_at": moment(row.resolved_at) or (None if row.is_open else kept.get("resolved_at")),
        "impact": told.impact,
        "shortlink": row.source_url or f"{settings.SITE_URL}/incidents/{row.public_id}",
        "started_at": moment(row.started_at) or kept.get("started_at") or moment(row.declared_at),
        "page_id": board.page_id,
        "incident_updates": [_update(board, told, one) for one in told.updates],
        "components": _affected(board, told),
        "reminder_intervals": None,
    }


def _updated(told):
    ours = [one for one in told.updates if one.corrected or not one.as_imported]
    said = [told.row.declared_at, *map(changed_at, ours)]
    said += [told.row.resolved_at] if told.row.resolved_at and not told.row.as_imported else []
    return max(filter(None, [moment(max(said)), told.row.as_imported.get("updated_at")]))


def _postmortem(told):
    learning = told.learning
    return {
        "postmortem_body": learning and (learning.text or learning.title),
        "postmortem_body_last_updated_at": learning and moment(learning.published_at),
        "postmortem_published_at": learning and moment(learning.published_at),
    }


def _affected(board, told):
    by_id = {one.service.public_id: one.service for one in told.impacts}
    # While it is open a component stands as it stands now; afterwards as its page showed it at the time.
    kept = [] if told.is_open else told.row.as_imported.get("components", [])
    said = {one["id"]: one for one in kept if one["id"] in by_id}
    now = [_component(board, service) for name, service in by_id.items() if name not in said]
    return [*({**_component(board, by_id[name]), **one} for name, one in said.items()), *now]


def _update(board, told, update):
    public = {service.public_id for service in board.services}
    kept = update.as_imported
    at = moment(update.published_at)
    return {
        "id": update.public_id,
        "status": update.status,
        "body": update.text,
        "incident_id": told.row.public_id,
        "created_at": kept.get("created_at", at),
        "updated_at": moment(changed_at(update)) if update.corrected else kept.get("updated_at", at),
        "display_at": at,
        "affected_components": [one for one in update.affected if one["code"] in public] or None,
        "deliver_notifications": kept.get("deliver_notifications", True),
        "custom_tweet": None,
        "tweet_id": None,
    }


# --- Maintenance -------------------------------------------------------------------------------------------


def maintenance(board, window) -> dict:
    """A window, in the shape of an incident with a plan."""
    row = window.row
    return {
        "id": row.public_id,
        "name": row.title,
        "status": row.status,
        "created_at": moment(row.announced_at),
        "updated_at": _told_last(window),
        "monitoring_at": None,
        "resolved_at": moment(row.completed_at),
        "impact": "maintenance",
        "shortlink": f"{settings.SITE_URL}/incidents/{row.public_id}",
        "started_at": moment(row.begun_at or row.scheduled_for),
        "page_id": board.page_id,
        "incident_updates": [_news(window, one) for one in window.updates],
        "components": [_component(board, service) for service in window.services],
        "reminder_intervals": None,
        "scheduled_for": moment(row.scheduled_for),
        "scheduled_until": moment(row.scheduled_until),
    }


def _told_last(window):
    return moment(max([window.row.announced_at, *(one.published_at for one in window.updates)]))


def _news(window, update):
    at = moment(update.published_at)
    return {
        "id": id_of("maintenance update", update.pk),
        "status": update.status,
        "body": update.text,
        "incident_id": window.row.public_id,
        "created_at": at,
        "updated_at": at,
        "display_at": at,
        "affected_components": None,
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }
