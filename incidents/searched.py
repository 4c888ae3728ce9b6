"""What of incidents is searched: what was said of them, inside and to customers."""

import re

from config.search.kinds import Text, follows, searched
from config.search.similarity import Trait, shares
from incidents.models import CustomerUpdate, Incident, IncidentRegion, IncidentService, TimelineEntry


def read(pks):
    """Title, summary, then the timeline and what customers are told, each with what it says in it."""
    texts = _texts(TimelineEntry, pks)
    updates = _texts(CustomerUpdate, pks)
    for row in Incident.objects.filter(pk__in=pks).order_by("pk"):
        told = [text for text in updates.get(row.pk, ()) if not _is_said(text, texts.get(row.pk, ()))]
        parts = [row.summary, row.customers_affected_note, row.data_safety, *texts.get(row.pk, ()), *told]
        yield Text(row.pk, row.title, "\n\n".join(filter(None, parts)), row.declared_at)


def _texts(model, pks) -> dict[int, list[str]]:
    found = {}
    rows = model.objects.filter(incident__in=pks).order_by("incident", "pk")
    for incident, text in rows.values_list("incident", "text"):
        found.setdefault(incident, []).append(text)
    return found


def _is_said(text, entries) -> bool:
    """A published update is on the timeline already."""
    return any(entry.endswith(text) for entry in entries)


searched(
    "incident",
    Incident,
    reads=read,
    prefix="INC",
    needs=("incidents.view_timelineentry", "incidents.view_customerupdate"),
)
follows(Incident, "incident")
follows(TimelineEntry, "incident", of="incident_id")
follows(CustomerUpdate, "incident", of="incident_id")


# --- What incidents have in common


def places_of(pks, user):
    """Services and regions; whoever sees the incident sees these."""
    services = IncidentService.objects.filter(incident__in=pks).order_by().select_related("service")
    for impact in services:
        yield impact.incident_id, Trait("service", impact.service_id, impact.service.name)
    regions = IncidentRegion.objects.filter(incident__in=pks).order_by().select_related("region")
    for impact in regions:
        yield impact.incident_id, Trait("region", impact.region_id, impact.region.name)


def alerts_of(pks, user):
    """The alerts that told us, without the numbers in them: those differ each time."""
    entries = TimelineEntry.objects.filter(incident__in=pks, kind=TimelineEntry.Kind.ALERT).order_by()
    for incident, text in entries.values_list("incident", "text"):
        name = text.partition("\n")[0].strip()[:60]
        yield incident, Trait("alert", re.sub(r"\W|\d", "", name).casefold(), name)


def with_services(traits, most):
    """The latest incidents of the same services."""
    services = [trait.key for trait in traits if trait.what == "service"]
    found = IncidentService.objects.filter(service__in=services).order_by("-incident")
    return found.values_list("incident", flat=True)[:most] if services else ()


shares("incident", places_of, sharing=with_services)
shares("incident", alerts_of)
