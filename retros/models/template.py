"""The questions a retrospective starts with. Facilitators edit them; a retro keeps the ones it began with."""

from collections import defaultdict

from django.db import models
from django.db.models import Q

from config.audit.models import VersionedModel
from config.fields import Line, Prose


class Topic(models.TextChoices):
    """What a section is about, whatever it is called: the gate before publishing and the exports go by it."""

    IMPACT = "impact", "Customer impact"
    SEQUENCE = "sequence", "Sequence of events"
    DETECTION = "detection", "Detection"
    COMMUNICATION = "communication", "Communication"
    REMEDIATION = "remediation", "Remediation"
    SURPRISE = "surprise", "What surprised us"
    WENT_WELL = "went_well", "What went well"
    LUCK = "luck", "Where we were lucky"
    OTHER = "other", "Something else"

    @classmethod
    def of(cls, heading: str) -> "Topic":
        """What a section with this heading is most likely about."""
        words = heading.strip().casefold()
        return next((topic for topic in cls if words in (topic.label.casefold(), *_ALSO[topic])), cls.OTHER)


# How the published guides and other tools head the same thing.
_ALSO = defaultdict(
    tuple,
    {
        Topic.IMPACT: ("impact", "user impact"),
        Topic.SEQUENCE: ("timeline", "sequence", "what happened"),
        Topic.DETECTION: ("how we knew",),
        Topic.COMMUNICATION: ("messaging", "communications"),
        Topic.REMEDIATION: ("resolution", "recovery", "mitigation", "response"),
        Topic.SURPRISE: ("surprises",),
        Topic.WENT_WELL: ("went well",),
        Topic.LUCK: ("where we got lucky", "luck"),
    },
)


class Template(VersionedModel):
    """A list of sections for new retrospectives."""

    name = Line(max_length=100, unique=True)
    is_default = models.BooleanField(default=False, help_text="Used when nothing else is chosen.")
    needs_approval = models.BooleanField(
        default=False,
        help_text="A retro that begins from it is published only after somebody who does not lead it approved it.",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_default_template",
                violation_error_message="There is a default template already.",
            )
        ]

    def __str__(self):
        return self.name


class TemplateSection(VersionedModel):
    """One heading of a template, with the questions that help to fill it."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveIntegerField(default=0)
    heading = Line(max_length=200)
    topic = models.CharField(max_length=16, choices=Topic, default=Topic.OTHER)
    guidance = Prose(max_length=5_000, help_text="Questions in how/what form.")

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["template", "heading"], name="heading_once_per_template"),
        ]

    def __str__(self):
        return self.heading
