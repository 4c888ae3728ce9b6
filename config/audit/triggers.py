"""Writes the history in the database itself, so that no road to a row can go around it.

One installer for PostgreSQL and SQLite. It drops every trigger of ours by its prefix and makes them anew
from the model registry, because SQLite forgets a table's triggers whenever a migration rebuilds the table.
"""

from dataclasses import dataclass

from django.apps import apps
from django.db import connections, transaction

from config.audit import append_only

PREFIX = "aftercare_audit_"
META = (
    "history_date",
    "history_type",
    "history_user_id",
    "history_user_name",
    "history_actor_kind",
    "history_request_id",
    "history_change_reason",
)


@dataclass(frozen=True)
class Tracked:
    """A model's table, its history table, and the columns the two share."""

    model: type
    table: str
    history_table: str
    pk: str
    columns: tuple[str, ...]


def tracked_models() -> list[Tracked]:
    """Every model with a history, in the order of the registry."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        history = getattr(getattr(model, "history", None), "model", None)
        if history is None or not hasattr(history, "tracked_fields"):
            continue
        found.append(
            Tracked(
                model=model,
                table=model._meta.db_table,
                history_table=history._meta.db_table,
                pk=model._meta.pk.column,
                columns=tuple(field.column for field in history.tracked_fields),
            )
        )
    return found


def drop(using: str = "default") -> None:
    """Remove our triggers; writes go unrecorded until `install`, which the reconciliation makes good."""
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        (_drop_sqlite if connection.vendor == "sqlite" else _drop_postgresql)(cursor)


def install(using: str = "default") -> int:
    """Drop what is there by prefix, write what happened without triggers, make all triggers anew.

    Returns how many changes had no history before.
    """
    connection = connections[using]
    with transaction.atomic(using), connection.cursor() as cursor:
        (_drop_sqlite if connection.vendor == "sqlite" else _drop_postgresql)(cursor)
        written = sum(_reconcile(connection, cursor, tracked) for tracked in tracked_models())
        for statement in statements(connection.vendor):
            cursor.execute(statement)
    return written


def statements(vendor):
    """All that makes our triggers, statement by statement."""
    for tracked in tracked_models():
        yield from (_sqlite if vendor == "sqlite" else _postgresql)(tracked)
    yield from append_only.sqlite(_named) if vendor == "sqlite" else append_only.postgresql(_named, _always)


def installed(using: str = "default") -> set[str]:
    """The names of our triggers that the database has now."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [PREFIX + "%"]
            )
        else:
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgname LIKE %s",
                [PREFIX + "%"],
            )
        return {name for (name,) in cursor.fetchall()}


def expected() -> set[str]:
    """The names of the triggers there should be, on the database in use."""
    kinds = ["insert", "update", "delete", "keep_insert", "keep_update", "keep_delete"]
    is_postgresql = connections["default"].vendor == "postgresql"
    kinds += ["keep_truncate", "truncate"] if is_postgresql else ["renumber"]
    names = {_name(tracked, kind) for tracked in tracked_models() for kind in kinds}
    return names | append_only.names(_named, connections["default"].vendor)


def _name(tracked, kind) -> str:
    return _named(tracked.table, kind)


def _named(table, kind) -> str:
    return f"{PREFIX}{table}_{kind}"


def _quoted(names, before="") -> str:
    return ", ".join(f'{before}"{name}"' for name in names)


# --- Reconciliation ----------------------------------------------------------------------------------------


def _reconcile(connection, cursor, tracked) -> int:
    """Write the difference between the rows and their latest history, as whoever acts now.

    Runs while our triggers are off: on PostgreSQL nothing but a trigger may insert history.
    """
    from config.audit.connection import _values

    same = "IS NOT" if connection.vendor == "sqlite" else "IS DISTINCT FROM"
    now = (
        "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')" if connection.vendor == "sqlite" else "clock_timestamp()"
    )
    columns, pk, history = _quoted(tracked.columns), tracked.pk, tracked.history_table
    into = f'INSERT INTO "{history}" ({columns}, {", ".join(META)})'
    cast = "" if connection.vendor == "sqlite" else "::bigint"
    who = f"%s{cast}, %s, %s, %s, %s"
    values = list(_values())
    cursor.execute(
        f"{into} SELECT {_quoted(tracked.columns, 'b.')}, {now},"
        " CASE WHEN h.history_id IS NULL OR h.history_type = '-' THEN '+' ELSE '~' END, "
        f'{who} FROM "{tracked.table}" b LEFT JOIN ({latest(tracked)}) l ON l.pk = b."{pk}"'
        f' LEFT JOIN "{history}" h ON h.history_id = l.history_id'
        " WHERE h.history_id IS NULL OR h.history_type = '-'"
        f" OR ({_quoted(tracked.columns, 'b.')}) {same} ({_quoted(tracked.columns, 'h.')})",
        values,
    )
    written = cursor.rowcount
    cursor.execute(
        f"{into} SELECT {_quoted(tracked.columns, 'h.')}, {now}, '-', {who}"
        f' FROM ({latest(tracked)}) l JOIN "{history}" h ON h.history_id = l.history_id'
        f' LEFT JOIN "{tracked.table}" b ON b."{pk}" = l.pk WHERE b."{pk}" IS NULL AND h.history_type <> \'-\'',
        values,
    )
    return written + cursor.rowcount


def latest(tracked) -> str:
    """SQL: the number of the latest history row of each object.

    Grouped rather than asked for each row, for which PostgreSQL may walk the whole table from its end.
    """
    return f'SELECT "{tracked.pk}" AS pk, max(history_id) AS history_id FROM "{tracked.history_table}" GROUP BY 1'


# --- SQLite ------------------------------------------------------------------------------------------------


def _drop_sqlite(cursor) -> None:
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [PREFIX + "%"])
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')


def _sqlite(tracked):
    into = f'INSERT INTO "{tracked.history_table}" ({_quoted(tracked.columns)}, {", ".join(META)})'
    who = ", ".join(f"aftercare_actor({part})" for part in range(5))
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now')"

    def write(kind, event, *rows, when=""):
        written = " ".join(
            f"{into} VALUES ({_quoted(tracked.columns, row + '.')}, {now}, '{letter}', {who});"
            for row, letter in rows
        )
        name = _name(tracked, kind)
        return f'CREATE TRIGGER "{name}" AFTER {event} ON "{tracked.table}" {when} BEGIN {written} END'

    same = f'OLD."{tracked.pk}" IS NEW."{tracked.pk}"'
    changed = f"({_quoted(tracked.columns, 'OLD.')}) IS NOT ({_quoted(tracked.columns, 'NEW.')})"
    # SQLite compares the names in a statement, and has three more for an integer primary key.
    number = f'UPDATE OF "{tracked.pk}", rowid, _rowid_, oid'
    yield write("insert", "INSERT", ("NEW", "+"))
    yield write("update", "UPDATE", ("NEW", "~"), when=f"WHEN {same} AND {changed}")
    # A row under another number is, to whoever asks for the old one, gone.
    yield write("renumber", number, ("OLD", "-"), ("NEW", "+"), when=f"WHEN NOT ({same})")
    yield write("delete", "DELETE", ("OLD", "-"))
    for event in ("update", "delete"):
        yield (
            f'CREATE TRIGGER "{_name(tracked, "keep_" + event)}" BEFORE {event.upper()} ON "{tracked.history_table}"'
            " BEGIN SELECT RAISE(ABORT, 'History is append-only.'); END"
        )
    yield (
        f'CREATE TRIGGER "{_name(tracked, "keep_insert")}" BEFORE INSERT ON "{tracked.history_table}"'
        f" WHEN {_is_forged(tracked)} BEGIN SELECT RAISE(ABORT, 'History is append-only.'); END"
    )


def _is_forged(tracked) -> str:
    """Whether a new history row says otherwise than the table and the actor, or would replace another.

    SQLite cannot tell a trigger's INSERT from anybody's, and REPLACE fires no trigger for what it removes.
    """
    row = f'SELECT 1 FROM "{tracked.table}" b WHERE b."{tracked.pk}" = NEW."{tracked.pk}"'
    same = f"({_quoted(tracked.columns, 'b.')}) IS ({_quoted(tracked.columns, 'NEW.')})"
    who = ", ".join(f'NEW."{name}"' for name in META[2:])
    actor = ", ".join(f"aftercare_actor({part})" for part in range(5))
    return (
        f'(EXISTS (SELECT 1 FROM "{tracked.history_table}" h WHERE h.history_id = NEW.history_id)'
        f" OR ({who}) IS NOT ({actor})"
        f" OR CASE NEW.history_type WHEN '-' THEN EXISTS ({row}) ELSE NOT EXISTS ({row} AND {same}) END)"
    )


# --- PostgreSQL --------------------------------------------------------------------------------------------


def _drop_postgresql(cursor) -> None:
    # A table cannot be altered while the check of a deferred foreign key is pending on it.
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    # Dropping a function drops the triggers that call it.
    cursor.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.proname LIKE %s"
        " AND p.pronamespace = current_schema()::regnamespace",
        [PREFIX + "%"],
    )
    for (signature,) in cursor.fetchall():
        cursor.execute(f"DROP FUNCTION {signature} CASCADE")


def _postgresql(tracked):
    yield from _postgresql_write(tracked)
    yield from _postgresql_keep(tracked)


def _postgresql_write(tracked):
    # Columns written out rather than to_jsonb(NEW): the plan is kept, and the write is cheaper. A migration
    # that adds a column is no trap, because the triggers are off while migrations run.
    function = f"{PREFIX}{tracked.table}"
    into = f'INSERT INTO "{tracked.history_table}" ({_quoted(tracked.columns)}, {", ".join(META)})'
    who = "NULLIF(who[1], '')::bigint, who[2], who[3], who[4], who[5]"

    def write(row, letter):
        return f"{into} VALUES ({_quoted(tracked.columns, row + '.')}, clock_timestamp(), '{letter}', {who});"

    yield f"""
        CREATE FUNCTION "{function}"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path FROM CURRENT AS $$
        DECLARE who text[] := string_to_array(
            COALESCE(NULLIF(current_setting('aftercare.actor', true), ''), repeat(E'\\x1f', 4)), E'\\x1f');
        BEGIN
            IF TG_OP = 'INSERT' THEN {write("NEW", "+")}
            ELSIF TG_OP = 'DELETE' THEN {write("OLD", "-")}
            ELSIF OLD."{tracked.pk}" = NEW."{tracked.pk}" THEN {write("NEW", "~")}
            ELSE {write("OLD", "-")} {write("NEW", "+")} END IF;
            RETURN NULL;
        END $$"""
    changed = (
        f"WHEN (({_quoted(tracked.columns, 'OLD.')}) IS DISTINCT FROM ({_quoted(tracked.columns, 'NEW.')}))"
    )
    for event, when in (("insert", ""), ("update", changed), ("delete", "")):
        yield _always(
            tracked.table,
            _name(tracked, event),
            f'AFTER {event.upper()} ON "{tracked.table}" FOR EACH ROW {when} EXECUTE FUNCTION "{function}"()',
        )


def _postgresql_keep(tracked):
    function = f"{PREFIX}{tracked.table}_keep"
    yield f"""
        CREATE FUNCTION "{function}"() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' AND pg_trigger_depth() > 1 THEN RETURN NEW; END IF;
            RAISE EXCEPTION 'History is append-only.' USING ERRCODE = 'insufficient_privilege';
        END $$"""
    keep = f'EXECUTE FUNCTION "{function}"()'
    for event in ("insert", "update", "delete"):
        yield _always(
            tracked.history_table,
            _name(tracked, f"keep_{event}"),
            f'BEFORE {event.upper()} ON "{tracked.history_table}" FOR EACH ROW {keep}',
        )
    yield _always(
        tracked.history_table,
        _name(tracked, "keep_truncate"),
        f'BEFORE TRUNCATE ON "{tracked.history_table}" FOR EACH STATEMENT {keep}',
    )
    # TRUNCATE fires no row trigger, so it would empty a table without a trace.
    yield _always(
        tracked.table,
        _name(tracked, "truncate"),
        f'BEFORE TRUNCATE ON "{tracked.table}" FOR EACH STATEMENT {keep}',
    )


def _always(table, name, rest) -> str:
    # ALWAYS: session_replication_role = replica must not switch the history off.
    return f'CREATE TRIGGER "{name}" {rest}; ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"'
