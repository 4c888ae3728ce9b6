"""The pages of the explorer. None of them changes anything on GET."""

from django.utils import timezone
from django.utils.http import urlencode

from config.audit.explorer import search as searching
from config.audit.explorer import stream
from config.audit.explorer.rows import entries
from config.audit.explorer.shell import page
from config.audit.explorer.sight import tables_for
from config.audit.explorer.telling import clicks, told
from config.audit.filters import SavedFilter


def explorer(request):
    """Every change, newest first, of what is looked for."""
    tables = tables_for(request.user)
    asked = searching.read(request.GET, tables)
    if asked.errors:
        return page(request, "audit/explorer.html", _frame(request, asked, tables), status=400)
    found = _page_of(request, tables, asked)
    rows = told(entries(tables, found.places), tables)
    context = _frame(request, asked, tables) | {
        "clicks": clicks(rows, is_cut_above=bool(found.newer), is_cut_below=bool(found.older)),
        "links": _page_links(asked.query, found),
        "searched_to": found.searched_to,
    }
    return page(request, "audit/explorer.html", context)


def deleted(request):
    """What no longer exists, with its last state, the most recently deleted first."""
    tables = tables_for(request.user)
    asked = searching.read(request.GET, tables).only_gone()
    found = stream.Page([]) if asked.errors else _page_of(request, tables, asked)
    context = _frame(request, asked, tables) | {
        "title": "Deleted objects",
        "changes": told(entries(tables, found.places), tables),
        "links": _page_links(asked.query, found),
        "searched_to": found.searched_to,
        "is_deleted_list": True,
    }
    return page(request, "audit/deleted.html", context, status=400 if asked.errors else 200)


def _page_of(request, tables, asked):
    before = stream.Place.read(request.GET.get("before", ""))
    after = stream.Place.read(request.GET.get("after", ""))
    return stream.page(tables, asked, before=before, after=None if before else after)


def _page_links(query, found):
    def link(name, place):
        return f"?{query}{'&' if query else ''}{urlencode({name: place})}" if place else ""

    return {
        "newest": f"?{query}" if found.newer else "",
        "newer": link("after", found.newer),
        "older": link("before", found.older),
    }


def _frame(request, asked, tables):
    """What surrounds the rows: the form as it was filled, the filters in force, what was saved."""
    today = timezone.localdate()
    return {
        "here": "deleted" if asked.is_gone else "changes",
        "title": "Audit explorer",
        "search": asked,
        "query": asked.query,
        "typed": {name: values if name == "model" else values[0] for name, values in asked.typed.items()},
        "chips": list(_chips(asked, tables)),
        "models": sorted(
            (str(one.model._meta.verbose_name_plural).capitalize(), one.label) for one in tables
        ),
        "fields": _field_names(asked.of(tables) or tables),
        "roads": [(key, label) for key, label, _ in searching.ROADS],
        "kinds": [(key, label) for key, label, _ in searching.CHANGES],
        "periods": [
            (label, _with_period(asked, first, last)) for label, first, last in searching.quarters(today)
        ],
        "zone": f"{timezone.get_current_timezone_name()} ({timezone.localtime():%Z})",
        "saved": SavedFilter.objects.open_to(request.user).select_related("owner"),
    }


def _field_names(tables):
    names = {one.name: str(one.verbose_name) for table in tables for one in table.history.tracked_fields}
    return sorted(names.items())


def _with_period(asked, first, last):
    rest = searching.without(asked, "from", "to")
    return f"?{rest}{'&' if rest else ''}{urlencode({'from': first, 'to': last})}"


def _chips(asked, tables):
    """The filters in force in words, each with the address without it."""
    names = {table.label: str(table.model._meta.verbose_name) for table in tables}
    labels = {key: label for key, label, _ in (*searching.ROADS, *searching.CHANGES)}
    for name, values in asked.typed.items():
        shown = ", ".join(
            names.get(one, labels.get(one, one) if name in ("how", "change") else one) for one in values
        )
        yield {"label": name, "value": shown, "url": f"?{searching.without(asked, name)}"}
