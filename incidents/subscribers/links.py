"""The signed addresses that subscribers are sent. Each serves one purpose; none tells a number of our tables."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from incidents.models import Subscriber

LONGEST = 300  # characters of a token
DAYS = 7  # that a confirmation can be given; an address nobody confirmed is forgotten then
CONFIRM, MANAGE, STOP = "confirm", "manage", "stop"


def _signer(purpose):
    return signing.TimestampSigner(salt=f"aftercare.subscriber.{purpose}")


def token(subscriber, purpose) -> str:
    """What proves that somebody reads the mail of this subscriber, for one purpose."""
    return _signer(purpose).sign_object([subscriber.public_id, _asked(subscriber)])


def _asked(subscriber) -> int:
    return int(subscriber.asked_at.timestamp()) if subscriber.asked_at else 0


def url(subscriber, purpose) -> str:
    """The whole address."""
    return settings.SITE_URL + path(subscriber, purpose)


def path(subscriber, purpose) -> str:
    """The address on this site."""
    return reverse(f"subscribe-{purpose}", args=[token(subscriber, purpose)])


def read(text: str, purpose) -> Subscriber | None:
    """Whose it is; None for one that is not ours, of another purpose, or too old.

    To confirm is possible for a week and by the newest mail alone. To manage and to end it has no end: mails are
    kept for years, and the link must work in each of them.
    """
    if len(text) > LONGEST or not text.isascii():
        return None
    age = DAYS * 24 * 3600 if purpose == CONFIRM else None
    try:
        public_id, asked = _signer(purpose).unsign_object(text, max_age=age)
    except (signing.BadSignature, ValueError):
        return None
    found = Subscriber.objects.filter(public_id=public_id, channel=Subscriber.Channel.EMAIL).first()
    if found is None or (purpose == CONFIRM and asked != _asked(found)):
        return None
    return found
