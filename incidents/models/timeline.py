"""What happened, as people tell it. (Who edited what is the history, and the machine's.)"""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.transitions import WrongState, verb


class TimelineEntry(TrackedModel):
    """One thing that happened at one moment."""

    class Kind(models.TextChoices):
        ALERT = "alert", "Alert"
        STATE = "state", "State change"
        UPDATE = "update", "Customer update"
        NOTE = "note", "Note"
        CORRECTION = "correction", "Correction"
        DOUBT = "doubt", "Contradiction in the source"

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="timeline")
    at = models.DateTimeField("when", default=timezone.now)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.NOTE)
    text = Prose(max_length=20_000, blank=False)
    source = Line(max_length=100, blank=True, default="", help_text="Where we know it from.")
    is_key = models.BooleanField("key event", default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name_plural = "timeline entries"
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["incident", "at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "external_id"], condition=~Q(external_id=""), name="entry_imported_once"
            )
        ]

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M} {self.text[:80]}"


class CustomerUpdateQuerySet(models.QuerySet):
    """Updates, by whether customers have read them."""

    def published(self, at=None):
        """What customers had been told by `at`."""
        return self.filter(published_at__lte=at or timezone.now())


class CustomerUpdate(VersionedModel):
    """What we tell customers: a draft until somebody publishes it, then it stays as it was said."""

    class Status(models.TextChoices):
        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"

    state_field = "state"  # `status` is what customers read

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="updates")
    status = models.CharField(
        max_length=16,
        choices=Status,
        default=Status.INVESTIGATING,
        help_text="What customers read above the text.",
    )
    text = Prose(
        max_length=10_000, blank=False, help_text="In customers' words: what is affected, what to do now."
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    objects = CustomerUpdateQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        permissions = [("publish_customerupdate", "Can publish an update to customers")]
        indexes = [models.Index(fields=["incident", "-published_at"])]
        constraints = [
            models.CheckConstraint(
                # Without `published_by`: an imported update was published by nobody we know.
                name="update_published_with_moment",
                condition=Q(state="draft", published_at=None, published_by=None)
                | Q(state="published", published_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["incident", "external_id"], condition=~Q(external_id=""), name="update_imported_once"
            ),
        ]

    def __str__(self):
        return f"{self.get_status_display()}: {self.text[:80]}"

    @property
    def is_published(self) -> bool:
        """Whether customers can read it."""
        return self.state == self.State.PUBLISHED

    def clean(self):
        if not self.text.strip():
            raise ValidationError({"text": "Say something before you publish."})

    def refuse_edit(self):
        """Raise WrongState once customers can read it: what was said stays as it was said."""
        if self.is_published:
            raise WrongState("Customers have read this update: publish a new one that corrects it.")

    @verb("Publish", State.DRAFT, permission="incidents.publish_customerupdate", form="config.forms.Moment")
    def publish(self, *, by, reason="", at=None):
        """Tell customers. The text cannot be changed afterwards; a correction is a new update."""
        self.published_at = at or timezone.now()
        self.published_by = by
        self.state = self.State.PUBLISHED
        self.incident.log(
            TimelineEntry.Kind.UPDATE,
            f"{self.get_status_display()}: {self.text}",
            by=by,
            at=self.published_at,
        )
