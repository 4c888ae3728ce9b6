"""What we learnt: several contributing factors, never one cause and never a person; and findings."""

from django.core.exceptions import ValidationError
from django.db import models

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose


class Factor(VersionedModel):
    """A kind of contributing factor, such as “config change” or “slow detection”."""

    slug = models.SlugField(max_length=100, unique=True)
    name = Line(max_length=200)
    description = Prose(max_length=2_000)

    class Meta:
        verbose_name = "contributing factor"
        ordering = ["name"]

    def __str__(self):
        return self.name


class RetroFactor(VersionedModel):
    """This factor contributed here, and how."""

    retro = models.ForeignKey("Retrospective", on_delete=models.CASCADE, related_name="retro_factors")
    factor = models.ForeignKey(Factor, on_delete=models.PROTECT, related_name="uses")
    note = Prose(max_length=5_000, help_text="How did it contribute here?")

    class Meta:
        verbose_name = "contributing factor here"
        verbose_name_plural = "contributing factors here"
        ordering = ["factor__name"]
        constraints = [models.UniqueConstraint(fields=["retro", "factor"], name="factor_once_per_retro")]

    def __str__(self):
        return str(self.factor)


class Finding(VersionedModel):
    """One thing we found out. Actions grow from findings."""

    class Kind(models.TextChoices):
        DETECTION = "detection", "Detection"
        COMMUNICATION = "communication", "Communication"
        REMEDIATION = "remediation", "Remediation"
        SURPRISE = "surprise", "What surprised us"
        WENT_WELL = "went_well", "What went well"
        LUCK = "luck", "Where we were lucky"

    retro = models.ForeignKey("Retrospective", on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=16, choices=Kind)
    text = Prose(max_length=5_000, blank=False)
    position = models.PositiveIntegerField(default=0)
    accepted_because = Prose(
        "no action, because…",
        max_length=2_000,
        help_text="What makes it right to live with it. Leave empty where actions answer it.",
    )

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.text[:80]}"

    @property
    def is_answered(self) -> bool:
        """Whether something follows from it: an action, or the decision to live with it, and why."""
        return bool(self.accepted_because.strip()) or self.action_items.exists()

    def show_by(self, entries, *, among=None):
        """Make `entries` of the timeline its evidence, instead of those it has of `among` (of all if None)."""
        wanted = {entry.pk: entry for entry in entries}
        has = self.evidence.all() if among is None else self.evidence.filter(entry__in=among)
        for link in has:
            if wanted.pop(link.entry_id, None) is None:
                link.delete()
        for entry in wanted.values():
            link = FindingEvidence(finding=self, entry=entry)
            link.full_clean()
            link.save()


class FindingEvidence(TrackedModel):
    """This entry of the timeline shows what was found."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="evidence")
    entry = models.ForeignKey(
        "incidents.TimelineEntry",
        on_delete=models.CASCADE,
        related_name="evidence_for",
        verbose_name="timeline entry",
    )

    class Meta:
        verbose_name = "evidence"
        verbose_name_plural = "evidence"
        ordering = ["entry__at", "entry_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["finding", "entry"],
                name="evidence_named_once",
                violation_error_message="This entry is named already.",
            )
        ]

    def __str__(self):
        return str(self.entry)

    def clean(self):
        about = self.finding.retro.incident_links.filter(incident=self.entry.incident_id)
        if not about.exists():
            raise ValidationError(
                {"entry": "Choose an entry of the timeline of this retrospective’s incidents."},
                code="elsewhere",
            )
