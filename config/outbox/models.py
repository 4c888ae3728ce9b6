"""One row per message and recipient, written before anything is sent, so that no message can be lost."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import connections, models, transaction
from django.db.models import Q
from django.db.models.sql import InsertQuery
from django.utils import timezone

from config.audit.models import TrackedModel
from config.fields import Line
from config.forms import storable
from config.transitions import verb

LONGEST_PAUSE = 3600  # seconds between two tries, at most
AT_ONCE = 500  # rows in one INSERT: 18 columns each, SQLite takes 32,766 values


class DeliveryQuerySet(models.QuerySet):
    """Messages, by what a worker or a reader wants of them."""

    def due(self, at=None):
        """What a worker may take now: waiting, or held by a worker whose lease has run out."""
        at = at or timezone.now()
        State = Delivery.State
        is_free = Q(state=State.PENDING) | Q(state__in=[State.CLAIMED, State.SENDING], lease_until__lte=at)
        # What is held was due when it was taken; said of both, the index ends where the future begins.
        return self.filter(is_free, due_at__lte=at)

    def unfinished(self):
        """Neither sent nor given up nor cancelled."""
        return self.filter(state__in=Delivery.UNFINISHED)

    def queue(self, rows) -> int:
        """Insert messages whose key is not there yet; returns how many were new."""
        return len(self.queue_new(rows))

    def queue_new(self, rows) -> dict[str, int]:
        """Insert messages whose key is not there yet; returns the keys that were new, each with its pk.

        Who asked first is decided by the database: of two that queue the same key at once, one is told it is new.
        """
        # In one order everywhere, or two that queue the same keys at once could wait for each other for ever.
        rows = sorted(rows, key=lambda row: row.key)
        new = {}
        if not rows:
            return new
        with transaction.atomic(using=self.db):
            for start in range(0, len(rows), AT_ONCE):
                new |= self._insert(rows[start : start + AT_ONCE])
        return new

    def _insert(self, rows) -> dict[str, int]:
        insert = InsertQuery(self.model)
        insert.insert_values([f for f in self.model._meta.concrete_fields if not f.primary_key], rows)
        [(sql, values)] = insert.get_compiler(using=self.db).as_sql()
        # Django's own ignore_conflicts does not say which rows are new, and on SQLite swallows every other
        # constraint as well: a message lost without a word.
        sql += ' ON CONFLICT ("key") DO NOTHING RETURNING "key", "id"'
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, values)
            return dict(cursor.fetchall())


class Delivery(TrackedModel):
    """One message to one recipient. Its key makes it unique, its state tells how far it has come."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

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
            attempts=self.attempts,
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


class Heartbeat(models.Model):
    """When something that has to happen again and again last happened: the schedule, in particular."""

    SCHEDULE = "schedule"

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()

    def __str__(self):
        return f"{self.name}, last at {self.at:%Y-%m-%d %H:%M:%S} UTC"

    @classmethod
    def beat(cls, name=SCHEDULE, at=None) -> None:
        """Notice that it happened now; one statement, and no history."""
        row = cls(name=name, at=at or timezone.now())
        cls.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=["at"])
