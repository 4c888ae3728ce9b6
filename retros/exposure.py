"""Who carried most of it, and so should be talked to first: before the meeting, in person, and to listen.

No measure of anybody's part in what happened: being on the roles and the timeline means having been there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from incidents.models import Assignment, Incident, TimelineEntry

# What weighs how much: whoever led was there all along; a key event weighs as much as several notes.
ROLE, LEAD, ENTRY, KEY = 4, 8, 1, 3
LEADING = "commander"


@dataclass
class Exposed:
    """One person, and where they appear."""

    person: object
    roles: list[str] = field(default_factory=list)
    entries: int = 0
    weight: int = 0

    @property
    def where(self) -> str:
        """In words: Incident commander, on the timeline 12 times."""
        times = {0: "", 1: "on the timeline once"}.get(self.entries, f"on the timeline {self.entries} times")
        told = ", ".join([*self.roles, *([times] if times else [])])
        return told[:1].upper() + told[1:]


def ranked(roles: Iterable[tuple], entries: Iterable[tuple]) -> list[Exposed]:
    """People by how much of it they carried, the most first.

    `roles` are triples of person, role and what the role is called; `entries` pairs of person and whether it was
    a key event. Nobody stands for entries that nobody wrote.
    """
    found = {}
    for person, role, name in roles:
        one = _of(found, person)
        if one and name not in one.roles:
            one.roles.append(name)
            one.weight += LEAD if role == LEADING else ROLE
    for person, is_key in entries:
        if one := _of(found, person):
            one.entries += 1
            one.weight += KEY if is_key else ENTRY
    return sorted(found.values(), key=lambda one: (-one.weight, str(one.person)))


def _of(found, person):
    return found.setdefault(person, Exposed(person)) if person is not None else None


def exposed_in(retro, reader) -> list[Exposed]:
    """The same of a retro, as far as its incidents are seen by `reader`."""
    incidents = Incident.objects.visible_to(reader).filter(retro_links__retro=retro)
    assigned = Assignment.objects.filter(incident__in=incidents).select_related("user")
    written = TimelineEntry.objects.filter(incident__in=incidents, author__isnull=False)
    return ranked(
        ((one.user, one.role, one.get_role_display()) for one in assigned),
        ((one.author, one.is_key) for one in written.select_related("author").only("author", "is_key")),
    )
