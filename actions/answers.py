"""The links by which a mail is answered: signed, for one purpose, one person and one item, and for a while.

A link says who answers what; the page behind it asks, and one POST answers. It works once: its nonce is made of
the mail it came with, the item and the purpose, so that a mail written twice has the same links, and is kept as
a UsedLink in the transaction of the answer.
"""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from actions.models import UsedLink
from actions.models.item import MOST_SNOOZES
from config.reminding.chasing import Button

SALT = "aftercare.answer"
GOOD_FOR = timedelta(days=14)  # at most: counted in whole days of UTC, so that a link is the same all day
UNDO_FOR = timedelta(minutes=30)
LONGEST = 400  # characters of a token: what is longer is none of ours, and is not even checked

# Purposes of links, and how the mail and the pages name them.
DONE, DATE, MORE, UNDO = "done", "date", "more", "undo"
HAND_OVER, SNOOZE, BLOCKED, NOT_DOING = "hand_over", "snooze", "blocked", "not_doing"
ACCEPT, DECLINE = "accept", "decline"
EFFECTIVE, PARTLY, NOT_EFFECTIVE = "effective", "partly", "not_effective"
LABELS = {
    DONE: "Done",
    DATE: "New date",
    HAND_OVER: "Hand over",
    SNOOZE: "Snooze",
    BLOCKED: "Blocked by…",
    NOT_DOING: "Not doing",
    MORE: "More answers",
    ACCEPT: "I take it",
    DECLINE: "I can’t take it",
    EFFECTIVE: "Yes, it worked",
    PARTLY: "In part",
    NOT_EFFECTIVE: "No",
}
OF_OWNER = (DONE, DATE, HAND_OVER, SNOOZE, BLOCKED, NOT_DOING)
OF_ASKED = (ACCEPT, DECLINE)
OF_CHECK = (EFFECTIVE, PARTLY, NOT_EFFECTIVE)


class Unreadable(Exception):
    """Not one of our links, or not all of it."""


@dataclass(frozen=True)
class Link:
    """What a link says. `seed` tells which mail it came with, `day` when that was written."""

    purpose: str
    kind: str  # item or check
    pk: int
    person: int
    seed: str
    day: int
    # Of an undo: the answer it takes back, the version the answer made, and when, in seconds.
    answered: tuple[str, int, int] | None = None

    @property
    def nonce(self) -> str:
        """What makes it single: the same for the same purpose, subject, person and mail."""
        return _digest(self.seed, self.purpose, self.kind, self.pk, self.person, self.answered).hexdigest()

    @property
    def token(self) -> str:
        """The link as it stands in an address."""
        said = [self.purpose, self.kind, self.pk, self.person, self.seed, self.day]
        return signing.Signer(salt=SALT).sign_object(said + ([list(self.answered)] if self.answered else []))

    @property
    def path(self) -> str:
        return reverse("go", args=[self.token])

    @property
    def url(self) -> str:
        """The whole address, as mails need it."""
        return settings.SITE_URL + self.path

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        if self.answered and timezone.now().timestamp() - self.answered[2] > UNDO_FOR.total_seconds():
            return True
        return _today() - self.day >= GOOD_FOR.days

    @property
    def is_used(self) -> bool:
        return UsedLink.objects.filter(nonce=self.nonce).exists()

    def to(self, purpose, row=None) -> "Link":
        """The link for another purpose, or another item, that the same mail could have had. It lasts no longer."""
        return replace(self, purpose=purpose, pk=row.pk if row else self.pk, kind="item", answered=None)

    def undo(self, row) -> "Link":
        """The link that takes back the answer just given by this one."""
        now = int(timezone.now().timestamp())
        return replace(self, purpose=UNDO, answered=(self.purpose, row.version, now))

    def anew(self) -> "Link":
        """After an undo: what was used may be answered again, by other links than those of the mail."""
        return replace(self.to(MORE), seed=_seed(self.nonce))


def read(token) -> Link:
    """The link that a token is, if it is one of ours and whole."""
    if len(token) > LONGEST or not token.isascii():
        raise Unreadable
    try:
        purpose, kind, pk, person, seed, day, *answered = signing.Signer(salt=SALT).unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        raise Unreadable from error
    return Link(purpose, kind, pk, person, seed, day, tuple(answered[0]) if answered else None)


def buttons_for(item, reader, delivery) -> list[Button]:
    """What the owner of an item can answer from the mail: the two usual answers, and a page with the others."""
    # Not an answer that the page would have to refuse.
    if not (item.is_open and item.owner_id == reader.pk and item.can_be_edited_by(reader)):
        return []
    return _buttons("item", item, reader, delivery, (DONE, DATE, MORE))


def offer_buttons_for(item, reader, delivery) -> list[Button]:
    """What whoever is asked to take an item over can answer from the mail."""
    return _buttons("item", item, reader, delivery, OF_ASKED)


def check_buttons_for(check, reader, delivery) -> list[Button]:
    """What whoever is asked whether an item worked can answer from the mail."""
    if not check.is_open or check.asked_of_id != reader.pk or check.item.owner_id == reader.pk:
        return []
    return _buttons("check", check, reader, delivery, OF_CHECK)


def answers_of(item, person) -> tuple[str, ...]:
    """The purposes that are open to a person now."""
    if not item.is_open:
        return ()
    if item.offered_to_id == person.pk:
        return OF_ASKED
    if item.owner_id != person.pk:
        return ()
    return tuple(p for p in OF_OWNER if p != SNOOZE or item.snoozes < MOST_SNOOZES)


def _buttons(kind, row, reader, delivery, purposes) -> list[Button]:
    mail = Link("", kind, row.pk, reader.pk, _seed(delivery.key), _today())
    return [Button(LABELS[purpose], replace(mail, purpose=purpose).url) for purpose in purposes]


def _seed(text) -> str:
    return urlsafe_b64encode(_digest(text).digest()[:12]).decode()


def _digest(*parts):
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass"))


def _today() -> int:
    return timezone.now().date().toordinal()
