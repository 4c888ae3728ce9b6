"""When and where the meeting is, what is noted in it, and how it was."""

import re
from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.forms import clean_line, validate_text, validate_visible
from retros.models import Finding, Impression, MeetingNote
from retros.models.meeting import AGENDA, LONGEST, SHORTEST, shared_out
from retros.perspective_forms import Words

MOST_PARTS = 20
_PART = re.compile(r"\s*([0-9]{1,3})\s*(?:min(?:utes)?\b\.?)?\s*[:–-]?\s*(\S.*)", re.ASCII)


class Agenda(forms.CharField):
    """One part a line: its minutes, then its title."""

    widget = forms.Textarea({"rows": 6})

    def prepare_value(self, value):
        return in_lines(value) if isinstance(value, list) else value

    def to_python(self, value):
        lines = [line for line in (super().to_python(value) or "").splitlines() if line.strip()]
        if len(lines) > MOST_PARTS:
            raise ValidationError(f"An agenda has at most {MOST_PARTS} parts.")
        return [self._part(line) for line in lines]

    def _part(self, line):
        match = _PART.fullmatch(line)
        title = clean_line(match[2]) if match else ""
        if not title or not 1 <= int(match[1]) <= LONGEST or len(title) > 200:
            raise ValidationError(
                f"Begin each line with its minutes, such as “10 What surprised us”: {line[:80]}"
            )
        return title, int(match[1])

    def validate(self, value):
        validate_text("".join(title for title, _ in value))

    def run_validators(self, value):
        """They look at text, and this is none any more."""

    def has_changed(self, initial, data):
        return [" ".join(line.split()) for line in in_lines(initial or []).splitlines()] != [
            " ".join(line.split()) for line in (data or "").splitlines() if line.strip()
        ]


def in_lines(parts) -> str:
    """An agenda as it is typed."""
    return "\n".join(f"{minutes} {title}" for title, minutes in parts)


class When(forms.Form):
    """Day, hour, length, place and agenda; `row` is the meeting that is moved."""

    starts_at = forms.DateTimeField(label="Begins")
    minutes = forms.IntegerField(min_value=SHORTEST, max_value=LONGEST, initial=60)
    place = forms.CharField(
        label="Place or link", required=False, max_length=500, validators=[validate_text, validate_visible]
    )
    agenda = Agenda(
        required=False,
        help_text="One part a line, beginning with its minutes. Left as it is, it is fitted to the length.",
    )

    def __init__(self, data=None, row=None):
        known = {"agenda": list(AGENDA)}
        if row is not None:
            known = {
                "starts_at": row.starts_at,
                "minutes": row.minutes,
                "place": row.place,
                "agenda": row.parts(),
            }
        super().__init__(data, initial=known)

    def clean_starts_at(self):
        moment = self.cleaned_data["starts_at"]
        if moment < timezone.now() - timedelta(hours=1):
            raise ValidationError("Choose a moment that has not passed.")
        if moment.year >= 2200:
            raise ValidationError("That is not a day anybody means.")
        return moment

    def clean(self):
        minutes, parts = self.cleaned_data.get("minutes"), self.cleaned_data.get("agenda")
        if minutes is None or parts is None:
            return self.cleaned_data
        if "agenda" not in self.changed_data or not parts:
            self.cleaned_data["agenda"] = shared_out(parts or AGENDA, minutes)
        elif (total := sum(part for _, part in parts)) != minutes:
            self.add_error("agenda", f"The parts take {total} minutes together, and the meeting {minutes}.")
        return self.cleaned_data


class Note(forms.Form):
    """What was said or decided."""

    kind = forms.ChoiceField(choices=MeetingNote.Kind, initial=MeetingNote.Kind.NOTE)
    text = Words(label="Write it down", required=True, max_length=5_000, rows=3)

    prefix = "note"


class NewFinding(forms.Form):
    """Something we found out, in the meeting itself."""

    kind = forms.ChoiceField(choices=Finding.Kind)
    text = Words(label="What we found out", required=True, max_length=5_000, rows=3)

    prefix = "finding"


class Impressions(forms.Form):
    """Two questions about the meeting, and room for more."""

    learned = forms.ChoiceField(
        label="Did you learn something that will change how you work?",
        choices=Impression.Verdict,
        widget=forms.RadioSelect,
    )
    would_attend = forms.ChoiceField(
        label="Would you attend another?", choices=Impression.Verdict, widget=forms.RadioSelect
    )
    words = Words(label="Anything you want to add", max_length=2_000, rows=4)
