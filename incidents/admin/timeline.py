"""What happened, as people tell it, and what customers were told."""

from django.contrib import admin
from django.contrib.admin import display
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from config.admin import Card, WorkspaceFormSet, WorkspaceStackedInline, badge, moment
from config.changelist import ChoiceFilter, PeriodFilter, YesNoFilter
from config.coach import CUSTOMERS
from incidents.admin.people import PartAdmin
from incidents.models import CustomerUpdate, TimelineEntry
from incidents.models.rights import who_may
from incidents.updates.marking import marks_of
from incidents.updates.page import ShowsUpdate

SHOWN = 100  # rows on the page of their incident; the list has them all
Kind = TimelineEntry.Kind
# The other kinds are written by verbs and importers.
WRITTEN_BY_PEOPLE = [Kind.NOTE, Kind.ALERT]
STATE_TONES = {
    CustomerUpdate.State.DRAFT: "warning",
    CustomerUpdate.State.SUBMITTED: "info",
    CustomerUpdate.State.PUBLISHED: "success",
}


def kinds_of_people(db_field, kwargs):
    """The choices of `kind` that people have."""
    if db_field.name == "kind":
        kwargs["choices"] = [(kind.value, kind.label) for kind in WRITTEN_BY_PEOPLE]
    return kwargs


# --- On the page of the incident ---------------------------------------------------------------------------


class NewestFormSet(WorkspaceFormSet):
    """Forms for new rows only; the newest of those there are stand above them, to be read and opened."""

    newest_first = ["-pk"]
    author = ""

    def newest(self):
        """At most SHOWN rows, newest first."""
        rows = self.model._default_manager.filter(**{self.fk.name: self.instance})
        return rows.select_related(self.author).order_by(*self.newest_first)[:SHOWN]


class TimelineFormSet(NewestFormSet):
    newest_first = ["-at", "-pk"]
    author = "author"


class UpdateFormSet(NewestFormSet):
    author = "published_by"


class NewRowsInline(WorkspaceStackedInline):
    """No form for rows that are there: a long incident has two thousand, and each has a page of its own."""

    def get_queryset(self, request):
        return super().get_queryset(request).none()


class TimelineInline(NewRowsInline):
    model = TimelineEntry
    formset = TimelineFormSet
    template_before = "admin/incidents/_timeline.html"
    verbose_name_plural = "timeline"
    fields = ["at", "kind", "text", "is_key"]

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        return super().formfield_for_choice_field(db_field, request, **kinds_of_people(db_field, kwargs))


class UpdateInline(NewRowsInline):
    model = CustomerUpdate
    formset = UpdateFormSet
    template_before = "admin/incidents/_updates.html"
    fields = ["status", "text", "next_update_by"]
    coached = {"text": CUSTOMERS}


# --- Pages of their own ------------------------------------------------------------------------------------


@admin.register(TimelineEntry)
class TimelineEntryAdmin(PartAdmin):
    list_display = ["when", "kind", "short", "key", "author", "incident_link"]
    list_select_related = ["incident", "author"]
    list_filter = [
        ("kind", ChoiceFilter),
        ("is_key", YesNoFilter),
        ("incident", AutocompleteSelectFilter),
        ("at", PeriodFilter),
    ]
    search_fields = ["text", "incident__title"]
    fields = ["at", "kind", "text", "source", "is_key"]

    def get_readonly_fields(self, request, obj=None):
        fixed = super().get_readonly_fields(request, obj)
        if obj is None:
            return fixed
        if obj.kind in WRITTEN_BY_PEOPLE:
            return [*fixed, "at"]  # corrected by a verb, so that the timeline tells
        return [*fixed, "at", "kind", "text", "source"]  # what was recorded stays; whether it matters is ours

    def has_delete_permission(self, request, obj=None):
        is_ours = obj is None or obj.kind in WRITTEN_BY_PEOPLE or request.user.is_superuser
        return is_ours and super().has_delete_permission(request, obj)

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        return super().formfield_for_choice_field(db_field, request, **kinds_of_people(db_field, kwargs))

    def save_model(self, request, obj, form, change):
        if not change:
            obj.author = request.user
        super().save_model(request, obj, form, change)

    @display(description="When")
    def when(self, row):
        return moment(row.at)

    @display(description="Key event")
    def key(self, row):
        return badge("key event", "info") if row.is_key else ""

    @display(description="Text")
    def short(self, row):
        return Truncator(row.text).chars(90)


@admin.register(CustomerUpdate)
class CustomerUpdateAdmin(ShowsUpdate, PartAdmin):
    list_display = ["short", "status", "state_shown", "told", "published_by", "incident_link"]
    list_select_related = ["incident", "published_by"]
    list_filter = [
        ("state", ChoiceFilter),
        ("status", ChoiceFilter),
        ("incident", AutocompleteSelectFilter),
        ("published_at", PeriodFilter),
    ]
    search_fields = ["text", "incident__title"]
    fields = ["status", "text", "next_update_by"]
    coached = {"text": CUSTOMERS}

    def has_change_permission(self, request, obj=None):
        # What customers have read is corrected in the open, by a verb, and not edited.
        return not (obj and obj.is_published) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        is_ours = obj is None or not obj.is_published or request.user.is_superuser
        return is_ours and super().has_delete_permission(request, obj)

    def cards(self, request, row):
        if not row.is_published:
            return [_waiting_card(row), *_marked_cards(row)]
        by = row.published_by or "not recorded"
        facts = [("When", moment(row.published_at)), ("By", by)]
        if row.submitted_by:
            facts.append(("Written by", str(row.submitted_by)))
        if row.marks_because:
            facts.append(("Marked words stay", row.marks_because))
        return [Card("Published", facts), *_correction_cards(row)]

    @display(description="Text")
    def short(self, row):
        return Truncator(row.text).chars(90)

    @display(description="State")
    def state_shown(self, row):
        return badge(row.get_state_display(), STATE_TONES[row.state])

    @display(description="Published")
    def told(self, row):
        return moment(row.published_at)


def _waiting_card(row):
    facts = [("Published", "Not yet: customers cannot read it.")]
    if row.state == CustomerUpdate.State.SUBMITTED:
        facts += [
            ("Waits since", moment(row.submitted_at)),
            ("Written by", row.submitted_by or "not recorded"),
        ]
        facts += [("May publish", who_may(row.incident))]
    elif row.sent_back_because:
        facts.append(("Sent back", row.sent_back_because))
    return Card(row.get_state_display(), facts)


def _marked_cards(row):
    facts = [(one.kind.capitalize(), _marked(one)) for one in marks_of(row.text)]
    return [Card("Should not be public", facts)] if facts else []


def _marked(one):
    end = "" if one.may_stay else " It is never harmless: remove it."
    return format_html("<mark>{}</mark> {}{}", Truncator(one.text).chars(120), one.why, end)


def _correction_cards(row):
    facts = []
    for one in row.corrections.select_related("corrected_by"):
        facts.append((moment(one.corrected_at), f"{one.reason} ({one.corrected_by or 'not recorded'})"))
        facts.append(("Said before", one.before))
    return [Card("Corrected", facts)] if facts else []
