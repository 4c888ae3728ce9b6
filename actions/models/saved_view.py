"""The lists of action items that a team looks at again and again, under a name."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from config.audit.models import TrackedModel
from config.fields import Line


class SavedView(TrackedModel):
    """The filters of the list of action items under a name, shared by all who manage them."""

    name = Line(max_length=100)
    query = models.TextField(blank=True, default="", max_length=2_000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="view_name_once",
                violation_error_message="There is a view of this name already.",
            )
        ]

    def __str__(self):
        return self.name
