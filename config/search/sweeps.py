"""What keeps the index: it follows the history each minute, and compares everything with its rows each day."""

from datetime import timedelta

from django.utils import timezone

from config.outbox.models import Heartbeat
from config.outbox.sweeps import sweep
from config.search import following

DAY, SLACK = timedelta(days=1), timedelta(minutes=5)  # the schedule is not to the second
COMPARED = "the index was compared"


@sweep
def follow_what_is_searched() -> int:
    """Read anew what has changed; returns how many documents."""
    return following.follow()


@sweep
def compare_index(at=None) -> int:
    """Compare every document with its row once a day; returns how many had to change, which should be none."""
    at = at or timezone.now()
    if Heartbeat.objects.filter(name=COMPARED, at__gt=at - DAY + SLACK).exists():
        return 0
    Heartbeat.beat(COMPARED, at)
    return following.read_everything()
