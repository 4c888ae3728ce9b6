"""Retrospectives: prepared section by section, reviewed, published; a published one is read, not edited."""

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, IntegerField, OuterRef, Prefetch, Q, Subquery
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, linebreaks
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
)
from unfold.decorators import display

from config.admin import (
    Card,
    WorkspaceAdmin,
    WorkspaceInline,
    WorkspaceStackedInline,
    badge,
    link,
    links,
    moment,
)
from config.audit.models import VersionedModel
from config.changelist import PeriodFilter
from config.dashboard import due_in_words, row_url
from config.visibility import visible
from incidents.models import Incident
from retros.forms import OpenRetro
from retros.models import (
    Factor,
    Finding,
    Participant,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
    Template,
    TemplateSection,
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
    readonly_fields = ("questions",)

    @display(description="To help you")
    def questions(self, row):
        return mark_safe(linebreaks(row.guidance, autoescape=True)) if row.guidance else "–"  # noqa: S308


class ParticipantInline(WorkspaceInline):
    model = Participant
    fields = ("user", "name", "hat")
    autocomplete_fields = ("user",)


class FactorInline(WorkspaceInline):
    model = RetroFactor
    verbose_name, verbose_name_plural = "contributing factor", "contributing factors"
    fields = ("factor", "note")
    autocomplete_fields = ("factor",)


class FindingInline(WorkspaceInline):
    model = Finding
    fields = ("kind", "text")


def _add_action(request, **about) -> list[dict]:
    """A link to a new action item that knows where it comes from; retros know the model by its relation only."""
    items = Retrospective._meta.get_field("action_items").related_model
    if not admin.site.is_registered(items) or not admin.site.get_model_admin(items).has_add_permission(
        request
    ):
        return []
    url = reverse(f"admin:{items._meta.app_label}_{items._meta.model_name}_add")
    return [{"label": "Add an action", "url": f"{url}?{urlencode(about)}", "look": "plain"}]


class _LockedWhenPublished(WorkspaceAdmin):
    """What is published is read; reopening it makes it editable again."""

    def retro_of(self, row):
        return row

    def _is_locked(self, row):
        return row is not None and self.retro_of(row).is_published

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and not self._is_locked(obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and not self._is_locked(obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        if request.method == "POST" and object_id and super().has_change_permission(request):
            row = self.get_object(request, unquote(object_id))
            if isinstance(row, VersionedModel) and self._is_locked(row):
                # Published while somebody still wrote: their text is shown, not thrown away.
                return self._conflict(request, unquote(object_id))
        return super().changeform_view(request, object_id, form_url, extra_context)


@admin.register(Retrospective)
class RetrospectiveAdmin(_LockedWhenPublished):
    list_display = ("retro", "due", "state", "facilitator", "about", "open_actions")
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
    autocomplete_fields = ("facilitator",)
    fieldsets = ((None, {"fields": ("title", ("facilitator", "due_on"), "customer_impact")}),)
    add_fieldsets = ((None, {"fields": ("incidents", "title", "facilitator", "due_on")}),)
    inlines = (
        SectionInline,
        ParticipantInline,
        FactorInline,
        FindingInline,
        IncidentInline,
    )

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
        return [Card("Where it stands", stands), Card("What it is about", about)]

    def get_changeform_initial_data(self, request):
        mine = {"facilitator": request.user.pk} if request.user.has_perm(FACILITATE) else {}
        return mine | super().get_changeform_initial_data(request)

    def add_view(self, request, form_url="", extra_context=None):
        return super().add_view(request, form_url, {"title": "Open a retrospective", **(extra_context or {})})

    def response_post_save_add(self, request, obj):
        return HttpResponseRedirect(row_url(obj))  # opened in order to be written

    def save_model(self, request, obj, form, change):
        if change:  # opening one has stored it already, whole
            super().save_model(request, obj, form, change)

    def verb_links(self, request, row):
        return [*super().verb_links(request, row), *_add_action(request, retro=row.pk)]

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

    @display(description="open actions", ordering="open_items")
    def open_actions(self, row):
        return row.open_items or "–"


# --- The parts, to be searched across all retros


class _PartAdmin(_LockedWhenPublished):
    """Something of a retro: seen by whoever sees the retro, locked with it, and it stays with it."""

    visible_through = "retro"
    autocomplete_fields = ("retro",)
    list_select_related = ("retro",)
    references = {"RETRO": "retro"}

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(*self.list_select_related)

    def retro_of(self, row):
        return row.retro

    def get_readonly_fields(self, request, obj=None):
        return (*super().get_readonly_fields(request, obj), *(["retro_link"] if obj else []))

    def get_fields(self, request, obj=None):
        return ["retro_link" if obj else "retro", *self.fields]

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "retro":
            kwargs["queryset"] = Retrospective.objects.open().visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @display(description="retrospective", ordering="retro")
    def retro_link(self, row):
        return link(row.retro)


@admin.register(Section)
class SectionAdmin(_PartAdmin):
    list_display = ("heading", "retro_link", "beginning")
    search_fields = ("heading", "text")
    fields = ("heading", "position", "text")

    @display(description="text")
    def beginning(self, row):
        return row.text[:120] or "Nothing written yet"


@admin.register(Finding)
class FindingAdmin(_PartAdmin):
    list_display = ("beginning", "kind", "retro_link")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("text",)
    fields = ("kind", "text", "position", "led_to")
    readonly_fields = ("led_to",)

    def verb_links(self, request, row):
        return [*super().verb_links(request, row), *_add_action(request, retro=row.retro_id, finding=row.pk)]

    @display(description="finding")
    def beginning(self, row):
        return row.text[:120]

    @display(description="actions that grew from it")
    def led_to(self, row):
        return links(row.action_items.all(), "None yet") if row.pk else "–"


@admin.register(Participant)
class ParticipantAdmin(_PartAdmin):
    list_display = ("who", "hat", "retro_link")
    list_filter = (("hat", ChoicesDropdownFilter), ("user", AutocompleteSelectFilter))
    list_select_related = ("retro", "user")
    search_fields = ("name", "user__name")
    autocomplete_fields = ("retro", "user")
    fields = ("user", "name", "hat")

    @display(description="who")
    def who(self, row):
        return row.user or row.name


@admin.register(RetroFactor)
class RetroFactorAdmin(_PartAdmin):
    list_display = ("factor", "note", "retro_link")
    list_filter = (("factor", AutocompleteSelectFilter),)
    list_select_related = ("retro", "factor")
    search_fields = ("factor__name", "note")
    autocomplete_fields = ("retro", "factor")
    fields = ("factor", "note")


@admin.register(RetrospectiveIncident)
class RetrospectiveIncidentAdmin(_PartAdmin):
    list_display = ("incident", "retro_link")
    list_select_related = ("retro", "incident")
    visible_through = "incident"
    search_fields = ("incident__title",)
    references = {"INC": "incident", "RETRO": "retro"}
    autocomplete_fields = ("retro", "incident")
    fields = ("incident",)


# --- The catalogue


class TemplateSectionInline(WorkspaceStackedInline):
    model = TemplateSection
    fields = ("heading", "guidance", "position")
    tab = False


@admin.register(Template)
class TemplateAdmin(WorkspaceAdmin):
    list_display = ("name", "is_default", "sections_count")
    search_fields = ("name",)
    fields = ("name", "is_default")
    inlines = (TemplateSectionInline,)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(sections_count=Count("sections"))

    @display(description="sections", ordering="sections_count")
    def sections_count(self, row):
        return row.sections_count


@admin.register(TemplateSection)
class TemplateSectionAdmin(WorkspaceAdmin):
    list_display = ("heading", "template", "position")
    list_select_related = ("template",)
    search_fields = ("heading", "guidance")
    autocomplete_fields = ("template",)
    fields = ("template", "heading", "guidance", "position")


@admin.register(Factor)
class FactorAdmin(WorkspaceAdmin):
    list_display = ("name", "slug", "used")
    search_fields = ("name", "slug", "description")
    prepopulated_fields = {"slug": ("name",)}
    fields = ("name", "slug", "description", "where")
    readonly_fields = ("where",)

    def get_queryset(self, request):
        seen = Retrospective.objects.visible_to(request.user)
        return super().get_queryset(request).annotate(used=Count("uses", filter=Q(uses__retro__in=seen)))

    @display(description="retrospectives", ordering="used")
    def used(self, row):
        return row.used

    @display(description="where it contributed")
    def where(self, row):
        if not row.pk:
            return "–"
        url = reverse("admin:retros_retrospective_changelist")
        return format_html(
            '<a class="aftercare-link" href="{}?factors__id__exact={}">{} retrospectives</a>',
            url,
            row.pk,
            row.used,
        )
