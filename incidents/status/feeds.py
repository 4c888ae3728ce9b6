"""The newest incidents and maintenance as Atom and RSS, whatever stands in their texts."""

import re
from datetime import UTC, datetime

from django.conf import settings
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import mark_safe

from config.markdown import to_html
from incidents.status.board import changed_at
from incidents.status.moments import said

NEWEST = 25
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# XML 1.0 cannot hold these at all, however they are written.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
KINDS = {"history.atom": Atom1Feed, "history.rss": Rss201rev2Feed}


def feed(board, name: str) -> bytes:
    """The whole feed, ready to be sent."""
    made = KINDS[name](
        title=_clean(f"{board.name}: status"),
        link=f"{settings.SITE_URL}/",
        description=_clean(f"Incidents and maintenance of {board.name}, newest first."),
        feed_url=f"{settings.SITE_URL}/{name}",
        language="en",
    )
    for item in _items(board):
        made.add_item(**item)
    # Django would say “now” of an empty feed, which is another now each time.
    made.latest_post_date = lambda: board.changed_at or EPOCH
    return made.writeString("utf-8").encode()


def _items(board):
    told = [(one.row.declared_at, one) for one in board.incidents[:NEWEST]]
    told += [(one.row.announced_at, one) for one in board.windows[:NEWEST]]
    for at, one in sorted(told, key=lambda pair: pair[0], reverse=True)[:NEWEST]:
        updates = one.updates
        address = f"{settings.SITE_URL}/incidents/{one.row.public_id}/"
        yield {
            "title": _clean(one.row.title),
            "link": address,
            "unique_id": address,
            "description": _clean(_text(updates) or escape(one.row.title)),
            "pubdate": at,
            "updateddate": max([at, *map(_changed_at, updates)]),
        }


def _text(updates):
    return format_html_join("", "{}", ((_update(update),) for update in updates))


def _update(update):
    at, status = said(update.published_at), update.get_status_display()
    heading = format_html("<p><small>{}</small><br><strong>{}</strong></p>", at, status)
    corrections = format_html_join(
        "", "{}", ((_correction(one),) for one in getattr(update, "corrected", ()))
    )
    return mark_safe(heading + to_html(update.text) + corrections)  # noqa: S308  each is safe by itself


def _correction(one):
    """That it was corrected, why, and what it said before, in elements that every reader of feeds shows."""
    words = format_html_join("", "{}", ((_piece(sign, text),) for sign, text in one.pieces))
    at = said(one.corrected_at)
    html = "<p><small>Corrected {}: {}</small></p><p><small>Said before: {}</small></p>"
    return format_html(html, at, one.reason, words)


def _piece(sign, text):
    if sign == "=":
        return text
    return format_html("<del>{}</del>" if sign == "-" else "<ins>{}</ins>", text)


def _changed_at(update):
    # Maintenance is not corrected: what is said of it is always new.
    return changed_at(update) if hasattr(update, "corrected") else update.published_at


def _clean(text):
    return _NOT_XML.sub("", str(text))
