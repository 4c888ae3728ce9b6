"""Who is told, and when, that customers wait to hear from us. Nothing is ever published by a timer: people are."""

from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils import timezone

from incidents.models import Assignment, CustomerUpdate, Incident, Region, Service
from incidents.promises import Promise, Verdict, promises_of

Role = Assignment.Role


@dataclass(frozen=True)
class Nudge:
    """One thing to tell one person of one promise."""

    incident: Incident
    promise: Promise
    person: object
    is_late: bool

    @property
    def key(self) -> str:
        """Once per promise and person; a promise is known by the moment that was named."""
        when = f"{self.promise.due_at:%Y-%m-%dT%H:%M:%SZ}"
        return f"promise {'late' if self.is_late else 'soon'}:incident {self.incident.pk}:{when}:{self.person.pk}"


def live_incidents():
    """Open incidents of ours that customers can see, with all that their promises are judged by."""
    held = Assignment.objects.filter(until_at=None).select_related("user__manager")
    return (
        Incident.objects.open()
        .public()
        .filter(source="")
        .select_related("severity", "declared_by__manager")
        .prefetch_related(
            Prefetch("updates", CustomerUpdate.objects.published(), to_attr="told"),
            Prefetch("assignments", held, to_attr="held"),
        )
        .order_by("pk")
    )


def names() -> list[str]:
    """What services and regions are called: facts, wherever an update names them."""
    return [
        *Service.objects.values_list("name", flat=True),
        *Region.objects.values_list("name", flat=True),
    ]


def nudges(at=None) -> list[Nudge]:
    """What should be told by `at` (now) of the promises that are not answered yet."""
    at = at or timezone.now()
    found = []
    known = names()
    for incident in live_incidents():
        promise = promises_of(incident, incident.told, at, known)[-1]
        if promise.verdict == Verdict.BROKEN:
            found += [Nudge(incident, promise, person, True) for person in escalated_to(incident)]
        elif promise.verdict == Verdict.OPEN and at >= promise.nudge_at:
            found += [Nudge(incident, promise, person, False) for person in communicators(incident)]
    return found


def communicators(incident) -> list:
    """Who writes to customers: the communications lead, else who commands, else who declared it."""
    for role in (Role.COMMUNICATIONS, Role.COMMANDER):
        if holders := _holders(incident, role):
            return holders
    declared_by = incident.declared_by
    return [declared_by] if declared_by and declared_by.is_active else []


def escalated_to(incident) -> list:
    """Who is told that a promise was not kept: who writes, who commands, and the manager of who writes."""
    writing = communicators(incident)
    managers = [person.manager for person in writing if person.manager and person.manager.is_active]
    people = [*writing, *_holders(incident, Role.COMMANDER), *managers]
    return list({person.pk: person for person in people}.values())


def _holders(incident, role):
    return [one.user for one in incident.held if one.role == role and one.user.is_active]
