"""Retrospectives: prepared section by section, reviewed, published."""

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Prefetch, Subquery
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, linebreaks
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
)
from unfold.decorators import display

from config.admin import (
    Card,
    WorkspaceInline,
    WorkspaceStackedInline,
    badge,
    link,
    links,
    moment,
)
from config.changelist import PeriodFilter
from config.coach import TEAM
from config.dashboard import due_in_words
from config.reminding.admin import reminder_card
from config.search.alike import alike_card
from config.visibility import visible
from incidents.models import Incident
from retros.admin import meeting, perspectives
from retros.admin.learning import DraftsLearning
from retros.admin.locking import add_action, taken_along
from retros.admin.reviewing import ReviewedAdmin
from retros.admin.workspace import workspace_urls
from retros.forms import OpenRetro
from retros.models import (
    Finding,
    Participant,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
)
from retros.models.retrospective import FACILITATE

TONES = {"draft": "", "in_review": "info", "published": "success"}


class StageFilter(DropdownFilter):
    """By how far it is, with the questions that span several states."""

    title = "stage"
    parameter_name = "stage"

    def lookups(self, request, model_admin):
        return [("open", "Not published yet"), ("overdue", "Overdue"), *Retrospective.Status.choices]

    def queryset(self, request, queryset):
        match self.value():
            case "open":
                return queryset.open()
            case "overdue":
                return queryset.overdue()
            case stage if stage in Retrospective.Status.values:
                return queryset.filter(status=stage)
        return queryset


class LedFilter(DropdownFilter):
    """By whether somebody leads it, and whether that is the reader."""

    title = "who leads it"
    parameter_name = "led"

    def lookups(self, request, model_admin):
        return [("me", "I lead it"), ("nobody", "Nobody leads it yet")]

    def queryset(self, request, queryset):
        if self.value() == "me":
            return queryset.filter(facilitator=request.user)
        return queryset.filter(facilitator=None) if self.value() == "nobody" else queryset


class DueFilter(PeriodFilter):
    """From a day to a day, both included; a due day is a day, wherever the reader is."""

    def queryset(self, request, queryset):
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        return queryset.filter(**{f"{self.field_path}__lte": last}) if last else queryset


# --- What belongs to a retro


class IncidentInline(WorkspaceInline):
    model = RetrospectiveIncident
    verbose_name_plural = "incidents"
    fields = ("incident",)
    autocomplete_fields = ("incident",)
    show_change_link = False

    def get_queryset(self, request):
        return visible(super().get_queryset(request), request.user, "incident")


class SectionInline(WorkspaceStackedInline):
    model = Section
    fields = ("heading", "questions", "text")
    coached = {"text": TEAM}
    readonly_fields = ("questions",)

    @display(description="To help you")
    def questions(self, row):
        return mark_safe(linebreaks(row.guidance, autoescape=True)) if row.guidance else "–"  # noqa: S308


class ParticipantInline(WorkspaceInline):
    model = Participant
    fields = ("user", "name", "email", "hat")
    autocomplete_fields = ("user",)

    def get_fields(self, request, obj=None):
        # An address is for those who write to people, not for everybody who reads.
        may_write = self.has_add_permission(request, obj)
        return [name for name in self.fields if may_write or name != "email"]


class FactorInline(WorkspaceInline):
    model = RetroFactor
    verbose_name, verbose_name_plural = "contributing factor", "contributing factors"
    fields = ("factor", "note")
    coached = {"note": TEAM}
    autocomplete_fields = ("factor",)


class FindingInline(WorkspaceInline):
    model = Finding
    fields = ("kind", "text", "accepted_because")
    coached = {"text": TEAM}


@admin.register(Retrospective)
class RetrospectiveAdmin(DraftsLearning, ReviewedAdmin):
    list_display = ("retro", "due", "state", "facilitator", "about", "open_actions", "work")
    list_filter = (
        StageFilter,
        LedFilter,
        ("facilitator", AutocompleteSelectFilter),
        ("due_on", DueFilter),
        ("factors", AutocompleteSelectFilter),
    )
    list_select_related = ("facilitator",)
    search_fields = ("title",)
    search_help_text = "Title, or a reference such as RETRO-0012"
    references = {"RETRO": "pk"}
    autocomplete_fields = ("facilitator", "sponsor")
    coached = {"customer_impact": TEAM}
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "title",
                    ("facilitator", "sponsor", "due_on"),
                    "customer_impact",
                    "no_actions_because",
                )
            },
        ),
    )
    add_fieldsets = ((None, {"fields": ("incidents", "title", "facilitator", "due_on")}),)
    inlines = (
        SectionInline,
        ParticipantInline,
        FactorInline,
        FindingInline,
        IncidentInline,
    )

    added_cards = (perspectives.card, meeting.card)

    def get_urls(self):
        return [*workspace_urls(self), *perspectives.urls(self), *meeting.urls(self), *super().get_urls()]

    def get_queryset(self, request):
        items = Retrospective._meta.get_field("action_items").related_model.objects
        still_open = items.open().filter(retro=OuterRef("pk")).order_by().values("retro")
        counted = still_open.annotate(count=Count("pk")).values("count")
        incidents = Incident.objects.visible_to(request.user).only("pk", "title")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(Prefetch("incidents", incidents))
            .annotate(open_items=Subquery(counted, output_field=IntegerField()))
        )

    def get_form(self, request, obj=None, change=False, **kwargs):
        if obj is None:
            # A class of this request's own: the choices depend on the reader.
            kwargs["form"] = type("OpenRetro", (OpenRetro,), {"reader": request.user})
        return super().get_form(request, obj, change, **kwargs)

    def get_inlines(self, request, obj):
        return super().get_inlines(request, obj) if obj else ()

    def has_delete_permission(self, request, obj=None):
        return False  # what was learnt stays

    def cards(self, request, row):
        stands = [("Status", self.state(row)), ("Due", self.due(row)), ("Opened", moment(row.opened_at))]
        if row.is_published:
            stands.append(("Published", moment(row.published_at)))
            stands += [("By", str(row.published_by))] if row.published_by else []
        about = [("Incidents", self.about(row)), ("Open actions", self.open_actions(row))]
        about += [("Template", link(row.template))] if row.template else []
        about.append(("To take along", taken_along(row)))
        return [
            Card("Where it stands", stands),
            Card("What it is about", about),
            *self.review_cards(request, row),
            reminder_card("retro", row, request),
            *alike_card("incident", self._seen_incidents(request, row), request.user),
        ]

    def _seen_incidents(self, request, row):
        return list(row.incidents.visible_to(request.user).order_by().values_list("pk", flat=True))

    def get_changeform_initial_data(self, request):
        mine = {"facilitator": request.user.pk} if request.user.has_perm(FACILITATE) else {}
        return mine | super().get_changeform_initial_data(request)

    def add_view(self, request, form_url="", extra_context=None):
        return super().add_view(request, form_url, {"title": "Open a retrospective", **(extra_context or {})})

    def response_post_save_add(self, request, obj):
        return HttpResponseRedirect(obj.workspace_url)  # opened in order to be written

    def save_model(self, request, obj, form, change):
        if change:  # opening one has stored it already, whole
            super().save_model(request, obj, form, change)

    def url_after_verb(self, row):
        return row.workspace_url

    def verb_links(self, request, row, is_workspace=False):
        verbs = super().verb_links(request, row)
        added = [*perspectives.ways(request, row), *meeting.ways(request, row)]
        if is_workspace:
            return [*verbs, *added]
        there = {"label": "Open the workspace", "url": row.workspace_url, "look": "next"}
        rest = [verb | {"look": "plain"} if verb["look"] == "next" else verb for verb in verbs]
        return [there, *rest, *added, *add_action(request, retro=row.pk)]

    @display(description="retrospective", ordering="opened_at")
    def retro(self, row):
        return str(row)

    @display(description="incidents")
    def about(self, row):
        return links(row.incidents.all())

    @display(description="status", ordering="status")
    def state(self, row):
        return badge(row.get_status_display(), TONES[row.status])

    @display(description="due", ordering="due_on")
    def due(self, row):
        text, late = due_in_words(row.due_on, timezone.now().date())
        text = text.removeprefix("due ")
        return (
            format_html("<span>{} {}</span>", text, badge(late, "danger"))
            if late and not row.is_published
            else text
        )

    @display(description="workspace")
    def work(self, row):
        words = format_html('Open<span class="sr-only"> the workspace of {}</span>', row.reference)
        return format_html('<a class="aftercare-link" href="{}">{}</a>', row.workspace_url, words)

    @display(description="open actions", ordering="open_items")
    def open_actions(self, row):
        return row.open_items or "–"
