"""One function per message about action items."""

from datetime import date

from actions.models import ActionItem
from config.outbox.messages import Mail, NoLongerTrue, message
from retros.models import Retrospective

MOST_ITEMS = 100  # in one mail; the rest is counted in words


@message("actions.overdue")
def overdue(delivery) -> Mail:
    """Tells an owner what of theirs is overdue, the oldest first."""
    owner, day = delivery.recipient, date.fromisoformat(delivery.context["day"])
    if not owner.is_active:
        raise NoLongerTrue(f"{owner} does not work here any more.")
    if delivery.address != owner.email:
        raise NoLongerTrue(f"{owner} has another address now.")
    late = ActionItem.objects.open_for(owner).filter(due_on__lt=day)
    items = list(late.select_related("retro", "owner")[: MOST_ITEMS + 1])
    if not items:
        raise NoLongerTrue("Nothing of theirs is overdue any more.")
    shown = items[:MOST_ITEMS]
    seen = set(
        Retrospective.objects.filter(action_items__in=[item.pk for item in shown])
        .visible_to(owner)
        .values_list("pk", flat=True)
    )
    for item in shown:
        item.days_late = (day - item.due_on).days
        # The owner of an item need not be allowed to know which restricted incident it comes from.
        item.source = item.retro if item.retro_id in seen else None
    return Mail(
        template="overdue",
        context={"owner": owner, "items": shown, "more": late.count() - len(shown), "day": day},
        thread=f"overdue:person {owner.pk}",
        list_id="actions",
    )
