"""What of retrospectives is on the first page and in the sidebar."""

from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils import timezone

from config.dashboard import Entry, Link, Panel, Row, ago, due_in_words, entries, first, list_url, panel
from retros.checklist import next_steps
from retros.models import Retrospective, Review
from retros.models.retrospective import FACILITATE

entries(
    "Retrospectives",
    20,
    Entry("retros.Retrospective", "psychology_alt"),
    Entry("retros.Finding", "lightbulb"),
    Entry("retros.Section", "article", "Narrative"),
    Entry("retros.Participant", "groups"),
    Entry("retros.Learning", "campaign", "Public learnings"),
    Entry("", "bar_chart", "Factors over time", page="themes", permission="retros.view_retrofactor"),
)
entries(
    "Catalogue",
    40,
    Entry("retros.Template", "edit_document", "Retrospective templates"),
    Entry("retros.Factor", "hub"),
    Entry("retros.Question", "contact_support"),
    Entry("retros.StepRule", "checklist", "Checklist rules"),
)


@panel(15, permission="retros.view_review")
def reviews_asked_of_me(request) -> Panel:
    """What somebody asked the reader to read before everybody does: who has waited longest comes first."""
    waiting = Review.objects.waiting_for(request.user).visible_to(request.user)
    rows, total = first(waiting.select_related("retro", "asked_by").order_by("asked_at", "pk"))
    whose = f"status__exact={Review.Status.ASKED}&reviewer__id__exact={request.user.pk}"
    return Panel(
        title="Waiting for your review",
        rows=[_review_row(review) for review in rows],
        total=total,
        all=Link("All reviews asked of you", list_url("retros.Review", whose)),
        empty="Nobody waits for you. Whoever leads a retrospective asks you by mail once its text stands.",
    )


def _review_row(review) -> Row:
    by = (f"by {review.asked_by}",) if review.asked_by else ()
    return Row(
        title=str(review.retro),
        url=review.get_absolute_url(),
        facts=(ago(review.asked_at, "asked"), *by),
        note="Next: read it, comment, then approve it or ask for changes.",
    )


@panel(18, permission=FACILITATE)
def retros_led(request) -> Panel:
    """What the reader leads, and the first step of each that is not done."""
    mine = (
        Retrospective.objects.open().filter(facilitator=request.user).select_related("facilitator", "sponsor")
    )
    rows, total = first(mine.order_by("due_on", "pk"))
    steps = next_steps(rows)
    return Panel(
        title="Retros you lead: what is next",
        rows=[_led_row(retro, steps.get(retro.pk)) for retro in rows],
        total=total,
        all=Link(
            f"All {total} that you lead", list_url("retros.Retrospective", _LED.format(request.user.pk))
        ),
        empty="You lead none now. Open one without a facilitator and choose yourself.",
    )


_LED = "stage=open&facilitator__id__exact={}"


def _led_row(retro, step) -> Row:
    today = timezone.now().date()
    due, late = due_in_words(retro.due_on, today)
    return Row(
        title=str(retro),
        url=retro.workspace_url,
        facts=(retro.get_status_display(), due),
        late=late,
        note=_in_words(step, retro, today) if step else _next_step(retro, is_mine=True),
    )


def _in_words(step, retro, today) -> str:
    due, late = due_in_words(step.due_on, today)
    whose = f"{step.responsible}, " if step.responsible not in (None, retro.facilitator) else ""
    return f"Next: {str(step).lower()} ({whose}{late.lower() or due})."


@panel(20, permission="retros.view_retrospective")
def retros_due(request) -> Panel:
    """What is not published yet: the reader's own first, then the longest due. Who leads sees theirs above."""
    user = request.user
    leads = user.has_perm(FACILITATE)
    found = Retrospective.objects.open().visible_to(user).select_related("facilitator")
    found = found.filter(~Q(facilitator=user) | Q(facilitator=None)) if leads else found
    is_mine = Case(When(facilitator=user, then=Value(0)), default=Value(1))
    rows, total = first(found.annotate(others=is_mine).order_by("others", "due_on", "pk"))
    add = Link("Open a retro", reverse("admin:retros_retrospective_add"))
    return Panel(
        title="Other retrospectives due" if leads else "Retrospectives due",
        rows=[_row(retro, user) for retro in rows],
        total=total,
        all=Link("All open retrospectives", list_url("retros.Retrospective", "stage=open")),
        empty="None is waiting. One opens by itself when an incident that needs it is resolved.",
        add=add if user.has_perm("retros.add_retrospective") else None,
    )


def _row(retro, user) -> Row:
    due, late = due_in_words(retro.due_on, timezone.now().date())
    is_mine = retro.facilitator_id == user.pk
    return Row(
        title=str(retro),
        url=retro.workspace_url,
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
