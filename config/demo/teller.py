"""Tells the story: once per database, whole or not at all."""

from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from config.demo.catalogue import REGIONS, SERVICES
from config.demo.guard import is_told
from config.demo.incident_teller import tell_incident
from config.demo.incidents_early import EARLY
from config.demo.incidents_past import PAST
from config.demo.incidents_recent import RECENT
from config.demo.item_teller import tell_item
from config.demo.items_early import EARLY_ITEMS
from config.demo.items_late import LATE_ITEMS
from config.demo.people import PASSWORD, PEOPLE
from config.demo.retro_teller import tell_retro
from config.demo.retros_open import OPEN
from config.demo.retros_published import PUBLISHED
from config.demo.script import Person
from config.demo.stage import Stage
from config.people.models import User
from incidents.models import Region, Service, Severity

PARTS = [
    *((tell_incident, tale) for tale in [*EARLY, *PAST, *RECENT]),
    *((tell_retro, tale) for tale in [*PUBLISHED, *OPEN]),
    *((tell_item, tale) for tale in [*EARLY_ITEMS, *LATE_ITEMS]),
]
LENGTH = len(PEOPLE) + 1 + len(PARTS)  # how often `advance` is called


def tell(advance: Callable[[], object] = lambda: None) -> bool:
    """Tell the story unless this database has heard it; returns whether it was told now.

    One transaction: a story that is interrupted has never begun, and one that is told is never told again,
    on no later day and whatever visitors have made of it.
    """
    with transaction.atomic():
        # Two demos started at once: the second waits here, then finds the story told.
        severities = list(Severity.objects.select_for_update())
        if is_told():
            return False
        stage = Stage(timezone.now())
        stage.severities = {severity.rank: severity for severity in severities}
        _tell_people(stage, advance)
        _tell_catalogue(stage)
        advance()
        for tell_part, tale in PARTS:
            tell_part(stage, tale)
            advance()
    return True


def _tell_people(stage, advance) -> None:
    for person in PEOPLE:
        stage.people[person.key] = _person(stage, person)
        advance()
    for person in PEOPLE:
        if person.manager:
            user = stage.people[person.key]
            stage.write("admin", user, manager=stage.people[person.manager])


def _person(stage, person: Person) -> User:
    if "admin" not in stage.people:  # nobody is there yet to do it: the command signs for the first person
        return _added(stage, person)
    with stage.step("admin"):
        user = _added(stage, person)
        user.groups.add(*Group.objects.filter(name__in=person.roles))
    return user


def _added(stage, person: Person) -> User:
    today = stage.now.date()
    away_from, away_until = (
        (today + timedelta(days=days) for days in person.away) if person.away else (None, None)
    )
    return User.objects.create_user(
        person.email,
        PASSWORD if person.looks_at else None,
        name=person.name,
        time_zone=person.zone,
        working_days=person.working_days,
        away_from=away_from,
        away_until=away_until,
        is_superuser=person.is_superuser,
        joined_at=stage.ago(420, "09:00"),
    )


def _tell_catalogue(stage) -> None:
    for position, (slug, name, description, tier, is_public) in enumerate(SERVICES, start=1):
        service = Service(slug=slug, tier=tier, is_public=is_public, position=position)
        stage.services[slug] = stage.write("admin", service, name=name, description=description)
    for slug, name in REGIONS:
        stage.regions[slug] = stage.write("admin", Region(slug=slug), name=name)
