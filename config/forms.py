"""Fields and forms that every app asks with: what people type is cleaned in one way everywhere."""

import re
import unicodedata
from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

_BREAK = re.compile("[\t\n\x0b\x0c\r]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Controls, lone surrogates and what turns the direction of reading.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols by category, yet nothing is drawn


def clean_line(text: str) -> str:
    """One line of text a person can see: NFC, no control or direction marks, no line breaks."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    # Composed last: without a mark between them, two characters may become one.
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", _BREAK.sub(" ", text)))
    return " ".join(text.split())


def validate_visible(text: str) -> None:
    """Refuse text of which nothing can be seen."""
    if text and not any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in text):
        raise ValidationError("Write at least one visible character.", code="invisible")


def validate_text(text: str) -> None:
    """Refuse what one of the two databases cannot keep."""
    if _UNSTORABLE.search(text):
        raise ValidationError("Null characters and lone surrogates are not allowed.", code="unstorable")


def storable(text: str) -> str:
    """What both databases can keep of `text`, for what no person typed and nobody can be asked about."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def validate_moment(moment) -> None:
    """Refuse moments no incident has had: before computing, or further ahead than clocks disagree."""
    if abs(moment.utcoffset()) >= timedelta(hours=16):  # more than PostgreSQL takes, or any place has
        raise ValidationError("No place on Earth has that time zone.", code="zone")
    if moment.year < 1970:
        raise ValidationError("That is before 1970.", code="too_early")
    if moment > timezone.now() + timedelta(minutes=5):
        raise ValidationError("That is in the future.", code="future")


def validate_due_day(day) -> None:
    """Refuse a new due day that has passed, and one that nobody means."""
    # A day back, because it may still be yesterday where the owner is.
    if day < timezone.localdate() - timedelta(days=1):
        raise ValidationError("Choose a day that has not passed.", code="passed")
    if day.year >= 2200:
        raise ValidationError("That is not a day anybody means.", code="too_late")


class NothingToAsk(forms.Form):
    """For verbs that need no more than who and when."""


class Reason(forms.Form):
    """For verbs that must be explained: the reason goes into the history."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
        validators=[validate_text, validate_visible],
        help_text="Kept in the history, for whoever asks later.",
    )


class OptionalReason(Reason):
    """For verbs that may be explained."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


class Moment(forms.Form):
    """For verbs that may have happened earlier than they are entered."""

    at = forms.DateTimeField(
        label="When",
        required=False,
        validators=[validate_moment],
        help_text="Leave empty for now.",
    )
