"""Finds whom to remind. Runs every minute; running twice, at once or late changes nothing."""

from collections import defaultdict

from django.db import transaction
from django.utils import timezone

from actions.models import ActionItem
from actions.reminders import next_reminder
from config.outbox.models import Delivery
from config.outbox.sweeps import sweep
from config.people.models import User

OWNERS_AT_ONCE = 200


@sweep
def queue_overdue_reminders(at=None) -> int:
    """Queue one message per owner and day for what is overdue; returns how many are new."""
    at = at or timezone.now()
    queued = 0
    _schedule_forgotten()
    while owners := _owners_to_remind(at):
        with transaction.atomic():
            # Asked again: they may have become away, or the sweep may come late, on their day off.
            at_work = [owner for owner in owners if owner.is_active and owner.is_working_day(owner.today(at))]
            queued += Delivery.objects.queue([_delivery(owner, at) for owner in at_work])
            _schedule_next(owners, at)
    return queued


def _schedule_forgotten():
    """Items that no save has scheduled: loaded in bulk, or their owner is back at work."""
    forgotten = ActionItem.objects.open().filter(
        next_reminder_at=None, due_on__isnull=False, owner__is_active=True
    )
    for item in forgotten.select_related("owner")[:1000]:
        ActionItem.objects.filter(pk=item.pk).update(next_reminder_at=next_reminder(item))


def _owners_to_remind(at):
    wanting = ActionItem.objects.wanting_reminder(at).order_by().values("owner").distinct()
    return list(User.objects.filter(pk__in=wanting[:OWNERS_AT_ONCE]))


def _delivery(owner, at):
    day = owner.today(at)
    return Delivery(
        key=f"overdue:person {owner.pk}:{day}",
        kind="actions.overdue",
        recipient=owner,
        address=owner.email,
        context={"day": day.isoformat()},
        due_at=at,
        created_at=at,
    )


def _schedule_next(owners, at):
    """Every item that asked now asks again on its owner's next working morning."""
    by_moment = defaultdict(list)
    for item in ActionItem.objects.wanting_reminder(at).filter(owner__in=owners).select_related("owner"):
        by_moment[next_reminder(item, reminded_on=item.owner.today(at))].append(item.pk)
    for moment, pks in by_moment.items():
        for start in range(0, len(pks), 500):
            ActionItem.objects.filter(pk__in=pks[start : start + 500]).update(next_reminder_at=moment)
