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
    all_day: bool = False  # works around the clock
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
class Answer:
    """What was said, so many days ago, on whether it worked: on its day, or because of the incident `about`."""

    who: str
    days: int
    result: str = "effective"
    note: str = ""
    about: str = ""


@dataclass(frozen=True)
class ItemTale:
    """One action item; `due`, `created` and `check` are days from today, negative for the past."""

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
    measure: str = ""
    check: int | None = None
    steps: list[Step] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


# --- What a retro holds besides its text


@dataclass(frozen=True)
class Mark:
    """What matters on a timeline: the entry that begins like this, as what, and why."""

    entry: str
    kind: str = ""
    star: bool = False
    note: str = ""
    shows: tuple[int, ...] = ()  # findings, counted from 0


@dataclass(frozen=True)
class Voice:
    """Somebody is asked how they saw it; without answers they have not said anything yet, or would rather not."""

    who: str  # a key, or the name under which a guest takes part
    answers: dict[str, str]  # by how the question begins
    days: int = 0  # so many days ago they answered
    is_named: bool = False
    declines: bool = False
    email: str = ""  # of a guest


@dataclass(frozen=True)
class MeetingTale:
    """The meeting, so many days ago, or to come; notes by the part of the agenda in which they were made."""

    days: int
    clock: str
    place: str
    minutes: int = 60
    notes: dict[int, list[tuple[str, str, str]]] = field(default_factory=dict)  # who, kind, text
    impressions: dict[str, tuple[str, str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LearningTale:
    """What customers may read, as it was published, and what was corrected since; without a day it is a draft."""

    texts: dict[str, str]
    days: int = 0
    corrected: int = 0
    note: str = ""
    corrections: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """What stands around the text of one retro."""

    retro: str
    is_reopened: bool = False  # told after it was published for the first time
    marks: list[Mark] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # steps of the checklist, and why
    asked: int = 0  # so many days ago
    invitation: str = ""
    due: int = 0  # in days from today
    voices: list[Voice] = field(default_factory=list)
    meeting: MeetingTale | None = None
    learning: LearningTale | None = None
