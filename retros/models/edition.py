"""What became of a learning's text: each edition that was published, and what somebody found harmless in it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from config.audit.models import TrackedModel
from config.fields import Line, Prose

TEXTS = ("title", "what_happened", "what_we_learnt", "what_we_do")  # what becomes public


class Edition(TrackedModel):
    """What everybody can read of a learning, as it was published; a correction is the next one."""

    learning = models.ForeignKey("Learning", on_delete=models.CASCADE, related_name="editions")
    number = models.PositiveIntegerField()
    title = Line(max_length=200)
    what_happened = Prose(max_length=20_000)
    what_we_learnt = Prose(max_length=20_000)
    what_we_do = Prose(max_length=20_000)
    note = Prose(max_length=2_000, help_text="What was corrected; empty for the first.")
    is_shown = models.BooleanField(
        default=True, help_text="Whether readers may still read it once corrected."
    )
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "published edition"
        ordering = ["learning", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["learning", "number"], name="edition_once_per_learning"),
            models.CheckConstraint(
                name="edition_published_at_and_by_together",
                condition=Q(published_at__isnull=False, published_by__isnull=False),
            ),
        ]

    def __str__(self):
        return f"{self.title}, edition {self.number}"

    def texts(self) -> dict[str, str]:
        """What is public of it, by field."""
        return {name: getattr(self, name) for name in TEXTS}

    def hide(self):
        """Readers learn that there was an earlier edition, and no more."""
        self.is_shown = False
        self.save(update_fields=["is_shown"])


class Confirmation(TrackedModel):
    """Somebody looked at what the check found and says why it is harmless: these words, in this passage."""

    learning = models.ForeignKey("Learning", on_delete=models.CASCADE, related_name="confirmations")
    mark = models.CharField(max_length=64, help_text="Of kind, words and passage: of nothing else.")
    kind = models.CharField(max_length=20)
    text = models.TextField(max_length=500)
    passage = models.TextField(max_length=20_000)
    reason = Prose(max_length=2_000, blank=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = "harmless finding"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["learning", "mark"], name="confirmed_once_per_passage"),
            models.CheckConstraint(name="no_secret_is_confirmed", condition=~Q(kind__in=["secret", "email"])),
        ]

    def __str__(self):
        return f"{self.text}: {self.reason[:80]}"
