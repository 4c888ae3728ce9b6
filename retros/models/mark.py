"""What of a timeline matters for the story: starred, and marked as one of its moments."""

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel
from config.fields import Prose
from incidents.models import TimelineEntry


class TimelineMarkQuerySet(models.QuerySet):
    """Marks, by what a reader asks for."""

    def moments(self):
        """Those that name a moment of the story."""
        return self.exclude(kind="")


class TimelineMarkManager(models.Manager.from_queryset(TimelineMarkQuerySet)):
    """Where marks are set and taken off."""

    def put(self, retro, entry, *, by, **what):
        """Set `is_starred`, `kind` or `note` of an entry in a retro; the mark as it stands then, or None.

        The same twice is the same once. What is not named stays, so two people who mark one entry at once
        both get what they meant; a mark that says nothing is no row.
        """
        with transaction.atomic():
            locked = type(retro)._base_manager.select_for_update(of=("self",)).get(pk=retro.pk)
            locked.refuse_edit()
            mark = self.filter(retro=retro, entry=entry).first() or self.model(retro=retro, entry=entry)
            return mark.change(by, what)


class TimelineMark(TrackedModel):
    """An entry matters in this retro: starred, or as a moment of its story."""

    class Kind(models.TextChoices):
        DETECTION = "detection", "Detection"
        DIAGNOSIS = "diagnosis", "Diagnosis"
        REPAIR = "repair", "Repair"
        KEY = "key", "Key moment"

    retro = models.ForeignKey("Retrospective", on_delete=models.CASCADE, related_name="marks")
    entry = models.ForeignKey(TimelineEntry, on_delete=models.CASCADE, related_name="marks")
    is_starred = models.BooleanField("starred", default=False)
    kind = models.CharField("marked as", max_length=12, choices=Kind, blank=True, default="")
    note = Prose(max_length=2_000, help_text="Why it matters, or what to ask about it.")
    marked_at = models.DateTimeField(default=timezone.now, editable=False)
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    objects = TimelineMarkManager()

    class Meta:
        verbose_name = "mark on a timeline"
        verbose_name_plural = "marks on timelines"
        ordering = ["entry__at", "entry"]
        constraints = [
            models.UniqueConstraint(fields=["retro", "entry"], name="entry_marked_once_per_retro"),
            models.CheckConstraint(
                # `marked_by` may be empty beside `marked_at`: what was imported was marked by nobody we know.
                name="mark_says_something",
                condition=Q(is_starred=True) | ~Q(kind="") | ~Q(note=""),
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display() or 'Starred'}: {self.entry}"

    def change(self, by, what):
        """Set what is named; without anything left to say it goes. For `put`, which holds the lock."""
        if self.pk and all(getattr(self, name) == value for name, value in what.items()):
            return self
        for name, value in what.items():
            setattr(self, name, value)
        if not (self.is_starred or self.kind or self.note):
            if self.pk:
                self.delete()
            return None
        self.marked_by, self.marked_at = by, timezone.now()
        self.save()
        return self
