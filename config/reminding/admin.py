"""Reminders in the workspace: a list of every step that was taken, and a card for the page of what is chased."""

from collections import defaultdict

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import display

from config.admin import Card, WorkspaceAdmin, badge, link, moment
from config.changelist import PeriodFilter, WorkspaceChangeList
from config.outbox.admin import TONES
from config.outbox.models import Delivery
from config.reminding.cadence import Kind
from config.reminding.chasing import CHASED
from config.reminding.explaining import explain, spoken, step_in_words
from config.reminding.models import Reminder
from config.visibility import sees_all, visible

LAST = 3  # reminders on the card; the rest is one link away


# --- The card


def reminder_card(kind, row, request) -> Card:
    """What was told about `row`, what was not and why, and what comes next; the page has asked who may see it."""
    about = explain(kind, row.pk, row=row)
    facts = [(moment(told.sent_at or told.made_at), _told(told)) for told in about.told[:LAST]]
    if not about.told:
        facts.append(("So far", "Nobody was reminded of it."))
    facts += [("", line) for line in about.silence]
    facts += [
        ("Not sent", f"{passed.step} ({_day(passed)}): {passed.because}") for passed in about.passed[-LAST:]
    ]
    facts += [("Next", _next(about.coming))]
    facts += [("Policy", about.sentence)]
    if request.user.has_perm("reminding.view_reminder"):
        address = f"{reverse('admin:reminding_reminder_changelist')}?about={kind}-{row.pk}"
        facts.append(
            ("All", format_html('<a class="aftercare-link" href="{}">All its reminders</a>', address))
        )
    return Card("Reminders", facts)


def _told(told) -> str:
    because = f", because {told.because}" if told.because else ""
    return f"{told.step}, to {told.to.name}{because}. {told.state}."


def _day(passed) -> str:
    return spoken(passed.day) if passed.day else "no day"


def _next(coming):
    if coming is None:
        return "Nothing, as things are."
    return format_html(
        "{}: {}, to {}, because {}", moment(coming.at), coming.step, coming.to.name, coming.because
    )


# --- The list


def visible_reminders(reminders, user):
    """Those of what `user` may see; of what is gone only for whoever sees all there is."""
    hidden, seen = [], Q()
    for kind, chased in CHASED.items():
        registered = admin.site.is_registered(chased.model) and admin.site.get_model_admin(chased.model)
        through = getattr(registered, "visible_through", "")
        if sees_all(chased.model, user, through):
            seen |= Q(subject_kind=kind)
        else:
            hidden.append(kind)
            rows = visible(chased.model._default_manager.filter(pk=OuterRef("subject_id")), user, through)
            seen |= Q(Exists(rows), subject_kind=kind)
    return reminders.filter(seen) if hidden else reminders


class ReminderList(WorkspaceChangeList):
    """Reads what the reminders of a page are about with one query a kind."""

    def get_results(self, request):
        super().get_results(request)
        wanted = defaultdict(set)
        for row in self.result_list:
            wanted[row.subject_kind].add(row.subject_id)
        subjects = {
            kind: _subjects(CHASED[kind].model, pks) for kind, pks in wanted.items() if kind in CHASED
        }
        for row in self.result_list:
            row.subject = subjects.get(row.subject_kind, {}).get(row.subject_id)


def _subjects(model, pks) -> dict:
    whole = [f.name for f in model._meta.fields if f.many_to_one and not f.null]  # what its name is made of
    return model._base_manager.select_related(*whole).in_bulk(pks)


class AboutFilter(admin.SimpleListFilter):
    """What one thing was chased with; only by the link on its page."""

    title = "about"
    parameter_name = "about"

    def lookups(self, request, model_admin):
        return [(self.value(), self.value())] if self.value() else []

    def queryset(self, request, queryset):
        kind, _, pk = (self.value() or "").partition("-")
        if not self.value():
            return queryset
        known = kind in CHASED and pk.isdecimal() and len(pk) < 19
        return queryset.filter(subject_kind=kind, subject_id=pk) if known else queryset.none()


class SubjectFilter(DropdownFilter):
    """By what sort of thing it is about."""

    title = "what"
    parameter_name = "what"

    def lookups(self, request, model_admin):
        return [(kind, str(chased.model._meta.verbose_name).capitalize()) for kind, chased in CHASED.items()]

    def queryset(self, request, queryset):
        return queryset.filter(subject_kind=self.value()) if self.value() in CHASED else queryset


class StepFilter(DropdownFilter):
    """By which sort of step it was; the key begins with it."""

    title = "step"
    parameter_name = "step"

    def lookups(self, request, model_admin):
        return [(kind.value, kind.value.capitalize()) for kind in Kind]

    def queryset(self, request, queryset):
        if self.value() not in list(Kind):
            return queryset
        return queryset.filter(key__startswith=f"{self.value()} ")


class StateFilter(DropdownFilter):
    """By what became of its message."""

    title = "message"
    parameter_name = "message"

    def lookups(self, request, model_admin):
        return [("none", "In no message yet"), *Delivery.State.choices]

    def queryset(self, request, queryset):
        if self.value() == "none":
            return queryset.waiting()
        return queryset.filter(delivery__state=self.value()) if self.value() else queryset


@admin.register(Reminder)
class ReminderAdmin(WorkspaceAdmin):
    """Steps are taken by Aftercare and changed by nobody."""

    list_display = ("step_shown", "about", "recipient", "made", "because", "message")
    list_select_related = ("recipient", "delivery")
    list_filter = (
        SubjectFilter,
        StepFilter,
        StateFilter,
        ("recipient", AutocompleteSelectFilter),
        ("made_at", PeriodFilter),
        AboutFilter,
    )
    search_fields = ("recipient__name", "recipient__email")
    search_help_text = "Name or address of whoever was told"
    sortable_by = ()
    ordering = ("-pk",)
    fields = ("step_shown", "about", "person", "because", "made", "message")
    readonly_fields = fields

    def get_queryset(self, request):
        return visible_reminders(super().get_queryset(request), request.user)

    def get_changelist(self, request, **kwargs):
        return ReminderList

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def history_view(self, request, object_id, extra_context=None):
        # A step is written once and has no history; what became of its message is on the message's own page.
        return self.changeform_view(request, object_id, extra_context=extra_context)

    @display(description="step")
    def step_shown(self, row):
        return step_in_words(row.step)

    @display(description="about")
    def about(self, row):
        if not hasattr(row, "subject"):  # on its own page; the list reads those of all its rows at once
            chased = CHASED.get(row.subject_kind)
            row.subject = chased and _subjects(chased.model, [row.subject_id]).get(row.subject_id)
        if row.subject is None:
            return f"{row.subject_kind} {row.subject_id}, which is gone"
        return link(row.subject)

    @display(description="person")
    def person(self, row):
        return link(row.recipient)

    @display(description="when")
    def made(self, row):
        return moment(row.made_at)

    @display(description="message")
    def message(self, row):
        delivery = row.delivery
        if delivery is None:
            return badge("In none yet", "info")
        return link(delivery, badge(delivery.get_state_display(), TONES.get(delivery.state, "")))
