"""What is added on the workspace in a line or two."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.editing import dress
from config.forms import validate_moment, validate_text, validate_visible
from retros.models import Factor, Finding, RetroFactor


def _several_lines(rows=3, **more):
    return forms.CharField(
        widget=forms.Textarea({"rows": rows}), validators=[validate_text, validate_visible], **more
    )


class NewEntry(forms.Form):
    """A note for the timeline: what happened, and when."""

    at = forms.DateTimeField(label="When", validators=[validate_moment])
    incident = forms.ModelChoiceField(None, empty_label=None)
    text = _several_lines(2, label="What happened", max_length=20_000)

    def __init__(self, *args, incidents, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["incident"].queryset = incidents
        self.initial.setdefault("at", timezone.localtime().replace(microsecond=0))
        if len(incidents) == 1:
            self.fields["incident"].widget = forms.HiddenInput()
            self.initial["incident"] = incidents[0].pk
        dress(self)


class NewFinding(forms.ModelForm):
    """One thing we found out."""

    class Meta:
        model = Finding
        fields = ("kind", "text")
        widgets = {"text": forms.Textarea({"rows": 3, "data-coach": "team"})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        dress(self)


class NewFactor(forms.ModelForm):
    """What contributed, and how."""

    class Meta:
        model = RetroFactor
        fields = ("factor", "note")
        labels = {"note": "How did it contribute here?"}
        help_texts = {"note": ""}
        widgets = {"note": forms.Textarea({"rows": 3, "data-coach": "team"})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["factor"].queryset = Factor.objects.order_by("name")
        dress(self)

    def clean_factor(self):
        factor = self.cleaned_data["factor"]
        if self.instance.retro.retro_factors.filter(factor=factor).exists():
            raise ValidationError("It is named already; say there how else it contributed.")
        return factor
