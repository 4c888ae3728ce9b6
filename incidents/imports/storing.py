"""Stores what a status page says: all of it or nothing, and nothing twice."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from incidents.imports import windows
from incidents.imports.following import Together, Wanted, changed_by_people, follow
from incidents.imports.shape import Refused
from incidents.imports.statuspage import DOUBT, Page, told
from incidents.models import CustomerUpdate, Incident, IncidentService, Service, Severity, TimelineEntry
from incidents.public_ids import is_id, new_id


def _fits(incident):
    try:
        incident.clean()
    except ValidationError:
        return False
    return not (incident.is_open and incident.resolved_at)


LIFE = Together(
    "status",
    frozenset({"status", "started_at", "declared_at", "mitigated_at", "resolved_at", "as_imported"}),
    _fits,
)


@dataclass(frozen=True)
class Tally:
    """What became of the records of a document."""

    created: int
    changed: int
    unchanged: int

    def __str__(self):
        return f"{self.created} created, {self.changed} changed, {self.unchanged} unchanged"

    @classmethod
    def of(cls, incidents, total, touched) -> "Tally":
        """Of `total` incidents; one of which any part changed (`touched`: primary keys) has changed."""
        created = {incidents.rows[name].pk for name in incidents.created}
        changed = {incidents.rows[name].pk for name in incidents.changed} | touched
        changed -= created
        return cls(len(created), len(changed), total - len(created) - len(changed))


@transaction.atomic
def store(page: Page) -> Tally:
    """Bring our rows in line with the page. See `follow` for what happens to what people changed here."""
    services = follow(
        Service,
        ("source", "external_id"),
        _services(page),
        stays_deleted=False,
        source=page.source,
    )
    incidents = follow(
        Incident,
        ("source", "external_id"),
        _incidents(page),
        together=LIFE,
        stays_deleted=False,
        source=page.source,
    )
    windows.store(page.windows, page.source, services)
    pks = {record.id: incidents.rows[page.source, record.id].pk for record in page.records}
    mine = {"incident__source": page.source}
    key = ("incident_id", "external_id")
    entries = _timeline(page, pks)
    children = [
        follow(CustomerUpdate, key, _updates(page, pks), **mine),
        timeline := follow(TimelineEntry, key, entries, **mine),
        follow(IncidentService, ("incident_id", "service_id"), _impacts(page, pks, services), **mine),
    ]
    touched = {name[0] for child in children for name in child.created | child.changed}
    touched |= drop_settled(timeline, set(pks.values()), entries)
    return Tally.of(incidents, len(pks), touched)


def severity_of_rank(rank, severities):
    """The severity of that rank; where a company has other ranks, the nearest, the milder of two."""
    if not severities:
        raise Refused("there is no severity yet; add at least one")
    return min(severities, key=lambda severity: (abs(severity.rank - rank), -severity.rank))


def _services(page):
    taken = set(Service.objects.values_list("slug", flat=True))
    held = set(Service.objects.filter(source=page.source).values_list("external_id", flat=True))
    wanted = {}
    for component in page.components.values():
        words = {
            "name": component.name,
            "description": component.description,
            "position": component.position,
            "showcase": component.showcase,
            "group": component.group,
            "as_imported": component.kept,
        }
        # What only incidents mention may be an old name of it: good enough to begin with, not to overwrite.
        owned, first = (words, {}) if component.is_listed else ({}, words)
        if component.id not in held:
            first["slug"] = _free_slug(component.name, taken)
        wanted[page.source, component.id] = Wanted(owned, first | {"is_public": True})
    return wanted


def _free_slug(name, taken):
    base = slug = slugify(name)[:90].strip("-") or "service"
    number = 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    taken.add(slug)
    return slug


def _incidents(page):
    severities = list(Severity.objects.all())
    taken = set(Incident.objects.values_list("public_id", flat=True))
    return {
        (page.source, record.id): Wanted(
            owned={
                "title": record.title,
                "status": record.status,
                "severity_id": severity_of_rank(record.rank, severities).pk,
                "source_url": record.url,
                "as_imported": record.kept,
                **record.moments,
            },
            first={"visibility": Incident.Visibility.PUBLIC, "public_id": _public_id(record.id, taken)},
        )
        for record in page.records
    }


def _public_id(name, taken):
    """The one it had on its page, so that links to it lead here; another where that is not to be had."""
    return name if is_id(name) and name not in taken else new_id()


def _updates(page, pks):
    return {
        (pks[record.id], update.id): Wanted(
            {
                "status": update.status,
                "text": update.text,
                "affected": update.affected,
                "as_imported": update.kept,
                "state": CustomerUpdate.State.PUBLISHED,
                "published_at": update.at,
            }
        )
        for record in page.records
        for update in record.updates
    }


def _timeline(page, pks):
    return {
        (pks[record.id], name): Wanted({"kind": kind, "text": text, "at": at}, {"source": page.name})
        for record in page.records
        for name, (kind, text, at) in told(record).items()
    }


def _impacts(page, pks, services):
    return {
        (pks[record.id], services.rows[page.source, name].pk): Wanted({"impact": impact})
        for record in page.records
        for name, impact in record.impacts.items()
    }


def drop_settled(timeline, incidents, wanted) -> set[int]:
    """Take away the doubts the source has settled since, unless somebody has worked on the entry.

    `incidents` are the primary keys the document speaks of; returns those that lost a doubt.
    """
    settled = [
        row
        for key, row in timeline.rows.items()
        if row.external_id.startswith(DOUBT) and row.incident_id in incidents and key not in wanted
    ]
    ours = changed_by_people(settled, ["kind", "text", "at", "is_key"])
    settled = [row for row in settled if not ours[row.pk]]
    if settled:
        TimelineEntry.objects.filter(pk__in=[row.pk for row in settled]).delete()
    return {row.incident_id for row in settled}
