"""The roads to a row that need no door of the product: ORM, SQL, fixtures, and what changes nothing."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from config.audit.models import StaleVersion
from config.people.models import User
from incidents.models import Region
from tests.audit.ledger import rows_of

# --- The table of roads


@dataclass(frozen=True)
class Road:
    """A way to change rows: what the histories gain by it, on which database, signed by whom if not by us."""

    go: Callable
    moves: Counter
    only: str = ""
    doer: Callable | None = None


ROADS: list[Road] = []


def road(*moves, only="", doer=None):
    """Add a function to the table; `moves` such as "~ region" or "+ region × 3" is all the history gains by it."""
    expected = Counter()
    for move in moves:
        what, _, times = move.partition(" × ")
        expected[what] += int(times or 1)

    def add(go):
        ROADS.append(Road(go, expected, only, doer))
        return go

    return add


def sql(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def refused(error, act):
    try:
        with transaction.atomic():
            act()
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


def region(**fields):
    return Region(**{"slug": "us", "name": "States", **fields})


# --- One row


@road("~ region")
def saved(at):
    at.region.name = "Union"
    at.region.save()


@road("~ region")
def saved_in_part_with_another_field_dirty(at):
    at.region.name, at.region.slug = "Union", "never-stored"
    at.region.save(update_fields=["name"])


@road("~ severity")
def saved_with_f(at):
    at.severity.acknowledge_minutes = F("acknowledge_minutes") + 3
    at.severity.save()


@road("~ region")
def saved_with_concat(at):
    at.region.name = Concat("name", Value(" Union"))
    at.region.save()


@road("~ region")
def saved_asynchronously(at):
    at.region.name = "Union"
    async_to_sync(at.region.asave)()


@road("~ region")
def saved_raw(at):
    at.region.name = "Union"
    at.region.save_base(raw=True)


@road("~ region")
def saved_without_historical_record(at):
    at.region.name = "Union"
    at.region.save_without_historical_record()


@road("~ region")
def saved_with_history_skipped(at):
    at.region.name, at.region.skip_history_when_saving = "Union", True
    at.region.save()


@road("~ region")
def saved_with_a_forged_author_and_moment(at):
    at.region._history_user, at.region._change_reason = at.omar, "Forged."
    at.region._history_date = timezone.now() - timezone.timedelta(hours=1)
    at.region.name = "Union"
    at.region.save()


@road("+ region")
def created(at):
    Region.objects.create(slug="us", name="States")


@road("+ region")
def got_or_created_new(at):
    assert Region.objects.get_or_create(slug="us", defaults={"name": "States"})[1]


@road()
def got_or_created_old(at):
    assert not Region.objects.get_or_create(slug="eu", defaults={"name": "Union"})[1]


@road("+ region")
def updated_or_created_new(at):
    assert Region.objects.update_or_create(slug="us", defaults={"name": "States"})[1]


@road("~ region")
def updated_or_created_old(at):
    assert not Region.objects.update_or_create(slug="eu", defaults={"name": "Union"})[1]


@road("- region")
def deleted(at):
    at.region.delete()


@road("+ region", "~ region", "- region")
def made_changed_and_deleted(at):
    new = Region.objects.create(slug="us", name="States")
    new.name = "United States"
    new.save()
    new.delete()


@road("- region", "+ region")
def deleted_and_made_again_under_its_number(at):
    pk = at.region.pk
    at.region.delete()
    region(pk=pk, slug="eu").save(force_insert=True)


# --- Several rows


@road("~ region × 2")
def updated_by_query(at):
    Region.objects.update(name="Union")


@road("~ severity")
def updated_by_query_with_f(at):
    type(at.severity).objects.filter(rank=1).update(acknowledge_minutes=F("acknowledge_minutes") * 2)


@road("+ region × 3")
def created_in_bulk(at):
    Region.objects.bulk_create([region(slug=f"r{n}") for n in range(3)])


@road("+ region")
def created_in_bulk_ignoring_conflicts(at):
    Region.objects.bulk_create([region(), region(slug="eu")], ignore_conflicts=True)


@road("~ region", "+ region")
def created_in_bulk_updating_conflicts(at):
    Region.objects.bulk_create(
        [region(), region(slug="eu")], update_conflicts=True, update_fields=["name"], unique_fields=["slug"]
    )


@road("~ region × 2")
def updated_in_bulk(at):
    at.region.name = at.asia.name = "Union"
    Region.objects.bulk_update([at.region, at.asia], ["name"])


@road("~ region")
def updated_in_bulk_with_another_field_dirty(at):
    at.region.name, at.region.slug = "Union", "never-stored"
    Region.objects.bulk_update([at.region], ["name"])


@road("+ region × 2")
def created_in_bulk_with_the_library_s_history(at):
    bulk_create_with_history([region(), region(slug="sea")], Region)


@road("~ region")
def updated_in_bulk_with_the_library_s_history(at):
    at.region.name, at.region.slug = "Union", "never-stored"
    bulk_update_with_history([at.region], Region, ["name"])


@road("- region × 2")
def deleted_by_query(at):
    Region.objects.all().delete()


@road("- region × 2")
def deleted_raw(at):
    Region.objects.all()._raw_delete("default")


@road("- region", "+ region")
def given_another_number(at):
    Region.objects.filter(pk=at.region.pk).update(id=at.region.pk + 1000)


# --- SQL


@road("+ region")
def inserted_in_sql(at):
    sql("INSERT INTO incidents_region (slug, name, version) VALUES ('us', 'States', 1)")


@road("~ region")
def updated_in_sql(at):
    sql("UPDATE incidents_region SET name = 'Union' WHERE slug = 'eu'")


@road("- region")
def deleted_in_sql(at):
    sql("DELETE FROM incidents_region WHERE slug = 'eu'")


@road("+ region × 3")
def inserted_by_executemany(at):
    with connection.cursor() as cursor:
        statement = "INSERT INTO incidents_region (slug, name, version) VALUES (%s, %s, 1)"
        cursor.executemany(statement, [(f"r{n}", "Region") for n in range(3)])


@road("~ region", "+ region")
def inserted_or_updated_in_sql(at):
    sql(
        "INSERT INTO incidents_region (slug, name, version) VALUES ('eu', 'Union', 1), ('us', 'States', 1)"
        " ON CONFLICT (slug) DO UPDATE SET name = excluded.name"
    )


@road("+ region")
def inserted_or_left_in_sql(at):
    sql(
        "INSERT INTO incidents_region (slug, name, version) VALUES ('eu', 'Union', 1), ('us', 'States', 1)"
        " ON CONFLICT DO NOTHING"
    )


@road("- region", "+ region", only="sqlite")
def given_another_number_by_another_name(at):
    sql("UPDATE incidents_region SET rowid = rowid + 1000 WHERE slug = 'eu'")


@road("- region", "+ region")
def replaced_in_sql(at):
    if connection.vendor == "postgresql":
        sql("DELETE FROM incidents_region WHERE slug = 'eu'")
        return inserted_in_sql(at)
    return sql("REPLACE INTO incidents_region (slug, name, version) VALUES ('eu', 'Union', 1)")


@road("- region", "~ region", only="sqlite")
def updated_over_another_in_sql(at):
    sql("UPDATE OR REPLACE incidents_region SET slug = 'eu' WHERE slug = 'asia'")


@road("~ region", only="postgresql")
def updated_inside_a_select(at):
    statement = "UPDATE incidents_region SET name = 'Union' WHERE slug = 'eu' RETURNING id"
    assert rows_of(f"WITH changed AS ({statement}) SELECT id FROM changed") == [(at.region.pk,)]


@road("~ region", only="postgresql")
def updated_after_a_select_in_one_string(at):
    sql("SELECT 1; UPDATE incidents_region SET name = 'Union' WHERE slug = 'eu'")


@road("~ region", "+ region", only="postgresql")
def merged(at):
    sql(
        "MERGE INTO incidents_region r USING (VALUES ('eu', 'Union'), ('us', 'States')) n(slug, name)"
        " ON r.slug = n.slug WHEN MATCHED THEN UPDATE SET name = n.name"
        " WHEN NOT MATCHED THEN INSERT (slug, name, version) VALUES (n.slug, n.name, 1)"
    )


@road("+ region × 2", only="postgresql")
def copied(at):
    into = "COPY incidents_region (slug, name, version) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(into) as rows:
        for slug in ("us", "sea"):
            rows.write_row([slug, "Copied", 1])


# --- Fixtures


def load(tmp_path, **fields):
    path = tmp_path / "regions.json"
    path.write_text(
        json.dumps([{"model": "incidents.region", "fields": {"version": 1, **fields.pop("f")}, **fields}])
    )
    call_command("loaddata", str(path), verbosity=0)


@road("+ region")
def loaded_new(at):
    load(at.tmp_path, f={"slug": "us", "name": "States"})


@road("~ region")
def loaded_over_the_old(at):
    load(at.tmp_path, pk=at.region.pk, f={"slug": "eu", "name": "Union"})


@road()
def loaded_the_same(at):
    load(at.tmp_path, pk=at.region.pk, f={"slug": "eu", "name": "Europe"})


# --- Nothing


@road()
def saved_as_it_was(at):
    at.region.save()


@road()
def updated_to_what_it_was(at):
    Region.objects.filter(pk=at.region.pk).update(name="Europe")
    Region.objects.bulk_update([at.region], ["name", "slug"])
    sql("UPDATE incidents_region SET name = name")


@road()
def updated_where_nothing_is(at):
    Region.objects.filter(slug="nowhere").update(name="Nowhere")
    Region.objects.filter(slug="nowhere").delete()


@road()
def bookkeeping_only(at):
    User.objects.filter(pk=at.omar.pk).update(
        last_login=timezone.now(), password="!", version=F("version") + 1
    )


@road()
def rolled_back(at):
    with transaction.atomic():
        Region.objects.update(name="Union")
        at.group.user_set.add(at.ravi)
        at.incident.delete()
        transaction.set_rollback(True)


@road("~ region × 2")
def rolled_back_to_a_savepoint(at):
    with transaction.atomic():
        Region.objects.filter(slug="eu").update(name="First")
        with transaction.atomic():
            Region.objects.update(name="Second")
            transaction.set_rollback(True)
        Region.objects.filter(slug="eu").update(name="Third")


@road()
def refused_by_the_database(at):
    refused(DatabaseError, lambda: Region.objects.bulk_create([region(), region()]))


@road("~ region")
def refused_to_the_second_of_two_editors(at):
    stale = Region.objects.get(slug="eu")
    at.region.name, stale.name = "First", "Second"
    at.region.save()
    refused(StaleVersion, stale.save)
