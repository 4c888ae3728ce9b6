"""What the pages about people ask for."""

import re
from functools import cache
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from config.forms import clean_line, validate_text, validate_visible
from config.people.calendar import countries
from config.people.models import ApiToken, User

DAYS = [("1", "Mon"), ("2", "Tue"), ("3", "Wed"), ("4", "Thu"), ("5", "Fri"), ("6", "Sat"), ("7", "Sun")]


@cache
def zones():
    """Every time zone by name; the few without a place come first."""
    names = available_timezones() - {"localtime", "Factory"}
    return [(name, name.replace("_", " ")) for name in sorted(names, key=lambda name: ("/" in name, name))]


def days_in_words(days: str) -> str:
    """12345 as Mon, Tue, Wed, Thu, Fri."""
    return ", ".join(word for digit, word in DAYS if digit in days)


@cache
def places():
    """Every country whose holidays are known, by name; the library names them as its classes are named."""
    from holidays.registry import COUNTRIES  # lazily, as in config/people/calendar.py

    words = {
        code: re.findall("[A-Z][a-z]*", name) for name, code, *_ in COUNTRIES.values() if code in countries()
    }
    names = {
        code: re.sub(r"\b(And|Of|The)\b", lambda word: word[0].lower(), " ".join(parts))
        for code, parts in words.items()
    }
    return [("", "No public holidays"), *sorted(names.items(), key=lambda pair: pair[1])]


class PersonForm(forms.ModelForm):
    """A person; which of the fields somebody may change is decided by the page."""

    time_zone = forms.ChoiceField(
        choices=zones,
        widget=UnfoldAdminSelect2Widget,
        help_text="Moments are shown, and reminders sent, where the person is.",
    )
    country = forms.ChoiceField(
        choices=places,
        required=False,
        widget=UnfoldAdminSelect2Widget,
        help_text="Its public holidays are no working days.",
    )
    working_days = forms.MultipleChoiceField(
        choices=DAYS,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Reminders come on working days only.",
    )

    class Meta:
        model = User
        fields = ()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "working_days" in self.fields:
            self.initial["working_days"] = list(self.initial.get("working_days") or User().working_days)
        if "time_zone" in self.fields and not self.initial.get("time_zone"):
            self.initial["time_zone"] = User().time_zone
        if "manager" in self.fields and self.instance.pk:
            others = self.fields["manager"].queryset.exclude(pk=self.instance.pk)
            self.fields["manager"].queryset = others

        for name, label in (("is_active", "Works here"), ("is_superuser", "May do everything")):
            if name in self.fields:
                self.fields[name].label = label
        if "is_superuser" in self.fields:
            self.fields["is_superuser"].help_text = "Beside every role. The fewer people, the better."

    def clean_working_days(self):
        return "".join(sorted(self.cleaned_data["working_days"]))

    def clean(self):
        data = super().clean()
        is_last = {"is_active", "is_superuser"} & self.fields.keys() and self._is_last_superuser()
        if is_last and not (data.get("is_active", True) and data.get("is_superuser", True)):
            raise ValidationError("This is the last person who may do everything; name another one first.")
        return data

    def _is_last_superuser(self):
        if not self.instance.pk:
            return False
        # Locked, so that two people cannot switch each other off at the same moment.
        all_powerful = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
        return {person.pk for person in all_powerful} == {self.instance.pk}


class SetPassword(SetPasswordForm):
    """A first or new password for somebody else, who changes it after signing in."""

    def __init__(self, user, data=None):
        super().__init__(user, data)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget({"autocomplete": "new-password"})
        self.fields[
            "new_password1"
        ].help_text = "At least ten characters; no common password, and nothing like their name or address."


class TokenForm(forms.Form):
    """What a new API token is for, what it may do, and for how long."""

    name = forms.CharField(
        label="What is it for?",
        max_length=100,
        validators=[validate_text, validate_visible],
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as “pager integration”.",
    )
    scope = forms.ChoiceField(label="It may", choices=ApiToken.Scope.choices, widget=UnfoldAdminSelectWidget)
    days = forms.TypedChoiceField(
        label="Good for",
        coerce=int,
        initial=90,
        choices=[(7, "a week"), (30, "a month"), (90, "three months"), (365, "a year")],
        widget=UnfoldAdminSelectWidget,
    )

    def clean_name(self):
        return clean_line(self.cleaned_data["name"])
