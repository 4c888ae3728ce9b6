"""Thousands of rows changed in one statement, each to values of its own."""

from django.db import connection

ON_SQLITE = 100  # rows a statement: it limits the parameters


def update_each(table: str, assign: str, where: str, columns: dict[str, str], rows: list[tuple]) -> None:
    """UPDATE `table` AS target from `rows`, which `assign` and `where` call `new`.

    `columns` names the columns of `new` and their types in PostgreSQL; `table`, `assign` and `where` are SQL.
    """
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
            cursor.execute(
                f"UPDATE {table} AS target SET {assign} FROM unnest({arrays}) AS new({names}) WHERE {where}",  # noqa: S608
                [list(column) for column in zip(*rows, strict=True)],
            )
            return
        for start in range(0, len(rows), ON_SQLITE):
            part = rows[start : start + ON_SQLITE]
            values = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(part))
            cursor.execute(
                f"WITH new({names}) AS (VALUES {values}) "  # noqa: S608
                f"UPDATE {table} AS target SET {assign} FROM new WHERE {where}",
                [value for row in part for value in row],
            )
