"""Puts new history under seal, a minute after the fact: never inside the write, which it would slow down.

Rows are read and hashed outside the transaction that stores the seal, so that nobody waits for the hashing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction

from config.audit import canonical, keys
from config.audit.canonical import Sealable
from config.audit.ledger import Seal, SealedRow, Shape
from config.audit.links import BATCH, GENESIS, link_of

# A row may be committed after one with a higher number. Nothing here writes for longer than this.
LONGEST_TRANSACTION = timedelta(hours=1)
MANY = 5_000  # rows sealed in one go, after which the database's statistics are out of date
LOCK = 0x0A57E9CA9E  # of PostgreSQL's advisory locks, one that is ours


@dataclass(frozen=True)
class Pending:
    """One row that is not sealed yet."""

    table: str
    row: int
    digest: bytes
    is_late: bool


def seal() -> int:
    """Seal every row that is not; returns how many there were. May run twice at once, and again at any time."""
    columns, total = canonical.columns_now(), 0
    shapes = _shapes(columns)
    # The head comes first: what is read after it is not sealed yet for as long as the head stays where it is.
    head = _head()
    late = _late(columns)
    while pending := late[:BATCH] or list(_pending(columns)):
        stored = _store(head, pending, shapes)
        if stored is None:  # somebody else sealed meanwhile: what is left is read anew
            head = _head()
            late = _late(columns)
            continue
        head, total = stored, total + len(pending)
        if not late and len(pending) < BATCH:  # what was written meanwhile waits for the next time
            break
        late = late[BATCH:]
    return _sealed(total)


def _sealed(total) -> int:
    if total > MANY:
        with connection.cursor() as cursor:  # else the database still plans as if the table were empty
            cursor.execute("ANALYZE audit_sealedrow")
    return total


def _head() -> tuple[int, bytes]:
    last = SealedRow.objects.order_by("-sequence").values_list("sequence", "link").first()
    return (0, GENESIS) if last is None else (last[0], bytes(last[1]))


def _store(before, pending, shapes) -> tuple[int, bytes] | None:
    """The new head; None, and nothing stored, if the head is not the one from `before`."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if _head() != before:
            return None
        rows = list(_linked(before, pending, shapes))
        SealedRow.objects.bulk_create(rows)
        last = rows[-1]
        key_id, mac = keys.sign(f"{last.sequence}|{last.link.hex()}".encode())
        Seal.objects.create(
            first=rows[0].sequence, last=last.sequence, link=last.link, key_id=key_id, mac=mac
        )
    return last.sequence, last.link


def _linked(before, pending, shapes) -> Iterator[SealedRow]:
    sequence, link = before
    for one in pending:
        sequence += 1
        link = link_of(link, sequence, one.table, one.row, one.digest)
        yield SealedRow(
            sequence=sequence,
            shape_id=shapes[one.table],
            history_id=one.row,
            digest=one.digest,
            link=link,
            is_late=one.is_late,
        )


# --- What is not sealed yet --------------------------------------------------------------------------------


def _shapes(columns) -> dict[str, int]:
    """The shape of each table as it is now, new ones written down."""
    tables = [sealable.table for sealable in canonical.sealables()]
    known = {(shape.table, tuple(shape.columns)): shape.pk for shape in Shape.objects.order_by("-pk")}
    for table in tables:
        if (table, columns[table]) not in known:
            known[table, columns[table]] = Shape.objects.create(table=table, columns=columns[table]).pk
    return {table: known[table, columns[table]] for table in tables}


def readable_shapes(columns) -> dict[str, list[Shape]]:
    """By table, the shapes whose rows can be read as they were sealed: all their columns are there still.

    Rows sealed in another shape count as not sealed, and so are sealed anew in the shape of today.
    """
    found: dict[str, list[Shape]] = {}
    for shape in Shape.objects.order_by("pk"):
        if shape.is_readable(columns):
            found.setdefault(shape.table, []).append(shape)
    return found


def sealed_up_to(readable) -> dict[str, int]:
    """The highest number under seal in each table."""
    shapes = [(shape.pk, table) for table, of_table in readable.items() for shape in of_table]
    if not shapes:
        return {}
    # One short walk down the index per shape; a GROUP BY would read every sealed row.
    asked = " UNION ALL ".join(
        f"SELECT {int(pk)}, (SELECT max(history_id) FROM audit_sealedrow WHERE shape_id = {int(pk)})"
        for pk, _ in shapes
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        highest = dict(cursor.fetchall())
    found: dict[str, int] = {}
    for pk, table in shapes:
        found[table] = max(found.get(table, 0), highest[pk] or 0)
    return found


def _pending(columns) -> Iterator[Pending]:
    """The next batch above what is sealed, table by table."""
    up_to, left = sealed_up_to(readable_shapes(columns)), BATCH
    for sealable in _with_news(up_to):
        sql = (
            f'SELECT h."{sealable.key}", {canonical.expression(columns[sealable.table])}'
            f' FROM "{sealable.table}" h WHERE h."{sealable.key}" > %s ORDER BY 1 LIMIT %s'
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [up_to.get(sealable.table, 0), left])
            for row, text in cursor.fetchall():
                left -= 1
                yield Pending(sealable.table, row, canonical.digest(text), False)
        if not left:
            return


def _with_news(up_to) -> list[Sealable]:
    """The tables that have rows above what is sealed, found with one query."""
    all_of_them = canonical.sealables()
    asked = " UNION ALL ".join(
        f'SELECT {at} WHERE EXISTS (SELECT 1 FROM "{one.table}" WHERE "{one.key}" > {int(up_to.get(one.table, 0))})'
        for at, one in enumerate(all_of_them)
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [all_of_them[at] for (at,) in cursor.fetchall()]


def _late(columns) -> list[Pending]:
    """Rows below what is sealed that were committed after it."""
    last = Seal.objects.order_by("-pk").values_list("recorded_at", flat=True).first()
    if last is None or connection.vendor == "sqlite":  # one writer at a time commits in order
        return []
    found = []
    for sealable, where in _with_late_rows(columns, last - LONGEST_TRANSACTION):
        text = canonical.expression(columns[sealable.table])
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT h."{sealable.key}", {text} FROM "{sealable.table}" h WHERE {where} ORDER BY 1'
            )
            rows = cursor.fetchall()
        found += [Pending(sealable.table, row, canonical.digest(text), True) for row, text in rows]
    return found


def _with_late_rows(columns, since) -> list[tuple[Sealable, str]]:
    readable = readable_shapes(columns)
    up_to, asked = sealed_up_to(readable), []
    for sealable in canonical.sealables():
        where = (
            f"h.\"{sealable.moment}\" > '{since.isoformat()}' AND NOT {is_sealed(sealable, readable)}"
            f' AND h."{sealable.key}" <= {int(up_to.get(sealable.table, 0))}'
        )
        asked.append((sealable, where))
    sql = " UNION ALL ".join(
        f'SELECT {at} WHERE EXISTS (SELECT 1 FROM "{sealable.table}" h WHERE {where})'
        for at, (sealable, where) in enumerate(asked)
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [asked[at] for (at,) in cursor.fetchall()]


def is_sealed(sealable, readable) -> str:
    """SQL: whether the row `h` of the table is under seal."""
    # Numbers written out: with a join, SQLite reads every sealed row for every row.
    shapes = ", ".join(str(int(shape.pk)) for shape in readable.get(sealable.table, ())) or "NULL"
    return (
        f"EXISTS (SELECT 1 FROM audit_sealedrow s WHERE s.shape_id IN ({shapes})"
        f' AND s.history_id = h."{sealable.key}")'
    )
