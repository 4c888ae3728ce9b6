"""What opening a retrospective asks for."""

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import ValidationError

from config.admin import WorkspaceForm, numbers
from incidents.models import Incident
from retros.models import Retrospective, RetrospectiveIncident


class IncidentSelect(AutocompleteSelectMultiple):
    """Several incidents, found by typing."""

    def optgroups(self, name, value, attrs=None):
        return super().optgroups(name, numbers(value), attrs)


class IncidentsField(forms.ModelMultipleChoiceField):
    """Incidents by number; what cannot be one is refused before the database is asked."""

    def clean(self, value):
        if value and len(numbers(value)) < len(value):
            raise ValidationError("Choose among the incidents.")
        return super().clean(value)


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
        incidents.widget = IncidentSelect(Retrospective._meta.get_field("incidents"), admin.site)
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
