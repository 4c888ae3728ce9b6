"""How public pages say moments, degrees and texts."""

from datetime import date

from django import template
from django.utils.html import format_html

from config.display import duration
from incidents.status.board import WORDS
from incidents.status.moments import element

register = template.Library()
register.filter("when", element)


@register.filter
def prose(text):
    """Markdown as safe HTML."""
    from config.markdown import to_html  # lazily: a missing package is told by name, not as a broken library

    return to_html(text)


register.filter("lasted", duration)

SIGNS = {
    "operational": "M5 12.5l4.5 4.5L19 7.5",
    "under_maintenance": "M12 6v6l4 3M12 3a9 9 0 1 0 .01 0",
    "degraded_performance": "M12 4L3 20h18zM12 10v4M12 17v.5",
    "partial_outage": "M12 4L3 20h18zM12 10v4M12 17v.5",
    "major_outage": "M6 6l12 12M18 6L6 18",
}


@register.filter
def words(degree) -> str:
    """A degree as people say it."""
    return WORDS.get(degree, degree)


@register.filter
def month_name(month) -> str:
    """August 2026."""
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


@register.filter
def month_only(month) -> str:
    """August."""
    return f"{date.fromisoformat(f'{month}-01'):%B}"


@register.simple_tag
def sign(degree):
    """The degree as a drawing; the words beside it say the same."""
    return format_html(
        '<svg class="sign" data-degree="{}" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"'
        ' focusable="false"><path d="{}"/></svg>',
        degree,
        SIGNS[degree],
    )
