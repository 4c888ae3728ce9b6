"""The parts of retrospectives, to be searched across all of them."""

from django.contrib import admin
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from config.admin import (
    link,
    links,
)
from retros.admin.locking import LockedWhenPublished, add_action
from retros.models import (
    Finding,
    Participant,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
)


class _PartAdmin(LockedWhenPublished):
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
        return [*super().verb_links(request, row), *add_action(request, retro=row.retro_id, finding=row.pk)]

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
