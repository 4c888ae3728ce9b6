"""What the verbs of an action item ask for. Admin and API check their input with these same forms."""

from django import forms

from config.forms import OptionalReason, Reason, validate_due_day, validate_text, validate_visible
from config.people.models import User

WHO_SEES = "Kept in the history; whoever led the retro sees it, too."


def _line(label, *, required=True, help_text="", most=2_000, rows=3):
    """A question that is answered in a sentence or two."""
    return forms.CharField(
        label=label,
        widget=forms.Textarea(attrs={"rows": rows}),
        required=required,
        max_length=most,
        validators=[validate_text, validate_visible],
        help_text=help_text,
    )


def _day(label, **options):
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}), **options)


class Complete(OptionalReason):
    """What shows that it is done."""

    evidence = _line("What shows that it is done?", most=5_000, help_text="A link or a sentence.")

    field_order = ["evidence", "reason"]


class Postpone(Reason):
    """The new day, and why; the first time the reason may be left out."""

    due_on = _day("New due day", validators=[validate_due_day])

    field_order = ["due_on", "reason"]

    def __init__(self, data=None, *, row=None, **options):
        super().__init__(data, **options)
        slips = row.slips if row is not None else 0
        self.fields["reason"].required = False
        if slips:
            times = "once" if slips == 1 else f"{slips} times"
            self.fields["reason"].help_text = f"It slipped {times} before, so say why. {WHO_SEES}"


class HandOver(forms.Form):
    """Whom to ask to take it over, and what they should know."""

    to = forms.ModelChoiceField(User.objects.filter(is_active=True), label="To whom?")
    note = _line("What should they know?", required=False)


class Snooze(OptionalReason):
    """Until when to be quiet about it."""

    until = _day("Quiet until", help_text="A week at most, three times. The due day stays.")

    field_order = ["until", "reason"]


class Block(OptionalReason):
    """What it waits for, and when to look again."""

    waits_for = forms.CharField(
        label="What does it wait for?",
        max_length=500,
        validators=[validate_text, validate_visible],
        help_text="Somebody, something, or another item such as ACT-0012.",
    )
    until = _day("Look again on", help_text="Thirty days from now at most.")

    field_order = ["waits_for", "until", "reason"]


class Reassign(OptionalReason):
    """Who does it from now on."""

    owner = forms.ModelChoiceField(User.objects.filter(is_active=True), label="New owner")

    field_order = ["owner", "reason"]


class Answer(forms.Form):
    """Whether it worked, and what shows it."""

    result = forms.ChoiceField(
        label="Did it work?",
        choices=[
            ("effective", "Yes, it worked"),
            ("partly", "In part"),
            ("not_effective", "No, it did not"),
        ],
        widget=forms.RadioSelect,
    )
    note = _line("What do you see?", required=False, help_text="Needed unless it worked.", most=5_000)


class AskSomebody(OptionalReason):
    """Who can tell better whether it worked."""

    person = forms.ModelChoiceField(User.objects.filter(is_active=True), label="Whom?")

    field_order = ["person", "reason"]
