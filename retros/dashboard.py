"""What of retrospectives is on the first page and in the sidebar."""

from django.db.models import Case, Value, When
from django.urls import reverse
from django.utils import timezone

from config.dashboard import Entry, Link, Panel, Row, due_in_words, entries, first, list_url, panel, row_url
from retros.models import Retrospective

entries(
    "Retrospectives",
    20,
    Entry("retros.Retrospective", "psychology_alt"),
    Entry("retros.Finding", "lightbulb"),
    Entry("retros.Section", "article", "Narrative"),
    Entry("retros.Participant", "groups"),
)
entries(
    "Catalogue",
    40,
    Entry("retros.Template", "edit_document", "Retrospective templates"),
    Entry("retros.Factor", "hub"),
)


@panel(20, permission="retros.view_retrospective")
def retros_due(request) -> Panel:
    """What is not published yet: the reader's own first, then the longest due."""
    rows, total = first(
        Retrospective.objects.open()
        .visible_to(request.user)
        .select_related("facilitator")
        .annotate(others=Case(When(facilitator=request.user, then=Value(0)), default=Value(1)))
        .order_by("others", "due_on", "pk")
    )
    add = Link("Open a retro", reverse("admin:retros_retrospective_add"))
    return Panel(
        title="Retrospectives due",
        rows=[_row(retro, request.user) for retro in rows],
        total=total,
        all=Link(f"All {total} open retrospectives", list_url("retros.Retrospective", "stage=open")),
        empty="None is waiting. One opens by itself when an incident that needs it is resolved.",
        add=add if request.user.has_perm("retros.add_retrospective") else None,
    )


def _row(retro, user) -> Row:
    due, late = due_in_words(retro.due_on, timezone.now().date())
    is_mine = retro.facilitator_id == user.pk
    return Row(
        title=str(retro),
        url=row_url(retro),
        mark="Yours" if is_mine else "",
        tone="info" if is_mine else "",
        facts=(retro.get_status_display(), due),
        late=late,
        note=_next_step(retro, is_mine),
    )


def _next_step(retro, is_mine) -> str:
    if retro.facilitator is None:
        return "Nobody leads it yet: choose a facilitator."
    if is_mine:
        is_draft = retro.status == Retrospective.Status.DRAFT
        return (
            "Write it, then send it for review." if is_draft else "Read what reviewers say, then publish it."
        )
    return f"Led by {retro.facilitator}."
