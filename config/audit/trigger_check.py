"""Whether the triggers that keep the history are there, switched on, and say what they should."""

import re
from collections.abc import Iterator

from django.db import connection, transaction

from config.audit import triggers

_FUNCTION = re.compile(r'CREATE FUNCTION "([^"]+)"\(\).*?\$\$(.*)\$\$', re.DOTALL)
_TRIGGER = re.compile(r'CREATE TRIGGER "([^"]+)" .*? ON "([^"]+)"', re.DOTALL)


def altered() -> Iterator[tuple[str, str]]:
    """The name of each trigger that is not as it should be, and what is wrong with it."""
    wanted, found = (_sqlite_wanted(), _sqlite_found()) if _is_sqlite() else _postgresql()
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield name, "is missing or switched off"
        elif name not in wanted:
            yield name, "is none of ours"
        elif wanted[name] != found[name]:
            yield name, "says something else than it should"


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def _sqlite_wanted() -> dict[str, str]:
    return {_TRIGGER.match(statement)[1]: statement for statement in triggers.statements(connection.vendor)}


def _sqlite_found() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s",
            [triggers.PREFIX + "%"],
        )
        return dict(cursor.fetchall())


def _postgresql():
    """Functions by their source; triggers as PostgreSQL itself words them, made once more on a scratch table."""
    statements = list(triggers.statements(connection.vendor))
    wanted = {m[1]: m[2] for m in map(_FUNCTION.search, statements) if m}
    found = _functions()
    on_scratch, on_tables = _worded_on_scratch(statements), _worded(triggers.PREFIX)
    return wanted | on_scratch, found | on_tables


def _functions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE proname LIKE %s"
            " AND pronamespace = current_schema()::regnamespace",
            [triggers.PREFIX + "%"],
        )
        return dict(cursor.fetchall())


def _worded(prefix, tables="c.relnamespace = current_schema()::regnamespace") -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, pg_get_triggerdef(t.oid), c.relname FROM pg_trigger t JOIN pg_class c ON"
            f" c.oid = t.tgrelid WHERE {tables} AND t.tgname LIKE %s AND t.tgenabled = 'A'",
            [prefix + "%"],
        )
        return {name: _without_schema(text) for name, text, _ in cursor.fetchall()}


def _worded_on_scratch(statements) -> dict[str, str]:
    by_table: dict[str, list[str]] = {}
    for statement in statements:
        if match := _TRIGGER.search(statement):
            by_table.setdefault(match[2], []).append(statement)
    found = {}
    with transaction.atomic():
        for table, made in by_table.items():
            found |= _on_scratch(table, made)
        transaction.set_rollback(True)
    return found


def _on_scratch(table, made) -> dict[str, str]:
    with connection.cursor() as cursor:
        # Of the same name, in the schema of what is temporary: its triggers read like the real ones.
        cursor.execute(f'CREATE TEMPORARY TABLE "{table}" (LIKE "{table}")')
        for statement in made:
            qualified = statement.replace(f'ON "{table}"', f'ON pg_temp."{table}"').replace(
                f'ALTER TABLE "{table}"', f'ALTER TABLE pg_temp."{table}"'
            )
            cursor.execute(qualified)
        worded = _worded(triggers.PREFIX, f"c.oid = 'pg_temp.\"{table}\"'::regclass")
        cursor.execute(f'DROP TABLE pg_temp."{table}"')
    return worded


def _without_schema(text) -> str:
    return re.sub(r" ON (?:\w+\.)?", " ON ", text, count=1)
