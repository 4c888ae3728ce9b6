"""Every file of the status page, by name, with the facts it is made of and how to make it."""

import hashlib
import json
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from incidents.status import days, feeds, shape
from incidents.status.board import DEGREES, Window

HEADLINES = {
    DEGREES[0]: "All services are running",
    "under_maintenance": "We are working on some services",
    "degraded_performance": "Some services are slow or faulty",
    "partial_outage": "Some services are out for some of you",
    "major_outage": "Some services are out",
}


def recent():
    """From when on an incident is on the first page in some way, be it as a bar."""
    return timezone.now() - timedelta(days=days.LENGTH + 1)


def page_of(public_id) -> str:
    """The file that an incident or a maintenance has for itself."""
    return f"incidents/{public_id}/index.html"


def is_of_one(name) -> bool:
    """Whether it is such a file."""
    return name.startswith("incidents/")


def urgent(board, design) -> dict:
    """Name → facts and maker of what is asked for most and matters most; needs the recent past only."""
    made = {"index.html": _now(_index, board)}
    for name, document in shape.documents(board).items():
        made[f"api/v2/{name}.json"] = _json(document)
    made |= _incidents(board, design)
    made |= {name: _now(feeds.feed, board, name) for name in feeds.KINDS}
    made["404.html"] = (design, partial(_render, "404.html", board, root="/"))
    return made


def rest(board, design) -> dict:
    """The same of everything there ever was."""
    return _incidents(board, design) | _history(board, design)


def _now(make, *arguments):
    """What is cheap to make and depends on much: made each time, and written if it came out otherwise."""
    content = make(*arguments)
    return hashlib.sha256(content).hexdigest(), lambda: content


def _json(document):
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(content).hexdigest(), lambda: content


def _incidents(board, design):
    made = {}
    for told in board.incidents:
        name = page_of(told.row.public_id)
        made[name] = (_facts(board, told, design), partial(incident, board, told))
    for window in board.windows:
        name = page_of(window.row.public_id)
        made[name] = (_digest(design, shape.maintenance(board, window)), partial(_window, board, window))
    return made


def _facts(board, told, design):
    more = [told.next_update_by, told.learning, told.row.public_workaround, told.asks]
    more += [[step.title, step.note, step.status, step.due_on, step.expected_at] for step in told.milestones]
    more += [[one.region.name, one.impact] for one in told.regions]
    more += [[one.service.name, one.impact] for one in told.impacts]
    said = [[one.pk, one.status, one.text, one.published_at, len(one.corrected)] for one in told.updates]
    return _digest(design, told.row.title, told.status, told.impact, told.began_at, told.ended_at, said, more)


def _digest(*facts):
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _history(board, design):
    zone = timezone.get_default_timezone()
    months: dict = {}
    for one, at in _dated(board):
        months.setdefault(f"{at.astimezone(zone):%Y-%m}", []).append(one)
    listed = [(month, len(found)) for month, found in months.items()]
    made = {
        "history/index.html": _now(partial(_render, "history.html", board, root="../", months=_years(listed)))
    }
    for place, (month, found) in enumerate(months.items()):
        later = listed[place - 1][0] if place else ""
        earlier = listed[place + 1][0] if place + 1 < len(listed) else ""
        context = {"month": month, "found": found, "later": later, "earlier": earlier}
        facts = _digest(design, later, earlier, [_line(one) for one in found])
        made[f"history/{month}/index.html"] = (
            facts,
            partial(_render, "month.html", board, root="../../", **context),
        )
    return made


def _dated(board):
    told = [(one, one.row.declared_at) for one in board.incidents]
    told += [(one, one.row.scheduled_for) for one in board.windows]
    return sorted(told, key=lambda pair: pair[1], reverse=True)


def _line(one):
    """What the line of an incident or window in a list says."""
    row = one.row
    if isinstance(one, Window):
        return row.public_id, row.title, row.status, row.scheduled_for
    names = [impact.service.name for impact in one.impacts]
    return row.public_id, row.title, one.is_open, one.began_at, one.ended_at, names, bool(one.learning)


def _years(listed):
    years: dict[str, list] = {}
    for month, count in listed:
        years.setdefault(month[:4], []).append((month, count))
    return years


# --- One file each -----------------------------------------------------------------------------------------


def _index(board):
    pasts = days.pasts(board)
    groups = [
        (group, [(standing, pasts.get(standing.row.pk)) for standing in group.members])
        for group in board.groups
    ]
    shown = [window for window in board.windows if window.is_shown]
    recent = [told for told in board.incidents if not told.is_open][:5]
    return _render(
        "index.html",
        board,
        root="",
        headline=_headline(board),
        tone=_tone(board),
        groups=groups,
        regions=board.regions,
        windows=sorted(shown, key=lambda window: window.row.scheduled_for),
        recent=recent,
        troubled=[one for one in board.standings.values() if not one.is_well],
    )


def _headline(board):
    if board.degree == DEGREES[0] and board.open:
        return "There is trouble, and we are on it"
    return HEADLINES[board.degree]


def _tone(board):
    if board.degree == DEGREES[0] and board.open:
        return "degraded_performance"
    return board.degree


def incident(board, told, root="../../", **context) -> bytes:
    """The page of one incident; a preview is served from elsewhere, so it has another root."""
    return _render("incident.html", board, root=root, told=told, **context)


def _window(board, window):
    return _render("maintenance.html", board, root="../../", window=window)


def _render(template, board, **context) -> bytes:
    context = {
        "board": board,
        "site": settings.SITE_URL,
        "name": board.name,
        "zone": settings.TIME_ZONE,
        **context,
    }
    return render_to_string(f"status/{template}", context).encode()
