"""Whether an incident affects a customer, and why: who uses an affected service, where it is affected.

A customer without regions may be anywhere, and so may an incident without them. Of a customer whose services
nobody has listed it is not known: neither yes nor no would be true.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from incidents.models import Customer, CustomerRegion, CustomerService, Impact, Incident

YES, NO, UNKNOWN = "yes", "no", "unknown"
WORDS = {YES: "Yes", NO: "No", UNKNOWN: "Not known"}
FOUND = 10  # customers that a search shows


@dataclass(frozen=True)
class Places:
    """What an incident affects, by primary key."""

    services: dict[int, str]
    regions: dict[int, str]

    @classmethod
    def of(cls, incident: Incident) -> "Places":
        """Read from rows that were fetched with the incident."""
        hurt = [one for one in incident.service_impacts.all() if one.impact != Impact.NONE]
        there = [one for one in incident.region_impacts.all() if one.impact != Impact.NONE]
        return cls(
            {one.service_id: f"{one.service.name} ({one.get_impact_display().lower()})" for one in hurt},
            {one.region_id: one.region.name for one in there},
        )


@dataclass(frozen=True)
class Verdict:
    """The answer to “is this customer affected?”, of one incident."""

    incident: Incident
    answer: str
    why: str
    since: datetime | None = None

    @property
    def words(self) -> str:
        """The answer as people say it."""
        return WORDS[self.answer]


def verdict(customer: Customer, incident: Incident) -> Verdict:
    """Whether `incident` affects `customer`; both with their services and regions fetched."""
    places = Places.of(incident)
    since = incident.started_at or incident.declared_at
    uses = {link.service_id for link in customer.service_links.all()}
    where = {link.region_id: link.region.name for link in customer.region_links.all()}
    if not places.services:
        return Verdict(incident, UNKNOWN, "Nobody has said yet which services the incident affects.")
    if not uses:
        return Verdict(incident, UNKNOWN, "The services of this customer are not listed.")
    hit = [name for pk, name in places.services.items() if pk in uses]
    if not hit:
        return Verdict(incident, NO, f"Uses none of what is affected: {_and(places.services.values())}.")
    told = _and(hit)
    if not places.regions:
        return Verdict(incident, YES, f"Uses {told}; the incident is not limited to a region.", since)
    if not where:
        text = (
            f"Uses {told}; their regions are not listed, so they may be in {_and(places.regions.values())}."
        )
        return Verdict(incident, YES, text, since)
    both = [name for pk, name in places.regions.items() if pk in where]
    if both:
        return Verdict(incident, YES, f"Uses {told} in {_and(both)}.", since)
    text = f"Uses {told}, but in {_and(where.values())}; affected is {_and(places.regions.values())}."
    return Verdict(incident, NO, text)


def _and(names) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def affected_by(incident: Incident):
    """The customers that an incident affects, by the same rule, as the database finds them."""
    places = Places.of(incident)
    if not places.services:
        return Customer.objects.none()
    uses = CustomerService.objects.filter(customer=OuterRef("pk"), service__in=list(places.services))
    rows = Customer.objects.filter(Exists(uses))
    if places.regions:
        anywhere = CustomerRegion.objects.filter(customer=OuterRef("pk"))
        rows = rows.filter(~Exists(anywhere) | Exists(anywhere.filter(region__in=list(places.regions))))
    return rows


def search(term: str) -> list[Customer]:
    """The customers somebody may mean, with what they use: exact ones first."""
    rows = Customer.objects.named(term).prefetch_related("service_links__service", "region_links__region")
    exact = Q(name__iexact=term.strip()) | Q(external_id__iexact=term.strip())
    first = list(rows.filter(exact)[:FOUND])
    known = [row.pk for row in first]
    return [*first, *rows.exclude(pk__in=known)[: FOUND - len(first)]]
