"""What auditors keep of their work: the filters they saved, and a record of every export they made."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from config.audit.ledger import Record
from config.audit.models import TrackedModel
from config.fields import Line


class SavedFilterQuerySet(models.QuerySet):
    """Saved filters, by whose they are."""

    def open_to(self, user):
        """One's own, and what others share."""
        return self.filter(Q(owner=user.pk) | Q(is_shared=True))


class SavedFilter(TrackedModel):
    """A search of the audit explorer under a name, kept by one person and perhaps shared."""

    name = Line(max_length=100)
    query = models.TextField(blank=True, default="", max_length=4_000)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_shared = models.BooleanField("shared with all who read the history", default=False)

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="filter_name_once_per_person",
                violation_error_message="You have saved a filter under this name already.",
            )
        ]

    def __str__(self):
        return self.name


class AuditExport(Record):
    """An export of history: written when it begins and again when it has ended, and never changed.

    One that began and has no end was broken off; what was read until then is not known.
    """

    class Stage(models.TextChoices):
        BEGUN = "begun", "Begun"
        ENDED = "ended", "Ended"
        BROKEN_OFF = "broken off", "Broken off"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSON Lines"

    is_sealed_with_history = True

    key = models.UUIDField(editable=False, db_index=True)
    stage = models.CharField(max_length=10, choices=Stage)
    by = models.BigIntegerField("person", editable=False)
    by_name = models.CharField(max_length=200, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    query = models.TextField(blank=True, default="")
    format = models.CharField(max_length=5, choices=Format)
    rows = models.PositiveBigIntegerField(null=True)

    class Meta(Record.Meta):
        abstract = False
        ordering = ["-pk"]
        permissions = [
            ("view_history", "Can read the whole history in the audit explorer"),
            ("restore_version", "Can restore an older version of what they may change"),
        ]

    def __str__(self):
        return f"{self.get_format_display()} export {self.get_stage_display().lower()}, by {self.by_name}"
