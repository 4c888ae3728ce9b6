"""What opening a retrospective asks for."""

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import ValidationError

from config.admin import WorkspaceForm, numbers
from config.forms import OptionalReason, Reason, validate_text, validate_visible
from config.people.models import User
from incidents.models import Incident
from retros.models import Retrospective, RetrospectiveIncident, Review


class SelectSeveral(AutocompleteSelectMultiple):
    """Several rows, found by typing."""

    @property
    def media(self):
        return super().media + forms.Media(js=["aftercare/labels.js"])

    def optgroups(self, name, value, attrs=None):
        return super().optgroups(name, numbers(value), attrs)


class _ByNumber(forms.ModelMultipleChoiceField):
    """Rows by number; what cannot be one is refused before the database is asked."""

    what = ""

    def clean(self, value):
        if value and len(numbers(value)) < len(value):
            raise ValidationError(f"Choose among the {self.what}.")
        return super().clean(value)


class IncidentsField(_ByNumber):
    """Incidents by number."""

    what = "incidents"


class PeopleField(_ByNumber):
    """People who work here, by number; found by typing."""

    what = "people"

    def __init__(self, **options):
        super().__init__(User.objects.filter(is_active=True), **options)
        self.widget = SelectSeveral(Review._meta.get_field("reviewer"), admin.site)
        self.widget.choices = self.choices

    def __deepcopy__(self, memo):
        # Django gives the choices of the copy to its widget, which asks only for those that are chosen.
        copied = super().__deepcopy__(memo)
        copied.widget.choices = copied.choices
        return copied


class OpenRetro(WorkspaceForm):
    """For which incidents; title and due day follow from the first of them unless they are said."""

    reader = None  # whose page it is: they choose among the incidents they may see

    incidents = IncidentsField(
        Incident.objects.none(), help_text="One, or several that belong together; the first one leads."
    )

    class Meta:
        model = Retrospective
        fields = ("title", "facilitator", "due_on")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        incidents = self.fields["incidents"]
        incidents.queryset = Incident.objects.visible_to(self.reader).select_related("severity")
        incidents.widget = SelectSeveral(Retrospective._meta.get_field("incidents"), admin.site)
        incidents.widget.choices = incidents.choices
        for name, otherwise in (("title", "the incident’s title"), ("due_on", "what its severity asks for")):
            self.fields[name].required = False
            self.fields[name].help_text = f"Leave empty for {otherwise}."

    def clean_incidents(self):
        # Locked: two people who open one for the same incident at once would both find that it has none.
        chosen = list(self.cleaned_data["incidents"].select_for_update(of=("self",)))
        links = RetrospectiveIncident.objects.filter(incident__in=chosen).select_related("incident", "retro")
        if taken := links.first():
            raise ValidationError(f"{taken.incident} has a retrospective already: {taken.retro.reference}.")
        # In the order in which they were chosen: the first one gives its title and its severity.
        order = [int(number) for number in self.data.getlist(self.add_prefix("incidents"))]
        return sorted(chosen, key=lambda incident: order.index(incident.pk))

    def clean_facilitator(self):
        facilitator = self.cleaned_data["facilitator"]
        if facilitator and not facilitator.is_active:
            raise ValidationError(f"{facilitator} does not work here any more.")
        return facilitator

    def save(self, commit=True):
        """Open it, with its sections and incidents, whatever `commit` says: it is one operation."""
        self.save_m2m = lambda: None
        data = self.cleaned_data
        self.instance = Retrospective.objects.open_for(
            *data["incidents"],
            facilitator=data["facilitator"],
            title=data["title"],
            due_on=data["due_on"],
        )
        return self.instance


# --- What the verbs of a review ask


class SendForReview(OptionalReason):
    """Who shall read it, and what they should know."""

    reviewers = PeopleField(
        required=False,
        help_text="They get a mail with a link to it. Who read an earlier version is asked again by itself.",
    )
    field_order = ("reviewers", "reason")


class AskReviewers(OptionalReason):
    """Who else shall read it."""

    reviewers = PeopleField(help_text="They get a mail with a link to it.")
    field_order = ("reviewers", "reason")


class Publish(OptionalReason):
    """Why it is published as it is, where something asks for that."""


class Approval(forms.Form):
    """What an approval may say, and which text it is about."""

    words = forms.CharField(
        label="What you want to say",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5_000,
        required=False,
        validators=[validate_text],
    )
    text = forms.CharField(
        widget=forms.HiddenInput,
        max_length=64,
        required=False,
        validators=[validate_text],
        help_text="The fingerprint of the text that was read: refused if it is another one by now.",
    )


class RequestChanges(Approval):
    """What should be different before everybody reads it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        words = self.fields["words"]
        words.required, words.label = True, "What should be different"
        words.validators.append(validate_visible)


# --- What the verbs of a learning ask for


def _told(label, help_text):
    return forms.CharField(
        label=label,
        widget=forms.Textarea(attrs={"rows": 3, "data-coach": "customers"}),
        max_length=2_000,
        validators=[validate_text, validate_visible],
        help_text=help_text,
    )


class Correction(OptionalReason):
    """What readers are told about the correction, and whether they may still read what it corrects."""

    note = _told("What is corrected?", "Readers see these words beside the corrected text.")
    earlier = forms.ChoiceField(
        label="The earlier text",
        choices=[("shown", "stays readable, marked as corrected"), ("hidden", "is taken down")],
        initial="shown",
        help_text="Take it down if it names somebody or something that must not be read.",
    )

    field_order = ["note", "earlier", "reason"]


class Withdrawal(Reason):
    """What readers are told in its place; the reason is kept for ourselves."""

    told = _told("What are readers told?", "Stands at its address instead of the text.")

    field_order = ["told", "reason"]


class HarmlessFinding(Reason):
    """Which of what the check found may stay, and why."""

    found = forms.CharField(label="What is harmless?", max_length=64)

    field_order = ["found", "reason"]

    def __init__(self, data=None, *, row=None, **options):
        super().__init__(data, **options)
        if row is not None:
            from retros.redacting import open_findings

            choices = [(one.mark, one.in_words()) for one in open_findings(row) if one.can_be_confirmed]
            self.fields["found"].widget = forms.Select(choices=choices)
