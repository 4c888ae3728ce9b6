"""What can be added to a retro without leaving its workspace. Apps downstream bring their own:

    adder(Adder("action", "Actions", "Add an action", "actions.add_actionitem", form=…, save=…, rows=…))

An adder's form is made for a request and a retro, so that it offers only what the person may choose.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Prefetch
from django.utils.html import format_html

from config.display import badge, link
from config.visibility import visible
from incidents.models import Incident, TimelineEntry
from retros.models import Finding, Retrospective
from retros.workspace.forms import NewEntry, NewFactor, NewFinding


@dataclass(frozen=True)
class Adder:
    """Something that is added in place: what it is called, who may, its form, and what is there already."""

    slug: str
    heading: str
    label: str
    permission: str
    form: Callable  # (request, retro, data) → a form
    save: Callable  # (form, retro, by) → what was made
    rows: Callable | None = None  # (request, retro) → HTML of what there is, one line each
    empty: str = ""
    order: int = 0

    def permits(self, user) -> bool:
        """Whether `user` may add one."""
        return user.has_perm(self.permission)

    def make(self, form, retro, by):
        """Add it to a retro that is not published, whatever happens meanwhile."""
        with transaction.atomic():
            locked = Retrospective._base_manager.select_for_update(of=("self",)).get(pk=retro.pk)
            locked.refuse_edit()
            return self.save(form, locked, by)


ADDERS: dict[str, Adder] = {}


def adder(new: Adder) -> None:
    """Put it on the workspace of every retro."""
    ADDERS[new.slug] = new


def cards() -> list[Adder]:
    """Those that have a card of their own, in their order."""
    return sorted((one for one in ADDERS.values() if one.rows), key=lambda one: one.order)


# --- A note on the timeline


def _incidents(request, retro):
    return Incident.objects.filter(retro_links__retro=retro).visible_to(request.user).order_by("pk")


def _entry_form(request, retro, data=None):
    return NewEntry(data, incidents=_incidents(request, retro), prefix="entry")


def _save_entry(form, retro, by):
    asked = form.cleaned_data
    return asked["incident"].log(
        TimelineEntry.Kind.NOTE, asked["text"], by=by, at=asked["at"], source="Workspace"
    )


# --- Contributing factors


def _factor_form(request, retro, data=None):
    return NewFactor(data, instance=retro.retro_factors.model(retro=retro), prefix="factor")


def _factors(request, retro):
    for row in retro.retro_factors.select_related("factor"):
        yield format_html("{} <span>{}</span>", link(row), row.note)


# --- Findings


def _finding_form(request, retro, data=None):
    return NewFinding(data, instance=Finding(retro=retro), prefix="finding")


def _save_row(form, retro, by):
    return form.save()


def _save_finding(form, retro, by):
    last = retro.findings.order_by("-position").values_list("position", flat=True).first()
    form.instance.position = (last or 0) + 1
    return form.save()


def _findings(request, retro):
    items = Finding._meta.get_field("action_items").related_model._default_manager.all()
    led_to = Prefetch("action_items", visible(items, request.user), to_attr="led_to")
    for row in retro.findings.prefetch_related(led_to):
        answers = format_html(" → {}", link(row.led_to[0])) if row.led_to else ""
        yield format_html("{} {}{}", badge(row.get_kind_display()), link(row, row.text), answers)


adder(
    Adder("entry", "", "New entry", "incidents.add_timelineentry", _entry_form, _save_entry),
)
adder(
    Adder(
        "factor",
        "Contributing factors",
        "Name a factor",
        "retros.add_retrofactor",
        _factor_form,
        _save_row,
        _factors,
        "Several things came together. Name the first of them.",
        10,
    )
)
adder(
    Adder(
        "finding",
        "Findings",
        "Add a finding",
        "retros.add_finding",
        _finding_form,
        _save_finding,
        _findings,
        "What do we know now that we did not know before?",
        20,
    )
)
