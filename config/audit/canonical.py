"""The one way to write a row as bytes, so that its digest is the same today and in ten years.

The database writes the text (JSON with the columns of the row's shape), Python hashes it: a million rows
need no model instances. The two databases write JSON differently, which does not matter: a ledger lives
in one database, and an evidence pack carries the bytes themselves.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.db import connection

from config.audit.ledger import Record
from config.audit.triggers import tracked_models


@dataclass(frozen=True)
class Sealable:
    """A table whose rows are sealed, with the columns of its key and of its moment."""

    model: type
    table: str
    key: str
    moment: str


def sealables() -> list[Sealable]:
    """Every history table, and the records that are sealed with the history."""
    found = [
        Sealable(tracked.model.history.model, tracked.history_table, "history_id", "history_date")
        for tracked in tracked_models()
    ]
    for model in apps.get_models():
        if issubclass(model, Record) and model.is_sealed_with_history:
            found.append(Sealable(model, model._meta.db_table, model._meta.pk.column, "recorded_at"))
    return found


def digest(text: str | bytes) -> bytes:
    """The SHA-256 of a canonical row."""
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).digest()


def columns_now() -> dict[str, tuple[str, ...]]:
    """The columns each table has, as the database says: the code may be a release ahead of it, or behind."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
            )
        else:
            cursor.execute(
                "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
                " AND a.attnum > 0 AND NOT a.attisdropped"
            )
        found: dict[str, list[str]] = {}
        for table, column in cursor.fetchall():
            found.setdefault(table, []).append(column)
    return {table: tuple(sorted(columns)) for table, columns in found.items()}


def expression(columns: Iterable[str], alias: str = "h") -> str:
    """SQL for the canonical text of a row: JSON of exactly these columns, in this order.

    On PostgreSQL moments are written in the zone of the connection, which Django sets to UTC.
    """
    if connection.vendor == "sqlite":
        pairs = ", ".join(f"'{name}', {_json(alias, name)}" for name in columns)
        # As bytes: a text that is no UTF-8, as only SQL can store, must not stop the sealing.
        return f"CAST(json_object({pairs}) AS BLOB)"
    named = ", ".join(f'{alias}."{name}"' for name in columns)
    return f"(SELECT row_to_json(x)::text FROM (SELECT {named}) x)"


def _json(alias, name) -> str:
    column = f'{alias}."{name}"'
    # SQLite keeps a BLOB in any column, and its JSON refuses one.
    return f"CASE typeof({column}) WHEN 'blob' THEN json_array('blob', hex({column})) ELSE {column} END"
