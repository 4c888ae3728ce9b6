"""What is missing before publication, on the pages of the verbs it concerns: each with the way to mend it."""

from dataclasses import dataclass

from django.urls import reverse

from retros import gate, neutrality, wording
from retros.admin.locking import add_action

NOTES = "admin/retros/_before_publishing.html"
TABS = {"sections": "sections", "factors": "retro_factors", "findings": "findings"}


@dataclass(frozen=True)
class ToMend:
    """One thing that is missing, and where it is mended."""

    what: str
    url: str
    label: str


def to_mend(request, retro, found) -> list[ToMend]:
    """What is missing, each with where this person goes to mend it."""
    return [ToMend(one.what, *_way(request, retro, one)) for one in found]


def _way(request, retro, one) -> tuple[str, str]:
    match one.where:
        case "actions":
            [link] = add_action(request, retro=retro.pk) or [{"url": retro.get_absolute_url()}]
            return link["url"], "Add an action"
        case "review":
            return _verb(retro, "ask_reviewers"), "Ask reviewers"
        case "neutrality":
            return _verb(retro, "confirm_facilitator"), "Confirm who leads it"
        case "sections" | "findings" if one.pk:
            part = {"sections": "section", "findings": "finding"}[one.where]
            return reverse(f"admin:retros_{part}_change", args=[one.pk]), "Write it"
        case where:
            return f"{retro.get_absolute_url()}#{TABS.get(where, 'general')}", "Write it"


def _verb(retro, name):
    return reverse("admin:retros_retrospective_verb", args=[retro.pk, name])


def before(request, retro, verb) -> dict:
    """What the page of a verb says before it asks: what is missing, and for publishing what the coach marked."""
    match verb:
        case "publish":
            found = gate.missing(retro)
            marks = [] if found else wording.open_marks(retro)
            return _notes(request, retro, found, is_barred=bool(found), marks=marks)
        case "send_for_review":
            barred = neutrality.is_to_confirm(retro)
            found = [one for one in gate.missing(retro) if one.slug == "neutrality"] if barred else []
            return _notes(request, retro, [*found, *gate.missing_in_text(retro)], is_barred=barred)
        case "confirm_facilitator":
            seen = neutrality.seen_by(neutrality.appearances(retro), request.user)
            return {"notes": NOTES, "appears": seen, "facilitator": retro.facilitator}
    return {}


def _notes(request, retro, found, *, is_barred, marks=()):
    mend = to_mend(request, retro, found)
    return {"notes": NOTES, "missing": mend, "is_barred": is_barred, "marks": marks}
