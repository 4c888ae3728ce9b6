"""What is looked at before an incident is called over."""

from django.core.exceptions import ValidationError
from django.db import models

from config.audit.models import VersionedModel
from config.fields import Line, Prose


class ValidationCheckQuerySet(models.QuerySet):
    """Checks, by what a reader asks for."""

    def in_use(self):
        """Those that are asked for now."""
        return self.filter(is_active=True)


class ValidationCheck(VersionedModel):
    """One thing to look at before “resolved”: made, or left out for a reason that is kept."""

    name = Line(max_length=200, unique=True, help_text="Such as: A customer’s own way through was tried.")
    how = Prose(max_length=2_000, help_text="Where to look, and what must be seen there.")
    position = models.PositiveIntegerField(default=0, help_text="Order in the form, lowest first.")
    is_active = models.BooleanField("asked for", default=True)

    objects = ValidationCheckQuerySet.as_manager()

    class Meta:
        verbose_name = "check before resolved"
        verbose_name_plural = "checks before resolved"
        ordering = ["position", "pk"]

    def __str__(self):
        return self.name


def looked_at(made, because, *, demanded_by) -> str:
    """What the timeline says of the checks; ValidationError where the severity wants more than was made."""
    left = [check for check in ValidationCheck.objects.in_use() if check not in made]
    if left and not because and demanded_by.are_checks_required:
        names = ", ".join(f"“{check}”" for check in left)
        text = f"{demanded_by} wants these looked at before “resolved”: {names}. Or say why not."
        raise ValidationError({"unchecked_because": text}, code="unchecked")
    said = [f" Checked: {', '.join(map(str, made))}."] if made else []
    said += [f" Not checked: {', '.join(map(str, left))} ({because})."] if left and because else []
    return "".join(said)
