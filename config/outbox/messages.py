"""The kinds of message: each app says in its emails.py what a message reads like, and when it no longer holds.

@message("actions.overdue")
def overdue(delivery) -> Mail: ...
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from config.forms import clean_line

KINDS: dict[str, Callable] = {}


class NoLongerTrue(Exception):
    """What the message would say has changed since it was queued: it is cancelled, not sent."""


@dataclass
class Mail:
    """One message to be rendered: `template` names the triple .subject.txt, .txt and .html."""

    template: str
    context: dict
    thread: str = ""
    reason: str = "owner"
    list_id: str = "aftercare"
    headers: dict = field(default_factory=dict)


def message(kind: str):
    """Register the function that says what a message of this kind reads like."""

    def decorate(function):
        KINDS[kind] = function
        return function

    return decorate


def host() -> str:
    """The domain in our Message-IDs: the sender's, so that they stay the same across machines."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def message_id(key: str) -> str:
    """One Message-ID per key, so that a message sent twice is shown once."""
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in key)
    return f"<{safe}@{host()}>"


def build(delivery, mail: Mail, connection=None) -> EmailMultiAlternatives:
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
    built = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"{name}.txt", context).strip() + "\n",
        to=[delivery.address],
        headers=headers,
        connection=connection,
    )
    built.attach_alternative(render_to_string(f"{name}.html", context), "text/html")
    return built
