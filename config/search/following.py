"""Follows the history, so that no road of change is missed: a form, an import, a bulk update, SQL by hand.

What the history says since the last look names the rows that are read anew. The last two minutes are looked at
again, for a transaction may commit after one that began later; a document that has not changed costs one read.
"""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from config.search.index import check_all, refresh
from config.search.kinds import KINDS, SOURCES, Source
from config.search.models import Mark

OVERLAP = timedelta(minutes=2)  # from a transaction's first write to its commit; longer ones wait for the day
PAGE = 1_000  # history rows read at once


def follow(at=None) -> int:
    """Read anew whatever the history says has changed; returns how many documents had to change."""
    at = at or timezone.now()
    heads, marks = _heads(), dict(Mark.objects.values_list("table", "history_id"))
    if not heads.keys() <= marks.keys():
        return read_everything()
    return sum(
        _follow_one(sources, marks[table], at)
        for table, sources in _by_table().items()
        if heads[table] > marks[table]
    )


def read_everything(**options) -> int:
    """Compare every document with its row, then follow the history from where it was before."""
    heads = _heads()
    changed = check_all(**options)
    for table, head in heads.items():  # at the end: whoever is stopped before it begins anew
        Mark.objects.update_or_create(table=table, defaults={"history_id": head})
    return changed


def _by_table() -> dict[str, list[Source]]:
    tables = {}
    for source in SOURCES:
        tables.setdefault(source.model.history.model._meta.db_table, []).append(source)
    return tables


def _heads() -> dict[str, int]:
    heads = " UNION ALL ".join(
        f"SELECT '{table}', COALESCE(MAX(history_id), 0) FROM \"{table}\"" for table in _by_table()
    )
    with connection.cursor() as cursor:
        cursor.execute(heads)
        return dict(cursor.fetchall())


def _follow_one(sources, mark, at) -> int:
    model, changed, settled = sources[0].model, 0, mark
    new = model.history.order_by("history_id").values_list(
        "history_id", model._meta.pk.attname, "history_date"
    )
    last = mark
    while rows := list(new.filter(history_id__gt=last)[:PAGE]):
        last = rows[-1][0]
        ids = {pk for _, pk, _ in rows}
        changed += sum(refresh(KINDS[source.kind], _concerned(source, ids)) for source in sources)
        settled = max([settled, *(number for number, _, date in rows if date < at - OVERLAP)])
    if settled > mark:
        table = model.history.model._meta.db_table
        Mark.objects.filter(table=table, history_id__lt=settled).update(history_id=settled)
    return changed


def _concerned(source, ids) -> set[int]:
    if callable(source.of):
        return set(source.of(sorted(ids)))
    if source.of == source.model._meta.pk.attname:
        return ids
    # From all its history: a part that moved concerns where it was as well.
    past = source.model.history.filter(**{f"{source.model._meta.pk.attname}__in": ids}).order_by()
    return set(past.values_list(source.of, flat=True).distinct()) - {None}
