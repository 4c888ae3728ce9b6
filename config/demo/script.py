"""The words in which the story is written. Data only: nothing here reads or writes a row.

People, services and severities are named by their keys. A text may be a list: its drafts, the last one
being the one that stands; each is saved on its own, so that the history shows real editing.
"""

from dataclasses import dataclass, field

Text = str | list[str]


@dataclass(frozen=True)
class Person:
    """Somebody at Tallyhour; only those with `looks_at` can sign in."""

    key: str
    name: str
    zone: str
    roles: tuple[str, ...]
    looks_at: str = ""
    working_days: str = "12345"
    manager: str = ""
    away: tuple[int, int] | None = None  # first and last day, in days from today
    is_superuser: bool = False

    @property
    def email(self) -> str:
        return f"{self.key}@example.com"


@dataclass(frozen=True)
class Step:
    """Somebody does something; `at` is minutes after the start, or None where no moment is asked for."""

    who: str
    verb: str
    at: int | None = None
    about: dict = field(default_factory=dict)


def at(minutes: int, who: str, verb: str, **about) -> Step:
    """A step of an incident, `minutes` after it started."""
    return Step(who, verb, minutes, about)


def then(who: str, verb: str, **about) -> Step:
    """A step of a retro or an action item."""
    return Step(who, verb, None, about)


@dataclass(frozen=True)
class IncidentTale:
    """One incident. `began` is (days ago, UTC clock) or minutes ago; the other moments are minutes after."""

    key: str
    began: tuple[int, str] | int
    title: str
    severity: int
    by: str
    services: dict[str, str]
    regions: dict[str, str]
    steps: list[Step]
    declared: int = 5
    detected: int = 3
    detection: str = "alert"
    visibility: str = "public"
    is_drill: bool = False
    summary: Text = ""
    data_safety: str = ""
    customers: tuple[int | None, str] = (None, "")


@dataclass(frozen=True)
class RetroTale:
    """One retrospective of one or several incidents."""

    incidents: list[str]
    title: str
    impact: Text = ""
    sections: dict[str, Text] = field(default_factory=dict)
    factors: dict[str, Text] = field(default_factory=dict)
    findings: list[tuple[str, Text]] = field(default_factory=list)
    participants: list[tuple[str, str]] = field(default_factory=list)  # a key or a name, and the hat
    steps: list[Step] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.incidents[0]


@dataclass(frozen=True)
class ItemTale:
    """One action item; `due` and `created` are days from today, negative for the past."""

    title: Text
    why: Text
    kind: str
    owner: str | None
    due: int | None
    created: int
    retro: str | None = None
    finding: int | None = None
    priority: int = 3
    url: str = ""
    steps: list[Step] = field(default_factory=list)
