"""The links by which customers answer: signed, for one purpose, one incident and one mail, and for a while.

A link holds no address and no name: its seed is a keyed digest of the mail's key, which nobody can turn back.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from incidents.models import CustomerUpdate, Incident
from incidents.models.feedback import FeedbackRequest, Purpose

SALT, PAGE_SALT = "aftercare.feedback", "aftercare.feedback.page"
GOOD_FOR = timedelta(days=30)  # counted in whole days of UTC, so that a link is the same all day
PAGE_GOOD_FOR = timedelta(hours=2)
LONGEST = 400  # characters of a token: what is longer is none of ours, and is not even checked


class Unreadable(Exception):
    """Not one of our links for this, or not all of it."""


@dataclass(frozen=True)
class Link:
    """What a link says: what is asked, about which incident and update (0: none), and which mail it came with."""

    purpose: str
    incident: int
    update: int
    seed: str
    day: int

    @property
    def nonce(self) -> str:
        """What makes it single: the same for the same mail, whenever that is written."""
        said = repr((self.purpose, self.incident, self.update, self.seed))
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def token(self) -> str:
        """The link as it stands in an address."""
        said = [self.purpose, self.incident, self.update, self.seed, self.day]
        return signing.Signer(salt=SALT).sign_object(said)

    @property
    def url(self) -> str:
        """The whole address, as mails need it."""
        return settings.SITE_URL + reverse("feedback-link", args=[self.token])

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return _today() - self.day >= GOOD_FOR.days


@dataclass(frozen=True)
class Question:
    """What one mail asks; `key` names the mail and whom it goes to. Without an update it is about all of it."""

    incident: Incident
    key: str
    update: CustomerUpdate | None = None

    @property
    def purpose(self) -> Purpose:
        """What is asked."""
        return Purpose.UPDATE if self.update else Purpose.AFTER

    @property
    def link(self) -> Link:
        """The link that answers it today."""
        about = self.update.pk if self.update else 0
        return Link(self.purpose.value, self.incident.pk, about, _seed(self.key), _today())


def links_for(questions: list[Question]) -> list[str]:
    """The addresses by which whoever gets these mails answers, each once; that it was asked is noted, once."""
    links = [question.link for question in questions]
    FeedbackRequest.objects.bulk_create(
        [
            FeedbackRequest(
                nonce=link.nonce, purpose=link.purpose, incident=asked.incident, update=asked.update
            )
            for asked, link in zip(questions, links, strict=True)
        ],
        ignore_conflicts=True,
    )
    return [link.url for link in links]


def link_for(incident, key: str, purpose: str, update=None) -> str:
    """The address for one mail; ValueError if what is asked and what it is asked about do not fit."""
    if (purpose == Purpose.UPDATE) != (update is not None):
        raise ValueError("Ask about an update, or about all of it afterwards.")
    [url] = links_for([Question(incident, key, update)])
    return url


def read(token) -> Link:
    """The link that a token is, if it is one of ours and whole."""
    purpose, incident, update, seed, day = _unsigned(token, SALT, 5)
    return Link(purpose, incident, update, seed, day)


@dataclass(frozen=True)
class PageToken:
    """What the open page hands out with its form: good for one answer, and not for long."""

    public_id: str
    purpose: str
    update: int
    seed: str
    second: int

    @property
    def nonce(self) -> str:
        """What makes it single; no link of a mail has the same."""
        return hashlib.sha256(f"page {self.public_id} {self.seed}".encode()).hexdigest()

    @property
    def token(self) -> str:
        """As it stands in the form."""
        said = [self.public_id, self.purpose, self.update, self.seed, self.second]
        return signing.Signer(salt=PAGE_SALT).sign_object(said)

    @property
    def is_expired(self) -> bool:
        """Whether the page was opened too long ago."""
        return timezone.now().timestamp() - self.second > PAGE_GOOD_FOR.total_seconds()


def page_token(public_id, purpose, update=None) -> PageToken:
    """A new token for somebody who opens the page."""
    now = int(timezone.now().timestamp())
    return PageToken(public_id, purpose, update.pk if update else 0, secrets.token_urlsafe(9), now)


def read_page_token(token) -> PageToken:
    """The same, as it comes back with the form."""
    return PageToken(*_unsigned(token, PAGE_SALT, 5))


def _unsigned(token, salt, length) -> list:
    if len(token) > LONGEST or not token.isascii():
        raise Unreadable
    try:
        said = signing.Signer(salt=salt).unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        raise Unreadable from error
    if len(said) != length:  # signed by an Aftercare that asked otherwise
        raise Unreadable
    return said


def _seed(key) -> str:
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"{SALT} {key}".encode("utf-8", "replace"), "sha256")
    return urlsafe_b64encode(digest[:12]).decode()


def _today() -> int:
    return timezone.now().date().toordinal()
