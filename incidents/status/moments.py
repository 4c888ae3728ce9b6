"""Moments as public pages say them: in the page's zone, with UTC said, for machines and people alike."""

from datetime import UTC

from django.utils import timezone
from django.utils.html import format_html


def said(at) -> str:
    """25 Nov 2026, 15:30 CET (14:30 UTC); where the page's zone is UTC, once."""
    local = at.astimezone(timezone.get_default_timezone())
    text = f"{local:%-d %b %Y, %H:%M} {local:%Z}"
    if not local.utcoffset():
        return f"{local:%-d %b %Y, %H:%M} UTC"
    there = at.astimezone(UTC)
    day = "" if there.date() == local.date() else f"{there:%-d %b} "
    return f"{text} ({day}{there:%H:%M} UTC)"


def element(at, empty=""):
    """The moment as an element that a script may say again in the reader's own zone."""
    if at is None:
        return empty
    machine = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return format_html('<time datetime="{}">{}</time>', machine, said(at))
