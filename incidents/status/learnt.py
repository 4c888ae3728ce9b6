"""What was learnt from incidents, as far as it is published: told to us by whoever keeps it.

@tells_learnings
def published(incidents) -> dict[int, Learning]: ...     # by primary key of the incident
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Learning:
    """The public digest of what an incident taught; `path` is its address on this site."""

    title: str
    path: str
    published_at: datetime
    text: str = ""


_tellers: list[tuple[Callable, tuple]] = []


def tells_learnings(*models):
    """Register a function that knows the published learnings of incidents; a change of `models` is followed."""

    def decorate(function):
        _tellers.append((function, models))
        return function

    return decorate


def learnings_of(incidents) -> dict[int, Learning]:
    """The published learning of each incident that has one."""
    found = {}
    for tell, _ in _tellers:
        found |= tell(incidents)
    return found


def followed_models() -> list[type]:
    """The models whose changes may change what is told."""
    return [model for _, models in _tellers for model in models]
