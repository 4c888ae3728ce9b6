"""Fields and forms that every app asks with: what people type is cleaned in one way everywhere."""

import unicodedata
from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF}


def clean_line(text: str) -> str:
    """One line of text a person can see: NFC, no control or direction marks, no line breaks."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if c in "\t\r\n\x0b\x0c" else c for c in text)
    text = "".join(c for c in text if ord(c) not in _BIDI and unicodedata.category(c) not in ("Cc", "Cs"))
    return " ".join(text.split())


def validate_visible(text: str) -> None:
    """Refuse text of which nothing can be seen."""
    if text and not any(unicodedata.category(c)[0] in "LNPS" for c in text):
        raise ValidationError("Write at least one visible character.", code="invisible")


def validate_text(text: str) -> None:
    """Refuse what one of the two databases cannot keep."""
    if "\x00" in text or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValidationError("Null characters and lone surrogates are not allowed.", code="unstorable")


def validate_moment(moment) -> None:
    """Refuse moments no incident has had: before computing, or further ahead than clocks disagree."""
    if moment.year < 1970:
        raise ValidationError("That is before 1970.", code="too_early")
    if moment > timezone.now() + timedelta(minutes=5):
        raise ValidationError("That is in the future.", code="future")


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
