"""Maintenance: planned as a draft, announced, and told about until it is over."""

from django.contrib import admin
from django.contrib.admin import display
from django.urls import reverse
from django.utils.html import format_html

from config.admin import Card, WorkspaceAdmin, WorkspaceInline, badge, moment
from config.changelist import ChoiceFilter, PeriodFilter
from incidents.models import Maintenance, MaintenanceRegion, MaintenanceService

TONES = {
    "draft": "warning",
    "scheduled": "info",
    "in_progress": "danger",
    "verifying": "info",
    "completed": "success",
}


class ServiceInline(WorkspaceInline):
    model = MaintenanceService
    autocomplete_fields = ["service"]
    fields = ["service"]
    show_change_link = False


class RegionInline(WorkspaceInline):
    model = MaintenanceRegion
    autocomplete_fields = ["region"]
    fields = ["region"]
    show_change_link = False


@admin.register(Maintenance)
class MaintenanceAdmin(WorkspaceAdmin):
    list_display = ["title", "state", "begins", "ends"]
    list_filter = [("status", ChoiceFilter), ("scheduled_for", PeriodFilter)]
    search_fields = ["title", "text"]
    sortable_by = []
    ordering = ["-pk"]
    inlines = [ServiceInline, RegionInline]
    fields = ["title", "text", "scheduled_for", "scheduled_until"]

    def has_delete_permission(self, request, obj=None):
        return False  # cancelled instead, so that customers who knew of it are told

    def cards(self, request, row):
        stands = [("State", state_badge(row))]
        stands += [(name.capitalize(), moment(at)) for name in MOMENTS if (at := getattr(row, f"{name}_at"))]
        if row.announced_at:
            address = reverse("status-incident", args=[row.public_id])
            page = format_html('<a class="aftercare-link" href="{}">Its page</a>', address)
            stands.append(("Customers read", page))
        told = [(moment(one.published_at), one.text) for one in row.updates.all()[:10]]
        return [
            Card("Where it stands", stands),
            Card("What customers were told", told or [("", "Nothing yet.")]),
        ]

    @display(description="State")
    def state(self, row):
        return state_badge(row)

    @display(description="Begins")
    def begins(self, row):
        return moment(row.scheduled_for)

    @display(description="Ends")
    def ends(self, row):
        return moment(row.scheduled_until)


MOMENTS = ("announced", "begun", "completed", "cancelled")


def state_badge(row):
    """The state in words and colour."""
    return badge(row.get_status_display(), TONES.get(row.status, ""))
