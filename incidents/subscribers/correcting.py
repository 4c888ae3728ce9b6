"""What subscribers are sent when what they were told is corrected: what it said, what it says now, and why.

Both are read when it is sent: who hears of a first correction late reads what it says by then.
"""

from config.outbox.messages import Call, Mail, message
from incidents.status.moments import said
from incidents.status.shape import moment
from incidents.subscribers import fanning
from incidents.subscribers.news import (
    arrived,
    body_of,
    bounced,
    call,
    letter,
    read,
    told_already,
    told_to,
    unheard,
)

EVENT = "incident.update_corrected"


@message(fanning.CORRECTION_MAIL, read=read, sent=arrived, refused=bounced)
def correction(delivery) -> Mail:
    """Says that what they were told was not right: in the thread of it, and asking nothing."""
    told, subscriber = told_to(delivery)
    made = told.row.correction
    return letter("correction", told, subscriber, correction=made, corrected_at=said(made.corrected_at))


@message(fanning.CORRECTION_HOOK, read=read, sent=arrived, refused=told_already, failed=unheard)
def correction_hook(delivery) -> Call:
    """The same for a program: the update as it is now, and what it said before."""
    told, subscriber = told_to(delivery)
    made = told.row.correction
    delivery.subject = told.title[:200]
    body = body_of(told) | {"type": EVENT, "timestamp": moment(made.corrected_at)}
    body["data"]["correction"] = {
        "id": made.public_id,
        "body_before": made.before,
        "reason": made.reason,
        "corrected_at": moment(made.corrected_at),
    }
    return call(subscriber, body)
