"""What we learnt: several contributing factors, never one cause and never a person; and findings."""

from django.db import models

from config.audit.models import VersionedModel
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

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.text[:80]}"
