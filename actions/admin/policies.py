"""Reminder policies: what each does in one sentence, and what it would do to one item in the next 30 days."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from unfold.decorators import display

from actions.models import ActionItem, ReminderPolicy
from actions.reminders import item_chase
from config.admin import LARGEST_PK, WorkspaceAdmin, WorkspaceForm, dress, moment
from config.reminding.cadence import Rung, Step, steps
from config.reminding.explaining import local, name_of, spoken
from retros.models import RetrospectiveIncident

AHEAD = timedelta(days=30)
PREVIEW = "_preview"  # the button that shows and does not save


class PolicyForm(WorkspaceForm):
    """A policy; asked for a preview it is checked like any other and counts as not to be saved."""

    preview_of = forms.CharField(
        label="Preview for",
        required=False,
        max_length=40,
        help_text="An action item such as ACT-0007. Left empty: the newest that this policy fits.",
    )
    reader = None  # whose page it is: they preview what they may see

    class Meta:
        help_texts = {
            "every": "1: every working day.",
            "manager_after": "Working days overdue. Left empty: never.",
            "facilitator_after": "Working days overdue. Left empty: never.",
            "sponsor_after": "Working days overdue. Left empty: never.",
            "owner_within": "Working days after it is agreed; then the facilitator is told. Left empty: never.",
            "date_within": "Working days after it is agreed; then its owner is asked. Left empty: never.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        dress_one(self.fields["preview_of"])

    @property
    def is_preview(self) -> bool:
        """Whether the button was “Preview”."""
        return self.is_bound and PREVIEW in self.data

    def is_valid(self):
        return super().is_valid() and not self.is_preview

    def clean_preview_of(self):
        asked = self.cleaned_data["preview_of"]
        return find_item(asked, self.reader) if asked and self.is_preview else None


def dress_one(field):
    """Give one more field the look of the form around it."""
    form = forms.Form()
    form.fields["one"] = field
    dress(form)


def find_item(asked, reader) -> ActionItem:
    """The item of a reference or number, if the reader may see it."""
    match = re.fullmatch(r"(?:ACT-)?0*([0-9]{1,19})", asked.strip(), re.ASCII | re.IGNORECASE)
    item = None
    if match and int(match[1]) <= LARGEST_PK:
        item = _items(reader).filter(pk=match[1]).first()
    if item is None:
        raise ValidationError("There is no such item; write a reference such as ACT-0007.")
    return item


def newest_fitting(policy, reader) -> ActionItem | None:
    """The newest open item of the policy's priority and severity; one with owner and day, if there is one."""
    items = _items(reader).open().order_by("-pk")
    if policy.priority:
        items = items.filter(priority=policy.priority)
    if policy.severity_id:
        incidents = RetrospectiveIncident.objects.filter(retro=OuterRef("retro"))
        rank = "incident__severity__rank"
        items = items.filter(Exists(incidents.filter(**{rank: policy.severity.rank}))).exclude(
            Exists(incidents.filter(**{f"{rank}__lt": policy.severity.rank}))
        )
    whole = items.filter(owner__isnull=False, due_on__isnull=False)
    return whole.first() or items.first()


def _items(reader):
    return ActionItem.objects.visible_to(reader).select_related(
        "owner__manager", "retro__facilitator", "retro__sponsor"
    )


@dataclass(frozen=True)
class Line:
    """One step of a preview, with its moment where the reader is and where the recipient is."""

    here: str
    there: str
    to: str
    rung: Rung
    what: str
    because: str

    @classmethod
    def of(cls, step: Step) -> "Line":
        there = local(step.send_at, step.recipient)
        return cls(
            here=moment(step.send_at),
            there=f"{spoken(there)}, {there:%H:%M %Z}",
            to=step.recipient.name,
            rung=step.rung,
            what=name_of(step),
            because=step.because,
        )


@dataclass
class Preview:
    """What a policy would do to one item, if nothing changed."""

    sentence: str
    item: ActionItem | None
    in_force: str = ""  # the policy that the item is chased by, if it is another one
    lines: list[Line] = field(default_factory=list)


def preview(policy, item, at=None) -> Preview:
    """The steps of the next 30 days of an item under a policy, saved or not."""
    shown = Preview(policy.in_words(), item)
    if item is None:
        return shown
    at = at or timezone.now()
    shown.lines = [Line.of(step) for step in steps(item_chase(item, policy.cadence), at, at + AHEAD)]
    in_force = item.policy()
    if in_force.pk != policy.pk:
        shown.in_force = str(in_force)
    return shown


@admin.register(ReminderPolicy)
class ReminderPolicyAdmin(WorkspaceAdmin):
    form = PolicyForm
    change_form_template = "actions/policy_form.html"
    list_display = ("policy", "says")
    list_select_related = ("severity",)
    sortable_by = ()
    fieldsets = (
        ("Which items", {"fields": (("priority", "severity"),)}),
        ("Their owner is reminded", {"fields": ("before", "on_the_day", "every")}),
        ("Then others are told", {"fields": (("manager_after", "facilitator_after", "sponsor_after"),)}),
        ("What must not be missing", {"fields": (("owner_within", "date_within"),)}),
        ("Whether it worked", {"fields": ("check_after",)}),
    )

    def get_form(self, request, obj=None, change=False, **kwargs):
        # A class of this request's own: what is previewed depends on the reader.
        kwargs["form"] = type("PolicyForm", (PolicyForm,), {"reader": request.user, "Meta": PolicyForm.Meta})
        return super().get_form(request, obj, change, **kwargs)

    def has_delete_permission(self, request, obj=None):
        # Without it, items that no other fits would be chased by nobody's choice.
        return super().has_delete_permission(request, obj) and not (obj and obj.is_for_all_other)

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        context["preview"] = self._preview(context["adminform"].form, request.user)
        context["preview_button"] = PREVIEW
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _preview(self, form, reader) -> Preview | None:
        """What the form as it stands would do; None while it holds errors."""
        if form.errors:
            return None
        item = form.cleaned_data["preview_of"] if form.is_bound else None
        return preview(form.instance, item or newest_fitting(form.instance, reader))

    @display(description="policy for")
    def policy(self, row):
        return str(row)

    @display(description="what it does")
    def says(self, row):
        return row.in_words()
