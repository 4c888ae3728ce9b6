"""What the verbs of an incident ask for. Admin and API check their input with these same forms."""

from django import forms

from config.forms import Moment, Reason, validate_moment, validate_text, validate_visible
from incidents.models import Severity


class Identify(Moment):
    """A moment and, if there is something to say, a note for the timeline."""

    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=2_000,
        validators=[validate_text, validate_visible],
        help_text="Goes on the timeline.",
    )


class ChangeSeverity(Reason):
    """The new severity, and why."""

    severity = forms.ModelChoiceField(Severity.objects.all())

    field_order = ["severity", "reason"]


class CorrectMoments(Reason):
    """The moments as they really were; those left out stay as they are."""

    started_at = forms.DateTimeField(required=False, validators=[validate_moment])
    detected_at = forms.DateTimeField(required=False, validators=[validate_moment])
    declared_at = forms.DateTimeField(required=False, validators=[validate_moment])
    acknowledged_at = forms.DateTimeField(required=False, validators=[validate_moment])
    mitigated_at = forms.DateTimeField(required=False, validators=[validate_moment])
    resolved_at = forms.DateTimeField(required=False, validators=[validate_moment])
    closed_at = forms.DateTimeField(required=False, validators=[validate_moment])

    field_order = [
        *(
            "started_at",
            "detected_at",
            "declared_at",
            "acknowledged_at",
            "mitigated_at",
            "resolved_at",
            "closed_at",
        ),
        "reason",
    ]

    def __init__(self, *args, row=None, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.fields:
            if row is not None and name != "reason":
                self.initial.setdefault(name, getattr(row, name))

    def clean(self):
        # A moment that was not sent stays as it is; one that was sent empty is not known.
        data = super().clean()
        return {name: value for name, value in data.items() if name == "reason" or name in self.data}
