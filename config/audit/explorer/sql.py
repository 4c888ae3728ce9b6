"""How the two databases say the same: moments, rows as JSON, lists of numbers."""

import json
from datetime import UTC, datetime
from functools import cache

from django.db import connection, models
from django.db.models.base import ModelState


def is_sqlite() -> bool:
    """Whether the database in use is SQLite."""
    return connection.vendor == "sqlite"


def run(sql, params=()) -> list[tuple]:
    """All rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return cursor.fetchall()


def moment(at):
    """An aware moment as a parameter that compares with `history_date`.

    SQLite keeps history to the millisecond, as text: a moment with more or fewer digits would sort beside it.
    """
    if not is_sqlite():
        return at
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def as_moment(value) -> datetime | None:
    """What the database answers for a moment, aware and in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@cache
def history_of(model) -> type:
    """The model of the history rows of `model`. Asking `model.history` builds a manager class every time."""
    return model.history.model


@cache
def fields_of(model) -> list[models.Field]:
    """The columns of a history model in the order in which `as_json` writes them."""
    return list(model._meta.concrete_fields)


@cache
def as_json(model, alias) -> str:
    """SQL for a row as a JSON array, so that rows of different tables come from one statement."""
    function = "json_array" if is_sqlite() else "json_build_array"
    columns = ", ".join(f'{alias}."{field.column}"' for field in fields_of(model))
    return f"{function}({columns})" if is_sqlite() else f"{function}({columns})::text"


def from_json(model, text):
    """The row of `model` that `as_json` wrote, or None."""
    if text is None:
        return None
    names, converters = _decoding(model)
    values = json.loads(text)
    for at, convert in converters:
        if values[at] is not None:
            values[at] = convert(values[at])
    # Only to be read, so without what Model.__init__ does for each of thirty columns: half the time of a page.
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = False, connection.alias
    row.__dict__.update(zip(names, values, strict=True))
    return row


@cache
def _decoding(model):
    """The names of the columns, and by position how to read those that JSON does not carry as they are."""
    fields = fields_of(model)
    found = [(at, _converter(field)) for at, field in enumerate(fields)]
    return [field.attname for field in fields], [(at, convert) for at, convert in found if convert]


def _converter(field):
    if isinstance(field, models.ForeignKey):
        return _converter(field.target_field)
    if isinstance(field, models.DateTimeField):
        return as_moment
    if isinstance(field, models.JSONField):
        return json.loads if is_sqlite() else None
    if isinstance(field, models.BooleanField):
        return bool
    is_plain = isinstance(field, models.CharField | models.TextField | models.IntegerField)
    return None if is_plain else field.to_python


def one_of(column, numbers) -> tuple[str, list]:
    """A condition that `column` is one of `numbers`: a single parameter, however many there are."""
    numbers = sorted(numbers)
    if is_sqlite():
        return f"{column} IN (SELECT value FROM json_each(%s))", [json.dumps(numbers)]
    return f"{column} = ANY(%s)", [numbers]


def both(*conditions) -> tuple[str, list]:
    """Conditions (pairs of SQL and parameters) that all hold; none may have an OR that is not in brackets.

    They get no brackets of their own: SQLite's parser goes only so deep, and questions of sight are deep.
    """
    conditions = [condition for condition in conditions if condition[0]]
    return " AND ".join(sql for sql, _ in conditions) or "1 = 1", [
        param for _, params in conditions for param in params
    ]
