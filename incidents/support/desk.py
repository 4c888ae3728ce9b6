"""What support needs to know of each open incident, read in a number of queries that no incident changes."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Prefetch, Q
from django.urls import reverse
from django.utils import timezone

from config.display import duration
from incidents.customers.affected import Places
from incidents.feedback.numbers import tickets_of
from incidents.models import Customer, CustomerRegion, CustomerService, CustomerUpdate, Impact, Incident
from incidents.status.board import STATUSES, WORDS
from incidents.status.moments import said

STILL_ASKED = timedelta(hours=24)  # after its end customers write about an incident
MOST = 30  # incidents; with more than that, nobody reads a page


@dataclass(frozen=True)
class Sheet:
    """One incident, as somebody at the desk needs it."""

    incident: Incident
    update: CustomerUpdate | None
    tickets: int
    customers: int

    @property
    def services(self) -> list[tuple[str, str]]:
        """What is affected, and how badly; what is not on the status page is no word for customers."""
        rows = self.incident.service_impacts.all()
        hurt = [one for one in rows if one.service.is_public and one.impact != Impact.NONE]
        return [(one.service.name, WORDS[one.impact]) for one in hurt]

    @property
    def regions(self) -> list[tuple[str, str]]:
        """Where, and how badly."""
        hurt = [one for one in self.incident.region_impacts.all() if one.impact != Impact.NONE]
        return [(one.region.name, WORDS[one.impact]) for one in hurt]

    @property
    def status(self) -> str:
        """What we told last; what goes on inside is not said to customers by itself."""
        if not self.incident.is_open:
            return "resolved"
        told = self.update.status if self.update else ""
        return told if told in STATUSES.values() else STATUSES[self.incident.status]

    @property
    def next_update_by(self):
        """When customers hear from us again, as the latest update promises."""
        return self.update.next_update_by if self.update and self.incident.is_open else None

    @property
    def since(self):
        """From when customers felt it, as far as we know."""
        return self.incident.started_at or self.incident.declared_at

    @property
    def until_then(self) -> str:
        """How long that is from now, in words; late if it has passed."""
        if self.next_update_by is None:
            return ""
        wait = self.next_update_by - timezone.now()
        return f"in {duration(wait)}" if wait > timedelta() else f"late by {duration(-wait)}"

    @property
    def is_late(self) -> bool:
        """Whether we should have spoken already."""
        return self.next_update_by is not None and self.next_update_by < timezone.now()

    @property
    def workaround(self) -> str:
        """What customers can do, once they are told."""
        return self.incident.public_workaround

    @property
    def address(self) -> str:
        """Its public page, whole."""
        return settings.SITE_URL + reverse("status-incident", args=[self.incident.public_id])

    @property
    def text(self) -> str:
        """The latest update, to be passed on as it was said."""
        return self.update.text if self.update else ""

    @property
    def reply(self) -> str:
        """A short answer to a ticket."""
        title = self.incident.title.rstrip(".!? ")
        if not self.incident.is_open:
            return f"Thank you for writing to us. This is over now: {title}. What happened: {self.address}"
        parts = [f"Thank you for writing to us. We know of this and are working on it: {title}."]
        if self.services:
            what = ", ".join(f"{name} ({degree.lower()})" for name, degree in self.services)
            where = f" in {', '.join(name for name, _ in self.regions)}" if self.regions else ""
            parts.append(f"Affected: {what}{where}.")
        if self.workaround:
            parts.append(f"What you can do now: {self.workaround.strip()}")
        if self.next_update_by and not self.is_late:
            parts.append(f"We will write again by {said(self.next_update_by)}.")
        return "\n\n".join([*parts, f"Follow it here: {self.address}"])


def sheets() -> list[Sheet]:
    """The open incidents, the worst first, then those that ended within a day."""
    ended = Q(status__in=[Incident.Status.RESOLVED, Incident.Status.CLOSED])
    ended &= Q(resolved_at__gte=timezone.now() - STILL_ASKED)
    told = CustomerUpdate.objects.published().order_by("-published_at", "-pk")
    found = (
        Incident.objects.public()
        .filter(Q(status__in=Incident.OPEN) | ended)
        .select_related("severity")
        .prefetch_related(
            "service_impacts__service", "region_impacts__region", Prefetch("updates", told, to_attr="said")
        )
        .order_by("severity__rank", "-declared_at", "-pk")[:MOST]
    )
    rows = sorted(found, key=lambda row: not row.is_open)
    tickets, customers = tickets_of(rows), _customers_of(rows)
    return [
        Sheet(row, row.said[0] if row.said else None, tickets.get(row.pk, 0), customers.get(row.pk, 0))
        for row in rows
    ]


def _customers_of(rows) -> dict[int, int]:
    """How many customers each incident affects: counted at once, by the rule of `customers.affected`."""
    counts = {}
    for row in rows:
        places = Places.of(row)
        if not places.services:
            continue
        uses = CustomerService.objects.filter(customer=OuterRef("pk"), service__in=list(places.services))
        condition = Exists(uses)
        if places.regions:
            anywhere = CustomerRegion.objects.filter(customer=OuterRef("pk"))
            there = anywhere.filter(region__in=list(places.regions))
            condition &= ~Exists(anywhere) | Exists(there)
        counts[f"of_{row.pk}"] = Count("pk", filter=condition)
    found = Customer.objects.order_by().aggregate(**counts) if counts else {}
    return {int(name.removeprefix("of_")): count for name, count in found.items()}
