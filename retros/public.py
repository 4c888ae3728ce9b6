"""What everybody may read of what we learnt: pages and feeds, the same for each reader, signed in or not.

They are made of editions and of nothing else: what is being written, reviewed or was withdrawn cannot get here.
No session is opened, no cookie set, and nothing of the request but its address changes what is answered.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import wraps

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.conf import settings
from django.db.models import Q
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed
from django.views.decorators.http import require_safe

from config.audit.changes import word_diff
from config.markdown import to_html
from retros.models import Learning
from retros.models.edition import TEXTS

PER_PAGE = 20
POLICY = {
    "default-src": [NONE],
    "style-src": [SELF],
    "img-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
# What XML cannot hold, however it is escaped: one such character would end the feed for every reader.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def public(view):
    """A page for everybody: read only, in the house's own time zone, to be kept by caches for a minute."""

    @wraps(view)
    def shown(request, *args, **kwargs):
        with timezone.override(timezone.get_default_timezone()):
            response = view(request, *args, **kwargs)
        response["Cache-Control"] = "public, max-age=60"
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        if response.status_code != 200:
            return response
        response["ETag"] = etag
        return get_conditional_response(request, etag=etag, response=response)

    return require_safe(csp(POLICY)(shown))


def page(template, context, status=200) -> HttpResponse:
    """A page of templates/learnings, made without the request, so that nobody's name can be on it."""
    shared = {"site_name": settings.SITE_NAME, "site_url": settings.SITE_URL}
    return HttpResponse(render_to_string(f"learnings/{template}", shared | context), status=status)


# --- Pages -------------------------------------------------------------------------------------------------


@public
def index(request):
    """All of them, newest first."""
    before = request.GET.get("before", "")
    rows = Learning.objects.public().with_editions().order_by("-published_at", "slug")
    if before:
        if (after := _after(before)) is None:
            return _nothing_here()
        rows = rows.filter(after)
    rows = list(rows[: PER_PAGE + 1])
    shown = rows[:PER_PAGE]
    context = {
        "entries": [_entry(row) for row in shown],
        "is_first": not before,
        "next": _cursor(shown[-1]) if len(rows) > PER_PAGE else "",
    }
    return page("list.html", context)


def _cursor(row) -> str:
    return f"{row.published_at.isoformat()}_{row.slug}"


def _after(cursor):
    """The rows that come after the one named, which need not be there any more."""
    at, _, slug = cursor.partition("_")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None or not 1970 < moment.year < 9000 or not re.fullmatch("[a-z0-9_-]{1,80}", slug):
        return None
    return Q(published_at__lt=moment) | Q(published_at=moment, slug__gt=slug)


def _entry(row):
    edition = row.editions.all()[0]
    return {"slug": row.slug, "edition": edition, "at": row.published_at, "beginning": beginning_of(edition)}


def beginning_of(edition) -> str:
    """Its first words, for a list."""
    from config.redaction import visible_text

    words = " ".join(visible_text(to_html(edition.what_happened)).split())
    return words if len(words) <= 240 else words[:240].rpartition(" ")[0] + " …"


@public
def learning(request, slug):
    """One of them, with each correction; of a withdrawn one, that it was withdrawn."""
    row = Learning.objects.once_public().with_editions().filter(slug=slug).first()
    if row is None:
        return _nothing_here()
    if row.withdrawn_at:
        return page("withdrawn.html", {"learning": row}, status=410)
    return shown(row, row.editions.all())


def shown(row, editions, **more) -> HttpResponse:
    """The page of a learning with these editions, newest first."""
    editions = list(editions)
    pairs = list(zip(editions, [*editions[1:], None], strict=True))
    corrections = [(one, earlier) for one, earlier in pairs if earlier is not None]
    context = {"learning": row, "corrections": corrections, "at": editions[-1].published_at, **more}
    return page("learning.html", context | parts_of(editions[0]))


def parts_of(edition) -> dict:
    """What the text of an edition is made of, for templates."""
    sections = [
        ("What happened to customers", edition.what_happened),
        ("What we learnt", edition.what_we_learnt),
        ("What we do about it", edition.what_we_do),
    ]
    return {
        "edition": edition,
        "sections": [(head, html_of(text)) for head, text in sections if text.strip()],
    }


def html_of(text):
    """Markdown under a heading of ours: all headings of the text are one level below it."""
    html = to_html(text)
    return type(html)(re.sub(r"<(/?)h[1-6]>", r"<\1h3>", html))


@public
def earlier(request, slug, number):
    """What it said before a correction, with what was corrected struck out."""
    row = Learning.objects.public().with_editions().filter(slug=slug).first()
    editions = {one.number: one for one in row.editions.all()} if row else {}
    old, new = editions.get(number), editions.get(number + 1)
    if old is None or new is None:
        return _nothing_here()
    if not old.is_shown:
        return page("taken_down.html", {"learning": row, "corrected": new}, status=410)
    changed = [
        (name, list(word_diff(getattr(old, name), getattr(new, name))))
        for name in TEXTS
        if getattr(old, name) != getattr(new, name)
    ]
    labels = {name: Learning._meta.get_field(name).verbose_name.capitalize() for name in TEXTS}
    context = {"learning": row, "corrected": new, "changed": [(labels[name], one) for name, one in changed]}
    return page("earlier.html", context | parts_of(old))


def _nothing_here():
    return page("nothing.html", {}, status=404)


# --- Feeds -------------------------------------------------------------------------------------------------


class _Steady:
    """A feed without entries says the same whenever it is asked."""

    def latest_post_date(self):
        return super().latest_post_date() if self.items else datetime(2000, 1, 1, tzinfo=UTC)


class _Atom(_Steady, Atom1Feed):
    pass


class _Rss(_Steady, Rss201rev2Feed):
    pass


def _newest():
    return Learning.objects.public().with_editions().order_by("-published_at", "slug")[:PER_PAGE]


def _address(name, *args) -> str:
    return settings.SITE_URL + reverse(name, args=args)


def entry_html(edition) -> str:
    """An edition as feed readers show it."""
    return render_to_string("learnings/_entry.html", parts_of(edition))


def _feed(kind, name):
    feed = kind(
        title=f"{settings.SITE_NAME}: what we learnt",
        link=_address("learnings"),
        description="What happened to customers, what we learnt from it, and what we do about it.",
        language="en",
        author_name=settings.SITE_NAME,
        feed_url=_address(name),
    )
    for row in _newest():
        edition, address = row.editions.all()[0], _address("learning", row.slug)
        feed.add_item(
            title=_NOT_XML.sub("", edition.title),
            link=address,
            description=_NOT_XML.sub("", entry_html(edition)),
            unique_id=address,
            pubdate=row.published_at,
            updateddate=edition.published_at,
        )
    return HttpResponse(feed.writeString("utf-8"), content_type=kind.content_type)


@public
def atom(request):
    """The newest, as Atom."""
    return _feed(_Atom, "learnings-atom")


@public
def rss(request):
    """The newest, as RSS."""
    return _feed(_Rss, "learnings-rss")


@public
def json_feed(request):
    """The newest, as JSON Feed 1.1."""
    items = []
    for row in _newest():
        edition, address = row.editions.all()[0], _address("learning", row.slug)
        items.append(
            {
                "id": address,
                "url": address,
                "title": edition.title,
                "content_html": entry_html(edition),
                "date_published": row.published_at.isoformat(),
                "date_modified": edition.published_at.isoformat(),
            }
        )
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": f"{settings.SITE_NAME}: what we learnt",
        "home_page_url": _address("learnings"),
        "feed_url": _address("learnings-json"),
        "language": "en",
        "items": items,
    }
    return HttpResponse(json.dumps(feed, indent=1), content_type="application/feed+json; charset=utf-8")
