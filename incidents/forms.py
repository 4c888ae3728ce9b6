"""What the verbs of an incident ask for. Admin and API check their input with these same forms."""

from django import forms

from config.forms import Moment, OptionalReason, Reason, validate_moment, validate_text, validate_visible
from incidents.models import CustomerUpdate, Severity, ValidationCheck


class Identify(Moment):
    """A moment and, if there is something to say, a note for the timeline."""

    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=2_000,
        validators=[validate_text, validate_visible],
        help_text="Goes on the timeline.",
    )


class Resolve(Identify):
    """A moment, a note, and what was looked at before customers are told that it is over."""

    checks = forms.ModelMultipleChoiceField(
        ValidationCheck.objects.in_use(),
        label="Looked at",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What was checked before this is called over.",
    )
    unchecked_because = forms.CharField(
        label="Not looked at, because",
        required=False,
        max_length=500,
        validators=[validate_text, validate_visible],
        help_text="Why the other checks were left out. Goes on the timeline.",
    )

    field_order = ["checks", "unchecked_because", "note", "at"]


class PublishUpdate(Moment, OptionalReason):
    """Since when customers read it, and why what the check marked stays, where it marked anything."""

    field_order = ["reason", "at"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = "Why what was marked stays"
        self.fields[
            "reason"
        ].help_text = "Asked for where the check marks something. Customers do not read it."


class CorrectUpdate(Reason):
    """What it should say, and why it did not."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 8, "data-coach": "customers"}),
        max_length=CustomerUpdate._meta.get_field("text").max_length,
        validators=[validate_text, validate_visible],
        help_text="Customers read this instead, with what it said before. "
        "Subscribers who were sent the old text are told.",
    )

    marks_because = forms.CharField(
        label="Why what was marked stays",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=CustomerUpdate._meta.get_field("marks_because").max_length,
        validators=[validate_text, validate_visible],
        help_text="Asked for where the check marks something new. Customers do not read it.",
    )

    field_order = ["text", "reason", "marks_because"]

    def __init__(self, *args, row=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = "Customers read it beside the correction."
        if row is not None:
            self.initial.setdefault("text", row.text)


class MaintenanceNews(Moment):
    """A moment and, if the usual sentence does not say it, what customers read."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        max_length=10_000,
        validators=[validate_text, validate_visible],
        help_text="What customers read. Leave empty for the usual sentence.",
    )


class MaintenanceWords(forms.Form):
    """What customers read about a window."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=10_000,
        validators=[validate_text, validate_visible],
        help_text="What customers read.",
    )


class Since(forms.Form):
    """From which moment on."""

    since = forms.DateTimeField(
        label="Since", validators=[validate_moment], help_text="What was queued from this moment on."
    )


class Address(forms.Form):
    """One mailbox."""

    address = forms.EmailField(label="Your e-mail address", max_length=254)


class Workaround(forms.Form):
    """What customers can do until it is over, and whether they read it. What is left out is taken away."""

    workaround = forms.CharField(
        label="What customers can do",
        widget=forms.Textarea(attrs={"rows": 5, "data-coach": "customers"}),
        required=False,
        max_length=5_000,
        validators=[validate_text],
        help_text="In their words, Markdown. Support reads it at once.",
    )
    workaround_is_public = forms.BooleanField(
        label="On the status page",
        required=False,
        help_text="Shown on the public page of the incident as “What you can do now”, while it is open.",
    )

    def __init__(self, *args, row=None, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.fields:
            if row is not None:
                self.initial.setdefault(name, getattr(row, name))

    def clean_workaround(self):
        return self.cleaned_data["workaround"].replace("\r\n", "\n").replace("\r", "\n")


class ChangeSeverity(Reason):
    """The new severity, and why."""

    severity = forms.ModelChoiceField(Severity.objects.all())

    field_order = ["severity", "reason"]


class CorrectEntry(Reason):
    """When it really happened, and how we know."""

    at = forms.DateTimeField(label="When it really happened", validators=[validate_moment])

    field_order = ["at", "reason"]

    def __init__(self, *args, row=None, **kwargs):
        super().__init__(*args, **kwargs)
        if row is not None:
            self.initial.setdefault("at", row.at)


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
