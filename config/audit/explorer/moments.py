"""How things stood at a moment: the newest history row of each object before it, found by index."""

import json

from config.audit.explorer import sql


def as_of(model, at, ids, seen=("", ())) -> list:
    """The history rows that tell how the objects `ids` of `model` stood at `at`; those gone then are left out.

    `seen` is a condition on such a row (alias h): one that does not fulfil it is left out as well.
    """
    if not ids:
        return []
    history = sql.history_of(model)
    table, pk = history._meta.db_table, model._meta.pk.column
    # One look into the index (object, number) for each object, whatever else is in the table.
    newest = (
        f'SELECT n.history_id FROM "{table}" n WHERE n."{pk}" = o.id AND n.history_date <= %s'
        " ORDER BY n.history_id DESC LIMIT 1"
    )
    objects, listed = _objects(ids)
    numbers = f"SELECT ({newest}) FROM {objects}"
    among = f"IN ({numbers})" if sql.is_sqlite() else f"= ANY(ARRAY({numbers}))"
    where, params = sql.both(
        (f"h.history_id {among}", [sql.moment(at), listed]), ("h.history_type <> '-'", []), seen
    )
    rows = sql.run(
        f'SELECT {sql.as_json(history, "h")} FROM "{table}" h WHERE {where} ORDER BY h."{pk}"', params
    )
    return [sql.from_json(history, text) for (text,) in rows]


def _objects(ids):
    ids = sorted(ids)
    if sql.is_sqlite():
        return "(SELECT value AS id FROM json_each(%s)) AS o", json.dumps(ids)
    return "unnest(%s::bigint[]) AS o(id)", ids


def list_as_of(table, at, place=None, count=50) -> list:
    """Objects as they stood at `at`, the one changed last before it first; `place` is where the page before ended.

    Walks the index of dates and keeps a row whose successor, one look into the index (object, number), came after
    `at`: the cost is that of the rows passed over, not of the table, and an object with many versions costs no
    more than another. Where a clock was set back two rows of an object may fulfil that; the later number counts.
    """
    history = table.history
    name, pk = history._meta.db_table, table.model._meta.pk.column
    successor = (
        f'SELECT n.history_date FROM "{name}" n WHERE n."{pk}" = h."{pk}" AND n.history_id > h.history_id'
        " ORDER BY n.history_id LIMIT 1"
    )
    then = sql.moment(at)
    before = ("", [])
    if place is not None:
        before = ("(h.history_date, h.history_id) < (%s, %s)", [sql.moment(place.at), place.number])
    where, params = sql.both(
        ("h.history_date <= %s", [then]),
        ("h.history_type <> '-'", []),
        before,
        table.seen("h"),
        (f"COALESCE(({successor}) > %s, {'1' if sql.is_sqlite() else 'true'})", [then]),
    )
    rows = sql.run(
        f'SELECT {sql.as_json(history, "h")} FROM "{name}" h WHERE {where}'
        f" ORDER BY h.history_date DESC, h.history_id DESC LIMIT {int(count)}",
        params,
    )
    found = {}
    for row in (sql.from_json(history, text) for (text,) in rows):
        key = getattr(row, table.model._meta.pk.attname)
        if key not in found or row.history_id > found[key].history_id:
            found[key] = row
    return list(found.values())
