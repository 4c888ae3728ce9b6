"""Customers, what they said, and the tickets they wrote."""

from django import forms
from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Count, OuterRef, Subquery
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.admin import Card, WorkspaceAdmin, WorkspaceForm, WorkspaceInline, badge, link, moment
from config.changelist import ChoiceFilter, PeriodFilter
from incidents.admin.people import PartAdmin
from incidents.customers.affected import NO, YES, verdict
from incidents.feedback.numbers import FEWEST
from incidents.feedback.showing import TOO_FEW, feedback_card, tickets_card
from incidents.models import (
    Customer,
    CustomerRegion,
    CustomerService,
    Feedback,
    Incident,
    SupportTicket,
    TicketCount,
)

TONES = {YES: "danger", NO: "success"}


class ServicesInline(WorkspaceInline):
    model = CustomerService
    autocomplete_fields = ("service",)
    fields = ("service",)
    show_change_link = False


class RegionsInline(WorkspaceInline):
    model = CustomerRegion
    autocomplete_fields = ("region",)
    fields = ("region",)
    show_change_link = False


@admin.register(Customer)
class CustomerAdmin(WorkspaceAdmin):
    list_display = ("name", "external_id", "tier", "domain", "uses")
    list_prefetch_related = ("services",)
    list_filter = (("services", AutocompleteSelectFilter), ("regions", AutocompleteSelectFilter))
    search_fields = ("name", "external_id", "domain")
    search_help_text = "Name, id or domain"
    sortable_by = ()
    fields = ("name", "external_id", "tier", "domain")
    inlines = (ServicesInline, RegionsInline)
    list_before_template = "admin/incidents/_customers_as_file.html"

    def changelist_view(self, request, extra_context=None):
        ways = {"may_import": request.user.has_perms(["incidents.add_customer", "incidents.change_customer"])}
        return super().changelist_view(request, ways | (extra_context or {}))

    def cards(self, request, row):
        incidents = Incident.objects.open().real().visible_to(request.user)
        incidents = incidents.prefetch_related("service_impacts__service", "region_impacts__region")[:10]
        found = [verdict(row, incident) for incident in incidents]
        facts = [
            (link(one.incident), format_html("{} {}", badge(one.words, TONES.get(one.answer, "")), one.why))
            for one in found
        ]
        return [Card("Affected now?", facts or [("", "No incident is open.")])]

    @display(description="Uses")
    def uses(self, row):
        return ", ".join(service.name for service in row.services.all()) or "–"


class _Kept(PartAdmin):
    """What is entered once and then stays as it was entered."""

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Feedback)
class FeedbackAdmin(_Kept):
    """One answer a line. Nobody's name is kept with it; what was chosen is told from five answers on, as in figures."""

    list_display = ("about", "said", "incident_link", "source", "given", "beginning")
    list_filter = (
        ("purpose", ChoiceFilter),
        ("source", ChoiceFilter),
        ("incident", AutocompleteSelectFilter),
        ("given_at", PeriodFilter),
    )
    search_fields = ("words",)
    fields = ("purpose", "said", "words", "source", "given_at")
    readonly_fields = ("said",)

    def get_queryset(self, request):
        alike = {name: OuterRef(name) for name in ("incident", "purpose", "source")}
        counted = Feedback.objects.filter(**alike).order_by().values("incident").annotate(n=Count("pk"))
        return super().get_queryset(request).annotate(alike=Subquery(counted.values("n")))

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def history_of(self, request, rows, object_id):
        # It would tell what the page does not; an auditor reads it all.
        return rows if request.user.has_perm("audit.view_history") else rows.none()

    @display(description="Said")
    def said(self, row):
        return row.in_words if row.alike >= FEWEST else TOO_FEW

    @display(description="Asked")
    def about(self, row):
        return row.get_purpose_display()

    @display(description="Given")
    def given(self, row):
        return moment(row.given_at)

    @display(description="In words")
    def beginning(self, row):
        return row.words[:120] or "–"


@admin.register(TicketCount)
class TicketCountAdmin(_Kept):
    """Counted again rather than corrected: the newest count of each source is what holds."""

    list_display = ("count", "source", "counted", "incident_link", "entered_by")
    list_select_related = ("incident", "entered_by")
    list_filter = (("incident", AutocompleteSelectFilter), ("counted_at", PeriodFilter))
    search_fields = ("source", "incident__title")
    fields = ("count", "source", "counted_at")

    def has_add_permission(self, request):
        # Who only answers customers counts on the page for that, which shows no other incident.
        return super().has_add_permission(request) and self.has_view_permission(request)

    def has_delete_permission(self, request, obj=None):
        return False

    def save_model(self, request, obj, form, change):
        obj.entered_by = request.user
        super().save_model(request, obj, form, change)

    @display(description="Counted")
    def counted(self, row):
        return moment(row.counted_at)


class TicketForm(WorkspaceForm):
    url = forms.URLField(label="Address", max_length=1_000, required=False, assume_scheme="https")


@admin.register(SupportTicket)
class SupportTicketAdmin(_Kept):
    list_display = ("reference", "source", "incident_link", "linked", "entered_by")
    list_select_related = ("incident", "entered_by")
    list_filter = (("incident", AutocompleteSelectFilter),)
    search_fields = ("reference", "source", "incident__title")
    form = TicketForm
    fields = ("reference", "url", "source")

    def save_model(self, request, obj, form, change):
        obj.entered_by = request.user
        super().save_model(request, obj, form, change)

    @display(description="Linked")
    def linked(self, row):
        return moment(row.linked_at)


def on_the_incident(request, incident) -> list[Card]:
    """What customers said of it, what it cost support, and what they are told they can do."""
    cards = [workaround_card(incident)]
    if request.user.has_perm("incidents.view_ticketcount"):
        cards.append(tickets_card(request, incident))
    if request.user.has_perm("incidents.view_feedback"):
        cards.append(feedback_card(incident))
    return cards


def workaround_card(incident) -> Card:
    """What customers can do, and whether they read it."""
    if not incident.workaround:
        return Card("What customers can do", [("", "Nothing is written yet.")])
    shown = incident.workaround_is_public
    state = badge("On the status page", "success") if shown else badge("For us alone", "warning")
    text = format_html('<div class="whitespace-pre-wrap">{}</div>', incident.workaround)
    return Card("What customers can do", [("", state), ("", text)])
