"""Seals, anchors and the records of the ledger: nobody changes, removes or forges them, by whatever road."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from config.audit import append_only, sealing, verify
from config.audit.anchors import anchor
from config.audit.ledger import Anchor, Seal, SealedRow, Verification
from config.audit.links import GENESIS, link_of
from incidents.models import Region

pytestmark = pytest.mark.django_db
IS_POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture(autouse=True)
def ledger():
    Region.objects.create(slug="eu", name="Europe")
    anchor(Anchor.Occasion.HAND)
    verify.verify(by="a test")


def refused(act):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        act()
    return True


def sql(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


@pytest.mark.parametrize("model", [SealedRow, Seal, Anchor, Verification])
def test_no_record_can_be_changed_or_removed(model):
    table, key = model._meta.db_table, model._meta.pk.column
    assert refused(lambda: sql(f"UPDATE {table} SET {key} = {key} + 1000000"))
    assert refused(lambda: sql(f"DELETE FROM {table}"))
    assert refused(lambda: model.objects.all()._raw_delete("default"))
    assert refused(lambda: model.objects.update(**{model._meta.pk.name: 1}))
    row = model.objects.first()
    assert refused(row.save)
    assert refused(row.delete)


@pytest.mark.parametrize("model", append_only.models() if apps.ready else [])
def test_every_table_of_the_ledger_has_its_triggers(model):
    from config.audit import triggers

    named = {name for name in triggers.installed() if f"_{model._meta.db_table}_ledger_" in name}
    assert len(named) == (4 if IS_POSTGRESQL else 3)


@pytest.mark.skipif(not IS_POSTGRESQL, reason="SQLite has no TRUNCATE")
def test_no_table_of_the_ledger_can_be_emptied():
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    for model in append_only.models():
        assert refused(lambda model=model: sql(f"TRUNCATE {model._meta.db_table} CASCADE"))


@pytest.mark.skipif(IS_POSTGRESQL, reason="PostgreSQL has no REPLACE")
def test_replace_does_not_go_around_it():
    for model in (SealedRow, Seal, Anchor, Verification):
        table = model._meta.db_table
        assert refused(lambda table=table: sql(f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"))


def forged(**values):
    last = SealedRow.objects.order_by("-sequence").select_related("shape").first()
    region = Region.history.first()
    row = SealedRow(
        sequence=last.sequence + 1,
        shape=last.shape,
        history_id=10**9,
        digest=GENESIS,
        link=GENESIS,
    )
    for name, value in values.items():
        setattr(row, name, value(last, region) if callable(value) else value)
    return row


def test_a_forged_seal_of_a_row_is_refused():
    assert refused(forged().save)
    assert refused(forged(sequence=10**6).save)
    assert refused(forged(sequence=0).save)


def test_a_row_that_does_not_exist_cannot_be_sealed_even_with_the_right_link():
    row = forged()
    last = SealedRow.objects.order_by("-sequence").first()
    row.link = link_of(bytes(last.link), row.sequence, row.shape.table, row.history_id, row.digest)
    if IS_POSTGRESQL:
        assert refused(row.save)
    else:  # found instead
        row.save()
        found = verify.check().findings
        assert {"removed", "seal"} <= {finding.kind for finding in found}


def test_a_seal_or_an_anchor_of_nothing_is_refused():
    last = SealedRow.objects.order_by("-sequence").first()
    head = {"link": bytes(last.link)}
    assert refused(lambda: Seal.objects.create(first=1, last=last.sequence, key_id="k", mac=b"", **head))
    assert refused(
        lambda: Seal.objects.create(
            first=last.sequence + 1, last=last.sequence + 1, key_id="k", mac=b"", **head
        )
    )
    assert refused(lambda: Anchor.objects.create(sequence=last.sequence, link=GENESIS))
    assert refused(lambda: Anchor.objects.create(sequence=last.sequence + 1, **head))
    assert sealing.seal() >= 0
