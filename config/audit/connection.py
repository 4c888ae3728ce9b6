"""Tells the database who is writing: before every write, on every connection, and nobody afterwards."""

import re

from config.audit.actor import NOBODY, current

SETTING = "aftercare.actor"
SEPARATOR = "\x1f"
_READ = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|SHOW|SET|PRAGMA)\b", re.IGNORECASE)


def watch(connection, **_):
    """Receiver of `connection_created`: prepare a connection once, whoever opened it."""
    if connection.vendor == "sqlite":
        connection.aftercare_actor = NOBODY
        connection.connection.create_function(
            "aftercare_actor", 1, lambda part: connection.aftercare_actor[part], deterministic=False
        )
    wrapper = _tell_sqlite if connection.vendor == "sqlite" else _tell_postgresql
    if wrapper not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, wrapper)


def _values():
    actor = current()
    return NOBODY if actor is None else actor.values()


def _tell_sqlite(execute, sql, params, many, context):
    connection = context["connection"]
    if _READ.match(sql):
        return execute(sql, params, many, context)
    connection.aftercare_actor = _values()
    try:
        return execute(sql, params, many, context)
    finally:
        connection.aftercare_actor = NOBODY


def _tell_postgresql(execute, sql, params, many, context):
    if _READ.match(sql):
        return execute(sql, params, many, context)
    connection = context["connection"]
    text = SEPARATOR.join(_clean(value) for value in _values())
    # Not local to the transaction: every write sets it anew, so a rollback cannot leave an old one behind.
    with connection.wrap_database_errors:
        connection.connection.execute(f"SELECT set_config('{SETTING}', %s, false)", [text])
    return execute(sql, params, many, context)


def _clean(value) -> str:
    return "" if value is None else str(value).replace(SEPARATOR, " ").replace("\x00", "")
