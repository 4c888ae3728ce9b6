"""The cover page: what the pack is and how to check it, and what happened, for somebody who only reads."""

from dataclasses import dataclass
from types import SimpleNamespace

from django.conf import settings
from django.db import OperationalError
from django.db.models import ForeignKey
from django.template.loader import render_to_string
from django.utils import timezone

from config.audit import actor, canonical, changes
from config.audit.evidence.scopes import Period, SeesAll
from config.audit.explorer import sql

MOST = 1_000  # changes that the page tells; all are in the files
KINDS = dict(actor.KINDS)


@dataclass(frozen=True)
class Person:
    """Somebody, or something, who made changes that are in the pack."""

    name: str
    how: str
    changes: int
    first: object
    last: object


def render(making) -> str:
    """The page, complete in itself: it asks nobody for anything."""
    told, has_more, facts = _read(making)
    context = {
        "site": settings.SITE_NAME,
        "scope": making.scope,
        "is_period": isinstance(making.scope, Period),
        "made_at": making.made_at,
        "by": making.by,
        "zone": timezone.get_current_timezone_name(),
        "counts": making.counts,
        "line": making.head.line,
        "tables": list(_tables(making)),
        "people": sorted(_people(making), key=lambda person: -person.changes),
        "facts": facts,
        "is_readable": told is not None,
        "changes": told,
        "has_more": has_more,
        "redacted": len(set(making.redacted)),
        "differing": making.differing,
    }
    return render_to_string("audit/evidence_cover.html", context)


def _read(making):
    """Changes, whether there are earlier ones, facts; no changes at all where a text cannot be read."""
    try:
        facts = [] if isinstance(making.scope, Period) else _facts(making.scope.last)
        return *_changes(making), facts
    except OperationalError:  # SQLite keeps a text that is no UTF-8
        return None, False, []


def _models(making) -> dict[str, type]:
    """The models whose rows are in the pack, by table."""
    found = {one.table: one.model for one in canonical.sealables() if one.table in making.tables}
    return {table: getattr(model, "instance_type", model) for table, model in found.items()}


def _tables(making):
    for table, model in _models(making).items():
        kinds, about = making.kinds[table], making.tables[table]
        yield {
            "name": str(model._meta.verbose_name_plural).capitalize(),
            "file": about["csv"],
            "rows": about["lines"],
            "created": kinds["+"],
            "changed": kinds["~"],
            "deleted": kinds["-"],
        }


def _people(making):
    for (name, kind), (count, first, last) in making.people.items():
        signed = changes.who(SimpleNamespace(history_user_name=name, history_actor_kind=kind))
        yield Person(
            signed, KINDS.get(kind, "By an unknown road"), count, sql.as_moment(first), sql.as_moment(last)
        )


def _facts(last) -> list[changes.Difference]:
    fields = [one for one in last.tracked_fields if not one.primary_key]
    names = {}
    for one in fields:
        if isinstance(one, ForeignKey) and (pk := getattr(last, one.attname)) is not None:
            model = one.remote_field.model
            found = model._default_manager.filter(pk=pk).first()
            names[model, pk] = str(found) if found else f"#{pk} (deleted)"
    values = [(one, getattr(last, one.attname)) for one in fields]
    return [changes.difference(one, None, value, names) for one, value in values if value not in (None, "")]


def _changes(making) -> tuple[list[dict], bool]:
    """The latest changes, oldest first, and whether there are earlier ones that are only in the files."""
    sources = [
        _source(making, table, model) for table, model in _models(making).items() if making.last[table]
    ]
    found, before = changes.read(sources, SeesAll(), per_page=MOST)
    return [_told(making, change) for change in reversed(found)], bool(before)


def _source(making, table, model):
    history = model.history.model._default_manager.all()
    rows = making.rows[table]
    shown = history.filter(history_id__gte=rows[0], history_id__lte=rows[-1])
    if not isinstance(making.scope, Period):
        shown = shown.filter(**{f"{model._meta.pk.name}__in": list(making.last[table])})
    return changes.Source(model, shown, history)


def _told(making, change) -> dict:
    root = making.scope
    is_root = not isinstance(root, Period) and (change.label, change.pk) == (
        root.model._meta.label_lower,
        root.pk,
    )
    return {"change": change, "thing": change.thing if is_root else f"{change.thing} #{change.pk}"}
