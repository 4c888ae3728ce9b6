"""What customers would see, made by what makes their page, of rows that are not stored."""

from dataclasses import replace

from django.utils import timezone

from incidents.models import CustomerUpdate, IncidentRegion, IncidentService, Region, Service
from incidents.status import board, pages
from incidents.updates.carrying import step_of
from incidents.updates.marking import marks_of

AFTER = {
    "acknowledge": "investigating",
    "identify": "identified",
    "mitigate": "monitoring",
    "resolve": "resolved",
}


def preview(incident, update, *, services, regions, advance) -> bytes:
    """The public page of `incident` once `update` is published; degrees by row.

    Above it stands, for whoever is to publish it, what the check marks in its text.
    """
    around, told = board.alone(incident)
    draft = CustomerUpdate(
        status=update.status,
        text=update.text,
        next_update_by=update.next_update_by,
        published_at=timezone.now(),
        incident=told.row,
    )
    draft.corrected = []
    if advance and (verb := step_of(told.row, draft.status)):
        told.row.status = AFTER[verb]
        if verb == "resolve":
            told.row.resolved_at = draft.published_at
    impacts = _with(told.impacts, IncidentService, "service", services, lambda row: row.is_public)
    places = _with(told.regions, IncidentRegion, "region", regions, lambda row: True)
    told = replace(
        told,
        updates=(draft, *(one for one in told.updates if one.pk != update.pk)),
        impacts=impacts,
        regions=places,
    )
    marks = [] if update.is_published else marks_of(update.text)
    return pages.incident(around, told, root="/", is_preview=True, marks=marks)


def preview_of_plan(update) -> bytes:
    """The same of an update that waits for approval, with all that its plan says."""
    plan = update.plan
    services = _by_row(Service, plan.get("services", {}))
    regions = _by_row(Region, plan.get("regions", {}))
    return preview(
        update.incident, update, services=services, regions=regions, advance=plan.get("advance", False)
    )


def _by_row(model, degrees):
    return {row: degrees[str(row.pk)] for row in model.objects.filter(pk__in=degrees)}


def _with(there, model, name, degrees, is_shown):
    """What is affected by row, as it would be: each degree that differs from what is stored replaces it."""
    found = {getattr(one, name): one.impact for one in there}
    found |= {row: degree for row, degree in degrees.items() if is_shown(row)}
    known = {getattr(one, name) for one in there}
    return tuple(
        model(**{name: row, "impact": degree})
        for row, degree in found.items()
        if row in known or degree != "operational"
    )
