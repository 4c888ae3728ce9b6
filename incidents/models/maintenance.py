"""Work that customers are told of before it begins: when, on what, and how it goes."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.transitions import verb
from incidents.models.catalogue import Region, Service
from incidents.public_ids import new_id

ANNOUNCE = "incidents.publish_customerupdate"
FORM = "incidents.forms.MaintenanceNews"


def _person():
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )


def _moment():
    return models.DateTimeField(null=True, blank=True, editable=False)


class MaintenanceQuerySet(models.QuerySet):
    """Windows, by what a reader asks for."""

    def public(self):
        """What customers were told of: never a draft."""
        return self.filter(announced_at__isnull=False)

    def active(self):
        """Being worked on now."""
        return self.filter(status__in=Maintenance.ACTIVE)

    def upcoming(self):
        """Announced and not begun."""
        return self.filter(status=Maintenance.Status.SCHEDULED)


class Maintenance(VersionedModel):
    """A window in which we work on something customers use: a draft until somebody announces it."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        IN_PROGRESS = "in_progress", "In progress"
        VERIFYING = "verifying", "Verifying"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (Status.IN_PROGRESS, Status.VERIFYING)

    public_id = models.CharField(max_length=12, unique=True, default=new_id, editable=False)
    title = Line(max_length=255, help_text="In customers’ words: what will they notice?")
    text = Prose(
        max_length=10_000, blank=False, help_text="What we do, what it means for customers, what they can do."
    )
    services = models.ManyToManyField(Service, through="MaintenanceService", related_name="maintenance")
    regions = models.ManyToManyField(Region, through="MaintenanceRegion", related_name="maintenance")
    scheduled_for = models.DateTimeField("begins")
    scheduled_until = models.DateTimeField("ends")
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT, editable=False)
    announced_at, announced_by = _moment(), _person()
    begun_at, begun_by = _moment(), _person()
    completed_at, completed_by = _moment(), _person()
    cancelled_at, cancelled_by = _moment(), _person()
    source = models.CharField("imported from", max_length=100, blank=True, default="", editable=False)
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    objects = MaintenanceQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "maintenance"
        ordering = ["-scheduled_for", "-pk"]
        indexes = [models.Index(fields=["status", "-scheduled_for"])]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=~Q(external_id=""),
                name="maintenance_imported_once",
            ),
            models.CheckConstraint(
                name="maintenance_ends_after_it_begins",
                condition=Q(scheduled_until__gt=F("scheduled_for")),
                violation_error_message="It cannot end before it begins.",
            ),
            # Each without its person: what was imported was announced by nobody we know.
            models.CheckConstraint(
                name="maintenance_announced_with_moment",
                condition=Q(status__in=["draft", "cancelled"], announced_at=None, announced_by=None)
                | (~Q(status="draft") & Q(announced_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="maintenance_begun_with_moment",
                condition=Q(status__in=["draft", "scheduled", "cancelled"], begun_at=None, begun_by=None)
                | Q(
                    status__in=["in_progress", "verifying", "completed", "cancelled"], begun_at__isnull=False
                ),
            ),
            models.CheckConstraint(
                name="maintenance_completed_with_moment",
                condition=Q(status="completed", completed_at__isnull=False)
                | (~Q(status="completed") & Q(completed_at=None, completed_by=None)),
            ),
            models.CheckConstraint(
                name="maintenance_cancelled_with_moment",
                condition=Q(status="cancelled", cancelled_at__isnull=False)
                | (~Q(status="cancelled") & Q(cancelled_at=None, cancelled_by=None)),
            ),
        ]

    def __str__(self):
        return self.title

    @property
    def is_active(self) -> bool:
        """Whether customers may feel it now."""
        return self.status in self.ACTIVE

    def clean(self):
        if self.scheduled_for and self.scheduled_until and self.scheduled_until <= self.scheduled_for:
            raise ValidationError({"scheduled_until": "It cannot end before it begins."})

    def _tell(self, text, *, by, at):
        said = self.updates.create(status=self.status, text=text, author=by, published_at=at)
        from incidents.models.publication import Publication  # which knows updates

        Publication.objects.create(maintenance_update=said)

    # --- Verbs

    @verb("Announce", Status.DRAFT, permission=ANNOUNCE)
    def announce(self, *, by, reason="", at=None):
        """Customers can read of it from now on."""
        self.announced_at, self.announced_by = at or timezone.now(), by
        self.status = self.Status.SCHEDULED
        self._tell(self.text, by=by, at=self.announced_at)

    @verb("Begin", Status.SCHEDULED, permission=ANNOUNCE, form=FORM)
    def begin(self, *, by, reason="", at=None, text=""):
        """We are at it: the services concerned are under maintenance."""
        self.begun_at, self.begun_by = at or timezone.now(), by
        self.status = self.Status.IN_PROGRESS
        self._tell(text or "The work has begun.", by=by, at=self.begun_at)

    @verb("Verify", Status.IN_PROGRESS, permission=ANNOUNCE, form=FORM)
    def verify(self, *, by, reason="", at=None, text=""):
        """The work is done; we are looking whether all is well."""
        self.status = self.Status.VERIFYING
        self._tell(
            text or "The work is done, and we are checking the result.", by=by, at=at or timezone.now()
        )

    @verb("Complete", Status.IN_PROGRESS, Status.VERIFYING, permission=ANNOUNCE, form=FORM)
    def complete(self, *, by, reason="", at=None, text=""):
        """It is over, and customers need not think of it any more."""
        self.completed_at, self.completed_by = at or timezone.now(), by
        self.status = self.Status.COMPLETED
        self._tell(text or "The work is complete.", by=by, at=self.completed_at)

    @verb(
        "Tell customers",
        Status.SCHEDULED,
        Status.IN_PROGRESS,
        Status.VERIFYING,
        permission=ANNOUNCE,
        form="incidents.forms.MaintenanceWords",
    )
    def tell(self, *, by, text, reason="", at=None):
        """Say how it goes."""
        self._tell(text, by=by, at=at or timezone.now())

    @verb(
        "Cancel",
        Status.DRAFT,
        Status.SCHEDULED,
        Status.IN_PROGRESS,
        permission=ANNOUNCE,
        form="config.forms.Reason",
        is_grave=True,
    )
    def cancel(self, *, by, reason, at=None):
        """It will not take place, or not be finished. Customers who knew of it are told so, not why."""
        self.cancelled_at, self.cancelled_by = at or timezone.now(), by
        self.status = self.Status.CANCELLED
        if self.announced_at:
            self._tell("This maintenance will not take place.", by=by, at=self.cancelled_at)


class MaintenanceService(TrackedModel):
    """This service is worked on in the window."""

    maintenance = models.ForeignKey(Maintenance, on_delete=models.CASCADE, related_name="service_links")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="maintenance_links")

    class Meta:
        verbose_name = "service concerned"
        verbose_name_plural = "services concerned"
        ordering = ["service__position", "service__name"]
        constraints = [
            models.UniqueConstraint(fields=["maintenance", "service"], name="service_once_per_maintenance")
        ]

    def __str__(self):
        return str(self.service)


class MaintenanceRegion(TrackedModel):
    """Customers of this region may notice the window."""

    maintenance = models.ForeignKey(Maintenance, on_delete=models.CASCADE, related_name="region_links")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="maintenance_links")

    class Meta:
        verbose_name = "region concerned"
        verbose_name_plural = "regions concerned"
        ordering = ["region__name"]
        constraints = [
            models.UniqueConstraint(fields=["maintenance", "region"], name="region_once_per_maintenance")
        ]

    def __str__(self):
        return str(self.region)


class MaintenanceUpdate(TrackedModel):
    """What customers were told about a window. Written by its verbs, and never changed."""

    maintenance = models.ForeignKey(Maintenance, on_delete=models.CASCADE, related_name="updates")
    status = models.CharField(max_length=12, choices=Maintenance.Status)
    text = Prose(max_length=10_000, blank=False)
    published_at = models.DateTimeField(default=timezone.now)
    author = _person()
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name = "update on maintenance"
        verbose_name_plural = "updates on maintenance"
        ordering = ["-published_at", "-pk"]

    def __str__(self):
        return f"{self.get_status_display()}: {self.text[:80]}"
