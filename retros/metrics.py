"""The facts a retrospective starts from: what its incidents were for customers. Computed, never stored."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from incidents.feedback.showing import impact_facts as customers_said
from incidents.metrics import CustomerSide, customer_side
from incidents.models import CustomerUpdate, Incident, IncidentRegion, IncidentService

# Functions of incidents by which an app tells more: {incident's pk: [(label, value), …]}, asked once a page.
added_facts: list[Callable[[list[Incident]], dict[int, list[tuple[str, object]]]]] = []


@dataclass(frozen=True)
class ImpactFacts:
    """One incident of a retro, as customers lived through it."""

    incident: Incident
    side: CustomerSide
    services: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)
    more: list[tuple[str, object]] = field(default_factory=list)


def impact_facts(incidents: Iterable[Incident]) -> list[ImpactFacts]:
    """The facts of each incident; a constant number of queries however many they are."""
    incidents = list(incidents)
    told, services, regions, more = (
        _told(incidents),
        _places(IncidentService, "service", incidents),
        _places(IncidentRegion, "region", incidents),
        _more(incidents),
    )
    return [
        ImpactFacts(
            incident=one,
            side=customer_side(one, told[one.pk]),
            services=services[one.pk],
            regions=regions[one.pk],
            more=more[one.pk],
        )
        for one in incidents
    ]


def _told(incidents):
    found = defaultdict(list)
    rows = CustomerUpdate.objects.filter(incident__in=incidents, published_at__isnull=False)
    for pk, at in rows.order_by().values_list("incident", "published_at"):
        found[pk].append(at)
    return found


def _places(model, name, incidents):
    found = defaultdict(list)
    for row in model.objects.filter(incident__in=incidents).select_related(name):
        found[row.incident_id].append(str(row))
    return found


def _more(incidents):
    found = defaultdict(list)
    for tell in (customers_said, *added_facts):
        for pk, facts in tell(incidents).items():
            found[pk] += facts
    return found
