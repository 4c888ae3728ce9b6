"""What remains to be done until customers are whole again, step by step, with an owner and a day."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.models import VersionedModel
from config.fields import Line, Prose
from config.reminding.models import Remindable, to_remind
from config.transitions import verb


def _may_answer(milestone, user) -> bool:
    return milestone.owner_id == user.pk or user.has_perm("incidents.respond_incident")


class MilestoneQuerySet(models.QuerySet):
    """Milestones, by what a reader asks for."""

    def open(self):
        """Neither reached nor dropped."""
        return self.filter(status=Milestone.Status.PLANNED)

    def overdue(self):
        """Open, and due before today in UTC."""
        return self.open().filter(due_on__lt=timezone.now().date())


class Milestone(Remindable, VersionedModel):
    """One step of remediation: who reaches it, and by which day."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        REACHED = "reached", "Reached"
        DROPPED = "dropped", "Dropped"

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="milestones")
    title = Line(max_length=255)
    note = Prose(max_length=5_000, help_text="What it gives customers.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="milestones"
    )
    due_on = models.DateField("due", null=True, blank=True)
    is_public = models.BooleanField(
        "shown to customers",
        default=False,
        help_text="On the status page, with its note, as a step of progress.",
    )
    expected_at = models.DateTimeField(
        "expected",
        null=True,
        blank=True,
        help_text="The hour customers can count on, where the day is not enough.",
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.PLANNED, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    reached_at = models.DateTimeField(null=True, blank=True, editable=False)
    reached_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    objects = MilestoneQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        indexes = [to_remind()]
        constraints = [
            models.CheckConstraint(
                name="milestone_reached_with_moment",
                condition=Q(status="reached", reached_at__isnull=False)
                | (~Q(status="reached") & Q(reached_at=None, reached_by=None)),
            ),
        ]

    def __str__(self):
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether it has still to be reached."""
        return self.status == self.Status.PLANNED

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("admin:incidents_milestone_change", args=[self.pk])

    def clean(self):
        if self.due_on and not 2000 <= self.due_on.year < 2200:
            raise ValidationError({"due_on": "That is not a day anybody means."})

    # --- Verbs

    @verb("Reach", Status.PLANNED, permission=_may_answer, form="config.forms.OptionalReason")
    def reach(self, *, by, reason="", at=None):
        """It is done, and customers have what it promised."""
        self.status = self.Status.REACHED
        self.reached_at = at or timezone.now()
        self.reached_by = by

    @verb("Drop", Status.PLANNED, permission=_may_answer, form="config.forms.Reason", is_grave=True)
    def drop(self, *, by, reason):
        """We decide against it, and say why."""
        self.status = self.Status.DROPPED

    @verb("Reopen", Status.REACHED, Status.DROPPED, permission=_may_answer, form="config.forms.Reason")
    def reopen(self, *, by, reason):
        """It was not reached after all, or is wanted again."""
        self.status = self.Status.PLANNED
        self.reached_at = self.reached_by = None
