"""Who did what in an incident; which services and regions it touched."""

from django.contrib import admin
from django.contrib.admin import display
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.admin import WorkspaceAdmin, WorkspaceInline, link, moment
from config.changelist import ChoiceFilter
from incidents.models import Assignment, IncidentRegion, IncidentService


class PartAdmin(WorkspaceAdmin):
    """A row that belongs to an incident, is seen by whoever sees that, and stays with it."""

    visible_through = "incident"
    references = {"INC": "incident"}
    list_select_related = ["incident"]
    sortable_by = []
    ordering = ["-pk"]  # the one order a list of a million parts has an index for

    def get_autocomplete_fields(self, request):
        return ["incident", *self.autocomplete_fields]

    def get_readonly_fields(self, request, obj=None):
        return ["incident_link", *self.readonly_fields] if obj else self.readonly_fields

    def get_fields(self, request, obj=None):
        return ["incident_link" if obj else "incident", *self.fields]

    @display(description="Incident")
    def incident_link(self, row):
        return link(row.incident)


class AssignmentInline(WorkspaceInline):
    model = Assignment
    autocomplete_fields = ["user"]
    verbose_name_plural = "roles"
    fields = ["role", "user", "from_at", "until_at"]


@admin.register(Assignment)
class AssignmentAdmin(PartAdmin):
    list_display = ["__str__", "incident_link", "role", "since", "until"]
    list_select_related = ["incident", "user"]
    list_filter = [
        ("role", ChoiceFilter),
        ("user", AutocompleteSelectFilter),
        ("incident", AutocompleteSelectFilter),
    ]
    search_fields = ["user__name", "user__email", "incident__title"]
    autocomplete_fields = ["user"]
    fields = ["role", "user", "from_at", "until_at"]

    @display(description="From")
    def since(self, row):
        return moment(row.from_at)

    @display(description="Until")
    def until(self, row):
        return moment(row.until_at)


@admin.register(IncidentService)
class IncidentServiceAdmin(PartAdmin):
    list_display = ["service", "impact", "incident_link"]
    list_select_related = ["incident", "service"]
    list_filter = [
        ("impact", ChoiceFilter),
        ("service", AutocompleteSelectFilter),
        ("incident", AutocompleteSelectFilter),
    ]
    search_fields = ["service__name", "incident__title"]
    autocomplete_fields = ["service"]
    fields = ["service", "impact"]


@admin.register(IncidentRegion)
class IncidentRegionAdmin(PartAdmin):
    list_display = ["region", "impact", "incident_link"]
    list_select_related = ["incident", "region"]
    list_filter = [
        ("impact", ChoiceFilter),
        ("region", AutocompleteSelectFilter),
        ("incident", AutocompleteSelectFilter),
    ]
    search_fields = ["region__name", "incident__title"]
    autocomplete_fields = ["region"]
    fields = ["region", "impact"]
