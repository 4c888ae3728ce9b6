"""How often one address may answer from the open page. Addresses are not kept: a mark is, for an hour.

The mark is a keyed digest with the day in it, so that not even a copy of the table tells who came back tomorrow.
"""

import hmac
import ipaddress
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from incidents.models import FeedbackVisit

AN_HOUR = timedelta(hours=1)
MOST = 5  # answers an hour about one incident: several people of one office are one address


def is_full(request, incident) -> bool:
    """Whether this address has answered often enough within the hour; what is older is forgotten."""
    now = timezone.now()
    FeedbackVisit.objects.filter(at__lt=now - AN_HOUR).delete()
    marks = [_mark(request, incident, day) for day in {now.date(), (now - AN_HOUR).date()}]
    return FeedbackVisit.objects.filter(mark__in=marks, at__gte=now - AN_HOUR).count() >= MOST


def note(request, incident) -> None:
    """Count an answer of this address."""
    FeedbackVisit.objects.create(mark=_mark(request, incident, timezone.now().date()))


def _mark(request, incident, day) -> str:
    said = f"{day} {incident.pk} {_network(_address(request))}"
    return hmac.digest(settings.SECRET_KEY.encode(), f"feedback visit {said}".encode(), "sha256").hex()


def _address(request) -> str:
    address = request.META.get("REMOTE_ADDR", "")
    if (
        settings.SECURE_PROXY_SSL_HEADER
    ):  # set where a proxy of ours stands before us: only its own word counts
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    return address


def _network(address) -> str:
    """What one subscriber has: of IPv6 a whole network, or each could answer from a million addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
