"""Somebody with the whole database, triggers switched off, changes the past: each way is found and named."""

import pytest
from django.db import connection

from config.audit import anchors, triggers, verify
from config.audit.ledger import Anchor
from incidents.models import Region

pytestmark = pytest.mark.django_db
HISTORY, ROWS = "incidents_historicalregion", "incidents_region"
NAMES = ["Europe", "America", "Asia", "Africa"]


@pytest.fixture(autouse=True)
def regions():
    verify.sealing.seal()  # what comes from the migrations, so that ours are the last rows of the chain
    for name in NAMES:
        region = Region.objects.create(slug=name.lower(), name=name)
        region.name += " (renamed)"
        region.save()
    anchors.anchor(Anchor.Occasion.HAND)
    assert verify.check().findings == []


def tamper(*statements):
    """Run SQL as somebody who owns the database, with none of our triggers in the way, and put them back."""
    with connection.cursor() as cursor:
        kept = list(triggers.statements(connection.vendor))
        triggers.drop()
        for statement in statements:
            cursor.execute(statement)
        for statement in kept:  # not `install`, which would write down what it finds
            cursor.execute(statement)


def found(**options):
    report = verify.check(**options)
    assert report.outcome == "findings" or not report.findings
    return {finding.kind for finding in report.findings}


def last(table=HISTORY, key="history_id"):
    return f"(SELECT max({key}) FROM (SELECT * FROM {table}) t)"


def test_an_edited_row():
    tamper(
        f"UPDATE {HISTORY} SET name = 'Atlantis' WHERE history_id = (SELECT min(history_id) FROM {HISTORY})"
    )
    assert found() == {"edited"}


def test_an_edited_actor():
    tamper(f"UPDATE {HISTORY} SET history_user_name = 'Somebody else' WHERE history_id = {last()} - 3")
    assert found() == {"edited"}


def test_a_row_removed_from_the_middle():
    tamper(f"DELETE FROM {HISTORY} WHERE history_id = {last()} - 3")
    assert found() == {"removed"}


def test_a_cut_tail_with_the_row_put_back():
    tamper(
        f"DELETE FROM {HISTORY} WHERE history_id = {last()}",
        f"UPDATE {ROWS} SET name = 'Africa' WHERE slug = 'africa'",
    )
    assert found() == {"removed"}


def test_two_rows_swapped():
    a, b = f"{last()} - 1", f"{last()} - 3"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {a}, {b}")
        a, b = cursor.fetchone()
    tamper(
        f"UPDATE {HISTORY} SET history_id = -1 WHERE history_id = {a}",
        f"UPDATE {HISTORY} SET history_id = {a} WHERE history_id = {b}",
        f"UPDATE {HISTORY} SET history_id = {b} WHERE history_id = -1",
    )
    assert "edited" in found()


def test_seals_swapped():
    row = "SELECT max(sequence) FROM audit_sealedrow"
    with connection.cursor() as cursor:
        cursor.execute(row)
        (number,) = cursor.fetchone()
    tamper(
        f"UPDATE audit_sealedrow SET sequence = -1 WHERE sequence = {number - 2}",
        f"UPDATE audit_sealedrow SET sequence = {number - 2} WHERE sequence = {number - 3}",
        f"UPDATE audit_sealedrow SET sequence = {number - 3} WHERE sequence = -1",
    )
    assert "chain" in found()


def test_a_seal_dropped():
    tamper("DELETE FROM audit_sealedrow WHERE sequence = (SELECT max(sequence) - 2 FROM audit_sealedrow)")
    assert "chain" in found()


def test_the_seal_of_a_batch_dropped():
    tamper("DELETE FROM audit_seal WHERE id = (SELECT max(id) FROM audit_seal)")
    assert found() == {"seal"}


def test_the_last_row_and_its_seal_gone_is_found_by_an_anchor_kept_outside(settings):
    kept = settings.AUDIT_ANCHORS.read_text().splitlines()
    tamper(
        f"DELETE FROM {HISTORY} WHERE history_id = {last()}",
        f"UPDATE {ROWS} SET name = 'Africa' WHERE slug = 'africa'",
        "DELETE FROM audit_sealedrow WHERE sequence = (SELECT max(sequence) FROM audit_sealedrow)",
        "UPDATE audit_seal SET last = last - 1, link = (SELECT link FROM audit_sealedrow ORDER BY sequence DESC"
        " LIMIT 1) WHERE id = (SELECT max(id) FROM audit_seal)",
        "DELETE FROM audit_anchor",
    )
    settings.AUDIT_ANCHORS.unlink()
    assert "anchor" in found(outside=kept)


def test_a_chain_made_anew_without_the_key_is_found(settings):
    settings.AUDIT_KEYS = {"stolen": b"not the real one" * 4}
    tamper("DELETE FROM audit_seal", "DELETE FROM audit_sealedrow", "DELETE FROM audit_anchor")
    settings.AUDIT_ANCHORS.unlink()
    verify.sealing.seal()
    settings.AUDIT_KEYS = {"stolen": b"the one on the server" * 4}
    assert found() == {"seal"}


def test_a_row_forged_into_the_middle():
    tamper(
        f"DELETE FROM {HISTORY} WHERE history_id = {last()} - 3",
        f"INSERT INTO {HISTORY} (history_id, id, slug, name, history_date, history_type, history_user_name,"
        " history_actor_kind, history_request_id) SELECT history_id - 3, id, slug, 'Forged',"
        " '2020-01-01 00:00:00', '~', 'Omar', 'web', 'x' FROM"
        f" {HISTORY} WHERE history_id = {last()}",
    )
    assert found() == {"edited"}


def test_a_row_forged_under_a_number_that_was_never_used():
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {last()}")
        (number,) = cursor.fetchone()
    tamper(
        f"INSERT INTO {HISTORY} (history_id, id, slug, name, history_date, history_type, history_user_name,"
        f" history_actor_kind, history_request_id) SELECT {-number}, id, slug, name, '2020-01-01 00:00:00',"
        f" '+', 'Omar', 'web', 'x' FROM {HISTORY} WHERE history_id = {number}"
    )
    assert found() == {"inserted"}


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE {ROWS} SET name = 'Atlantis' WHERE slug = 'asia'",
        f"DELETE FROM {ROWS} WHERE slug = 'asia'",
        f"INSERT INTO {ROWS} (slug, name, version) VALUES ('mu', 'Mu', 1)",
    ],
)
def test_a_row_changed_behind_the_history(change):
    tamper(change)
    assert found() == {"base"}


def test_a_trigger_dropped():
    name = f"{triggers.PREFIX}{ROWS}_update"
    with connection.cursor() as cursor:
        on = "" if connection.vendor == "sqlite" else f' ON "{ROWS}"'
        cursor.execute(f'DROP TRIGGER "{name}"{on}')
    assert found() == {"trigger"}


def test_a_trigger_that_says_something_else():
    name = f"{triggers.PREFIX}{ROWS}_update"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f'DROP TRIGGER "{name}"')
            cursor.execute(f'CREATE TRIGGER "{name}" AFTER UPDATE ON "{ROWS}" BEGIN SELECT 1; END')
        else:
            cursor.execute(
                f'DROP TRIGGER "{name}" ON {ROWS}; CREATE TRIGGER "{name}" AFTER UPDATE ON {ROWS} FOR EACH ROW'
                f' WHEN (false) EXECUTE FUNCTION "{triggers.PREFIX}{ROWS}"();'
                f' ALTER TABLE {ROWS} ENABLE ALWAYS TRIGGER "{name}"'
            )
    assert found() == {"trigger"}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite cannot switch a trigger off")
def test_a_trigger_switched_off_or_its_function_replaced():
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE {ROWS} DISABLE TRIGGER "{triggers.PREFIX}{ROWS}_update"')
        cursor.execute(
            f'CREATE OR REPLACE FUNCTION "{triggers.PREFIX}{HISTORY}_x"() RETURNS trigger LANGUAGE plpgsql AS'
            " $$ BEGIN RETURN NULL; END $$"
        )
    assert found() == {"trigger"}
