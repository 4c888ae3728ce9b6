"""One function per message about action items, beside what config/reminding/digests.py tells once a day.

Each is queued by the verb it tells of, in the verb's transaction, and read again when it is sent: an offer that
was taken back, or an item that was reopened meanwhile, is not told of.
"""

from django.utils import timezone

from actions.answers import offer_buttons_for
from actions.models import ActionItem
from config.forms import storable
from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from retros.models import Retrospective

LONGEST = 2_000  # characters of a text in a mail
IN_WORDS = {
    "accepted": "took it over",
    "declined": "can’t take it over",
    "kept": "keeps it, so nothing is asked of you any more",
    "dropped": "decided not to do it",
    "blocked": "said that it is blocked",
}


# --- Queued by the verbs of an item, before they save it


def tell_of_offer(item) -> None:
    """Ask the person to take it over."""
    _queue("offered", item, item.offered_to, note=item.offer_note, asked_at=item.offered_at.isoformat())


def tell_of_answer(item, how, *, by, reason="") -> None:
    """Tell the owner, or without one whoever asked, what came of it; `item` is still offered."""
    facts = {"how": how, "by": by and by.pk, "name": str(by or ""), "reason": reason}
    _queue(
        "offer_answered", item, item.owner or item.offered_by, **facts, asked_at=item.offered_at.isoformat()
    )


def tell_of_keeping(item, *, by, reason="") -> None:
    """Tell whoever was asked that they need not answer; `item` is still offered."""
    facts = {"how": "kept", "by": by and by.pk, "name": str(by or item.owner or ""), "reason": reason}
    _queue("offer_answered", item, item.offered_to, **facts, asked_at=item.offered_at.isoformat())


def tell_who_led(item, how, *, by, reason="") -> None:
    """Tell whoever led the retro that it is dropped or blocked, and why."""
    since = {"dropped": item.ended_at and item.ended_at.isoformat(), "blocked": str(item.snoozed_until)}[how]
    facts = {"how": how, "name": str(by or "Aftercare"), "reason": reason, "since": since}
    _queue("told", item, who_led(item, by), waits_for=item.waits_for, **facts)


def who_led(item, by):
    """Who is told of what happens to an item: the retro's facilitator, or the owner's manager, or nobody."""
    facilitator = item.retro and item.retro.facilitator
    if facilitator is not None and facilitator.is_active:
        return None if facilitator == by else facilitator
    manager = item.owner and item.owner.manager
    return manager if manager is not None and manager.is_active and manager != by else None


def _queue(kind, item, person, **facts) -> None:
    if person is None or not person.is_active:
        return
    now = timezone.now()
    context = {
        "item": item.pk,
        **{name: storable(fact) if isinstance(fact, str) else fact for name, fact in facts.items()},
    }
    delivery = Delivery(
        # A version is made by one change, so each event has a key of its own, however often it happens.
        key=f"{kind}:item {item.pk}:version {item.version}:{person.pk}",
        kind=f"actions.{kind}",
        recipient=person,
        address=person.email,
        context=context,
        due_at=person.calendar.next_working_moment(now) or now,
    )
    Delivery.objects.queue([delivery])


# --- What they say, read when they are sent


@message("actions.offered", in_working_hours=True)
def offered(delivery) -> Mail:
    """Asks somebody to take an item over, with the two answers."""
    item = _item(delivery)
    if item.offered_to_id != delivery.recipient_id or not _is_asked(item, delivery):
        raise NoLongerTrue("It is not offered to them any more.")
    context = {
        **_facts(item, delivery),
        "asker": item.offered_by,
        "note": _short(delivery.context["note"]),
        "buttons": offer_buttons_for(item, delivery.recipient, delivery),
    }
    return _mail("offered", item, context, reason="offered")


@message("actions.offer_answered", in_working_hours=True)
def offer_answered(delivery) -> Mail:
    """Tells the owner that it was taken over or declined, or whoever was asked that they need not answer."""
    item, how = _item(delivery), delivery.context["how"]
    if _is_asked(item, delivery):
        raise NoLongerTrue("The answer was taken back.")
    if how == "accepted" and item.owner_id != delivery.context["by"]:
        raise NoLongerTrue("It belongs to somebody else by now.")
    if how == "declined" and item.owner_id not in (None, delivery.recipient_id):
        raise NoLongerTrue("It is not theirs any more.")
    if how == "kept" and not _was_asked(item, delivery):
        raise NoLongerTrue("They were never told that they were asked.")
    return _mail("offer_answered", item, {**_facts(item, delivery), **_what(delivery)}, reason="owner")


@message("actions.told", in_working_hours=True)
def told(delivery) -> Mail:
    """Tells whoever led the retro, or else the owner's manager, that an item is dropped or blocked, and why."""
    item = _item(delivery, may_be_ended=True)
    if delivery.context["how"] == "dropped":
        holds = item.status == ActionItem.Status.DROPPED
        since = item.ended_at and item.ended_at.isoformat()
    else:
        holds = item.is_open and storable(item.waits_for) == delivery.context["waits_for"]
        since = str(item.snoozed_until)
    if not holds or since != delivery.context["since"]:
        raise NoLongerTrue("That has changed since.")
    context = {
        **_facts(item, delivery),
        **_what(delivery),
        "waits_for": _short(item.waits_for),
        "until": item.snoozed_until,
    }
    return _mail("told", item, context, reason="facilitator")


def _item(delivery, *, may_be_ended=False):
    person = delivery.recipient
    if not person.is_active:
        raise NoLongerTrue(f"{person} does not work here any more.")
    if delivery.address != person.email:
        raise NoLongerTrue(f"{person} has another address now.")
    rows = ActionItem.objects.select_related("owner", "offered_by")
    item = rows.filter(pk=delivery.context["item"]).first()
    if item is None or not (item.is_open or may_be_ended):
        raise NoLongerTrue("It is no longer open.")
    return item


def _is_asked(item, delivery) -> bool:
    """Whether the offer that this message is about still stands."""
    return item.offered_at is not None and item.offered_at.isoformat() == delivery.context["asked_at"]


def _was_asked(item, delivery) -> bool:
    mails = Delivery.objects.filter(recipient=delivery.recipient_id, kind="actions.offered")
    asked = {"context__item": item.pk, "context__asked_at": delivery.context["asked_at"]}
    return mails.filter(state=Delivery.State.SENT, **asked).exists()


def _facts(item, delivery) -> dict:
    """What every one of these mails says of the item. Its retro only to those who may know of it."""
    reader = delivery.recipient
    retro = Retrospective.objects.visible_to(reader).filter(pk=item.retro_id).first()
    return {
        "reader": reader,
        "reference": item.reference,
        "title": storable(item.title[:255]),
        "why": _short(item.why),
        "due_on": item.due_on,
        "source": str(retro) if retro else "",
        "address": item.get_absolute_url(),
    }


def _what(delivery) -> dict:
    said = delivery.context
    return {"who": said["name"], "what": IN_WORDS[said["how"]], "reason": _short(said["reason"])}


def _short(text) -> str:
    return storable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…")


def _mail(template, item, context, *, reason) -> Mail:
    return Mail(
        template=template, context=context, thread=f"item {item.pk}", reason=reason, list_id="actions"
    )
