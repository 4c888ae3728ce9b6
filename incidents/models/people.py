"""Who did what in an incident, and from when to when."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from config.audit.models import TrackedModel


class Assignment(TrackedModel):
    """A person holds a role for a while; roles are handed over, not overwritten."""

    class Role(models.TextChoices):
        COMMANDER = "commander", "Incident commander"
        COMMUNICATIONS = "communications", "Communications lead"
        LIAISON = "liaison", "Customer liaison"
        SCRIBE = "scribe", "Scribe"

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="assignments")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments", verbose_name="person"
    )
    role = models.CharField(max_length=20, choices=Role)
    from_at = models.DateTimeField("from", default=timezone.now)
    until_at = models.DateTimeField("until", null=True, blank=True)

    class Meta:
        ordering = ["from_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="assignment_ends_after_it_begins",
                condition=Q(until_at=None) | Q(until_at__gte=F("from_at")),
                violation_error_message="A role cannot end before it begins.",
            ),
            models.UniqueConstraint(
                fields=["incident", "role"],
                condition=Q(until_at=None),
                name="one_person_per_role_at_a_time",
                violation_error_message="Somebody holds this role already; end that first.",
            ),
        ]

    def __str__(self):
        return f"{self.user}, {self.get_role_display()}"
