"""Tells the story: once per database, whole or not at all."""

from collections.abc import Callable
from datetime import time, timedelta

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
from config.demo.maintenance import MAINTENANCE, tell_maintenance
from config.demo.people import PASSWORD, PEOPLE
from config.demo.retro_teller import tell_retro, tell_review
from config.demo.retros_open import OPEN
from config.demo.retros_published import PUBLISHED
from config.demo.room_teller import tell_learning, tell_room
from config.demo.rooms import ROOMS
from config.demo.script import Person
from config.demo.stage import Stage
from config.demo.voice_teller import tell_customer, tell_subscriber, tell_voices
from config.demo.voices import CUSTOMERS, SUBSCRIBERS, VOICES
from config.people.models import User
from incidents.models import Region, Service, Severity

PARTS = [
    *((tell_incident, tale) for tale in [*EARLY, *PAST, *RECENT]),
    *((tell_maintenance, tale) for tale in MAINTENANCE),
    *((tell_customer, tale) for tale in CUSTOMERS),
    *((tell_voices, tale) for tale in VOICES),
    *((tell_subscriber, tale) for tale in SUBSCRIBERS),
    *((tell_retro, tale) for tale in [*PUBLISHED, *OPEN]),
    *((tell_room, room) for room in ROOMS if not room.is_reopened),
    *((tell_item, tale) for tale in [*EARLY_ITEMS, *LATE_ITEMS]),
    # Last: nothing is published before its actions are agreed.
    *((tell_review, tale) for tale in [*PUBLISHED, *OPEN]),
    *((tell_room, room) for room in ROOMS if room.is_reopened),
    *((tell_learning, room) for room in ROOMS),
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
        **({"works_from": time(0), "works_until": time(23, 59)} if person.all_day else {}),
        is_superuser=person.is_superuser,
        joined_at=stage.ago(420, "09:00"),
    )


def _tell_catalogue(stage) -> None:
    for position, (slug, name, description, tier, is_public, group) in enumerate(SERVICES, start=1):
        service = Service(slug=slug, tier=tier, is_public=is_public, position=position, group=group)
        stage.services[slug] = stage.write("admin", service, name=name, description=description)
    for slug, name in REGIONS:
        stage.regions[slug] = stage.write("admin", Region(slug=slug), name=name)
