"""The one form: how far we are, what is affected and how badly, what we say, when we speak next, who reads it."""

import re
from datetime import timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.forms import validate_text, validate_visible
from incidents.models import (
    Audience,
    CustomerUpdate,
    Impact,
    Incident,
    MessageTemplate,
    Region,
    Service,
    ValidationCheck,
)
from incidents.models.incident import RESPOND
from incidents.updates.carrying import refuse_audience, step_of
from incidents.updates.choosing import FALLBACK, Choice, choose
from incidents.updates.placeholders import LATER, Facts, fill
from incidents.updates.telling import facts_of

_S, _I = CustomerUpdate.Status, Incident.Status
USUAL = (15, 30, 60)  # minutes until the next update that are offered besides the severity's own
NEXT = {
    _I.DECLARED: _S.INVESTIGATING,
    _I.INVESTIGATING: _S.INVESTIGATING,
    _I.IDENTIFIED: _S.IDENTIFIED,
    _I.MONITORING: _S.MONITORING,
    _I.RESOLVED: _S.RESOLVED,
    _I.CLOSED: _S.RESOLVED,
}
FARTHEST = timedelta(days=14)


def minutes_in_words(minutes) -> str:
    """+30 min, +4 h, +1 day."""
    if minutes % 1440 == 0:
        return f"+{minutes // 1440} day{'s' if minutes > 1440 else ''}"
    return f"+{minutes // 60} h" if minutes % 60 == 0 else f"+{minutes} min"


class TellForm(forms.Form):
    """What customers are told next of one incident, by one person."""

    status = forms.ChoiceField(label="How far we are", choices=_S.choices, widget=forms.RadioSelect)
    text = forms.CharField(
        label="What customers read",
        widget=forms.Textarea(attrs={"rows": 9, "data-coach": "customers"}),
        max_length=CustomerUpdate._meta.get_field("text").max_length,
        validators=[validate_text, validate_visible],
        error_messages={"required": "Say something before you publish."},
    )
    next_in = forms.ChoiceField(label="We speak again within", required=False, widget=forms.RadioSelect)
    next_update_by = forms.DateTimeField(
        label="or at this moment",
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"),
    )
    audience = forms.ChoiceField(label="Who reads it", choices=Audience.choices, widget=forms.RadioSelect)
    locale = forms.ChoiceField(label="Language of the template", required=False)
    advance = forms.BooleanField(label="Move the incident on as well", required=False)
    checks = forms.ModelMultipleChoiceField(
        ValidationCheck.objects.in_use(),
        label="Looked at",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    unchecked_because = forms.CharField(
        label="Not looked at, because",
        required=False,
        max_length=500,
        validators=[validate_text, validate_visible],
    )
    reason = forms.CharField(
        label="Why what was marked stays",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=CustomerUpdate._meta.get_field("marks_because").max_length,
        validators=[validate_text, validate_visible],
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data=None, *, incident, by):
        self.incident, self.by = incident, by
        super().__init__(data)
        self._offer_moments()
        self._offer_languages()
        self.services = self._offer_degrees("service", Service, incident.service_impacts)
        self.regions = self._offer_degrees("region", Region, incident.region_impacts)
        can_show = not incident.is_drill and incident.visibility != incident.Visibility.RESTRICTED
        self.initial |= {
            "status": NEXT[incident.status],
            "audience": Audience.CUSTOMERS if can_show else Audience.TEAM,
            "advance": True,
        }
        if not (incident.is_open and by.has_perm(RESPOND)):
            del self.fields["advance"]

    # --- What is offered

    def _offer_moments(self):
        usual = self.incident.severity.update_every_minutes
        offered = sorted({*USUAL, usual})
        self.fields["next_in"].choices = [(str(one), minutes_in_words(one)) for one in offered]
        self.initial["next_in"] = str(usual)

    def _offer_languages(self):
        known = MessageTemplate.objects.order_by("locale").values_list("locale", flat=True).distinct()
        locales = sorted({*known, FALLBACK})
        self.fields["locale"].choices = [(one, one) for one in locales]
        self.initial["locale"] = FALLBACK

    def _offer_degrees(self, name, model, impacts):
        """A choice of degree for each row of `model`; those that are affected come first."""
        there = {getattr(one, f"{name}_id"): one.impact for one in impacts.all()}
        rows = sorted(model.objects.all(), key=lambda row: row.pk not in there)
        for row in rows:
            field = forms.ChoiceField(label=row.name, choices=Impact.choices, required=False)
            self.fields[f"{name}-{row.pk}"] = field
            self.initial[f"{name}-{row.pk}"] = there.get(row.pk, Impact.NONE.value)
        return [(row, f"{name}-{row.pk}", row.pk in there) for row in rows]

    def affected(self, kind):
        """The bound fields of services or regions, those that are affected."""
        return [self[name] for _, name, is_there in getattr(self, kind) if is_there]

    def others(self, kind):
        """The rest of them."""
        return [self[name] for _, name, is_there in getattr(self, kind) if not is_there]

    # --- What was said

    def degrees(self, kind) -> dict:
        """The degree of each row that is affected, or was; as chosen, or as it stands where nothing valid was."""
        chosen = {}
        for row, name, is_there in getattr(self, kind):
            sent = self.data.get(name) if self.is_bound else None
            degree = sent if sent in Impact.values else self.initial[name]
            if is_there or degree != Impact.NONE:
                chosen[row] = degree
        return chosen

    def chosen(self, name):
        """What a choice is set to now, be it sent or offered first."""
        value = self[name].value()
        return value if value in dict(self.fields[name].choices) else self.initial[name]

    def template(self) -> Choice:
        """The template for what is chosen now."""
        return choose(
            phase=self.chosen("status"),
            severity=self.incident.severity,
            services=sorted(
                (row for row, degree in self.degrees("services").items() if degree != Impact.NONE),
                key=lambda row: (row.position, row.name),
            ),
            audience=self.chosen("audience"),
            locale=self.chosen("locale"),
        )

    def facts(self) -> Facts:
        """What a template is filled from, with the degrees as they are chosen now."""
        return facts_of(self.incident, self.degrees("services"), self.degrees("regions"), None)

    def written(self, template) -> str:
        """The words of `template` for this incident; ValidationError names what is missing."""
        return fill(template.text, self.facts(), leave=LATER)

    def words(self) -> str:
        """What stands in the form now, with what is known of its placeholders."""
        text = self["text"].value() or ""
        try:
            return fill(text, self.facts(), leave=LATER)
        except ValidationError:
            return text

    # --- What is refused

    def clean_text(self):
        return re.sub(r"\r\n?", "\n", self.cleaned_data["text"])

    def clean_next_update_by(self):
        at = self.cleaned_data["next_update_by"]
        if at and at <= timezone.now():
            raise ValidationError("That has passed: promise a moment that is still to come.")
        if at and at > timezone.now() + FARTHEST:
            raise ValidationError(
                "That is more than two weeks away: customers are not left alone for so long."
            )
        return at

    def clean(self):
        asked = super().clean()
        if asked.get("status") == _S.RESOLVED:
            asked["next_update_by"] = None  # the last word: nothing is promised after it
        elif not asked.get("next_update_by") and not self.errors.get("next_update_by"):
            if not asked.get("next_in"):
                raise ValidationError({"next_in": "Say when customers hear from us again."})
            begun = timezone.now().replace(second=0, microsecond=0)
            asked["next_update_by"] = begun + timedelta(minutes=int(asked["next_in"]))
        if asked.get("audience"):
            refuse_audience(self.incident, asked["audience"])
        return asked

    def told(self) -> dict:
        """What `tell` takes, once the form is valid."""
        asked = self.cleaned_data
        resolves = bool(asked.get("advance")) and step_of(self.incident, asked["status"]) == "resolve"
        return {
            "status": asked["status"],
            "text": asked["text"],
            "next_update_by": asked["next_update_by"],
            "audience": asked["audience"],
            "reason": asked["reason"],
            "advance": bool(asked.get("advance")),
            "checks": asked["checks"] if resolves else (),
            "unchecked_because": asked["unchecked_because"] if resolves else "",
            "services": self.degrees("services"),
            "regions": self.degrees("regions"),
        }
