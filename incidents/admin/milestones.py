"""Milestones: what remains to be done until customers are whole again, who does it, by when."""

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter

from config.admin import Card, WorkspaceForm, WorkspaceInline, badge, link, moment
from config.changelist import ChoiceFilter
from config.dashboard import due_in_words
from config.forms import validate_due_day
from config.reminding.admin import reminder_card
from incidents.admin.people import PartAdmin
from incidents.models import Milestone

TONES = {"planned": "info", "reached": "success"}


class MilestoneForm(WorkspaceForm):
    """A new owner works here, and a new day has not passed; what was there may stay."""

    def clean_owner(self):
        owner = self.cleaned_data["owner"]
        if owner and not owner.is_active and owner.pk != self.initial.get("owner"):
            raise ValidationError(f"{owner} does not work here any more.")
        return owner

    def clean_due_on(self):
        day = self.cleaned_data["due_on"]
        if day and day != self.initial.get("due_on"):
            validate_due_day(day)
        return day


class WhenFilter(DropdownFilter):
    """By what is late, and what nobody looks after."""

    title = "what is missing"
    parameter_name = "missing"

    def lookups(self, request, model_admin):
        return [("late", "Overdue"), ("owner", "Nobody’s yet"), ("day", "Without a day")]

    def queryset(self, request, queryset):
        match self.value():
            case "late":
                return queryset.overdue()
            case "owner":
                return queryset.open().filter(owner=None)
            case "day":
                return queryset.open().filter(due_on=None)
        return queryset


def state_badge(milestone):
    """The state in words and colour."""
    return badge(milestone.get_status_display(), TONES.get(milestone.status, ""))


def due_badge(milestone):
    """The due day, and in words how late it is where its owner is."""
    today = milestone.owner.today() if milestone.owner else timezone.now().date()
    text, late = due_in_words(milestone.due_on, today)
    text = text.removeprefix("due ") if milestone.due_on else "–"
    return (
        format_html("<span>{} {}</span>", text, badge(late, "danger")) if late and milestone.is_open else text
    )


class MilestoneInline(WorkspaceInline):
    """The milestones on the page of their incident; reached and dropped on their own."""

    model = Milestone
    form = MilestoneForm
    fields = ("title", "owner", "due_on", "state")
    readonly_fields = ("state",)
    autocomplete_fields = ("owner",)
    can_delete = False  # dropped instead, with a reason

    @display(description="state")
    def state(self, row):
        return state_badge(row)


@admin.register(Milestone)
class MilestoneAdmin(PartAdmin):
    form = MilestoneForm
    list_display = ("milestone", "incident_link", "owner", "due", "state")
    list_select_related = ("incident", "owner")
    list_filter = (
        ("status", ChoiceFilter),
        WhenFilter,
        ("owner", AutocompleteSelectFilter),
        ("incident", AutocompleteSelectFilter),
    )
    search_fields = ("title", "incident__title")
    autocomplete_fields = ("owner",)
    fields = ("title", "note", "owner", "due_on", "is_public", "expected_at")

    def has_delete_permission(self, request, obj=None):
        return False  # dropped instead, with a reason

    def cards(self, request, row):
        stands = [("Status", state_badge(row)), ("Due", due_badge(row)), ("Added", moment(row.created_at))]
        if row.reached_at:
            stands.append(("Reached", moment(row.reached_at)))
            stands += [("By", str(row.reached_by))] if row.reached_by else []
        return [
            Card("Where it stands", [("Incident", link(row.incident)), *stands]),
            reminder_card("milestone", row, request),
        ]

    @display(description="milestone", ordering="pk")
    def milestone(self, row):
        return str(row)

    @display(description="due", ordering="due_on")
    def due(self, row):
        return due_badge(row)

    @display(description="state")
    def state(self, row):
        return state_badge(row)
