"""The kinds of message: each app says in its emails.py what a message reads like, and when it no longer holds.

@message("actions.overdue")
def overdue(delivery) -> Mail: ...
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from functools import wraps
from urllib.parse import urljoin

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.encoding import iri_to_uri

from config.forms import clean_line, storable
from config.outbox.letters import Letter

KINDS: dict[str, Callable] = {}
# What else a kind wants of a worker; see `message`.
READ: dict[str, Callable] = {}
SENT: dict[str, Callable] = {}
REFUSED: dict[str, Callable] = {}
FAILED: dict[str, Callable] = {}


class NoLongerTrue(Exception):
    """What the message would say has changed since it was queued: it is cancelled, not sent."""


class NotNow(Exception):
    """It still holds, but this is no hour to say it: it waits until then, which counts as no try."""

    def __init__(self, until: datetime | None, why: str = ""):
        super().__init__(why)
        self.until = until


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message, made when it is sent: `kind` as mail programs name it, with its options."""

    name: str
    kind: str  # text/calendar; method=REQUEST
    content: bytes


@dataclass
class Mail:
    """One message to be rendered: `template` names the triple .subject.txt, .txt and .html.

    `unsubscribe` is where one POST, without signing in, ends such mails: a path of ours or a whole address.
    `to` is for whom the row keeps no address, because rows are kept for ever and the address is not ours to keep.
    """

    template: str
    context: dict
    thread: str = ""
    reason: str = "owner"
    list_id: str = "aftercare"
    headers: dict = field(default_factory=dict)
    unsubscribe: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    to: str = ""


@dataclass(frozen=True)
class Call:
    """A webhook to be sent, as Standard Webhooks has it: `secrets` sign it, the first is the one in force."""

    url: str
    body: bytes
    secrets: list[str]


def message(kind: str, in_working_hours: bool = False, *, read=None, sent=None, refused=None, failed=None):
    """Register the function that says what a message of this kind reads like.

    `in_working_hours`: it reaches a person while they work, however late the workers are; addresses of
    nobody we know have no hours. `read(rows)` is called for all of a chunk at once, a moment before they are
    written, so that what they have in common is read once. `sent(row)` hears that one was taken; `refused(row,
    error)` that one was refused for good, and then nobody else is told; `failed(row, error)` of each try that is
    to be repeated, and gives the message up by returning why.
    """

    def decorate(function):
        KINDS[kind] = _at_work(function) if in_working_hours else function
        for hooks, hook in ((READ, read), (SENT, sent), (REFUSED, refused), (FAILED, failed)):
            if hook is not None:
                hooks[kind] = hook
        return function

    return decorate


def _at_work(function):
    @wraps(function)
    def asked(delivery):
        person, now = delivery.recipient, timezone.now()
        if person is not None and not person.calendar.is_at_work(now):
            raise NotNow(person.calendar.next_working_moment(now), f"{person} is not at work.")
        return function(delivery)

    return asked


def host() -> str:
    """The domain in our Message-IDs: the sender's, so that they stay the same across machines."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def message_id(key: str) -> str:
    """One Message-ID per key, so that a message sent twice is shown once."""
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in key)
    return f"<{safe}@{host()}>"


def build(delivery, mail: Mail, connection=None) -> Letter:
    """The message as it goes out: text and HTML twins, and the headers mail programs expect."""
    context = {
        **mail.context,
        "delivery": delivery,
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
    }
    name = f"emails/{mail.template}"
    # The subject is one line of clean text: whatever a title holds must never stop a mail.
    subject = clean_line(render_to_string(f"{name}.subject.txt", context))[:200]
    delivery.subject = subject
    delivery.message_id = message_id(delivery.key)
    # A null is refused by mail servers, a lone surrogate by the encoder: `storable` takes out both.
    built = Letter(
        subject=subject,
        body=storable(render_to_string(f"{name}.txt", context)).strip() + "\n",
        to=[mail.to or delivery.address],
        headers=_headers(delivery, mail),
        connection=connection,
    )
    built.attach_alternative(storable(render_to_string(f"{name}.html", context)), "text/html")
    for one in mail.attachments:
        built.attach(one.name, one.content, one.kind)
    return built


def _headers(delivery, mail) -> dict[str, str]:
    headers = {
        "Message-ID": delivery.message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "bulk",
        "List-Id": f"<{mail.list_id}.{host()}>",
        "X-Aftercare-Reason": mail.reason,
        **mail.headers,
    }
    if mail.thread:
        headers["References"] = headers["In-Reply-To"] = message_id(mail.thread)
    if mail.unsubscribe:
        # No mailto beside it: nobody reads the mail that comes back to us.
        headers["List-Unsubscribe"] = f"<{iri_to_uri(urljoin(settings.SITE_URL, mail.unsubscribe))}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
