"""Somebody types an address into our page. Whose it is nobody knows: so only a mail to it says anything about it."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.audit.actor import MAIL_LINK, acting
from config.outbox.models import Delivery
from incidents.models import Subscriber
from incidents.subscribers import links

PAUSE = timedelta(minutes=10)  # between two mails to one address, whoever asks for them
PAGE = "status page"
ASKED, KNOWN = "incidents.subscribe", "incidents.subscribed"


def ask(address, *, services=(), regions=(), at=None) -> None:
    """Have a mail ask whether this address is to be told; the answer to whoever typed it is always the same."""
    try:
        _ask(address, services, regions, at or timezone.now())
    except IntegrityError:  # somebody typed the same address at the same moment, and was first
        _ask(address, services, regions, at or timezone.now())


@transaction.atomic
def _ask(address, services, regions, at):
    known = Subscriber.objects.known_as(Subscriber.Channel.EMAIL, address)
    row = known.select_for_update(of=("self",)).first()
    if row is not None and row.asked_at and at - row.asked_at < PAUSE:
        return
    with acting(kind=MAIL_LINK, name="a reader of the status page"):
        if row is not None and row.is_confirmed:
            # What they chose stays: whoever types their address here may be anybody.
            Subscriber.objects.filter(pk=row.pk).update(asked_at=at)
            row.asked_at = at
            _queue(row, KNOWN, at)
            return
        if row is None:
            row = Subscriber(channel=Subscriber.Channel.EMAIL, address=address, source=PAGE, asked_at=at)
            row.full_clean(exclude=["fingerprint"])
            row.save()
        else:
            row.ask(by=None, address=address, at=at)
        row.choose(services=services, regions=regions)
        _queue(row, ASKED, at)


@transaction.atomic
def invite(row) -> None:
    """Have a mail ask somebody whom one of us has entered."""
    row.asked_at = timezone.now()
    Subscriber.objects.filter(pk=row.pk).update(asked_at=row.asked_at)
    _queue(row, ASKED, row.asked_at)


def _queue(row, kind, at):
    Delivery.objects.queue(
        [
            Delivery(
                key=f"{kind.partition('.')[2]}:{row.public_id}:{int(at.timestamp())}",
                kind=kind,
                address=row.name,
                context={"subscriber": row.pk},
            )
        ]
    )


def forget_unconfirmed(at=None) -> int:
    """Delete who never said yes, and with them the address somebody typed; returns how many."""
    before = (at or timezone.now()) - timedelta(days=links.DAYS)
    stale = Subscriber.objects.filter(status=Subscriber.Status.PENDING, asked_at__lt=before)
    return sum(row.delete()[1].get("incidents.Subscriber", 0) for row in stale[:1_000])
