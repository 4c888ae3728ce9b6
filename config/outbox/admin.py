"""Every message: what became of it, and another try for what was given up."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from config.admin import WorkspaceAdmin, badge, link, moment
from config.editing import dress
from config.forms import OptionalReason
from config.outbox.messages import KINDS
from config.outbox.models import Delivery
from config.transitions import WrongState

AT_ONCE = 200  # messages on the page that sends many again
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


class SendAgain(OptionalReason):
    """Which of the messages that were given up are tried again: all of them, unless some are left out."""

    chosen = forms.ModelMultipleChoiceField(
        Delivery.objects.none(), label="Messages", widget=forms.CheckboxSelectMultiple
    )
    field_order = ["chosen", "reason"]

    def __init__(self, *args, dead, **kwargs):
        super().__init__(*args, **kwargs)
        field = self.fields["chosen"]
        field.queryset = dead
        field.label_from_instance = lambda row: f"{row.key}, to {row.address}: {row.error[:120]}"
        field.choices = [(row.pk, field.label_from_instance(row)) for row in dead[:AT_ONCE]]
        field.initial = [pk for pk, _ in field.choices]


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
        "message_id",
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
    change_list_template = "admin/delivery_list.html"

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    # --- Many at once

    def get_urls(self):
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.send_again))
        return [path("send-again/", view, name="outbox_delivery_send_again"), *super().get_urls()]

    def changelist_view(self, request, extra_context=None):
        may = request.user.has_perm("outbox.requeue_delivery")
        return super().changelist_view(request, {"may_send_again": may, **(extra_context or {})})

    def send_again(self, request):
        """GET shows what was given up and changes nothing; POST tries again what was chosen of it."""
        if not (self.has_view_permission(request) and request.user.has_perm("outbox.requeue_delivery")):
            raise PermissionDenied
        dead = self.get_queryset(request).filter(state=Delivery.State.DEAD).order_by("-pk")
        form = dress(SendAgain(request.POST or None, dead=dead), self, request)
        if request.method == "POST" and form.is_valid():
            return self._send_again(request, form.cleaned_data)
        context = {"title": "Send again", "form": form, "is_empty": not form.fields["chosen"].choices}
        status = 400 if form.is_bound else 200
        return self._page(request, "admin/delivery_send_again.html", None, context, status)

    def _send_again(self, request, asked):
        done = late = 0
        for row in asked["chosen"]:
            try:
                row.requeue(by=request.user, reason=asked["reason"])
                done += 1
            except WrongState:  # somebody was quicker
                late += 1
        if done:
            self.message_user(request, f"Waiting to be sent again: {done}")
        if late:
            self.message_user(request, f"Not given up any more, left alone: {late}", messages.WARNING)
        return HttpResponseRedirect(reverse("admin:outbox_delivery_changelist"))

    # --- What is shown

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
