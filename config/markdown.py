"""Markdown → safe HTML: no raw HTML, no script, no picture from elsewhere, no link outside the web."""

from functools import lru_cache

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

LIMIT = 100_000  # characters; longer text is shown as it was typed
_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


def to_html(text: str) -> SafeString:
    """Render `text`; the result may go on any page."""
    if len(text) > LIMIT:
        return mark_safe(f"<pre>{escape(text)}</pre>")  # noqa: S308
    return _render(text)


@lru_cache(maxsize=512)
def _render(text):
    html = nh3.clean(
        _parser.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)  # noqa: S308
