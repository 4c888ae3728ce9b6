"""What customers say of how we told them. Nobody's name or address is kept with it."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel
from config.fields import Prose
from incidents.models.timeline import CustomerUpdate

SCALES = ("sentiment", "support", "transparency")


class Purpose(models.TextChoices):
    """What is asked: of one update whether it told enough, or of all of it afterwards."""

    UPDATE = "update", "About an update"
    AFTER = "after", "Afterwards"


def _one_to_five(label):
    limits = [MinValueValidator(1), MaxValueValidator(5)]
    return models.PositiveSmallIntegerField(label, null=True, blank=True, validators=limits)


class FeedbackQuerySet(models.QuerySet):
    """Answers, by who may read them."""

    def with_words(self):
        """Those that say something in words."""
        return self.exclude(words="")


class FeedbackManager(models.Manager.from_queryset(FeedbackQuerySet)):
    """Where answers come from: customers alone, once for each link."""

    def give(self, incident, purpose, nonce, *, source, update=None, **said):
        """Keep one answer; IntegrityError if the link, known by its nonce, has answered already."""
        about = update if purpose == Purpose.UPDATE else None
        row = self.model(incident=incident, purpose=purpose, update=about, source=source, nonce=nonce, **said)
        row.full_clean(validate_unique=False, validate_constraints=False)
        row.save()
        return row


class Feedback(TrackedModel):
    """One answer, by a link of a mail or from the page that is open to everybody."""

    class Source(models.TextChoices):
        MAIL = "mail", "By a mail’s link"
        PAGE = "page", "From the page"

    class Known(models.TextChoices):
        YES = "yes", "Yes"
        PARTLY = "partly", "Partly"
        NO = "no", "No"

    # It makes a link single. In the history it would tell nothing that the answer itself does not.
    untracked_fields = ("nonce",)

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="feedback")
    update = models.ForeignKey(
        CustomerUpdate, null=True, blank=True, on_delete=models.CASCADE, related_name="feedback"
    )
    purpose = models.CharField("asked", max_length=10, choices=Purpose, editable=False)
    source = models.CharField(max_length=10, choices=Source, editable=False)
    nonce = models.CharField(max_length=64, unique=True, editable=False)
    known = models.CharField(
        "knew what they needed to know", max_length=10, choices=Known, blank=True, default=""
    )
    sentiment = _one_to_five("how they feel about us now")
    support = _one_to_five("satisfied with support")
    transparency = _one_to_five("how open we were")
    words = Prose(max_length=2_000)
    given_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = FeedbackManager()

    class Meta:
        verbose_name_plural = "feedback"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["incident", "purpose"], name="feedback_of_incident")]
        constraints = [
            models.CheckConstraint(
                name="feedback_says_what_was_asked",
                condition=(
                    Q(purpose="update", update__isnull=False, known__in=["yes", "partly", "no"])
                    & Q(sentiment=None, support=None, transparency=None)
                )
                | (
                    Q(purpose="after", update=None, known="")
                    & Q(sentiment__isnull=False, transparency__isnull=False)
                ),
            ),
            *(
                models.CheckConstraint(
                    name=f"feedback_{name}_1_to_5",
                    condition=Q(**{name: None}) | Q(**{f"{name}__gte": 1, f"{name}__lte": 5}),
                )
                for name in SCALES
            ),
        ]

    def __str__(self):
        return f"{self.get_purpose_display()}, answer {self.pk}"

    @property
    def in_words(self) -> str:
        """What was chosen, on one line."""
        if self.purpose == Purpose.UPDATE:
            return self.get_known_display()
        return f"sentiment {self.sentiment}, support {self.support or '–'}, openness {self.transparency}"

    def clean(self):
        if self.purpose == Purpose.UPDATE and (not self.known or self.update is None):
            raise ValidationError({"known": "Choose one of the answers."})
        if self.purpose == Purpose.AFTER and (self.sentiment is None or self.transparency is None):
            raise ValidationError("Choose a number for how you feel about us, and for how open we were.")


class FeedbackRequest(models.Model):
    """That a mail asked, so that answers can be held against how many were asked. Bookkeeping: the mail is tracked."""

    nonce = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=10, choices=Purpose)
    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="feedback_requests")
    update = models.ForeignKey(CustomerUpdate, null=True, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["incident", "purpose"], name="request_of_incident")]

    def __str__(self):
        return f"{self.get_purpose_display()} of incident {self.incident_id}"


class FeedbackVisit(models.Model):
    """That some address has answered from the page within the hour: a mark with a salt of the day, then forgotten."""

    mark = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["mark", "at"], name="visit_of_mark")]

    def __str__(self):
        return f"at {self.at:%H:%M}"
