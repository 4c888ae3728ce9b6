"""Reads the mail that a machine without a mail server keeps in files: the demo's mailbox, for this machine alone."""

import email
import email.policy
import ipaddress
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from functools import wraps
from pathlib import Path

from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

SHOWN = 100  # messages on the list
HEADERS = (
    *("From", "To", "Date", "Subject", "Message-ID", "In-Reply-To", "References"),
    *("List-Id", "List-Unsubscribe", "Auto-Submitted", "X-Aftercare-Reason"),
)
PAGE = {
    "default-src": [NONE],
    "style-src": [NONCE],
    "frame-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
# What stands in a mail is not ours to trust: no script, no form, nothing loaded; links open beside the mailbox.
BODY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["data:"],
    "base-uri": [SELF],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@dataclass
class Letter:
    """One file of the mailbox, as read: a message that cannot be parsed still has its name and source."""

    name: str
    message: EmailMessage

    def header(self, name) -> str:
        """A header as text, empty where there is none or where it cannot be read."""
        try:
            return str(self.message.get(name, ""))
        except Exception:  # noqa: BLE001  the standard parser has many ways to stumble over a bad header
            return ""

    @property
    def subject(self) -> str:
        return self.header("Subject") or "(no subject)"

    @property
    def sender(self) -> str:
        return self.header("From")

    @property
    def recipient(self) -> str:
        return self.header("To")

    @property
    def sent_at(self):
        """When it says it was sent, or None where it does not say."""
        try:
            return parsedate_to_datetime(self.header("Date"))
        except ValueError:
            return None

    def headers(self) -> list[tuple[str, str]]:
        """The headers a reader of mail cares about, in the order people know."""
        return [(name, value) for name in HEADERS if (value := self.header(name))]

    def body(self, kind) -> str:
        """The twin of this kind, `plain` or `html`; empty where there is none."""
        try:
            part = self.message.get_body((kind,))
            return part.get_content() if part is not None else ""
        except Exception:  # noqa: BLE001
            return ""


def letters(count: int = SHOWN) -> list[Letter]:
    """The newest messages first; their file names begin with the moment they were sent."""
    names = sorted((path.stem for path in _folder().glob("*.eml")), reverse=True)
    found = (_read(name) for name in names[:count])
    return [letter for letter in found if letter is not None]


def _folder() -> Path:
    return settings.VAR_DIR / "mail"


def _read(name) -> Letter | None:
    try:
        content = (_folder() / f"{name}.eml").read_bytes()
    except OSError:
        return None
    return Letter(name, email.message_from_bytes(content, policy=email.policy.default))


def _letter_or_404(name) -> Letter:
    if (letter := _read(name)) is None:
        raise Http404
    return letter


def for_this_machine(view):
    """Show a page in the demo only, and only to whoever sits at this machine; else it does not exist."""

    shown = never_cache(require_safe(view))

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not (settings.DEMO and _is_local(request)):
            raise Http404
        return shown(request, *args, **kwargs)

    return guarded


def _is_local(request) -> bool:
    # A proxy on this machine makes everybody look local; what it adds gives it away.
    if any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    # A socket that serves both families names an IPv4 visitor ::ffff:127.0.0.1.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


@for_this_machine
@csp(PAGE)
def mailbox(request):
    return render(request, "mailbox/list.html", {"letters": letters(), "shown": SHOWN})


@for_this_machine
@csp(PAGE)
def letter(request, name):
    found = _letter_or_404(name)
    context = {"letter": found, "text": found.body("plain"), "has_html": bool(found.body("html"))}
    return render(request, "mailbox/letter.html", context)


@for_this_machine
@xframe_options_sameorigin
@csp(BODY)
def html(request, name):
    """The HTML twin alone, as the frame of the page shows it."""
    body = _letter_or_404(name).body("html")
    # In the frame a link would lead to a page that refuses to be framed.
    base = '<base target="_blank">'
    body, found = re.subn(
        r"<head[^>]*>", lambda head: head.group() + base, body, count=1, flags=re.IGNORECASE
    )
    return HttpResponse(body if found else base + body)


@for_this_machine
def source(request, name):
    """The message as it would have gone over the wire."""
    found = _letter_or_404(name)
    return HttpResponse(found.message.as_bytes(), content_type="text/plain; charset=utf-8")
