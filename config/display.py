"""Values as pages of the workspace show them."""

from functools import lru_cache

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join


def moment(at, empty="–"):
    """A moment where its reader is, with the zone and machine-readable."""
    if at is None:
        return empty
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" class="whitespace-nowrap">{}</time>',
        at.isoformat(),
        f"{local:%-d %b %Y, %H:%M} {local:%Z}",
    )


def duration(delta, empty="–") -> str:
    """A length of time in the two largest units: 3 d 4 h, 22 min."""
    if delta is None:
        return empty
    minutes = int(delta.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return " ".join(parts[:2]) or "under 1 min"


def link(row, text=None):
    """A link to the page of a row; its text alone if the model has no page."""
    if row is None:
        return "–"
    try:
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return text or str(row)
    return format_html('<a class="aftercare-link" href="{}">{}</a>', url, text or row)


def links(rows, empty="–"):
    """Links to the pages of rows, one a line."""
    return format_html_join("", "<div>{}</div>", ((link(row),) for row in rows)) or empty


@lru_cache(maxsize=512)  # the same few words in every row of every list
def badge(text, tone=""):
    """A word on a coloured ground: danger, warning, success, info or plain. The word says it too."""
    return format_html('<span class="aftercare-badge" data-tone="{}">{}</span>', tone, text)
