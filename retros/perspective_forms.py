"""What is asked of those who were there, and of whoever asks them."""

from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from config.editing import numbers
from config.forms import validate_due_day, validate_text, validate_visible
from config.people.calendar import add_working_days
from retros.models import Participant, Perspective, Question
from retros.models.perspective import FEWEST, MOST

INVITATION = (
    "Some time ago something did not work as it should, and you were there. We want to learn from it, and nobody "
    "is looking for somebody to blame. What you saw is what we cannot know without you. Please tell us in your "
    "own words; ten minutes are enough."
)


class Words(forms.CharField):
    """Several lines in somebody's own words, counted as browsers count them: a line end is one character."""

    widget = forms.Textarea

    def __init__(self, **options):
        rows = options.pop("rows", 5)
        super().__init__(
            **{"required": False, "validators": [validate_text, validate_visible], **options},
            widget=forms.Textarea({"rows": rows, "dir": "auto"}),
        )

    def to_python(self, value):
        return super().to_python(value.replace("\r\n", "\n") if isinstance(value, str) else value)


class Several(forms.ModelMultipleChoiceField):
    """Rows by number; what cannot be one is refused before the database is asked."""

    def clean(self, value):
        if value and len(numbers(value)) < len(value):
            raise ValidationError("Choose among what is listed.")
        return super().clean(value)


class Answering(forms.Form):
    """The questions of one invitation, and whether the name may stand beside the answers."""

    is_attributed = forms.TypedChoiceField(
        label="May your name stand beside your answers?",
        choices=[("no", "Do not show my name"), ("yes", "Show my name")],
        coerce=lambda value: value == "yes",
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )

    def __init__(self, data=None, row=None):
        super().__init__(data)
        self.answers = list(row.answers.all()) if row else []
        if row:
            self.initial["is_attributed"] = "yes" if row.is_attributed else "no"
        for answer in self.answers:
            self.fields[answer.name] = Words(label=answer.asked, max_length=5_000, initial=answer.text)

    def questions(self):
        """Each answer as it is stored, with the field it is written in."""
        return [(answer, self[answer.name]) for answer in self.answers]


class Invite(forms.Form):
    """Whom to ask what, and by which day."""

    participants = Several(None, label="Whom", widget=UnfoldAdminCheckboxSelectMultipleWidget)
    questions = Several(
        None,
        label="What",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=f"{FEWEST} to {MOST} questions. The bank is yours to edit; what was asked stays as it was asked.",
    )
    text = Words(
        label="Invitation",
        rows=4,
        required=True,
        max_length=2_000,
        initial=INVITATION,
        help_text="People without an account here, such as customers, are told this and nothing else about it.",
    )
    due_on = forms.DateField(
        label="By which day", validators=[validate_due_day], widget=forms.DateInput({"type": "date"})
    )

    def __init__(self, data=None, *, retro):
        super().__init__(data, initial={"due_on": _day(retro).isoformat()})
        asked = retro.perspectives.exclude(status=Perspective.Status.WITHDRAWN).values("participant")
        people = retro.participants.exclude(pk__in=asked).select_related("user")
        self.fields["participants"].queryset = people
        self.fields["participants"].label_from_instance = _with_address
        self.fields["questions"].queryset = Question.objects.filter(is_active=True)
        self.fields["questions"].label_from_instance = _with_hats

    def clean_participants(self):
        chosen = list(self.cleaned_data["participants"])
        if silent := [str(one) for one in chosen if not one.address]:
            raise ValidationError(f"Write down an e-mail address first: {', '.join(silent)}.")
        return chosen

    def clean_questions(self):
        chosen = list(self.cleaned_data["questions"])
        if not FEWEST <= len(chosen) <= MOST:
            raise ValidationError(f"Choose {FEWEST} to {MOST} questions; these are {len(chosen)}.")
        return chosen


def _day(retro):
    """Two days before the retro is due, but never sooner than three working days from now."""
    soonest = add_working_days(timezone.localdate(), 3)
    return max(soonest, retro.due_on - timedelta(days=2))


def _with_address(participant) -> str:
    return str(participant) if participant.address else f"{participant}: no e-mail address yet"


def _with_hats(question) -> str:
    hats = [hat.label for hat in Participant.Hat if question.is_for(hat)]
    whom = "everybody" if len(hats) == len(Participant.Hat) else ", ".join(hats) or "nobody in particular"
    return f"{question.text} ({question.get_topic_display()}: {whom.lower()})"
