"""Every tracked table beside its history: whether both say the same, and what a history gained."""

from collections import Counter

from django.db import connection

from config.audit import triggers


def rows_of(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def contradictions() -> list[str]:
    """Every way in which a history says otherwise than its table, or than itself; empty when all is true."""
    return [
        f"{tracked.table} {pk}: {what}"
        for tracked in triggers.tracked_models()
        for pk, what in _contradictions_of(tracked)
    ]


def _contradictions_of(tracked):
    columns, at = ", ".join(f'"{name}"' for name in tracked.columns), tracked.columns.index(tracked.pk)
    told = {}
    history = f'SELECT history_type, {columns} FROM "{tracked.history_table}" ORDER BY history_id'
    for kind, *values in rows_of(history):
        pk = values[at]
        if what := _untrue(kind, told.get(pk), values):
            yield pk, what
        told[pk] = None if kind == "-" else values
    there = {values[at]: list(values) for values in rows_of(f'SELECT {columns} FROM "{tracked.table}"')}
    for pk in there.keys() | told.keys():
        if there.get(pk) != told.get(pk):
            yield pk, f"the table has {there.get(pk)}, the history {told.get(pk)}"


def _untrue(kind, before, values):
    """Why a history row cannot follow the one before it; None if it can."""
    if kind == "+":
        return "made though it was there" if before else None
    if before is None:
        return f"{kind} though it was not there"
    if kind == "~":
        return "changed into what it was" if before == values else None
    return None if before == values else "deleted as what it was not"


def marks() -> dict[str, int]:
    """The last history number of each table."""
    return {
        tracked.history_table: rows_of(f'SELECT COALESCE(MAX(history_id), 0) FROM "{tracked.history_table}"')[
            0
        ][0]
        for tracked in triggers.tracked_models()
    }


def moves_since(before) -> tuple[Counter, set]:
    """What the histories gained, such as {"~ region": 1}, and who is named for it: id, name and kind."""
    moves, doers = Counter(), set()
    who = "history_user_id, history_user_name, history_actor_kind"
    for tracked in triggers.tracked_models():
        table = tracked.history_table
        for kind, *doer in rows_of(
            f'SELECT history_type, {who} FROM "{table}" WHERE history_id > {before[table]}'
        ):
            moves[f"{kind} {tracked.model._meta.model_name}"] += 1
            doers.add(tuple(doer))
    return moves, doers
