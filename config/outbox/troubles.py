"""What keeps messages from going out, in words: for the monitor, and for a banner on every page."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Subquery
from django.utils import timezone

from config.outbox.models import Delivery, Heartbeat

LONGEST_WAIT = timedelta(minutes=15)
LONGEST_SILENCE = timedelta(minutes=5)
REMEMBERED = 10.0  # seconds an answer serves every page of this process


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and what whoever runs Aftercare does about it."""

    what: str
    remedy: str


def last_beat():
    """When the schedule last ran, or None if it never has."""
    return Heartbeat.objects.filter(name=Heartbeat.SCHEDULE).values_list("at", flat=True).first()


def of_the_schedule(beat, at=None) -> str:
    """What is wrong if the schedule last ran at `beat`; empty when nothing is."""
    if beat is None:
        return (
            "the schedule has never run: start the scheduler and a worker, or run manage.py deliver from cron"
        )
    if (at or timezone.now()) - beat <= LONGEST_SILENCE:
        return ""
    return f"the schedule last ran at {beat:%Y-%m-%d %H:%M} UTC: do the scheduler and a worker run?"


def of_messages(since, at=None) -> str:
    """What is wrong if the oldest message that is due fell due at `since`; empty when nothing is."""
    if since is None or (at or timezone.now()) - since <= LONGEST_WAIT:
        return ""
    return f"the oldest has waited since {since:%Y-%m-%d %H:%M} UTC: is the worker running?"


class _Remembered:
    found: list[Trouble] = []
    until = 0.0


def now() -> list[Trouble]:
    """What people on any page should know; asked of the database once in a few seconds, in one query."""
    if time.monotonic() >= _Remembered.until:
        _Remembered.found = _find()
        _Remembered.until = time.monotonic() + REMEMBERED
    return _Remembered.found


def forget() -> None:
    """Ask the database again the next time."""
    _Remembered.until = 0.0


def _find() -> list[Trouble]:
    oldest = Delivery.objects.due().order_by("due_at").values("due_at")[:1]
    schedule = Heartbeat.objects.filter(name=Heartbeat.SCHEDULE)
    beat, since = schedule.values_list("at", Subquery(oldest)).first() or (None, None)
    found = []
    if of_the_schedule(beat):
        found.append(
            Trouble(
                f"Nothing happens by itself: the schedule {_when(beat)}. No reminder is found and none is sent.",
                "Start the scheduler (celery -A config beat) and a worker (celery -A config worker), or"
                " manage.py up, or run manage.py deliver from cron every minute.",
            )
        )
    if of_messages(since):
        found.append(
            Trouble(
                f"Messages do not go out: the oldest has waited since {_in_words(since)}.",
                "See whether a worker runs (celery -A config worker) and whether the mail server lets it in: the"
                " list of messages says what went wrong with each.",
            )
        )
    return found


def _when(beat) -> str:
    return "has never run" if beat is None else f"last ran on {_in_words(beat)}"


def _in_words(moment) -> str:
    return f"{moment:%-d %B, %H:%M} UTC"
