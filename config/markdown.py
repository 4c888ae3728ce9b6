"""Markdown → safe HTML: no raw HTML, no script, no picture from elsewhere, no link outside the web."""

import re
from functools import lru_cache

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

LIMIT = 100_000  # characters; longer text is shown as it was typed
MOST_BRACKETS = 5_000  # as is text that nobody wrote by hand, on which the parser would take seconds
_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable(["table", "strikethrough"])
_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}

# Ours or the web's. `//host` and `/\host` look like ours, yet browsers read another host's name in them.
_LINK = re.compile(r"https?://|mailto:|/(?![/\\])|#", re.IGNORECASE)


def to_html(text: str) -> SafeString:
    """Render `text`; the result may go on any page."""
    if len(text) > LIMIT or text.count("[") > MOST_BRACKETS:
        return mark_safe(f"<pre>{escape(text)}</pre>")  # noqa: S308
    return _render(text)


@lru_cache(maxsize=128)
def _render(text):
    html = nh3.clean(
        _parser.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        attribute_filter=_keep_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)  # noqa: S308


def _keep_attribute(tag, attribute, value):
    if attribute != "href":
        return value
    # Browsers drop these before they read an address.
    address = re.sub(r"[\x00-\x20\x7f]", "", value)
    return value if _LINK.match(address) else None
