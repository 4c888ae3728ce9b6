"""The questions a retrospective starts with. Facilitators edit them; a retro keeps the ones it began with."""

from django.db import models
from django.db.models import Q

from config.audit.models import VersionedModel
from config.fields import Line, Prose


class Template(VersionedModel):
    """A list of sections for new retrospectives."""

    name = Line(max_length=100, unique=True)
    is_default = models.BooleanField(default=False, help_text="Used when nothing else is chosen.")

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
    guidance = Prose(max_length=5_000, help_text="Questions in how/what form.")

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["template", "heading"], name="heading_once_per_template"),
        ]

    def __str__(self):
        return self.heading
