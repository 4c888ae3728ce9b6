"""The triggers are there, refuse to be gone around, and what happened without them is made good."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from config.audit import triggers
from config.audit.actor import MIGRATION, acting
from config.people.models import User
from incidents.models import Incident, Region, Service
from tests.faults import snapshot

pytestmark = pytest.mark.django_db
IS_POSTGRESQL = connection.vendor == "postgresql"
COUNT = 'SELECT COUNT(*) FROM "{}"'


@pytest.fixture
def region():
    return Region.objects.create(slug="eu", name="Europe")


def sql(statement, *params):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


def refuses(statement, *params):
    before = snapshot(Region)
    with pytest.raises(DatabaseError, match="append-only"):
        sql(statement, *params)
    assert snapshot(Region) == before
    return True


def sizes():
    """The number of history rows of each table."""
    with connection.cursor() as cursor:
        counted = {}
        for tracked in triggers.tracked_models():
            cursor.execute(COUNT.format(tracked.history_table))
            counted[tracked.history_table] = cursor.fetchone()[0]
    return counted


def test_every_table_has_its_triggers():
    assert triggers.installed() == triggers.expected()
    assert len(triggers.expected()) >= 6 * len(triggers.tracked_models()) > 100


def test_every_road_around_the_history_is_closed(region):
    table = "incidents_historicalregion"
    assert refuses(f"UPDATE {table} SET name = 'Nowhere'")
    assert refuses(f"UPDATE {table} SET history_user_name = 'Nobody'")
    assert refuses(f"DELETE FROM {table}")
    for act in (lambda rows: rows.update(name="Nowhere"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act(region.history.all())
    entry = region.history.first()
    entry.name = "Nowhere"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.save()


def forge(region, **values):
    row = {
        **Region.history.filter(id=region.pk).values().first(),
        "history_id": 10**9,
        **values,
    }
    names = ", ".join(f'"{name}"' for name in row)
    return f"INTO incidents_historicalregion ({names}) VALUES ({', '.join(['%s'] * len(row))})", row.values()


@pytest.mark.parametrize(
    "lie",
    [
        {"name": "Nowhere"},
        {"history_type": "-"},
        {"id": 10**6},
        {"history_type": "~", "history_user_name": "Omar"},
        {"history_type": "~", "history_user_id": 1},
    ],
    ids=str,
)
def test_a_forged_entry_is_refused(region, lie):
    rest, values = forge(region, **lie)
    assert refuses(f"INSERT {rest}", *values)


@pytest.mark.skipif("IS_POSTGRESQL", reason="PostgreSQL has no REPLACE")
def test_an_entry_is_not_replaced(region):
    rest, values = forge(region, history_id=region.history.first().history_id)
    assert refuses(f"REPLACE {rest}", *values)
    assert refuses(f"INSERT OR REPLACE {rest}", *values)


@pytest.mark.skipif("not IS_POSTGRESQL", reason="SQLite has no TRUNCATE")
def test_no_table_is_emptied_at_once(region):
    assert refuses("TRUNCATE incidents_historicalregion")
    assert refuses("TRUNCATE incidents_region CASCADE")
    assert refuses("TRUNCATE incidents_region, incidents_historicalregion CASCADE")


@pytest.mark.skipif("not IS_POSTGRESQL", reason="SQLite has no replication role")
def test_a_replication_role_does_not_switch_it_off(region):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            Region.objects.update(name="Union")
            assert refuses("DELETE FROM incidents_historicalregion")
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")
    assert region.history.first().name == "Union"


@pytest.mark.skipif("not IS_POSTGRESQL", reason="SQLite cannot disable a trigger")
def test_a_trigger_that_was_disabled_is_missed(region):
    sql("ALTER TABLE incidents_region DISABLE TRIGGER aftercare_audit_incidents_region_update")
    assert triggers.expected() - triggers.installed() == {"aftercare_audit_incidents_region_update"}
    triggers.install()
    assert triggers.installed() == triggers.expected()


# --- What happened without them


def test_what_happened_without_triggers_is_written_when_they_come_back(region, ana):
    gone = Region.objects.create(slug="us", name="States")
    triggers.drop()
    assert triggers.installed() == set()
    Region.objects.filter(slug="eu").update(name="Union")
    Region.objects.create(slug="asia", name="Asia")
    gone_id = gone.pk
    gone.delete()
    before = sizes()
    with acting(ana, kind=MIGRATION, request_id="deploy", reason="incidents.0007"):
        triggers.install()
    rows = Region.history.filter(history_request_id="deploy").order_by("history_type")
    assert [(row.history_type, row.name) for row in rows] == [("+", "Asia"), ("-", "States"), ("~", "Union")]
    assert rows.get(history_type="-").id == gone_id
    assert {(row.history_user_id, row.history_user_name, row.history_actor_kind) for row in rows} == {
        (ana.pk, "Ana", "migration")
    }
    assert {row.history_change_reason for row in rows} == {"incidents.0007"}
    assert sum(sizes().values()) - sum(before.values()) == 3


def test_a_second_installation_writes_nothing(region, incident, ana):
    triggers.drop()
    Incident.objects.update(title="Changed")
    Service.objects.create(slug="search", name="Search")
    triggers.install()
    before = sizes()
    triggers.install()
    assert sizes() == before
    assert triggers.installed() == triggers.expected()


def test_what_came_back_after_a_deletion_is_new(region):
    region.delete()
    triggers.drop()
    region.save(force_insert=True)
    triggers.install()
    assert [row.history_type for row in Region.history.order_by("history_id")] == ["+", "-", "+"]


def test_after_them_every_change_is_recorded_again(region):
    triggers.drop()
    triggers.install()
    Region.objects.update(name="Union")
    assert region.history.first().name == "Union"
    assert refuses("DELETE FROM incidents_historicalregion")


def test_an_installation_that_breaks_leaves_the_old_triggers(region, monkeypatch):
    def broken(tracked):
        raise RuntimeError("no room")
        yield

    monkeypatch.setattr(triggers, "_postgresql" if IS_POSTGRESQL else "_sqlite", broken)
    with pytest.raises(RuntimeError):
        triggers.install()
    assert triggers.installed() == triggers.expected()
    Region.objects.update(name="Union")
    assert region.history.first().name == "Union"


def test_migrating_again_changes_no_history_and_no_trigger(incident, ana):
    before = sizes()
    call_command("migrate", verbosity=0)
    assert sizes() == before
    assert triggers.installed() == triggers.expected()


def test_a_table_that_a_migration_rebuilt_is_tracked_again(region):
    """SQLite forgets a table's triggers when a migration rebuilds it."""
    with acting(None, kind=MIGRATION, name="migrate"):
        triggers.drop()
        sql("UPDATE incidents_region SET name = 'By a migration'")
        triggers.install()
    row = region.history.first()
    assert (row.name, row.history_actor_kind, row.history_user_name) == (
        "By a migration",
        "migration",
        "migrate",
    )


def test_people_are_tracked_without_their_secrets(ana):
    columns = {f.column for f in User.history.model._meta.fields}
    assert {"email", "is_superuser", "password_changed_at"} <= columns
    assert not {"password", "last_login", "version"} & columns


def test_names_fit_what_the_database_keeps():
    assert max(map(len, triggers.expected())) <= 63


def test_every_new_connection_tells_who_writes_and_a_reopened_one_only_once():
    other = connection.copy()
    try:
        for _ in range(2):
            other.ensure_connection()
            assert len(other.execute_wrappers) == 1
            other.close()
    finally:
        other.close()
