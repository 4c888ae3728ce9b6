"""What customers are asked, on their phone, in a minute; and of which incidents."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from config.forms import validate_text
from incidents.models import Feedback
from incidents.models.feedback import Purpose

ASKED_FOR = timedelta(days=30)  # after the end of an incident its page still asks
ENDS = {
    "sentiment": ("Angry", "Content"),
    "support": ("Not at all", "Fully"),
    "transparency": ("Hidden", "Open"),
}


def _words(label):
    return forms.CharField(
        label=label,
        required=False,
        max_length=2_000,
        validators=[validate_text],
        widget=forms.Textarea({"rows": 4, "maxlength": "2000"}),
    )


def _scale(label, *, required=True, none=""):
    choices = [(str(n), str(n)) for n in range(1, 6)]
    choices += [("", none)] if none else []
    return forms.TypedChoiceField(
        label=label,
        choices=choices,
        coerce=int,
        empty_value=None,
        required=required,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a number.", "invalid_choice": "Choose one of the numbers."},
    )


class AboutUpdate(forms.Form):
    """Of one update."""

    known = forms.ChoiceField(
        label="Did you know what you needed to know?",
        choices=Feedback.Known.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one.", "invalid_choice": "Choose one of the three."},
    )
    words = _words("What was missing, or what helped?")


class Afterwards(forms.Form):
    """Of all of it, once it is over."""

    sentiment = _scale("How do you feel about us now?")
    support = _scale("How satisfied are you with our support?", required=False, none="I asked nothing")
    transparency = _scale("How openly did we tell you what was going on?")
    words = _words("What should we know?")


FORMS = {Purpose.UPDATE: AboutUpdate, Purpose.AFTER: Afterwards}


def is_asked(incident) -> bool:
    """Whether the page of an incident asks: not for ever, and not of what was lived through elsewhere."""
    if incident.source:
        return False
    if incident.is_open:
        return True
    return bool(incident.resolved_at) and timezone.now() - incident.resolved_at < ASKED_FOR
