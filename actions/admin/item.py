"""Action items: what was promised to customers, who does it by when, and what became of it."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import F, Prefetch
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from actions.admin.team import SeverityFilter, SlipsFilter, TeamAdmin, WaitingFilter
from actions.mine import slips_in_words
from actions.models import ActionItem
from config.admin import Card, WorkspaceForm, WorkspaceInline, badge, link, links, moment
from config.changelist import PeriodFilter
from config.dashboard import due_in_words
from config.forms import validate_due_day
from config.reminding.admin import reminder_card
from retros.admin.retrospective import DueFilter, RetrospectiveAdmin
from retros.models import Finding, Retrospective

PRIORITY_TONES = {1: "danger", 2: "warning"}
STATUS_TONES = {"in_progress": "info", "done": "success"}


class StageFilter(DropdownFilter):
    """By what is left to do, with the questions that span several states."""

    title = "stage"
    parameter_name = "stage"

    def lookups(self, request, model_admin):
        return [("open", "Still to do"), ("overdue", "Overdue"), ("undated", "Still to do, without a day")]

    def queryset(self, request, queryset):
        match self.value():
            case "open":
                return queryset.open()
            case "overdue":
                return queryset.overdue()
            case "undated":
                return queryset.open().filter(due_on=None)
        return queryset


class WhoseFilter(DropdownFilter):
    """By whether it is the reader's own, or nobody's."""

    title = "whose"
    parameter_name = "whose"

    def lookups(self, request, model_admin):
        return [("mine", "Mine"), ("reports", "My reports’"), ("nobody", "Nobody’s yet")]

    def queryset(self, request, queryset):
        if self.value() == "mine":
            return queryset.filter(owner=request.user)
        if self.value() == "reports":
            return queryset.filter(owner__manager=request.user)
        return queryset.filter(owner=None) if self.value() == "nobody" else queryset


class ItemForm(WorkspaceForm):
    """A later day and another owner are verbs, because they are explained; an earlier day is simply better."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "finding" in self.fields:
            findings = (
                Finding.objects.filter(retro=self._retro()) if self._retro() else Finding.objects.none()
            )
            self.fields["finding"].queryset = findings
            self.fields["finding"].help_text = (
                "One of its retrospective’s." if self._retro() else "Choose the retrospective and save first."
            )

    def _retro(self):
        if "retro" not in self.fields:
            return self.instance.retro_id
        chosen = (
            self.data.get(self.add_prefix("retro"))
            if self.is_bound
            else self.get_initial_for_field(self.fields["retro"], "retro")
        )
        chosen = getattr(chosen, "pk", chosen)
        # Only a retro the person may choose: else its findings could be read by asking for its number.
        return chosen if str(chosen).isdecimal() and self._may_choose(chosen) else None

    def _may_choose(self, retro):
        return len(str(retro)) < 19 and self.fields["retro"].queryset.filter(pk=retro).exists()

    def clean_owner(self):
        owner = self.cleaned_data["owner"]
        if owner and not owner.is_active:
            raise ValidationError(f"{owner} does not work here any more.")
        return owner

    def clean_due_on(self):
        day, there = self.cleaned_data["due_on"], self.instance.due_on if self.instance.pk else None
        if there and (day is None or day > there):
            raise ValidationError("Postpone it instead, and say why.")
        if day and day != there:
            validate_due_day(day)
        return day


def _promises(row):
    """What was promised, how often it slipped, and what it waits for."""
    if row.slips:
        yield "Promised", slips_in_words(row)
    elif row.promised_on:
        yield "Promised", f"First promised for {row.promised_on:%-d %B %Y}"
    if row.waits_for:
        yield "Blocked by", row.waits_for
    if row.snoozed_until:
        yield "Quiet until", f"{row.snoozed_until:%-d %B %Y}"
    if row.offered_to:
        yield "Offered to", f"{row.offered_to} by {row.offered_by}, not answered yet"


def due_badge(item):
    """When it is due, and in words how late it is."""
    today = item.owner.today() if item.owner else timezone.now().date()
    text, late = due_in_words(item.due_on, today)
    text = text.removeprefix("due ") if item.due_on else "–"
    return format_html("<span>{} {}</span>", text, badge(late, "danger")) if late and item.is_open else text


@admin.register(ActionItem)
class ActionItemAdmin(TeamAdmin):
    form = ItemForm
    list_display = ("item", "due", "owner", "urgency", "state", "slipped", "kind", "retro_link")
    list_filter = (
        StageFilter,
        WhoseFilter,
        ("status", ChoicesDropdownFilter),
        WaitingFilter,
        SlipsFilter,
        ("owner", AutocompleteSelectFilter),
        ("owner__manager", AutocompleteSelectFilter),
        SeverityFilter,
        ("kind", ChoicesDropdownFilter),
        ("priority", ChoicesDropdownFilter),
        ("retro", AutocompleteSelectFilter),
        ("due_on", DueFilter),
        ("ended_at", PeriodFilter),
    )
    list_select_related = ("owner",)
    search_fields = ("title", "why")
    search_help_text = "Title or reason, or a reference such as ACT-0007"
    references = {"ACT": "pk", "RETRO": "retro"}
    autocomplete_fields = ("owner", "retro")
    fieldsets = (
        (None, {"fields": ("title", "why", ("kind", "priority"), ("owner", "due_on"), "external_url")}),
        ("How we will know that it worked", {"fields": ("success_measure", "check_on")}),
        ("Where it comes from", {"fields": ("retro", "finding")}),
    )

    def get_queryset(self, request):
        # A hidden retro reads as none: an owner sees their item, not the title of the incident behind it.
        retros = Retrospective.objects.visible_to(request.user)
        return (
            super().get_queryset(request).prefetch_related(Prefetch("retro", retros)).select_related("owner")
        )

    def get_ordering(self, request):
        # By due day where that is the question; else newest first, which an index answers however many there are.
        if request.GET.get("stage"):
            return (F("due_on").asc(nulls_last=True), "pk")
        return ("-pk",)

    def get_fieldsets(self, request, obj=None):
        hidden = obj is not None and obj.retro_id and obj.retro is None
        return self.fieldsets[:-1] if hidden else self.fieldsets

    def get_readonly_fields(self, request, obj=None):
        return ("owner",) if obj else ()

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.name == "external_url":
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (
            obj is None or obj.can_be_edited_by(request.user)
        )

    def has_delete_permission(self, request, obj=None):
        return False  # dropped instead, with a reason

    def cards(self, request, row):
        stands = [("Status", self.state(row)), ("Due", self.due(row)), ("Added", moment(row.created_at))]
        if not row.is_open:
            stands.append(("Ended", moment(row.ended_at)))
            stands += [("By", str(row.ended_by))] if row.ended_by else []
            stands += [("What shows it", row.evidence)] if row.evidence else []
            stands += [("Dropped because", row.drop_reason)] if row.drop_reason else []
        found = [Card("Where it stands", [*stands, *_promises(row)])]
        if row.retro:
            incidents = row.retro.incidents.visible_to(request.user)
            found.append(
                Card("Why it exists", [("Retrospective", link(row.retro)), ("Incidents", links(incidents))])
            )
        return [*found, reminder_card("item", row, request)]

    @display(description="action item", ordering="pk")
    def item(self, row):
        return str(row)

    @display(description="due", ordering="due_on")
    def due(self, row):
        return due_badge(row)

    @display(description="priority", ordering="priority")
    def urgency(self, row):
        return badge(row.get_priority_display(), PRIORITY_TONES.get(row.priority, ""))

    @display(description="status", ordering="status")
    def state(self, row):
        return badge(row.get_status_display(), STATUS_TONES.get(row.status, ""))

    @display(description="moved", ordering="slips")
    def slipped(self, row):
        return f"{row.slips} ×" if row.slips else "–"

    @display(description="retrospective", ordering="retro")
    def retro_link(self, row):
        return link(row.retro, row.retro and row.retro.reference)


class ActionInline(WorkspaceInline):
    """What a retro has led to: read here, changed on each item's own page."""

    model = ActionItem
    verbose_name_plural = "action items"
    fields = ("item", "owner", "due", "state")
    readonly_fields = fields
    show_change_link = show_title = False

    def has_add_permission(self, request, obj):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description="item")
    def item(self, row):
        return link(row)

    @display(description="due")
    def due(self, row):
        return due_badge(row)

    @display(description="status")
    def state(self, row):
        return badge(row.get_status_display(), STATUS_TONES.get(row.status, ""))


# The page of a retro shows what came of it. Retros know nothing of action items, so it is said here.
RetrospectiveAdmin.inlines = (*RetrospectiveAdmin.inlines, ActionInline)
