"""What can break, where, and how bad is how bad."""

from django.contrib import admin
from django.contrib.admin import display
from django.urls import reverse
from django.utils.html import format_html

from config.admin import Card, WorkspaceAdmin, WorkspaceInline, badge, moment
from config.changelist import ChoiceFilter, YesNoFilter
from config.visibility import visible
from incidents.models import (
    Incident,
    IncidentRegion,
    IncidentService,
    PublishingRight,
    Region,
    Service,
    Severity,
    ValidationCheck,
)

TONES = {1: "danger", 2: "warning", 3: "info"}


def severity_badge(severity):
    """The severity by name, and coloured by its rank."""
    return badge(severity.name, TONES.get(severity.rank, ""))


def filtered(model_name, **query):
    """The address of a list of this app, filtered."""
    pairs = "&".join(f"{lookup}={value}" for lookup, value in query.items())
    return f"{reverse(f'admin:incidents_{model_name}_changelist')}?{pairs}"


def incidents_card(request, **query) -> Card:
    """The newest incidents of something in the catalogue, and the way to all of them."""
    rows = visible(Incident.objects.filter(**query), request.user)
    address = filtered("incident", **{f"{name}__id__exact": row.pk for name, row in query.items()})
    newest = [(moment(row.declared_at), _named(row)) for row in rows[:5]]
    everything = format_html('<a class="aftercare-link" href="{}">All in the list</a>', address)
    return Card("Newest incidents", [*newest, ("", everything if newest else "None yet.")])


def _named(incident):
    address = reverse("admin:incidents_incident_change", args=[incident.pk])
    return format_html('<a class="aftercare-link" href="{}">{}</a>', address, incident)


@admin.register(Service)
class ServiceAdmin(WorkspaceAdmin):
    list_display = ["name", "group", "tier", "is_public", "position", "slug"]
    list_filter = [("tier", ChoiceFilter), ("is_public", YesNoFilter)]
    search_fields = ["name", "slug", "description"]
    prepopulated_fields = {"slug": ["name"]}
    fields = ["name", "slug", "description", "tier", "is_public", "group", "position", "showcase"]

    def get_prepopulated_fields(self, request, obj=None):
        return {} if obj else self.prepopulated_fields  # an address that is in use does not follow the name

    def cards(self, request, row):
        return [incidents_card(request, services=row)]


@admin.register(Region)
class RegionAdmin(WorkspaceAdmin):
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    fields = ["name", "slug"]

    def get_prepopulated_fields(self, request, obj=None):
        return {} if obj else self.prepopulated_fields

    def cards(self, request, row):
        return [incidents_card(request, regions=row)]


class PublishingRightInline(WorkspaceInline):
    """Who may publish at this severity; without a row, whoever has the permission."""

    model = PublishingRight
    fields = ["who"]
    verbose_name_plural = "who may publish"


@admin.register(ValidationCheck)
class ValidationCheckAdmin(WorkspaceAdmin):
    list_display = ["name", "position", "is_active"]
    list_filter = [("is_active", YesNoFilter)]
    search_fields = ["name", "how"]
    fields = ["name", "how", "position", "is_active"]


@admin.register(Severity)
class SeverityAdmin(WorkspaceAdmin):
    list_display = [
        *("shown", "meaning", "acknowledge_minutes", "restore_minutes"),
        *("first_update_minutes", "update_every_minutes", "is_retro_required"),
    ]
    list_filter = [("is_retro_required", YesNoFilter)]
    search_fields = ["name", "meaning"]
    inlines = [PublishingRightInline]
    fieldsets = [
        (None, {"fields": ["rank", "name", "meaning"]}),
        (
            "What we owe customers then",
            {
                "fields": [
                    *("acknowledge_minutes", "restore_minutes"),
                    *("first_update_minutes", "update_every_minutes"),
                ]
            },
        ),
        ("Afterwards", {"fields": ["are_checks_required", "is_retro_required", "retro_within_days"]}),
    ]

    @display(description="Severity", ordering="rank")
    def shown(self, row):
        return severity_badge(row)

    def cards(self, request, row):
        return [incidents_card(request, severity=row)]


class ServiceImpactInline(WorkspaceInline):
    model = IncidentService
    autocomplete_fields = ["service"]
    fields = ["service", "impact"]


class RegionImpactInline(WorkspaceInline):
    model = IncidentRegion
    autocomplete_fields = ["region"]
    fields = ["region", "impact"]
