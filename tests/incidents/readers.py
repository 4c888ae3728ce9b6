"""What the tests of subscribers share."""

import re

from django.core import mail
from django.utils import timezone

from config.outbox import sending
from config.outbox.models import Delivery
from incidents.models import Subscriber
from incidents.subscribers import fanning, links


def reader(address="kim@customer.example", *, services=(), regions=(), **fields):
    """Somebody who has confirmed."""
    row = Subscriber(address=address, status="confirmed", confirmed_at=timezone.now(), **fields)
    row.full_clean(exclude=["fingerprint"])
    row.save()
    row.choose(services=services, regions=regions)
    return row


def system(url="https://hooks.customer.example/in", **fields):
    """A customer's system."""
    return reader(url, channel="webhook", **fields)


def many(count, start=0):
    """So many who have confirmed, in few statements."""
    from incidents.models.subscriber import fingerprint_of

    now = timezone.now()
    addresses = [f"reader{number}@customer.example" for number in range(start, start + count)]
    rows = [
        Subscriber(
            address=one,
            fingerprint=fingerprint_of("email", one),
            status="confirmed",
            confirmed_at=now,
        )
        for one in addresses
    ]
    return Subscriber.objects.bulk_create(rows, batch_size=500)


def sent():
    """Tell whoever is to be told, and take all mail out; returns the letters."""
    fanning.tell()
    mail.outbox.clear()
    sending.deliver()
    return list(mail.outbox)


def queued():
    """The messages to subscribers."""
    return Delivery.objects.filter(key__startswith="news:")


def link_in(letter, purpose):
    """The path of a link in a letter."""
    return re.search(rf"https?://[^/\s]+(/subscribe/{purpose}/\S+/)", letter.body)[1]


def path(row, purpose="manage"):
    return links.path(row, purpose)
