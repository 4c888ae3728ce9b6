"""What the verbs of an action item ask for. Admin and API check their input with these same forms."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.forms import OptionalReason, Reason, validate_text, validate_visible
from config.people.models import User


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

    due_on = forms.DateField(label="New due day", widget=forms.DateInput(attrs={"type": "date"}))

    field_order = ["due_on", "reason"]

    def clean_due_on(self):
        day = self.cleaned_data["due_on"]
        if day < timezone.localdate():
            raise ValidationError("Choose a day that has not passed.")
        if day.year >= 2200:
            raise ValidationError("That is not a day anybody means.")
        return day


class Reassign(OptionalReason):
    """Who does it from now on."""

    owner = forms.ModelChoiceField(User.objects.filter(is_active=True), label="New owner")

    field_order = ["owner", "reason"]
