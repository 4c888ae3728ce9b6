"""A database of a benchmark's own: a file in a scratch folder, or one more on the same PostgreSQL server."""

import os
import tempfile
from contextlib import contextmanager

NAMES = "aftercare_bench_"


@contextmanager
def scratch(name, join=False):
    """Django set up on an empty, migrated database, gone afterwards. `join`: the one another process made."""
    import django

    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "SITE_URL": ""}
    if join:
        django.setup()
        if _is_postgresql():
            _use(NAMES + name)
        yield
        return
    with tempfile.TemporaryDirectory(prefix="aftercare-bench-") as folder:
        os.environ["VAR_DIR"] = folder
        django.setup()
        from django.core.management import call_command

        if not _is_postgresql():
            call_command("migrate", verbosity=0)
            yield
            return
        with _database(NAMES + name):
            call_command("migrate", verbosity=0)
            yield


def _is_postgresql() -> bool:
    return os.environ.get("DATABASE_URL", "").startswith("postgres")


def _use(name) -> str:
    from django.db import connection

    connection.close()
    before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
    return before


@contextmanager
def _database(name):
    _alone(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
    before = _use(name)
    try:
        yield
    finally:
        _use(before)
        _alone(f'DROP DATABASE "{name}" WITH (FORCE)')


def _alone(*statements):
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()
