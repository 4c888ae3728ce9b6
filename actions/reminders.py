"""When an owner is reminded: pure policy, nothing here reads or writes a row."""

from datetime import UTC, datetime, time, timedelta

from django.utils import timezone

MORNING = time(9)  # where the owner is


def next_reminder(item, *, reminded_on=None) -> datetime | None:
    """When `item` should next remind its owner, or None while there is nothing to remind of.

    At nine in the owner's morning: on the day after the due day, then on each working day after the last
    reminder. An owner who is away is not left out: the reminder waits for the day they are back.
    """
    if not item.is_open or item.due_on is None or item.owner is None or not item.owner.is_active:
        return None
    day = item.due_on + timedelta(days=1)
    if reminded_on is not None and reminded_on >= day:
        day = reminded_on + timedelta(days=1)
    for _ in range(400):  # a year away and a month of doubt
        if item.owner.is_working_day(day):
            break
        day += timedelta(days=1)
    return datetime.combine(day, MORNING, tzinfo=item.owner.zone).astimezone(UTC)


def local_day(user, at=None):
    """The day a reminder is counted for: the owner's own."""
    return user.today(at or timezone.now())
