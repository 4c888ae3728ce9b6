"""What the workspace shows: put together in a number of queries that no retro changes."""

from django.urls import reverse

from config.conflicts import latest_change
from config.references import written
from incidents.feedback.numbers import words_of
from incidents.models import Incident
from retros.checklist import checklist
from retros.metrics import impact_facts
from retros.workspace import timeline
from retros.workspace.adding import ADDERS, cards
from retros.workspace.lines import Lines
from retros.workspace.texts import texts_of

WORDS = 100  # of customers that are shown; the list has them all
VIEW = "admin:retros_retrospective_workspace"


def address(retro, *rest, name="") -> str:
    """Where the workspace of `retro` is, or one of its parts."""
    return reverse(f"{VIEW}_{name}" if name else VIEW, args=[retro.pk, *rest])


def incidents_of(request, retro):
    """The incidents of the retro that the reader may see, each with its severity."""
    # Not through `retro.incidents`, of which the admin has read the titles alone.
    rows = Incident.objects.filter(retro_links__retro=retro).visible_to(request.user)
    return list(rows.select_related("severity").order_by("pk"))


def may_write(request, retro) -> bool:
    """Whether the reader works on it: has the role, and it is not published."""
    return request.user.has_perm("retros.change_retrospective") and not retro.is_published


def context_of(request, retro, forms=None, opened="") -> dict:
    """Everything on the page. `forms` are those that were sent and refused, by the name of their adder."""
    incidents, can_write = incidents_of(request, retro), may_write(request, retro)
    return {
        "title": str(retro),
        "retro": retro,
        "can_write": can_write,
        "facts": impact_facts(incidents),
        "said": words_of(incidents, WORDS) if request.user.has_perm("incidents.view_feedback") else [],
        "texts": [_shown(text, request, can_write) for text in texts_of(retro)],
        "cards": [_card(request, retro, one, can_write, forms or {}) for one in cards()],
        "entry_form": _form(request, retro, ADDERS["entry"], can_write and bool(incidents), forms or {}),
        "opened": opened,
        "latest_change": latest_change(retro),
        **checklist_context(request, retro),
        **timeline_context(request, retro, incidents),
    }


def checklist_context(request, retro) -> dict:
    """The checklist alone, for the page and for what changes it."""
    lines = checklist(retro, request.user.today())
    return {
        "retro": retro,
        "lines": lines,
        "done": sum(line.is_done for line in lines),
        "next": next((line for line in lines if line.is_open), None),
        "can_facilitate": request.user.has_perm("retros.facilitate_retrospective") and not retro.is_published,
    }


def timeline_context(request, retro, incidents=None) -> dict:
    """A page of the timeline, for the page and for “more”."""
    incidents = incidents_of(request, retro) if incidents is None else incidents
    lines = Lines(retro, can_write=may_write(request, retro), several=len(incidents) > 1)
    page = timeline.read(retro, incidents, timeline.Asked.of(request.GET))
    return {"retro": retro, "page": page, "timeline": lines.all(page)}


def _shown(text, request, can_write):
    """What is written, to be edited; or, for who only reads it, as HTML."""
    return text if can_write else (text, written(text.text, request.user))


def _card(request, retro, one, can_write, forms):
    return {
        "adder": one,
        "rows": list(one.rows(request, retro)),
        "form": _form(request, retro, one, can_write, forms),
    }


def _form(request, retro, one, can_write, forms):
    if not can_write or not one.permits(request.user):
        return None
    return forms.get(one.slug) or one.form(request, retro)
