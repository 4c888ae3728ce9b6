"""What a status page says that no field of ours holds; kept, so that our own page can say it again.

Only what the shape defines, each value of its own kind: the rest of a foreign document stays outside.
"""

from config.fields import Line, Prose
from incidents.imports.shape import Part
from incidents.status.shape import moment

WORD = Line(max_length=200, blank=True)
TEXT = Prose(max_length=2_000)


def of_component(part: Part) -> dict:
    """Its moments and its first day."""
    kept = _moments(part, "created_at", "updated_at")
    return kept | _texts(part, "start_date")


def of_incident(part: Part) -> dict:
    """Its moments, also those we doubt, and its components as they stood then."""
    kept = _moments(part, "updated_at", "started_at", "monitoring_at", "resolved_at")
    components = part.parts("components", "component", is_required=False)
    return kept | {"components": [_component(one) for one in components]}


def of_update(part: Part) -> dict:
    """When it was written and last edited, which is not always when it was shown; whether it was mailed."""
    kept = _moments(part, "created_at", "updated_at")
    return (
        kept
        if part.values.get("deliver_notifications") is not False
        else kept | {"deliver_notifications": False}
    )


def affected(part: Part) -> list[dict]:
    """How each component stood by an update, and how it stood by the one before."""
    parts = part.parts("affected_components", "component", key="code", is_required=False)
    names = ("name", "old_status", "new_status")
    return [{"code": one.identifier("code"), **_texts(one, *names)} for one in parts]


def _component(part):
    kept = {"id": part.identifier(), **_texts(part, "name", "status", "start_date")}
    kept |= _moments(part, "created_at", "updated_at")
    if isinstance(position := part.values.get("position"), int):
        kept["position"] = int(position)
    if isinstance(showcase := part.values.get("showcase"), bool):
        kept["showcase"] = showcase
    if "description" in part.values:
        kept["description"] = part.text("description", TEXT, is_required=False) or None
    return kept


def _moments(part, *names):
    return {name: moment(at) for name in names if (at := part.moment(name))}


def _texts(part, *names):
    return {name: text for name in names if (text := part.text(name, WORD, is_required=False))}
