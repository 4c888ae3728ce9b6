"""One row per message and recipient, written before anything is sent, so that no message can be lost."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel
from config.fields import Line
from config.forms import storable
from config.transitions import verb

LONGEST_PAUSE = 3600  # seconds between two tries, at most


class DeliveryQuerySet(models.QuerySet):
    """Messages, by what a worker or a reader wants of them."""

    def due(self, at=None):
        """What a worker may take now: waiting, or held by a worker whose lease has run out."""
        at = at or timezone.now()
        State = Delivery.State
        return self.filter(
            Q(state=State.PENDING, due_at__lte=at)
            | Q(state__in=[State.CLAIMED, State.SENDING], lease_until__lte=at)
        )

    def unfinished(self):
        """Neither sent nor given up nor cancelled."""
        return self.filter(state__in=Delivery.UNFINISHED)

    def queue(self, rows) -> int:
        """Insert messages whose key is not there yet; returns how many were new."""
        before = Delivery.objects.filter(key__in=[row.key for row in rows]).count()
        self.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        return len(rows) - before


class Delivery(TrackedModel):
    """One message to one recipient. Its key makes it unique, its state tells how far it has come."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        CLAIMED = "claimed", "Taken by a worker"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        DEAD = "dead", "Given up"
        CANCELLED = "cancelled", "No longer true"

    UNFINISHED = (State.PENDING, State.CLAIMED, State.SENDING)

    # The lease is bookkeeping of the workers; the state tells the auditor what happened.
    untracked_fields = ("lease_until", "lease_token")

    # Keys hold local dates, never ages: `overdue:person 12:2026-12-01`.
    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=60, help_text="Which message this is, such as actions.overdue.")
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="deliveries"
    )
    address = models.CharField(max_length=320)
    context = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    ambiguous = models.PositiveIntegerField(
        "possible duplicates",
        default=0,
        help_text="Tries that ended without our knowing whether it was sent.",
    )
    error = models.TextField(blank=True, default="")
    subject = Line(max_length=998, blank=True, default="")
    message_id = models.CharField("Message-ID", max_length=255, blank=True, default="")

    state_field = "state"

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-pk"]
        permissions = [("requeue_delivery", "Can send a delivery again")]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="delivery_waiting",
                condition=Q(state__in=["pending", "claimed", "sending"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="delivery_sent_with_moment",
                condition=(Q(state="sent") & Q(sent_at__isnull=False)) | (~Q(state="sent") & Q(sent_at=None)),
            ),
            models.CheckConstraint(
                name="delivery_held_with_lease",
                condition=Q(state__in=["claimed", "sending"], lease_until__isnull=False)
                | (~Q(state__in=["claimed", "sending"]) & Q(lease_until=None)),
            ),
        ]

    def __str__(self):
        return self.key

    @property
    def is_dead(self) -> bool:
        """Whether it was given up, so that a person has to look."""
        return self.state == self.State.DEAD

    def release(self, state, *, error="", sent_at=None, due_at=None) -> bool:
        """Let go of the message in `state`, if this worker still holds it; returns whether it did."""
        held = type(self).objects.filter(pk=self.pk, lease_token=self.lease_token, state__in=self.UNFINISHED)
        changed = held.update(
            state=state,
            error=storable(error)[:2000],
            sent_at=sent_at,
            due_at=due_at or self.due_at,
            lease_until=None,
            lease_token=None,
            subject=self.subject,
            message_id=self.message_id,
            ambiguous=self.ambiguous,
        )
        return changed == 1

    def hold(self, *, seconds: int, token: uuid.UUID, at=None):
        """Take the message for `seconds`; another worker may have it when they are over."""
        self.lease_token = token
        self.lease_until = (at or timezone.now()) + timedelta(seconds=seconds)

    def pause(self) -> timedelta:
        """How long to wait before the next try: 30 s, doubling, an hour at most."""
        return timedelta(seconds=min(LONGEST_PAUSE, 30 * 2 ** min(max(self.attempts - 1, 0), 10)))

    # --- Verbs

    @verb("Send again", State.DEAD, permission="outbox.requeue_delivery", form="config.forms.OptionalReason")
    def requeue(self, *, by, reason="", at=None):
        """Try a message again that was given up."""
        self.state = self.State.PENDING
        self.error = ""
        self.attempts = 0
        self.due_at = at or timezone.now()
