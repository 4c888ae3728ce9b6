"""What was said to customers and was not right: said again in the open, never silently."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.changes import word_diff
from config.audit.models import TrackedModel
from config.fields import Prose
from incidents.public_ids import id_of


class UpdateCorrection(TrackedModel):
    """A published update says something else since `corrected_at`; what it said before stays readable."""

    update = models.ForeignKey("CustomerUpdate", on_delete=models.CASCADE, related_name="corrections")
    before = Prose(max_length=10_000, blank=False, editable=False)
    after = Prose(max_length=10_000, blank=False, editable=False)
    reason = Prose(max_length=2_000, blank=False, editable=False)
    corrected_at = models.DateTimeField(default=timezone.now, editable=False)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    class Meta:
        verbose_name = "correction of an update"
        verbose_name_plural = "corrections of updates"
        ordering = ["-corrected_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                # The person may be missing, the moment never: Aftercare itself is no person.
                name="correction_with_moment",
                condition=Q(corrected_by=None) | Q(corrected_at__isnull=False),
            )
        ]

    def __str__(self):
        return f"{self.update}: {self.reason[:80]}"

    @property
    def public_id(self) -> str:
        """What customers' programs know it by."""
        return id_of("correction", self.pk)

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """What went and what came, word by word."""
        return list(word_diff(self.before, self.after))
