"""The first page and the sidebar of the workspace. Apps bring what is on them; nothing here names an app.

An app's dashboard.py, found by itself when Django starts, says what it adds:

    entries("Incidents", 10, Entry("incidents.Incident", "crisis_alert"))

    @panel(10, permission="incidents.view_incident")
    def open_incidents(request) -> Panel: ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from django.apps import apps
from django.contrib import admin
from django.http import QueryDict
from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.timesince import timesince

ROWS = 8  # of a panel; the rest is one link away
MOST = 100  # rows are counted up to here, so that the page costs the same with a million of them


@dataclass(frozen=True)
class Link:
    """Where to go, and what it is called."""

    label: str
    url: str


@dataclass(frozen=True)
class Moment:
    """A moment in words; the page adds when exactly, where the reader is."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Row:
    """One line of a panel: what it is, what is known, and what comes next."""

    title: str
    url: str
    mark: str = ""
    tone: str = ""  # of the mark: danger, warning, info or success; never without a word beside it
    facts: tuple[str | Moment, ...] = ()
    late: str = ""
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """One card of the dashboard. `total` counts all there are, `empty` says what to do when there are none."""

    title: str
    rows: list[Row]
    total: str
    all: Link
    empty: str
    add: Link | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the sidebar: the list of a model, shown to whoever may open it.

    A page that is no list is named by `page` (its address). With a `permission`, only who has it is shown it.
    """

    model: str
    icon: str
    title: str = ""
    query: str = ""
    page: str = ""
    permission: str = ""


_panels: list[tuple[int, str, Callable]] = []
_groups: dict[str, tuple[int, list[Entry]]] = {}


def panel(order: int, *, permission: str):
    """Put what the function returns on the dashboard of everybody who has the permission; None puts nothing."""

    def decorate(function):
        _panels.append((order, permission, function))
        return function

    return decorate


def entries(group: str, order: int, *new: Entry) -> None:
    """Add lines to a group of the sidebar; several apps may add to one."""
    _, known = _groups.setdefault(group, (order, []))
    known.extend(new)


def dashboard(request, context):
    """What unfold shows at the index: named in the settings."""
    user = request.user
    shown = sorted(_panels, key=lambda known: known[0])
    made = [make(request) for _, permission, make in shown if user.has_perm(permission)]
    panels = [one for one in made if one is not None]
    return context | {
        "title": "Dashboard",
        "greeting": f"{_greeting()}, {user.get_short_name()}",
        "panels": panels,
    }


def navigation(request):
    """The sidebar: named in the settings. A group in which nothing may be opened is not shown."""
    home = {"title": "Dashboard", "icon": "home", "link": reverse("admin:index")}
    groups = [{"title": "", "separator": False, "items": [home]}]
    for title, (_, known) in sorted(_groups.items(), key=lambda group: group[1][0]):
        if items := [item for entry in known if (item := _item(entry, request))]:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def account(request):
    """The links behind a person's own name at the foot of the sidebar: named in the settings."""
    if not request.user.is_authenticated:  # unfold asks on the sign-in page, too
        return []
    me = reverse("admin:people_user_change", args=[request.user.pk])
    return [
        {"title": "My profile", "link": me},
        {"title": "Change password", "link": reverse("admin:password_change")},
    ]


def _item(entry, request):
    if entry.page:
        return _page_item(entry, request)
    if entry.permission and not request.user.has_perm(entry.permission):
        return None
    model = apps.get_model(entry.model)
    shown = admin.site.is_registered(model) and admin.site.get_model_admin(model)
    if not shown or not shown.has_module_permission(request) or not shown.has_view_permission(request):
        return None
    return {
        "title": entry.title or _capital(model._meta.verbose_name_plural),
        "icon": entry.icon,
        "link": list_url(entry.model, entry.query),
        "active": _is_active(entry, request),
    }


def _page_item(entry, request):
    if not request.user.has_perm(entry.permission):
        return None
    link = reverse(entry.page)
    return {"title": entry.title, "icon": entry.icon, "link": link, "active": request.path.startswith(link)}


def _is_active(entry, request):
    path = list_url(entry.model)
    if entry.query:
        wanted = QueryDict(entry.query)
        return request.path == path and all(request.GET.get(key) == wanted[key] for key in wanted)
    siblings = [other for _, known in _groups.values() for other in known if other.model == entry.model]
    return request.path.startswith(path) and not any(
        _is_active(other, request) for other in siblings if other.query
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _greeting() -> str:
    hour = timezone.localtime().hour
    if hour < 5 or hour >= 18:
        return "Good evening"
    return "Good morning" if hour < 12 else "Good afternoon"


# --- What panels are made with


@lru_cache(maxsize=256)  # the sidebar asks for forty on every page, always the same ones
def list_url(model: str, query: str = "") -> str:
    """The list of a model in the workspace, filtered by `query`."""
    app, _, name = model.lower().partition(".")
    url = reverse(f"admin:{app}_{name}_changelist")
    return f"{url}?{query}" if query else url


def row_url(row) -> str:
    """The page of a row in the workspace."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def first(queryset) -> tuple[list, str]:
    """The rows for a panel, and how many there are in all, counted no further than a reader cares."""
    rows = list(queryset[: ROWS + 1])
    if len(rows) <= ROWS:
        return rows, str(len(rows))
    count = queryset.order_by()[: MOST + 1].count()
    return rows[:ROWS], f"{MOST}+" if count > MOST else str(count)


def ago(moment: datetime, before: str = "") -> Moment:
    """How long ago it was, in its largest unit."""
    since = timesince(moment, depth=1).replace("\xa0", " ")
    return Moment(moment, f"{before} {since} ago".strip() if not since.startswith("0 ") else f"{before} now")


def day_in_words(day: date, today: date) -> str:
    """A day as people say it: the year only when it is another one."""
    return dateformat.format(day, "D j M" if day.year == today.year else "D j M Y")


def due_in_words(day: date | None, today: date) -> tuple[str, str]:
    """When it is due, and how late that is: empty while it is not."""
    if day is None:
        return "no due day", ""
    text, days = f"due {day_in_words(day, today)}", (today - day).days
    if days > 0:
        return text, f"Overdue by {days} day{'s' if days > 1 else ''}"
    return {0: "due today", -1: "due tomorrow"}.get(days, text), ""
