"""What the verbs of an action item ask for. Admin and API check their input with these same forms."""

from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.forms import OptionalReason, Reason, validate_text, validate_visible
from config.people.models import User


def validate_due_day(day) -> None:
    """Refuse a new due day that has passed, and one that nobody means."""
    # A day back, because it may still be yesterday where the owner is.
    if day < timezone.localdate() - timedelta(days=1):
        raise ValidationError("Choose a day that has not passed.", code="passed")
    if day.year >= 2200:
        raise ValidationError("That is not a day anybody means.", code="too_late")


class Complete(OptionalReason):
    """What shows that it is done."""

    evidence = forms.CharField(
        label="What shows that it is done?",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=5_000,
        validators=[validate_text, validate_visible],
        help_text="A link or a sentence.",
    )

    field_order = ["evidence", "reason"]


class Postpone(Reason):
    """The new day, and why."""

    due_on = forms.DateField(
        label="New due day", widget=forms.DateInput(attrs={"type": "date"}), validators=[validate_due_day]
    )

    field_order = ["due_on", "reason"]


class Reassign(OptionalReason):
    """Who does it from now on."""

    owner = forms.ModelChoiceField(User.objects.filter(is_active=True), label="New owner")

    field_order = ["owner", "reason"]
