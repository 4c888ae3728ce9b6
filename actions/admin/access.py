"""What got somebody to their items without signing in, for the auditor; no secret is among it."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from actions.models import CalendarFeed, UsedLink
from config.admin import WorkspaceAdmin, badge, link, moment
from config.changelist import PeriodFilter


class ReadOnlyAdmin(WorkspaceAdmin):
    """Rows that Aftercare writes and nobody edits."""

    list_select_related = ("user",)
    search_fields = ("user__name", "user__email")
    ordering = ("-pk",)
    sortable_by = ()

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description="person")
    def person(self, row):
        return link(row.user)


@admin.register(UsedLink)
class UsedLinkAdmin(ReadOnlyAdmin):
    """Whose link was used for what; what made it a link is not shown."""

    visible_through = "item"
    list_display = ("used", "purpose", "person", "item_link")
    list_select_related = ("user", "item")
    list_filter = (("user", AutocompleteSelectFilter), ("used_at", PeriodFilter))
    fields = ("purpose", "person", "item_link", "used")
    readonly_fields = fields

    @display(description="used")
    def used(self, row):
        return moment(row.used_at)

    @display(description="action item")
    def item_link(self, row):
        return link(row.item)


@admin.register(CalendarFeed)
class CalendarFeedAdmin(ReadOnlyAdmin):
    """Who has a calendar address, and until when it worked; the address itself is not kept."""

    list_display = ("person", "made", "state")
    list_filter = (("user", AutocompleteSelectFilter), ("created_at", PeriodFilter))
    fields = ("person", "made", "state")
    readonly_fields = fields

    @display(description="made")
    def made(self, row):
        return moment(row.created_at)

    @display(description="state")
    def state(self, row):
        return moment(row.revoked_at) if row.revoked_at else badge("In use", "success")
