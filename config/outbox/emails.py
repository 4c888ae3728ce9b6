"""The messages about messages: somebody is told, once, of one that was refused for good."""

from django.contrib.auth import get_user_model
from django.db.models import Q

from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from config.people import roles

REFUSED = "outbox.refused"


def tell_of_refused(dead: Delivery) -> int:
    """Queue a word to whoever can do something about it; returns how many are told for the first time."""
    if dead.kind == REFUSED:  # a refusal of a refusal would go on for ever
        return 0
    return Delivery.objects.queue(
        [
            Delivery(
                key=f"refused:{dead.pk}:person {person.pk}",
                kind=REFUSED,
                recipient=person,
                address=person.email,
                context={"delivery": dead.pk},
            )
            for person in _who_can_help(dead.recipient)
        ]
    )


def _who_can_help(recipient):
    """The manager of whom it was for, who can reach them; else those who look after the system."""
    manager = recipient.manager if recipient else None
    if manager is not None and manager.is_active:
        return [manager]
    administers = Q(groups__name=roles.ADMINISTRATOR) | Q(is_superuser=True)
    people = get_user_model().objects.filter(administers, is_active=True).distinct()
    return people.exclude(pk=recipient.pk) if recipient else people


@message(REFUSED)
def refused(delivery) -> Mail:
    """Says who did not get a message and why, but not what it said: the reader may not be meant to know."""
    dead = Delivery.objects.filter(pk=delivery.context.get("delivery"), state=Delivery.State.DEAD).first()
    if dead is None:
        raise NoLongerTrue("It was sent again meanwhile.")
    reader = delivery.recipient
    if not reader.is_active or reader.email != delivery.address:
        raise NoLongerTrue(f"{reader} does not work here any more, or has another address.")
    context = {
        "reader": reader,
        "dead": dead,
        "whose": dead.recipient or dead.address,
        "may_open": reader.has_perm("outbox.view_delivery"),
    }
    return Mail("refused", context, thread="refused", reason="escalation", list_id="messages")
