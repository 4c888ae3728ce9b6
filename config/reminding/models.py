"""What wants reminding carries its next step; each step that was taken is a row, and its key makes it unique."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.outbox.models import Delivery


def to_remind() -> models.Index:
    """The index by which a sweep finds what is due among a million rows that are not."""
    return models.Index(
        fields=["next_reminder_at", "id"],
        name="%(class)s_to_remind",
        condition=Q(next_reminder_at__isnull=False),
    )


class Remindable(models.Model):
    """Something that is chased. Its next step is bookkeeping: derived from what the history keeps anyway.

    A saved row asks to be planned anew; the sweep of the next minute does it (config/reminding/sweeps.py).
    """

    untracked_fields = ("next_reminder_at", "next_step", "next_recipient", "next_because", "planned_at")

    next_reminder_at = models.DateTimeField(null=True, default=timezone.now, editable=False)
    # The key of the step that is due then; empty while it has to be planned.
    next_step = models.CharField(max_length=120, blank=True, default="", editable=False)
    next_recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    next_because = models.CharField(max_length=200, blank=True, default="", editable=False)
    planned_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args, update_fields=None, **kwargs):
        self.next_reminder_at, self.next_step = timezone.now(), ""
        if update_fields:
            update_fields = {*update_fields, "next_reminder_at", "next_step"}
        super().save(*args, update_fields=update_fields, **kwargs)


class ReminderQuerySet(models.QuerySet):
    """Reminders, by what has become of them."""

    def waiting(self):
        """Not in any message yet."""
        return self.filter(delivery=None)

    def about(self, kind, pk):
        """Of one thing, newest first."""
        return self.filter(subject_kind=kind, subject_id=pk).order_by("-pk")


class Reminder(models.Model):
    """One step of chasing one thing was taken: who was to be told what, and in which message that went out."""

    # `overdue 3:item 12:2026-12-01:5`: the step, what it is about, its due day, whose it is. Days, never ages.
    key = models.CharField(max_length=120, unique=True)
    subject_kind = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    due_on = models.DateField(null=True, blank=True)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reminders", db_index=False
    )
    because = models.CharField(max_length=200, blank=True, default="")
    made_at = models.DateTimeField(default=timezone.now)
    delivery = models.ForeignKey(
        Delivery, null=True, blank=True, on_delete=models.PROTECT, related_name="reminders"
    )

    objects = ReminderQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["subject_kind", "subject_id"]),
            models.Index(fields=["id"], name="reminder_waiting", condition=Q(delivery=None)),
        ]

    def __str__(self):
        return self.key

    @property
    def step(self) -> str:
        """Which step it was: `overdue 3`, `escalated manager`."""
        return self.key.partition(":")[0]

    @property
    def is_own(self) -> bool:
        """Whether it tells somebody of what is theirs; no wish to hear nothing stops the others."""
        return self._owner() == str(self.recipient_id) and not self.key.startswith("escalated")

    def holds(self, owner_id, due_on) -> bool:
        """Whether what it was made for is still so: the same owner, the same due day."""
        return self.due_on == due_on and self._owner() == str(owner_id or "-")

    def _owner(self) -> str:
        return self.key.rpartition(":")[2]


class Watermark(models.Model):
    """Up to which row of a history the plans follow it."""

    table = models.CharField(max_length=100, unique=True)
    history_id = models.BigIntegerField(default=0)

    def __str__(self):
        return f"{self.table}: {self.history_id}"
