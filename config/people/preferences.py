"""What people decide for themselves: when they work, and what they are sent."""

from django import forms
from django.utils import timezone

from config.editing import WorkspaceForm
from config.people.forms import DAYS, places, zones
from config.people.models import User

FIELDS = (
    *("mail_style", "wants_reminders", "wants_summary"),
    *("time_zone", "working_days", "works_from", "works_until", "quiet_from", "quiet_until"),
    *("country", "subdivision", "away_from", "away_until"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _time(**options):
    widget = forms.TimeInput({"type": "time"}, format="%H:%M")
    return forms.TimeField(widget=widget, **options)


def _day(**options):
    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(widget=widget, required=False, **options)


class Preferences(WorkspaceForm):
    """One's own, as plain fields that any browser knows; it knows the version it was opened on."""

    use_required_attribute = False

    mail_style = forms.ChoiceField(
        label="Reminders come as", choices=User.MailStyle.choices, widget=forms.RadioSelect
    )
    time_zone = forms.ChoiceField(
        choices=zones, help_text="Moments are shown, and mails sent, where you are."
    )
    working_days = forms.MultipleChoiceField(choices=DAYS, widget=forms.CheckboxSelectMultiple)
    works_from, works_until = _time(label="You work from"), _time(label="until")
    quiet_from = _time(
        label="Quiet from",
        required=False,
        help_text="Within these hours nothing is sent, such as over lunch.",
    )
    quiet_until = _time(label="until", required=False)
    country = forms.ChoiceField(
        label="Public holidays of", choices=places, required=False, help_text="They are no working days."
    )
    subdivision = forms.CharField(
        label="State or region",
        required=False,
        max_length=10,
        help_text="Such as BY, for holidays of its own.",
    )
    away_from, away_until = _day(label="Away from"), _day(label="The last day away")

    class Meta:
        model = User
        fields = FIELDS

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["working_days"] = list(self.instance.working_days)
        if (zone := self.instance.time_zone) not in dict(zones()):
            # A zone that has left the database of zones: kept until another is chosen.
            self.fields["time_zone"].choices = [(zone, f"{zone} (not known any more)"), *zones()]

    def clean_working_days(self):
        return "".join(sorted(self.cleaned_data["working_days"]))


def in_words(user, at=None) -> list[str]:
    """What follows from somebody's preferences, sentence by sentence."""
    at, calendar = at or timezone.now(), user.calendar
    where = user.time_zone.replace("_", " ")
    told = []
    if user.wants_reminders:
        what = (
            "at most one mail a day"
            if user.mail_style == User.MailStyle.DIGEST
            else "one mail for each thing"
        )
        told.append(
            f"You get {what}, from {user.works_from:%H:%M} on {days_in_words(user.working_days)}, {where} time."
        )
        moment = calendar.next_working_moment(at)
        if moment is None:
            told.append("By these days and holidays you never work, so that nothing is sent.")
        elif moment > at:
            local = moment.astimezone(user.zone)
            told.append(f"Nothing is sent before {local:%A %-d %B} at {local:%H:%M}.")
    else:
        told.append(
            "You get no reminders. What is overdue for long is still brought before your manager "
            "and whoever led the retrospective."
        )
    if user.quiet_from and user.quiet_until:
        told.append(f"Nothing is sent from {user.quiet_from:%H:%M} to {user.quiet_until:%H:%M}.")
    if user.away_until and user.away_until >= user.today(at):
        told.append(_away_in_words(user, at))
    told.append("A summary comes once a week." if user.wants_summary else "No weekly summary comes.")
    return told


def _away_in_words(user, at) -> str:
    until = f"{user.away_until:%-d %B}"
    span = (
        f"Until {until}" if user.away_from <= user.today(at) else f"From {user.away_from:%-d %B} to {until}"
    )
    to = f"{user.manager} gets your reminders" if user.manager_id else "your reminders wait for you"
    return f"{span} you are away: {to}."


def days_in_words(days: str) -> str:
    """12345 as Monday to Friday, 135 as Monday, Wednesday and Friday."""
    names = [WEEKDAYS[int(digit) - 1] for digit in days]
    if len(names) > 2 and days in "1234567":
        return f"{names[0]} to {names[-1]}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def differences(form) -> list[tuple[str, str, str]]:
    """Where what was sent differs from what somebody else stored meanwhile: label, stored, sent."""
    found = []
    for name, field in form.fields.items():
        if name == "version":
            continue
        theirs, mine = form.initial.get(name), form[name].data
        if field.has_changed(theirs, mine):
            found.append((str(form[name].label), _shown(field, theirs), _shown(field, mine)))
    return found


def _shown(field, value) -> str:
    if isinstance(value, list):
        return ", ".join(dict(field.choices).get(one, str(one)) for one in value) or "–"
    if isinstance(value, bool) or isinstance(field, forms.BooleanField):
        return "yes" if value and value != "False" else "no"
    if hasattr(field, "choices"):
        return str(dict(field.choices).get(value, value)) or "–"
    return f"{value:%H:%M}" if hasattr(value, "hour") else str(value or "–")
