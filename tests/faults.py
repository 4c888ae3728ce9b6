"""Breaks an operation at each of its SQL statements in turn, to see that nothing is ever half done."""

from contextlib import contextmanager
from itertools import count

from django.apps import apps
from django.db import OperationalError, connection, transaction


class StatementFailed(OperationalError):
    """What the database would say if it went away in the middle."""


class Fault:
    """Counts statements, and lets the `at`-th fail before the database sees it."""

    def __init__(self, at):
        self.at = at
        self.seen = 0
        self.is_told = False  # whether the operation failed of it

    @property
    def has_struck(self):
        return self.seen >= self.at

    def __call__(self, execute, sql, params, many, context):
        self.seen += 1
        if self.seen == self.at:
            raise StatementFailed(f"statement {self.at}: {sql[:100]}")
        return execute(sql, params, many, context)


@contextmanager
def failing_at(number):
    """Inside, the `number`-th statement fails; what comes of that is swallowed, what else fails is not."""
    fault = Fault(number)
    with connection.execute_wrapper(fault):
        try:
            yield fault
        except Exception:
            # Not only StatementFailed: Django's constraint checks can make a ValidationError of it.
            if not fault.has_struck:
                raise
            fault.is_told = True


def each_break_of(act):
    """Run `act` with its first, second, … statement failing until it survives, each time from the same start.

    Yields the fault after each run, so that the caller looks at what is left; then that is rolled back.
    """
    for number in count(1):
        with transaction.atomic():
            with failing_at(number) as fault:
                act()
            yield fault
            transaction.set_rollback(True)
        if not fault.has_struck:
            return


def snapshot(*models):
    """All rows of these models, and all their history, as they stand in the database."""
    tables = [m for model in models for m in (model, getattr(getattr(model, "history", None), "model", None))]
    return {table.__name__: _rows(table) for table in tables if table}


def every_row():
    """All rows of all tables, history and bookkeeping included."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.label: _rows(model) for model in models if model._meta.managed}


def _rows(model):
    """As the driver gives them: tests that look at everything do so hundreds of times, and need no instances."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {quote(model._meta.db_table)} ORDER BY {quote(model._meta.pk.column)}")
        return cursor.fetchall()


def is_whole_or_absent(act, *models):
    """Break `act` at each statement: if it fails, no row and no history has changed; else all has.

    Returns how many statements it takes.
    """
    before, sizes = snapshot(*models), []
    for fault in each_break_of(act):
        after = snapshot(*models)
        if fault.is_told:
            assert after == before, f"half done after {fault.at} statements"
            continue
        # Survived, which Django's constraint checks do even when their own statement fails.
        assert after != before
        sizes.append({name: len(rows) for name, rows in after.items()})
    assert all(size == sizes[-1] for size in sizes)
    return fault.seen
