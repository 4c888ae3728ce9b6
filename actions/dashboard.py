"""What of action items is on the first page and in the sidebar."""

from django.db.models import Count, F, Min
from django.urls import reverse
from django.utils import timezone

from actions.models import ActionItem, EffectivenessCheck
from config.dashboard import (
    ROWS,
    Entry,
    Link,
    Panel,
    Row,
    day_in_words,
    due_in_words,
    entries,
    first,
    list_url,
    panel,
    row_url,
)

ITEM = "actions.ActionItem"
entries(
    "Actions",
    30,
    Entry(ITEM, "task_alt", "All actions"),
    Entry("", "person_check", "My actions", page="my-actions", permission="actions.view_actionitem"),
    Entry(ITEM, "groups", "Team", "stage=open", permission="actions.manage_actionitem"),
)


@panel(30, permission="actions.view_actionitem")
def my_actions(request) -> Panel:
    """What the reader has still to do, the longest due first."""
    mine = ActionItem.objects.open_for(request.user).select_related("retro")
    rows, total = first(mine.order_by(F("due_on").asc(nulls_last=True), "priority", "pk"))
    add = Link("Add an action", reverse("admin:actions_actionitem_add"))
    return Panel(
        title="My actions",
        rows=[_row(item, request.user.today()) for item in rows],
        total=total,
        all=Link(f"All {total} open actions of mine", reverse("my-actions")),
        empty="Nothing waits for you. What retrospectives ask of you will be listed here.",
        add=add if request.user.has_perm("actions.add_actionitem") else None,
    )


def _row(item, today) -> Row:
    due, late = due_in_words(item.due_on, today)
    urgent = item.priority <= ActionItem.Priority.HIGH
    return Row(
        title=str(item),
        url=row_url(item),
        mark=item.get_priority_display() if urgent else "",
        tone="danger" if item.priority == ActionItem.Priority.URGENT else "warning",
        facts=(item.get_status_display(), due),
        late=late,
        note=item.why,
    )


@panel(40, permission="actions.view_actionitem")
def overdue_by_owner(request) -> Panel:
    """Where promises to customers wait longest, so that somebody can help."""
    owners = list(
        ActionItem.objects.overdue()
        .visible_to(request.user)
        .order_by()
        .values("owner", "owner__name")
        .annotate(count=Count("pk"), oldest=Min("due_on"))
        .order_by("-count", "oldest", "owner")[: ROWS + 1]
    )
    shown = owners[:ROWS]
    return Panel(
        title="Overdue actions by owner",
        rows=[_owner(owner) for owner in shown],
        total=f"{ROWS}+" if len(owners) > ROWS else str(len(owners)),
        all=Link("All overdue actions", list_url(ITEM, "stage=overdue")),
        empty="Nothing is overdue: what was promised is on its way.",
    )


def _owner(owner) -> Row:
    today = timezone.now().date()
    whose = f"owner__id__exact={owner['owner']}" if owner["owner"] else "whose=nobody"
    return Row(
        title=owner["owner__name"] or "Nobody yet",
        url=list_url(ITEM, f"stage=overdue&{whose}"),
        facts=(f"oldest due {day_in_words(owner['oldest'], today)}",),
        late=f"{owner['count']} overdue",
        note="" if owner["owner"] else "Choose an owner: nobody is reminded.",
    )


CHECK = "actions.EffectivenessCheck"
entries("Actions", 30, Entry(CHECK, "fact_check", "Did it work?"))


@panel(35, permission="actions.view_effectivenesscheck")
def did_it_work(request) -> Panel:
    """What the reader is asked about; for who manages actions, also what nobody else could be asked."""
    waiting = EffectivenessCheck.objects.waiting_for(request.user).select_related("item__owner")
    rows, total = first(waiting.order_by("due_on", "pk"))
    return Panel(
        title="Did it work?",
        rows=[_question(check, request.user) for check in rows],
        total=total,
        all=Link(f"All {total} questions that wait for me", list_url(CHECK, "whose=mine")),
        empty="Nobody waits for your answer. When an action was done we ask somebody else whether it worked.",
    )


def _question(check, reader) -> Row:
    due, late = due_in_words(check.due_on, reader.today())
    return Row(
        title=str(check.item),
        url=row_url(check),
        mark="It may have happened again" if check.incident_id else "",
        tone="danger",
        facts=(f"done by {check.item.owner}" if check.item.owner else "done", due),
        late=late,
        note=check.item.success_measure or check.item.evidence,
    )
