"""What customers may know, read in a handful of queries. What is not on the board is on no public page.

Nothing here is stored: how a service stands follows from the public incidents that are open and the maintenance
that is going on. A restricted or internal incident changes nothing that customers can see.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.db.models import Max, Min, Prefetch, Q
from django.utils import timezone

from incidents.feedback.asking import is_asked
from incidents.models import (
    CustomerUpdate,
    Impact,
    Incident,
    IncidentRegion,
    IncidentService,
    Maintenance,
    Milestone,
    Region,
    Service,
    UpdateCorrection,
)
from incidents.public_ids import id_of
from incidents.status.learnt import Learning, learnings_of

NEWEST = 50  # incidents and windows that one document of the API holds
MAINTENANCE = "under_maintenance"
# From best to worst; an incident says more than the maintenance it happens in.
DEGREES = [Impact.NONE.value, MAINTENANCE, Impact.DEGRADED.value, Impact.PARTIAL.value, Impact.MAJOR.value]
WORDS = {
    Impact.NONE.value: "Operational",
    MAINTENANCE: "Under maintenance",
    Impact.DEGRADED.value: "Slow or faulty",
    Impact.PARTIAL.value: "Out for some",
    Impact.MAJOR.value: "Out for all",
}
IMPACTS = {1: "critical", 2: "major", 3: "minor"}
_S = Incident.Status
STATUSES = {
    _S.DECLARED: "investigating",
    _S.INVESTIGATING: "investigating",
    _S.IDENTIFIED: "identified",
    _S.MONITORING: "monitoring",
}


def worst(degrees) -> str:
    """The worst of some degrees; operational if there is none."""
    return max(degrees, key=DEGREES.index, default=DEGREES[0])


@dataclass(frozen=True)
class Standing:
    """How a service or region stands now, and why."""

    row: Service | Region
    degree: str
    regions: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The degree as people say it."""
        return WORDS[self.degree]

    @property
    def is_well(self) -> bool:
        """Whether customers notice nothing."""
        return self.degree == DEGREES[0]


@dataclass(frozen=True)
class Group:
    """Services under one heading; those without one stand alone."""

    name: str
    members: tuple[Standing, ...]

    @property
    def degree(self) -> str:
        """That of the worst of them."""
        return worst(one.degree for one in self.members)

    @property
    def id(self) -> str:
        """What customers' programs know it by."""
        return id_of("group", self.name)


@dataclass(frozen=True)
class Told:
    """A public incident, as customers see it."""

    row: Incident
    updates: tuple[CustomerUpdate, ...]
    impacts: tuple
    regions: tuple
    milestones: tuple[Milestone, ...]
    learning: Learning | None = None

    @property
    def is_open(self) -> bool:
        """Whether customers may still feel it."""
        return self.row.is_open

    @property
    def status(self) -> str:
        """What we told last, unless it is over: what goes on inside is not published by itself."""
        if not self.row.is_open:
            return "postmortem" if self.learning else "resolved"
        said = next((one.status for one in self.updates), "")
        return said if said in STATUSES.values() else STATUSES[self.row.status]

    @property
    def impact(self) -> str:
        """How bad it is, in the word customers' programs know."""
        return IMPACTS.get(self.row.severity.rank, "none")

    @property
    def began_at(self) -> datetime:
        """From when customers felt it, as far as we know."""
        return self.row.started_at or self.row.declared_at

    @property
    def ended_at(self) -> datetime | None:
        """Until when; an end nobody knows lies where we last spoke of it."""
        if self.row.is_open:
            return None
        return self.row.resolved_at or (self.updates[0].published_at if self.updates else self.began_at)

    @property
    def lasted(self):
        """For how long customers felt it, so far."""
        return (self.ended_at or timezone.now()) - self.began_at

    @property
    def asks(self) -> bool:
        """Whether its page leads to the question how we did: before we said anything there is nothing to judge."""
        return is_asked(self.row) and (bool(self.updates) or not self.is_open)

    @property
    def next_update_by(self) -> datetime | None:
        """When customers hear from us again, as the latest update promises."""
        return self.updates[0].next_update_by if self.is_open and self.updates else None


@dataclass(frozen=True)
class Window:
    """An announced maintenance."""

    row: Maintenance
    updates: tuple
    services: tuple[Service, ...]
    regions: tuple[Region, ...]

    @property
    def is_shown(self) -> bool:
        """Whether the first page names it: until it is over, and a cancelled one until it would have been."""
        is_ahead = self.row.scheduled_until >= timezone.now()
        return (
            self.row.is_active
            or self.row.status == "scheduled"
            or (self.row.status == "cancelled" and is_ahead)
        )


@dataclass(frozen=True)
class Board:
    """All that is public, as of one moment."""

    at: datetime
    services: tuple[Service, ...]
    incidents: tuple[Told, ...]
    windows: tuple[Window, ...]
    lives: dict

    changed_at: datetime | None = None
    name: str = ""
    page_id: str = ""

    @cached_property
    def open(self) -> list[Told]:
        """What customers may feel now: the worst first, then the newest."""
        found = [told for told in self.incidents if told.is_open]
        return sorted(found, key=lambda told: (told.row.severity.rank, -told.row.declared_at.timestamp()))

    @cached_property
    def active(self) -> list[Window]:
        """Maintenance that is going on."""
        return [window for window in self.windows if window.row.is_active]

    @cached_property
    def upcoming(self) -> list[Window]:
        """Maintenance that is announced, the next first."""
        found = [window for window in self.windows if window.row.status == "scheduled"]
        return sorted(found, key=lambda window: window.row.scheduled_for)

    @cached_property
    def standings(self) -> dict[int, Standing]:
        """How each service stands, by primary key."""
        return {service.pk: self._standing(service) for service in self.services}

    def _standing(self, service):
        degrees, regions = [DEGREES[0]], {}
        for told in self.open:
            if impact := next((one.impact for one in told.impacts if one.service_id == service.pk), None):
                degrees.append(impact)
                if impact != DEGREES[0]:
                    regions |= {one.region.name: None for one in told.regions if one.impact != DEGREES[0]}
        for window in self.active:
            if service in window.services:
                degrees.append(MAINTENANCE)
                regions |= {region.name: None for region in window.regions}
        return Standing(service, worst(degrees), tuple(regions))

    @cached_property
    def groups(self) -> list[Group]:
        """The services by heading, each heading where its first service stands."""
        by_name: dict[str, list[Standing]] = {}
        for service in self.services:
            by_name.setdefault(service.group, []).append(self.standings[service.pk])
        return [Group(name, tuple(members)) for name, members in by_name.items()]

    @cached_property
    def regions(self) -> list[Standing]:
        """How each region that is named anywhere stands now."""
        degrees: dict[Region, list[str]] = {region: [DEGREES[0]] for region in self._regions}
        for told in self.open:
            for one in told.regions:
                degrees[one.region].append(one.impact)
        for window in self.active:
            for region in window.regions:
                degrees[region].append(MAINTENANCE)
        return [Standing(region, worst(found)) for region, found in degrees.items()]

    @cached_property
    def _regions(self):
        named = {one.region for told in self.incidents for one in told.regions}
        named |= {region for window in self.windows for region in window.regions}
        return sorted(named, key=lambda region: region.name)

    @cached_property
    def degree(self) -> str:
        """How it stands on the whole: what is worst of any service."""
        return worst(standing.degree for standing in self.standings.values())


def public_ids() -> set[str]:
    """What has a page of its own."""
    incidents = Incident.objects.public().order_by().values_list("public_id")
    return {
        name for (name,) in incidents.union(Maintenance.objects.public().order_by().values_list("public_id"))
    }


def read(since=None) -> Board:
    """Everything that is public now; with `since`, only what is open, the newest, and what ended after it."""
    services = tuple(Service.objects.filter(is_public=True))
    public = {service.pk for service in services}
    rows = list(_incidents(since))
    learnings = learnings_of(rows)
    return Board(
        at=timezone.now(),
        services=services,
        incidents=tuple(_told(row, public, learnings.get(row.pk)) for row in rows),
        windows=tuple(_window(row, public) for row in _maintenance()),
        lives=_lives(),
        changed_at=_changed_at(),
        name=settings.SITE_NAME,
        page_id=id_of("page", settings.SITE_URL),
    )


def _changed_at():
    """When anything was last said, not when it was written here: equal facts make equal bytes."""
    public = Incident.objects.public()
    said = CustomerUpdate.objects.filter(state=CustomerUpdate.State.PUBLISHED, incident__in=public)
    moments = [
        *public.aggregate(Max("declared_at"), Max("resolved_at")).values(),
        *said.aggregate(Max("published_at"), Max("corrections__corrected_at")).values(),
        *Maintenance.objects.public().aggregate(Max("updates__published_at")).values(),
    ]
    return max(filter(None, moments), default=None)


def _incidents(since):
    wanted = Incident.objects.public()
    if since:
        newest = wanted.order_by("-declared_at", "-pk").values_list("pk", flat=True)[:NEWEST]
        ended = Q(resolved_at__gte=since) | Q(declared_at__gte=since) | Q(status__in=Incident.OPEN)
        wanted = wanted.filter(ended | Q(pk__in=list(newest)))
    return _with_parts(wanted).order_by("-declared_at", "-pk")


def _with_parts(incidents):
    published = CustomerUpdate.objects.filter(state=CustomerUpdate.State.PUBLISHED)
    corrected = Prefetch("corrections", UpdateCorrection.objects.all(), to_attr="corrected")
    published = published.order_by("-published_at", "-pk").prefetch_related(corrected)
    steps = Milestone.objects.filter(is_public=True).exclude(status=Milestone.Status.DROPPED)
    return incidents.select_related("severity").prefetch_related(
        # Lists, not managers: a queryset for each part of each incident took longer than all the reading.
        Prefetch("updates", published, to_attr="said"),
        Prefetch("milestones", steps, to_attr="steps"),
        Prefetch("service_impacts", IncidentService.objects.select_related("service"), to_attr="hurt"),
        Prefetch("region_impacts", IncidentRegion.objects.select_related("region"), to_attr="places"),
    )


def alone(incident) -> tuple[Board, Told]:
    """One incident as customers would see it, whether or not they do: for previews."""
    services = tuple(Service.objects.filter(is_public=True))
    row = _with_parts(Incident.objects.filter(pk=incident.pk)).get()
    told = _told(row, {service.pk for service in services}, learnings_of([row]).get(row.pk))
    board = Board(timezone.now(), services, (told,), (), {}, name=settings.SITE_NAME)
    return board, told


def changed_at(update) -> datetime:
    """When customers were last given another text of it: at its latest correction, else when it was published."""
    return max([update.published_at, *(one.corrected_at for one in update.corrected)])


def _told(row, public, learning):
    return Told(
        row=row,
        updates=tuple(row.said),
        impacts=tuple(one for one in row.hurt if one.service_id in public),
        regions=tuple(row.places),
        milestones=tuple(sorted(row.steps, key=_expected)),
        learning=learning,
    )


def _expected(step):
    """Steps in the order in which customers can count on them; what has no time yet comes last."""
    day = step.expected_at.date() if step.expected_at else step.due_on
    return step.status != Milestone.Status.REACHED, day is None, day or step.created_at.date(), step.pk


def _maintenance():
    return (
        Maintenance.objects.public()
        .prefetch_related("updates", "service_links__service", "region_links__region")
        .order_by("-scheduled_for", "-pk")
    )


def _window(row, public):
    return Window(
        row=row,
        updates=tuple(row.updates.all()),
        services=tuple(link.service for link in row.service_links.all() if link.service_id in public),
        regions=tuple(link.region for link in row.region_links.all()),
    )


def _lives():
    """From when each service is known, and when it was last edited, as the history has it."""
    rows = Service.history.order_by().values_list("id").annotate(Min("history_date"), Max("history_date"))
    return {pk: (first, last) for pk, first, last in rows}
