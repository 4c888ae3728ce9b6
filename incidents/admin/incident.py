"""The incident in the workspace: declared, lived through, corrected, learnt from."""

from datetime import timedelta

from django import forms
from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import INPUT_CLASSES, UnfoldAdminCheckboxSelectMultipleWidget

from config.admin import Card, WorkspaceAdmin, WorkspaceForm, badge, duration, links, moment
from config.changelist import ChoiceFilter, PeriodFilter, RelatedFilter, YesNoFilter
from config.forms import validate_moment
from config.search.alike import alike_card, while_typing
from config.visibility import visible
from incidents.admin.catalogue import RegionImpactInline, ServiceImpactInline, severity_badge
from incidents.admin.customers import on_the_incident
from incidents.admin.milestones import MilestoneInline
from incidents.admin.people import AssignmentInline
from incidents.admin.promises import promises_card
from incidents.admin.timeline import TimelineInline, UpdateInline
from incidents.models import Incident, Service, TimelineEntry
from incidents.models.incident import RESPOND
from incidents.models.rights import may_publish
from incidents.updates.page import TellsCustomers

SEE_RESTRICTED = "incidents.view_restricted_incident"
RESTRICTED = Incident.Visibility.RESTRICTED
# SQLite keeps history to the millisecond, as text that sorts before the same moment with more digits.
TICK = timedelta(milliseconds=1)
STATUS_TONES = {"declared": "danger", "investigating": "danger", "identified": "warning"} | {
    "monitoring": "info",
    "resolved": "success",
}
VISIBILITY_TONES = {"public": "success", "restricted": "danger"}


def status_badge(incident):
    """The status in words and colour."""
    return badge(incident.get_status_display(), STATUS_TONES.get(incident.status, ""))


class DeclareForm(WorkspaceForm):
    """Declaring an incident: what customers notice, how bad it is, where, and since when."""

    affected = forms.ModelMultipleChoiceField(
        Service.objects.all(),
        label="Services affected",
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="How badly can be said afterwards.",
    )
    since = forms.DateTimeField(
        label="Since when",
        required=False,
        validators=[validate_moment],
        help_text="When it began for customers, in your time zone. Leave empty for now.",
        widget=forms.DateTimeInput(
            {"type": "datetime-local", "step": "1", "class": " ".join(INPUT_CLASSES)},
            format="%Y-%m-%dT%H:%M:%S",
        ),
    )

    class Media:
        js = ["aftercare/alike.js"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        asks = while_typing("incident", title="title", body="summary", service="affected")
        self.fields["title"].widget.attrs.update(asks)

    def clean_since(self):
        since = self.cleaned_data["since"]
        if since and since > timezone.now():
            raise ValidationError("That is in the future.")
        return since


@admin.register(Incident)
class IncidentAdmin(TellsCustomers, WorkspaceAdmin):
    references = {"INC": "pk"}
    list_display = [
        *("ref", "title", "severity_shown", "status_shown", "visibility_shown"),
        *("declared", "services_shown", "lasted"),
    ]
    list_display_links = ["ref", "title"]
    list_select_related = ["severity"]
    list_prefetch_related = ["services"]
    list_filter = [
        ("status", ChoiceFilter),
        ("severity", RelatedFilter),
        ("services", AutocompleteSelectFilter),
        ("visibility", ChoiceFilter),
        ("is_drill", YesNoFilter),
        ("declared_at", PeriodFilter),
    ]
    search_fields = ["title", "summary"]
    search_help_text = "INC-0042, or words of the title"
    sortable_by = ["ref", "declared"]  # what has an index, whatever the number of incidents
    inlines = [
        *(TimelineInline, UpdateInline, MilestoneInline),
        *(ServiceImpactInline, RegionImpactInline, AssignmentInline),
    ]
    add_fieldsets = [
        (None, {"fields": ["title", "severity", "affected", "since"]}),
        ("If you know already", {"fields": ["summary", "detection", "visibility", "is_drill"]}),
    ]
    fieldsets = [
        (None, {"fields": ["title", "summary", "visibility", "is_drill"]}),
        (
            "What it was for customers",
            {"fields": ["customers_affected", "customers_affected_note", "data_safety", "detection"]},
        ),
    ]

    # --- Who may what

    def has_add_permission(self, request):
        return super().has_add_permission(request) and request.user.has_perm(RESPOND)

    def may_see_deleted(self, request, last):
        if super().may_see_deleted(request, last) or last.visibility != RESTRICTED:
            return True
        return last.declared_by_id == request.user.pk

    def history_of(self, request, rows, object_id):
        """Without what happened while the incident was restricted, for whoever could not see it then."""
        if request.user.has_perm(SEE_RESTRICTED) or self._has_part(request.user, object_id):
            return rows
        if rows.model is Incident.history.model:
            return rows.exclude(visibility=RESTRICTED)
        hidden = Q()
        for since, until in self._restricted_periods(object_id):
            hidden |= Q(history_date__gte=since - TICK, history_date__lte=until)
        return rows.exclude(hidden) if hidden else rows

    def _has_part(self, user, pk):
        mine = Q(declared_by=user) | Q(assignments__user=user)
        return Incident.objects.filter(mine, pk=pk).exists()

    def _restricted_periods(self, pk):
        since = None
        rows = Incident.history.filter(id=pk).order_by("history_id")
        for at, visibility in rows.values_list("history_date", "visibility"):
            if visibility == RESTRICTED:
                since = since or at
            elif since:
                yield since, at
                since = None
        if since:
            yield since, timezone.now()

    # --- Declaring and editing

    def get_form(self, request, obj=None, change=False, **kwargs):
        if obj is None:
            kwargs["form"] = DeclareForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_inlines(self, request, obj):
        return self.inlines if obj else []

    def save_model(self, request, obj, form, change):
        if change:
            return super().save_model(request, obj, form, change)
        asked = form.cleaned_data
        services, since = asked.pop("affected"), asked.pop("since")
        began = {"started_at": since} if since else {}
        declared = Incident.objects.declare(by=request.user, services=services, **began, **asked)
        obj.__dict__.update(declared.__dict__)

    def response_post_save_add(self, request, obj):
        # Customers first: whoever may speak to them does so next. Else to its page rather than to the list: it
        # says whether this was seen before, and what comes next.
        view = "tell" if may_publish(obj, request.user) else "change"
        return HttpResponseRedirect(reverse(f"admin:incidents_incident_{view}", args=[obj.pk]))

    def save_formset(self, request, form, formset, change):
        for row in formset.save(commit=False):
            if isinstance(row, TimelineEntry) and row.pk is None:
                row.author = request.user
            row.save()
        for row in formset.deleted_objects:
            row.delete()

    # --- Beside the form

    def cards(self, request, row):
        return [
            self._state_card(row),
            self._moments_card(request, row),
            promises_card(row),
            *on_the_incident(request, row),
            self._after_card(request, row),
            *alike_card("incident", [row.pk], request.user),
        ]

    def _state_card(self, row):
        facts = [
            ("Status", status_badge(row)),
            ("Severity", severity_badge(row.severity)),
            ("Declared by", row.declared_by or "not recorded"),
        ]
        if row.is_drill:
            facts.insert(0, ("Drill", badge("An exercise", "info")))
        if row.is_public:
            address = reverse("status-incident", args=[row.public_id])
            facts.append(
                ("Customers read", format_html('<a class="aftercare-link" href="{}">Its page</a>', address))
            )
        if row.source_url:
            original = format_html(
                '<a class="aftercare-link" href="{}" rel="noopener noreferrer">{}</a>',
                row.source_url,
                row.source or "source",
            )
            facts.append(("Imported from", original))
        return Card(row.reference, facts)

    def _moments_card(self, request, row):
        names = ["started", "detected", "declared", "acknowledged", "mitigated", "resolved", "closed"]
        facts = [(name.capitalize(), moment(getattr(row, f"{name}_at"), "not known")) for name in names]
        target = row.severity
        facts += [
            ("Time to acknowledge", _against(row.time_to_acknowledge, target.acknowledge_minutes)),
            ("Time to restore", _against(row.time_to_restore, target.restore_minutes)),
        ]
        if any(one["url"].endswith("/correct_moments/") for one in self.verb_links(request, row)):
            address = self.verb_url(row, "correct_moments")
            correct = format_html('<a class="aftercare-link" href="{}">Correct moments</a>', address)
            facts.append(("", correct))
        return Card("Moments", facts)

    def _after_card(self, request, row):
        retros = visible(row.retros.all(), request.user)
        retro_model = retros.model
        item_model = retro_model._meta.get_field("action_items").related_model
        items = visible(item_model._default_manager.filter(retro__in=retros), request.user)
        return Card(
            "Afterwards",
            [
                ("Retrospective", links(retros, self._open_retro(request, row, retro_model))),
                ("Action items", links(items, "None yet")),
            ],
        )

    def _open_retro(self, request, row, retro_model):
        # Asked of the model behind the relation: this app knows no other by name.
        opts = retro_model._meta
        if row.is_open or not request.user.has_perm(f"{opts.app_label}.add_{opts.model_name}"):
            return "None yet"
        address = reverse(f"admin:{opts.app_label}_{opts.model_name}_add")
        return format_html('<a class="aftercare-link" href="{}?incidents={}">Open one</a>', address, row.pk)

    # --- Columns

    @display(description="Incident", ordering="pk")
    def ref(self, row):
        return row.reference

    @display(description="Severity")
    def severity_shown(self, row):
        return severity_badge(row.severity)

    @display(description="Status")
    def status_shown(self, row):
        return status_badge(row)

    @display(description="Visibility")
    def visibility_shown(self, row):
        shown = badge(row.get_visibility_display(), VISIBILITY_TONES.get(row.visibility, ""))
        return format_html("{} {}", shown, badge("Drill", "info")) if row.is_drill else shown

    @display(description="Declared", ordering="declared_at")
    def declared(self, row):
        return moment(row.declared_at)

    @display(description="Services")
    def services_shown(self, row):
        return ", ".join(service.name for service in row.services.all()) or "–"

    @display(description="Lasted")
    def lasted(self, row):
        if row.is_open:
            return f"{duration(timezone.now() - (row.started_at or row.declared_at))} so far"
        return duration(row.time_to_restore)


def _against(taken, minutes):
    if taken is None:
        return "not known"
    is_late = taken.total_seconds() > minutes * 60
    target = badge(
        f"target {minutes} min, {'missed' if is_late else 'met'}", "warning" if is_late else "success"
    )
    return format_html("{} {}", duration(taken), target)
