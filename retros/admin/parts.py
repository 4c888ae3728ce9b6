"""The parts of retrospectives, to be searched across all of them."""

from django.contrib import admin
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from config.admin import Card, link, moment
from config.coach import TEAM
from retros.admin.locking import LockedWhenPublished
from retros.models import (
    Participant,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
    Step,
    TimelineMark,
)


class PartAdmin(LockedWhenPublished):
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
class SectionAdmin(PartAdmin):
    list_display = ("heading", "retro_link", "beginning")
    search_fields = ("heading", "text")
    fields = ("heading", "topic", "position", "text")
    coached = {"text": TEAM}

    @display(description="text")
    def beginning(self, row):
        return row.text[:120] or "Nothing written yet"


@admin.register(Participant)
class ParticipantAdmin(PartAdmin):
    list_display = ("who", "hat", "retro_link")
    list_filter = (("hat", ChoicesDropdownFilter), ("user", AutocompleteSelectFilter))
    list_select_related = ("retro", "user")
    search_fields = ("name", "user__name")
    autocomplete_fields = ("retro", "user")
    fields = ("user", "name", "email", "hat")

    def get_fields(self, request, obj=None):
        # An address is for those who write to people, not for everybody who reads.
        may_write = self.has_add_permission(request)
        return [name for name in super().get_fields(request, obj) if may_write or name != "email"]

    @display(description="who")
    def who(self, row):
        return row.user or row.name


@admin.register(RetroFactor)
class RetroFactorAdmin(PartAdmin):
    list_display = ("factor", "note", "retro_link")
    list_filter = (("factor", AutocompleteSelectFilter),)
    list_select_related = ("retro", "factor")
    search_fields = ("factor__name", "note")
    autocomplete_fields = ("retro", "factor")
    fields = ("factor", "note")
    coached = {"note": TEAM}


@admin.register(RetrospectiveIncident)
class RetrospectiveIncidentAdmin(PartAdmin):
    list_display = ("incident", "retro_link")
    list_select_related = ("retro", "incident")
    visible_through = "incident"
    search_fields = ("incident__title",)
    references = {"INC": "incident", "RETRO": "retro"}
    autocomplete_fields = ("retro", "incident")
    fields = ("incident",)


@admin.register(Step)
class StepAdmin(PartAdmin):
    """Planned by rules; who does it by when is said here, and that a retro does without it."""

    list_display = ("kind", "retro_link", "due_on", "owner", "status")
    list_select_related = ("retro__facilitator", "retro__sponsor", "owner")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("owner", AutocompleteSelectFilter),
    )
    autocomplete_fields = ("retro", "owner")
    fields = ("owner", "due_on")

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False  # left out instead, with a reason

    def cards(self, request, row):
        stands = [("Status", row.get_status_display()), ("Whose it is", row.responsible or "Nobody’s yet")]
        if row.is_left_out:
            stands += [("Because", row.left_out_because), ("Since", moment(row.left_out_at))]
            stands += [("By", row.left_out_by)] if row.left_out_by else []
        return [Card(row.get_kind_display(), stands)]


@admin.register(TimelineMark)
class TimelineMarkAdmin(PartAdmin):
    """What matters on timelines, across retros. Marks are set in the workspace of each."""

    list_display = ("entry", "kind", "is_starred", "retro_link")
    list_select_related = ("retro", "entry")
    list_filter = (("kind", ChoicesDropdownFilter),)
    autocomplete_fields = ("retro", "entry")
    fields = ("kind", "is_starred", "note")

    def has_add_permission(self, request):
        return False
