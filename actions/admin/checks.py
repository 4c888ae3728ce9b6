"""Whether done items worked: the question's own page, and what the pages of its item and its incident tell of it."""

from django.contrib import admin
from django.db.models import Prefetch
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from actions.admin.item import ActionItemAdmin
from actions.models import EffectivenessCheck
from config.admin import Card, WorkspaceAdmin, badge, link, moment
from config.dashboard import due_in_words
from incidents.admin.incident import IncidentAdmin
from incidents.models import Incident
from retros.models import Retrospective

TONES = {"asked": "info", "effective": "success", "partly": "warning", "not_effective": "danger"}


def shown_to(user):
    """The checks that `user` may see; an incident that is hidden from them reads as none."""
    return (
        EffectivenessCheck.objects.visible_to(user)
        .select_related("item__owner", "asked_of", "answered_by")
        .prefetch_related(Prefetch("incident", Incident.objects.visible_to(user)))
    )


class WhoseQuestionFilter(DropdownFilter):
    """By whether it waits for the reader."""

    title = "waiting for"
    parameter_name = "whose"

    def lookups(self, request, model_admin):
        return [("mine", "Me, now"), ("nobody", "Nobody yet")]

    def queryset(self, request, queryset):
        if self.value() == "mine":
            waiting = EffectivenessCheck.objects.waiting_for(request.user)
            return queryset.filter(pk__in=waiting.order_by().values("pk"))
        return queryset.open().filter(asked_of=None) if self.value() == "nobody" else queryset


def due_badge(check):
    """When it is due, and how late it is, for whoever is asked."""
    whose = check.asked_of or check.item.owner
    text, late = due_in_words(check.due_on, whose.today() if whose else check.due_on)
    text = text.removeprefix("due ")
    return format_html("<span>{} {}</span>", text, badge(late, "danger")) if late and check.is_open else text


def state_badge(check):
    """What was answered, in words and colour."""
    return badge(check.get_status_display(), TONES.get(check.status, ""))


def because(check):
    """Why it was asked: on its day, or because of an incident, which is named to whoever may see it."""
    if check.incident:
        return link(check.incident)
    return "A later incident" if check.incident_id else "Its day had come"


@admin.register(EffectivenessCheck)
class CheckAdmin(WorkspaceAdmin):
    """Asked and withdrawn by Aftercare, answered by a verb; nothing here is edited."""

    list_display = ("question", "due", "whom", "state", "why_asked")
    list_filter = (
        WhoseQuestionFilter,
        ("status", ChoicesDropdownFilter),
        ("asked_of", AutocompleteSelectFilter),
    )
    search_fields = ("item__title", "note")
    search_help_text = "Title of the action, or a reference such as ACT-0007"
    references = {"ACT": "item"}
    autocomplete_fields = ("asked_of",)
    fieldsets = (
        ("What was done", {"fields": ("item_link", "item_why", "measure", "evidence")}),
        ("What we see", {"fields": ("note",)}),
    )
    readonly_fields = ("item_link", "item_why", "measure", "evidence", "note")

    def get_queryset(self, request):
        shown = shown_to(request.user)
        retros = Retrospective.objects.visible_to(request.user)
        return shown.prefetch_related(Prefetch("item__retro", retros))

    def get_ordering(self, request):
        return ("due_on", "pk") if request.GET.get("whose") else ("-pk",)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def cards(self, request, row):
        stands = [("Answer", self.state(row)), ("Asked of", self.whom(row)), ("Due", self.due(row))]
        if row.answered_at:
            stands += [("Answered", moment(row.answered_at)), ("By", str(row.answered_by or "not recorded"))]
        asked = [("Because", because(row)), ("Retrospective", link(row.item.retro))]
        return [Card("Where it stands", stands), Card("Why we ask", asked)]

    @display(description="question", ordering="pk")
    def question(self, row):
        return str(row)

    @display(description="due", ordering="due_on")
    def due(self, row):
        return due_badge(row)

    @display(description="asked of", ordering="asked_of")
    def whom(self, row):
        return row.asked_of or "Nobody yet: whoever manages actions answers"

    @display(description="answer", ordering="status")
    def state(self, row):
        return state_badge(row)

    @display(description="asked because of", ordering="incident")
    def why_asked(self, row):
        return because(row)

    @display(description="action item")
    def item_link(self, row):
        return link(row.item)

    @display(description="why it matters to customers")
    def item_why(self, row):
        return row.item.why

    @display(description="how we wanted to know that it worked")
    def measure(self, row):
        return row.item.success_measure or "Nobody said."

    @display(description="what showed that it was done")
    def evidence(self, row):
        return row.item.evidence or "–"


# --- On the pages of the item and of the incident


def on_the_item(request, item) -> list[Card]:
    """What was asked about an item, and what was answered, openly."""
    facts = [("We will know by", item.success_measure)] if item.success_measure else []
    if item.check_on and item.is_open:
        facts.append(("We look on", f"{item.check_on:%-d %b %Y}"))
    if request.user.has_perm("actions.view_effectivenesscheck"):
        facts += [(due_badge(one), _told(one)) for one in shown_to(request.user).filter(item=item)]
    return [Card("Did it work?", facts)] if facts else []


def _told(check):
    who = check.answered_by or check.asked_of
    said = f"{who}: {check.note}" if check.note else str(who or "nobody is asked yet")
    after = format_html(" – it looked like {}", because(check)) if check.incident_id else ""
    return format_html("{} {}{}", state_badge(check), link(check, said), after)


def on_the_incident(request, incident) -> list[Card]:
    """Done items that this incident calls into question."""
    if not request.user.has_perm("actions.view_effectivenesscheck"):
        return []
    checks = shown_to(request.user).filter(incident=incident)
    facts = [("This looks like", _asked_whether(check)) for check in checks]
    return [Card("Has it happened before?", facts)] if facts else []


def _asked_whether(check):
    whether = link(check, f"whether {check.item.reference} worked")
    return format_html("{}: we asked {} {}", link(check.item, check.item.title), whether, state_badge(check))


# Incidents know nothing of action items, so it is said here.
ActionItemAdmin.added_cards = (*ActionItemAdmin.added_cards, on_the_item)
IncidentAdmin.added_cards = (*IncidentAdmin.added_cards, on_the_incident)
