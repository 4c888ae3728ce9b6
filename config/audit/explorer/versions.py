"""One version of an object, read-only; two versions side by side; how an object and its story stood at a moment."""

import re
from dataclasses import dataclass, replace

from django.contrib import messages
from django.shortcuts import redirect
from django.utils import timezone

from config.audit import changes
from config.audit.belonging import story_as_of
from config.audit.explorer import sql
from config.audit.explorer.moments import list_as_of
from config.audit.explorer.restoring import may_restore
from config.audit.explorer.rows import Entry, entry_at
from config.audit.explorer.search import moment_of, target_of
from config.audit.explorer.shell import page
from config.audit.explorer.sight import table_of, tables_for
from config.audit.explorer.stream import PER_PAGE, Place
from config.audit.explorer.telling import history_url, names_for, object_url, tell, version_url, whole_of

WHEN = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Value:
    """One field of a version, in words."""

    label: str
    text: str
    is_changed: bool = False


def values(row, names, changed=(), hidden=()) -> list[Value]:
    """Every field of a history row, in words, but those named `hidden`."""
    found = []
    for one in row.tracked_fields:
        if one.name in hidden:
            continue
        value = getattr(row, one.attname)
        if one.many_to_one:
            text = "–" if value is None else names.get((one.remote_field.model, value), f"#{value}")
        else:
            text = changes.in_words(one, value)
        label = str(one.verbose_name)
        found.append(Value(label[:1].upper() + label[1:], text, one.name in changed))
    return found


def version(request, label, pk, number):
    """How the object was in this version, what the version changed, and the way to its neighbours."""
    tables = tables_for(request.user)
    entry = entry_at(tables, label, pk, number)
    other = request.GET.get("with", "")
    if re.fullmatch("[0-9]{1,18}", other) and int(other) != number:
        return _compared(request, tables, entry, entry_at(tables, label, pk, int(other)))
    names = names_for([entry], tables)
    told = tell(entry, names)
    changed = {one.name for one, _, _ in changes.changed_fields(entry.row, entry.previous)}
    context = _about(entry, told) | {
        "title": f"{told.name}: version {number}",
        "change": told,
        "values": values(entry.row, names, changed if entry.row.history_type == "~" else ()),
        "previous": _neighbour(entry, "<", "DESC"),
        "next": _neighbour(entry, ">", "ASC"),
        "may_restore": may_restore(request, entry),
    }
    return page(request, "audit/version.html", context)


def compare(request, label, pk):
    """Two versions of one object, as chosen on its History page."""
    numbers = [request.GET.get(name, "") for name in ("one", "with")]
    tables = tables_for(request.user)
    if not all(re.fullmatch("[0-9]{1,18}", one) for one in numbers):
        messages.error(request, "Mark two versions to compare, one as A and one as B.")
        return redirect(history_url(table_of(tables, label).model, pk))
    return _compared(request, tables, *(entry_at(tables, label, pk, int(one)) for one in numbers))


def _about(entry, told):
    return {
        "told": told,
        "entry": entry,
        "at_text": timezone.localtime(entry.row.history_date).strftime(WHEN),
        "history_url": history_url(entry.table.model, entry.key),
        "object_url": object_url(entry.table.label, entry.key),
    }


def _neighbour(entry, sign, way) -> str:
    table, back = entry.table, "ASC" if way == "DESC" else "DESC"
    where, params = sql.both(
        (f'h."{table.pk}" BETWEEN %s AND %s', [entry.key] * 2),
        (f"h.history_id {sign} %s", [entry.row.history_id]),
        table.seen("h"),
    )
    order = f'ORDER BY h."{table.pk}" {back}, h.history_id {way}'
    found = sql.run(f'SELECT h.history_id FROM "{table.name}" h WHERE {where} {order} LIMIT 1', params)
    return version_url(table.label, entry.key, found[0][0]) if found else ""


def _compared(request, tables, entry, other):
    older, newer = sorted([entry, other], key=lambda one: one.row.history_id)
    names = names_for([replace(newer, previous=older.row), replace(older, previous=None)], tables)
    differing = changes.differing_fields(newer.row, older.row)
    told = tell(newer, names)
    context = _about(newer, told) | {
        "title": f"{told.name}: two versions",
        "compared": [
            {"mark": "−", "label": "Older", "told": tell(older, names)},
            {"mark": "+", "label": "Newer", "told": told},
        ],
        "differences": [changes.difference(one, old, new, names) for one, old, new in differing],
    }
    return page(request, "audit/compared.html", context)


# --- As of a moment ----------------------------------------------------------------------------------------


def _asked_moment(request):
    """The moment asked for, now if none is; and what is wrong with it."""
    text = request.GET.get("at", "").strip()
    if not text:
        return timezone.now(), ""
    try:
        return moment_of(text, is_end=True), ""
    except ValueError:
        shown = text.replace("\x00", "")[:60]
        return timezone.now(), f"“{shown}” is no moment: write it as 2026-09-30 or 2026-09-30T14:00."


def _moment_frame(request, tables, at, problem):
    local = timezone.localtime(at)
    return {
        "here": "moments",
        "at": at,
        "at_text": request.GET.get("at", "").replace("\x00", "") if not problem else "",
        "at_query": local.strftime(WHEN),
        "problem": problem,
        "zone": f"{timezone.get_current_timezone_name()} ({local:%Z})",
        "models": sorted(
            (str(one.model._meta.verbose_name_plural).capitalize(), one.label) for one in tables
        ),
    }


def moments(request):
    """Asks which object or list is wanted, and at which moment; shows it on a page of its own."""
    tables = tables_for(request.user)
    at, problem = _asked_moment(request)
    asked = request.GET.get("object", "").strip()
    target = (
        target_of(asked, {table.label: table for table in tables}) if asked and len(asked) < 200 else None
    )
    if target and not problem:
        return object_as_of(request, *target)
    if asked and not problem:
        shown = asked.replace("\x00", "")[:60]
        problem = f"“{shown}” names no object: write a reference such as INC-0042, or incident 42."
    context = _moment_frame(request, tables, at, problem) | {"title": "As of a moment"}
    return page(request, "audit/moments.html", context, status=400 if problem else 200)


def object_as_of(request, label, pk):
    """An object and everything that belonged to it, as it stood; what has been deleted since is there."""
    tables = tables_for(request.user)
    table = table_of(tables, label)
    at, problem = _asked_moment(request)
    story = story_as_of(table.model, min(pk, 2**63 - 1), at, tables)
    known = {one.model: one for one in tables}
    all_entries = [Entry(known[model], row) for model, rows in story for row in rows]
    names = names_for(all_entries, tables, then=True)
    context = _moment_frame(request, tables, at, problem) | {
        "title": "As of a moment",
        "label": label,
        "pk": pk,
        "what": str(table.model._meta.verbose_name),
        "object_text": f"{table.model._meta.verbose_name} {pk}",
        "parts": [
            (
                str(model._meta.verbose_name_plural).capitalize(),
                [_stood(known[model], row, names) for row in rows],
            )
            for model, rows in story
        ],
        "history_url": history_url(table.model, pk),
    }
    return page(request, "audit/as_of.html", context, status=400 if problem else 200)


def _stood(table, row, names):
    key, whole = getattr(row, table.model._meta.pk.attname), whole_of(table.model)
    hidden = (table.model._meta.pk.name, whole.name if whole else "")
    return {
        "name": names.of(row),
        "url": version_url(table.label, key, row.history_id),
        "at": row.history_date,
        "who": changes.who(row),
        "values": [one for one in values(row, names, hidden=hidden) if one.text not in ("–", "")],
    }


def objects_as_of(request, label):
    """All objects of one model as they stood at a moment, what changed last before it first."""
    tables = tables_for(request.user)
    table = table_of(tables, label)
    at, problem = _asked_moment(request)
    place = Place.read(request.GET.get("before", ""))
    rows = list_as_of(table, at, place, PER_PAGE + 1)
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    names = names_for([Entry(table, row) for row in rows], tables, then=True)
    context = _moment_frame(request, tables, at, problem) | {
        "title": f"{str(table.model._meta.verbose_name_plural).capitalize()} as of a moment",
        "label": label,
        "objects": [_stood(table, row, names) for row in rows],
        "older": Place(rows[-1].history_date, label, rows[-1].history_id) if more else "",
        "is_first": place is None,
    }
    return page(request, "audit/list_as_of.html", context, status=400 if problem else 200)
