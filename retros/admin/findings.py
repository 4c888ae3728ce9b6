"""A finding, what shows it, and what follows from it."""

from django.contrib import admin
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from config.admin import WorkspaceForm, badge, links, numbers
from config.coach import TEAM
from incidents.models import Incident, TimelineEntry
from retros.admin.locking import add_action
from retros.admin.parts import PartAdmin
from retros.admin.perspectives import answer_of, as_finding
from retros.models import Finding, Retrospective
from retros.perspective_forms import Several


class EvidenceField(Several):
    """Entries of a timeline, each with its moment."""

    def label_from_instance(self, entry):
        return f"{timezone.localtime(entry.at):%-d %b %H:%M} {entry.text[:100]}"


class FindingForm(WorkspaceForm):
    """A finding, with the entries of the timeline that show it."""

    reader = None  # whose page it is: they choose among the entries they may see
    entries = EvidenceField(
        TimelineEntry.objects.none(),
        label="Evidence",
        required=False,
        widget=UnfoldAdminSelectMultipleWidget({"size": 8}),
        help_text="Entries of the timeline that show it; hold Ctrl or ⌘ to choose several.",
    )

    class Meta:
        model = Finding
        fields = ("retro", "kind", "text", "position", "accepted_because")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "entries" in self.fields:
            self.among = entries_of(self._retro(), self.reader)
            self.fields["entries"].queryset = self.among
            if self.instance.pk:
                self.initial["entries"] = list(self.instance.evidence.values_list("entry", flat=True))

    def _retro(self):
        if self.instance.pk:
            return self.instance.retro_id
        chosen = numbers([self.data.get("retro", self.initial.get("retro", ""))])
        seen = Retrospective.objects.visible_to(self.reader).filter(pk__in=chosen)
        return seen.values_list("pk", flat=True).first()


def entries_of(retro, reader):
    """The entries of the incidents of a retro that its reader sees."""
    seen = Incident.objects.visible_to(reader).filter(retro_links__retro=retro)
    return TimelineEntry.objects.filter(incident__in=seen).order_by("at", "pk")


@admin.register(Finding)
class FindingAdmin(PartAdmin):
    form = FindingForm
    list_display = ("beginning", "kind", "retro_link")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("text",)
    fields = ("kind", "text", "entries", "accepted_because", "position", "led_to", "stands")
    readonly_fields = ("led_to", "stands", "shown_by")
    coached = {"text": TEAM}

    def get_form(self, request, obj=None, change=False, **kwargs):
        # A class of this request's own: the choices depend on the reader.
        kwargs["form"] = type("FindingForm", (FindingForm,), {"reader": request.user})
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request, obj=None):
        names = super().get_fields(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return [name for name in names if obj or name not in ("led_to", "stands")]
        return ["shown_by" if name == "entries" else name for name in names]

    def get_changeform_initial_data(self, request):
        known = super().get_changeform_initial_data(request)
        if mark := request.GET.get("answer"):
            answer = answer_of(known.get("retro", ""), mark, request.user)
            known |= as_finding(answer) if answer else {}
        return known

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        if "entries" in form.cleaned_data:
            form.instance.show_by(form.cleaned_data["entries"], among=form.among)

    def verb_links(self, request, row):
        return [*super().verb_links(request, row), *add_action(request, retro=row.retro_id, finding=row.pk)]

    @display(description="finding")
    def beginning(self, row):
        return row.text[:120]

    @display(description="actions that grew from it")
    def led_to(self, row):
        return links(row.action_items.all(), "None yet")

    @display(description="what follows from it")
    def stands(self, row):
        if row.is_answered:
            return badge("Answered", "success")
        return badge("Open: add an action, or say why it needs none", "warning")

    @display(description="evidence")
    def shown_by(self, row):
        return links((one.entry for one in row.evidence.select_related("entry")), "None yet")
