"""What of messages is on the first page and in the sidebar."""

from config.dashboard import Entry, Link, Panel, Row, ago, entries, first, list_url, panel, row_url
from config.outbox.models import Delivery

entries("Messages", 60, Entry("outbox.Delivery", "mail"))


@panel(50, permission="outbox.view_delivery")
def messages_in_trouble(request) -> Panel:
    """What could not be delivered: nobody has read it, and nobody will unless somebody looks."""
    dead = Delivery.objects.filter(state=Delivery.State.DEAD).select_related("recipient").order_by("-pk")
    rows, total = first(dead)
    return Panel(
        title="Messages in trouble",
        rows=[_row(delivery) for delivery in rows],
        total=total,
        all=Link(f"All {total} messages given up", list_url("outbox.Delivery", "state__exact=dead")),
        empty="Every message went out or is on its way.",
    )


def _row(delivery) -> Row:
    lines = delivery.error.splitlines()
    return Row(
        title=delivery.subject or delivery.key,
        url=row_url(delivery),
        mark=delivery.get_state_display(),
        tone="danger",
        facts=(f"to {delivery.recipient or delivery.address}", ago(delivery.created_at, "queued")),
        note=lines[0][:200] if lines else "",
    )
