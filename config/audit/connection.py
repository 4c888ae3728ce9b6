"""Tells the database who is writing: before every write, on every connection, and nobody afterwards."""

import re
from contextlib import contextmanager

from psycopg import ClientCursor
from psycopg.sql import quote

from config.audit.actor import NOBODY, current
from config.audit.links import GENESIS, link_of

SETTING = "aftercare.actor"
SEPARATOR = "\x1f"
_READ = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE|ROLLBACK|BEGIN|SHOW|SET|PRAGMA)\b", re.IGNORECASE)

_WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


def watch(connection, **_):
    """Receiver of `connection_created`: prepare a connection once, whoever opened it."""
    if connection.vendor == "sqlite":
        connection.aftercare_actor = NOBODY
        connection.connection.create_function(
            "aftercare_actor", 1, lambda part: connection.aftercare_actor[part], deterministic=False
        )
        connection.connection.create_function("aftercare_link", 5, _link, deterministic=True)
        # Else what a REPLACE pushes out fires no trigger, and leaves without a trace.
        connection.connection.execute("PRAGMA recursive_triggers = ON")
    else:
        raw = connection.connection
        raw.cursor_factory = _telling_before_copy(raw.cursor_factory)
    wrapper = _tell_sqlite if connection.vendor == "sqlite" else _tell_postgresql
    if wrapper not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, wrapper)


def _link(previous, sequence, table, row, digest):
    # A false row may hold anything, and only has to be refused.
    if not isinstance(digest, bytes) or not isinstance(previous, bytes | None):
        return None
    return link_of(previous or GENESIS, sequence, str(table), row, digest)


def _only_reads(sql) -> bool:
    # A string of several statements may write after it has read.
    return ";" not in sql and _READ.match(sql) is not None


def _values():
    actor = current()
    return NOBODY if actor is None else actor.values()


def _tell_sqlite(execute, sql, params, many, context):
    connection = context["connection"]
    if _only_reads(sql):
        return execute(sql, params, many, context)
    connection.aftercare_actor = _values()
    try:
        return execute(sql, params, many, context)
    finally:
        connection.aftercare_actor = NOBODY


def _tell_postgresql(execute, sql, params, many, context):
    if _only_reads(sql):
        return execute(sql, params, many, context)
    cursor = context["cursor"]
    if many or not _WRITE.match(sql) or not isinstance(cursor.cursor, ClientCursor):
        connection = context["connection"]
        with connection.wrap_database_errors:
            _tell(connection.connection)
        return execute(sql, params, many, context)
    # In one message with the write, which saves a way to the server and back on every save.
    told = _telling(cursor.connection)
    done = execute(f"{told if params is None else told.replace('%', '%%')}; {sql}", params, many, context)
    cursor.nextset()  # past the answer to the telling
    return done


def _tell(raw):
    # Not local to the transaction: every write sets it anew, so a rollback cannot leave an old one behind.
    raw.execute(_telling(raw))


def _telling(raw) -> str:
    text = SEPARATOR.join(_clean(value) for value in _values())
    return f"SELECT set_config('{SETTING}', {quote(text, raw)}, false)"


def _telling_before_copy(factory):
    """Django's wrappers do not see a COPY, so the cursor itself says who writes."""

    class Telling(factory):
        @contextmanager
        def copy(self, *args, **options):
            _tell(self.connection)
            with super().copy(*args, **options) as copy:
                yield copy

    return Telling


def _clean(value) -> str:
    return "" if value is None else str(value).replace(SEPARATOR, " ").replace("\x00", "")
