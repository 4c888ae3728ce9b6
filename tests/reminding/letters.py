"""Mails as they reach people: a week of promises, swept and sent, and each of its letters as a person reads it."""

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape

import time_machine

from actions.models import ActionItem, ReminderPolicy
from config.outbox import sending
from config.reminding import sweeps
from tests.stack import MailSink

DUE = date(2026, 3, 2)  # a Monday
TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
WHY = "Customers lost their baskets, and nobody here knew before the first of them called."


def at(moment):
    return time_machine.travel(moment, tick=False)


def one_policy(**fields):
    """Every working day from a day before on, and nobody else is told, but for `fields`."""
    ReminderPolicy.objects.all().delete()
    ladder = {"manager_after": None, "facilitator_after": None, "sponsor_after": None}
    return ReminderPolicy.objects.create(**{"before": "1", "every": 1, **ladder, **fields})


def an_item(owner, *, agreed=TUESDAY - 7 * DAY, **fields):
    fields = {"title": "Alert on failed payments", "why": WHY, "due_on": DUE, **fields}
    with at(agreed):
        return ActionItem.objects.create(owner=owner, created_at=agreed, **fields)


def sweep(moment=TUESDAY):
    with at(moment):
        return sweeps.remind()


def send(moment=TUESDAY):
    with at(moment):
        return sending.deliver()


class Postbox(MailSink):
    """A mail server whose next answers can be told beforehand; what it refuses is kept apart."""

    def __init__(self):
        super().__init__()
        self.answers, self.refused = [], []

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 kept"
        if answer.startswith("250"):
            return await super().handle_DATA(server, session, envelope)
        self.refused.append(envelope.content)
        return answer

    def use(self, settings):
        """Send there."""
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", self._controller.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.DEFAULT_FROM_EMAIL = "Aftercare <aftercare@example.com>"

    def raw(self, address) -> bytes:
        """The only letter to `address`, as it came over the wire."""
        [content] = [content for recipient, content in self.received if recipient == address]
        return content


def twins(letter) -> tuple[str, str]:
    """Both twins of a parsed letter."""
    text, html = letter.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    # Lines end in CR LF on the wire; a CR alone would be a fault.
    return tuple(part.get_content().replace("\r\n", "\n") for part in (text, html))


def as_read(html) -> str:
    """What a mail program shows, and where its links lead."""
    body = html[html.index("<body") :]
    links = re.sub(r'<a [^>]*href="([^"]*)"[^>]*>', r" \1 ", body)
    return flat(unescape(re.sub(r"<[^>]+>", " ", links)))


def flat(text) -> str:
    return " ".join(text.split())
