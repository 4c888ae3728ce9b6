"""What the killed workers of a test are to tell subscribers; run in a process of its own, by tests/chaos/inside.py."""

from datetime import timedelta


def publish(run: str, count: str = "60", _people: str = "0") -> int:
    """So many subscribers of one run, and an update that nobody has been told of yet."""
    from django.utils import timezone

    from config.audit.actor import COMMAND, acting
    from incidents.models import Incident, Severity, Subscriber
    from incidents.models.subscriber import fingerprint_of

    addresses = [f"{run}-{number}@customer.example" for number in range(int(count))]
    now = timezone.now()
    with acting(kind=COMMAND, name="chaos"):
        Subscriber.objects.bulk_create(
            Subscriber(
                address=one, fingerprint=fingerprint_of("email", one), status="confirmed", confirmed_at=now
            )
            for one in addresses
        )
        incident = Incident.objects.declare(
            by=None, title=f"{run} fails", severity=Severity.objects.first(), visibility="public"
        )
        update = incident.updates.create(text="We are looking into it.")
        update.publish(by=None, at=now - timedelta(seconds=1))
    return len(addresses)
