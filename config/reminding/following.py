"""Keeps plans true when what they were made of changes: calendars, policies, managers, facilitators.

Who follows the history misses no road: a form, the API, an import, a bulk update and SQL by hand all write it.

    follows(User, lambda ids: among(ActionItem.objects.open(), owner__in=ids))
"""

from collections.abc import Callable
from datetime import timedelta

from django.db import connection, models
from django.db.models import Max, Q
from django.utils import timezone

from config.reminding.chasing import CHASED
from config.reminding.models import Watermark

# A transaction may take that long from its first write to its commit; longer ones wait for the daily planning.
OVERLAP = timedelta(minutes=2)
_followed: list[tuple[type[models.Model], Callable]] = []


def follows(source: type[models.Model], concerned: Callable[[list[int] | None], models.QuerySet]) -> None:
    """Plan anew the rows that `concerned` names for the ids of changed rows of `source`; None means all."""
    _followed.append((source, concerned))


def among(rows, **those) -> models.QuerySet:
    """Those of `rows` that a lookup names by ids; all of them where too many have changed to be named."""
    return rows if None in those.values() else rows.filter(**those)


def follow(at=None) -> int:
    """Ask for a new plan wherever the history has gone on; returns of how many rows."""
    at = at or timezone.now()
    heads, marks = _heads(), dict(Watermark.objects.values_list("table", "history_id"))
    asked = 0
    for source in _sources():
        table = source.history.model._meta.db_table
        if table not in marks:
            Watermark.objects.get_or_create(table=table, defaults={"history_id": heads[table]})
        elif heads[table] > marks[table]:
            asked += _follow_one(source, marks[table], at)
    return asked


def plan_all_anew(at=None) -> int:
    """Ask for a new plan of everything whose plan is older than a day; returns of how many rows."""
    at = at or timezone.now()
    old = Q(planned_at__lt=at - timedelta(days=1))
    return sum(
        _ask(chased.model.objects.filter(old, next_reminder_at__isnull=False), at)
        for chased in CHASED.values()
    )


def _sources() -> list[type[models.Model]]:
    return list(dict.fromkeys(source for source, _ in _followed))


def _heads() -> dict[str, int]:
    tables = [source.history.model._meta.db_table for source in _sources()]
    heads = " UNION ALL ".join(f"SELECT '{t}', COALESCE(MAX(history_id), 0) FROM \"{t}\"" for t in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(heads)
        return dict(cursor.fetchall())


def _follow_one(source, mark, at) -> int:
    new = source.history.filter(history_id__gt=mark)
    ids, newest = _changed(source, new)
    asked = 0
    for rows in [concerned(ids) for followed, concerned in _followed if followed is source]:
        stale = Q(planned_at=None) | Q(planned_at__lte=newest + OVERLAP)
        asked += _ask(rows.filter(stale), at)
    settled = new.filter(history_date__lt=at - OVERLAP).aggregate(last=Max("history_id"))["last"]
    if settled:
        Watermark.objects.filter(table=source.history.model._meta.db_table, history_id__lt=settled).update(
            history_id=settled
        )
    return asked


def _changed(source, new):
    ids = list(new.values_list(source._meta.pk.attname, flat=True).distinct()[:MANY])
    newest = new.aggregate(newest=Max("history_date"))["newest"]
    return (None if len(ids) == MANY else ids), newest


MANY = 500  # changed at once: then everything is planned anew, which costs less than a list that long


def _ask(rows, at) -> int:
    """`rows` want a new plan; one that is wanted already is left alone."""
    wanted = rows.exclude(next_reminder_at__lte=at, next_step="")
    pks = wanted.order_by().values("pk")
    return rows.model.objects.filter(pk__in=pks).update(next_reminder_at=at, next_step="")
