"""Every message: what became of it, and another try for what was given up."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from config.admin import WorkspaceAdmin, badge, link, moment
from config.outbox.messages import KINDS
from config.outbox.models import Delivery

TONES = {"pending": "info", "claimed": "info", "sending": "info", "sent": "success", "dead": "danger"}


class KindFilter(DropdownFilter):
    """By which message it is; the kinds are known to the code, so no table is searched for them."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return [(kind, kind) for kind in sorted(KINDS)]

    def queryset(self, request, queryset):
        return queryset.filter(kind=self.value()) if self.value() else queryset


class DoubtFilter(DropdownFilter):
    """By whether the recipient may have it twice."""

    title = "possible duplicates"
    parameter_name = "doubt"

    def lookups(self, request, model_admin):
        return [("yes", "May have been sent twice"), ("no", "Sent at most once")]

    def queryset(self, request, queryset):
        if self.value() == "yes":
            return queryset.filter(ambiguous__gt=0)
        return queryset.filter(ambiguous=0) if self.value() == "no" else queryset


@admin.register(Delivery)
class DeliveryAdmin(WorkspaceAdmin):
    """Messages are made by Aftercare and changed by nobody; one that was given up may be tried again."""

    list_display = (
        "what",
        "state_in_words",
        "to",
        "subject",
        "due",
        "attempts",
        "ambiguous",
        "short_error",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        KindFilter,
        DoubtFilter,
        ("due_at", RangeDateTimeFilter),
    )
    search_fields = ("address", "key", "subject", "message_id")
    search_help_text = "Address, key, subject or Message-ID"
    list_select_related = ("recipient",)
    fieldsets = (
        (None, {"fields": ("key", "kind", "state_in_words", "person", "address", "subject")}),
        ("What happened", {"fields": ("queued", "due", "sent", "attempts", "ambiguous", "error")}),
        ("For whoever looks into it", {"fields": ("channel", "message_id", "context")}),
    )
    readonly_fields = ("state_in_words", "person", "queued", "due", "sent")

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description="message", ordering="pk")
    def what(self, row):
        return row.key

    @display(description="state", ordering="state")
    def state_in_words(self, row):
        return badge(row.get_state_display(), TONES.get(row.state, ""))

    @display(description="to", ordering="address")
    def to(self, row):
        return row.recipient or row.address

    @display(description="person")
    def person(self, row):
        return link(row.recipient)

    @display(description="queued")
    def queued(self, row):
        return moment(row.created_at)

    @display(description="due", ordering="due_at")
    def due(self, row):
        return moment(row.due_at)

    @display(description="sent")
    def sent(self, row):
        return moment(row.sent_at)

    @display(description="error")
    def short_error(self, row):
        return row.error[:80] or "–"
