"""Whether who leads a retrospective was part of what it is about: then somebody else confirms that they may.

Whoever leads it completes the timeline, so only what was written on it before the retro was opened counts.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from incidents.models import Assignment, Incident, TimelineEntry
from retros.models import RetrospectiveIncident


@dataclass(frozen=True)
class Appearance:
    """Where somebody appears: on which incident, and how."""

    incident: Incident
    how: str


def appearances(retro) -> list[Appearance]:
    """Where whoever leads `retro` appears on its incidents."""
    person = retro.facilitator_id
    # Asked anew: a page may have fetched only those incidents that its reader may see.
    incidents = list(Incident.objects.filter(retro_links__retro=retro.pk)) if person and retro.pk else []
    if not incidents:
        return []
    held = Assignment.objects.filter(incident__in=incidents, user=person).order_by("from_at", "pk")
    roles = [(one.incident_id, one.get_role_display().lower()) for one in held]
    wrote = set(
        _written_before(retro)
        .filter(incident__in=incidents, author=person)
        .values_list("incident", flat=True)
    )
    found = []
    for incident in incidents:
        how = ["declared it"] if incident.declared_by_id == person else []
        how += [f"was {role}" for role in dict.fromkeys(role for pk, role in roles if pk == incident.pk)]
        how += ["wrote on its timeline"] if incident.pk in wrote else []
        found += [Appearance(incident, words) for words in how]
    return found


def _written_before(retro):
    return TimelineEntry.history.filter(history_type="+", history_date__lt=retro.opened_at).order_by()


def is_to_confirm(retro) -> bool:
    """Whether somebody has still to confirm that they may lead it."""
    return not retro.is_facilitator_confirmed and bool(appearances(retro))


def in_words(retro) -> str:
    """Why it waits, in a sentence that names no incident."""
    return (
        f"{retro.facilitator} leads it and was part of what it is about: somebody else who may lead "
        "retrospectives confirms that, with a reason."
    )


def seen_by(found, user) -> list[tuple[str, str]]:
    """Pairs of incident and how; one that `user` may not see has no name."""
    pks = Incident.objects.visible_to(user).filter(pk__in=[one.incident.pk for one in found])
    names = {incident.pk: str(incident) for incident in pks} if found else {}
    return [(names.get(one.incident.pk, "An incident you may not see"), one.how) for one in found]


def with_involved(queryset):
    """Retros with `facilitator_appears`: whether who leads it appears on one of its incidents."""
    about = RetrospectiveIncident.objects.filter(retro=OuterRef("pk"))
    person = OuterRef("facilitator")
    wrote = TimelineEntry.history.filter(
        incident=OuterRef("incident"),
        author=OuterRef(person),
        history_type="+",
        history_date__lt=OuterRef(OuterRef("opened_at")),
    )
    held = Assignment.objects.filter(incident=OuterRef("incident"), user=OuterRef(person))
    part = Q(incident__declared_by=person) | Exists(held) | Exists(wrote.order_by())
    return queryset.annotate(facilitator_appears=Exists(about.filter(part)))
