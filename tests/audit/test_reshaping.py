"""Migrations change the history's tables: what was sealed before still counts, and nothing can hide behind it."""

import pytest
from django.db import connection

from config.audit import sealing, triggers, verify
from config.audit.evidence.scopes import Story
from config.audit.ledger import SealedRow
from incidents.models import Region
from tests.audit.evidence import file_of, made

pytestmark = pytest.mark.django_db
TABLE = "incidents_historicalregion"


@pytest.fixture
def region():
    region = Region.objects.create(slug="eu", name="Europe")
    migrate(f"ALTER TABLE {TABLE} ADD COLUMN passing varchar(20)")
    region.name = "Europe (west)"
    region.save()
    sealing.seal()
    return region


def migrate(*statements):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        triggers.drop()
        for statement in statements:
            cursor.execute(statement)
        triggers.install()


def seals_of(region):
    return SealedRow.objects.filter(
        shape__table=TABLE, history_id__in=region.history.values("history_id")
    ).count()


def test_a_column_that_was_added_changes_no_digest():
    region = Region.objects.create(slug="eu", name="Europe")
    sealing.seal()
    migrate(f"ALTER TABLE {TABLE} ADD COLUMN passing varchar(20) DEFAULT 'x'")
    region.delete()
    report = verify.check()
    assert (report.findings, report.unchecked) == ([], [])
    assert report.counts["reshaped"] == 0


def test_after_a_column_was_removed_its_rows_are_sealed_anew(region):
    assert seals_of(region) == 2
    migrate(f"ALTER TABLE {TABLE} DROP COLUMN passing")
    report = verify.check()
    assert (report.findings, report.unchecked) == ([], [])
    assert report.counts["reshaped"] == 2
    assert seals_of(region) == 4
    assert verify.check().findings == []
    assert sealing.seal() == 0


def test_what_is_changed_or_removed_afterwards_is_found(region):
    migrate(f"ALTER TABLE {TABLE} DROP COLUMN passing")
    sealing.seal()
    first = region.history.order_by("history_id").first().history_id
    migrate(f"UPDATE {TABLE} SET name = 'Atlantis' WHERE history_id = {first}")
    assert {finding.kind for finding in verify.check().findings} == {"edited"}
    migrate(f"DELETE FROM {TABLE} WHERE history_id = {first}")
    assert {finding.kind for finding in verify.check().findings} == {"removed"}


def test_a_row_removed_together_with_a_column_is_found(region):
    first = region.history.order_by("history_id").first().history_id
    migrate(f"ALTER TABLE {TABLE} DROP COLUMN passing", f"DELETE FROM {TABLE} WHERE history_id = {first}")
    assert {finding.kind for finding in verify.check().findings} == {"removed"}


def test_a_pack_made_afterwards_verifies(region):
    migrate(f"ALTER TABLE {TABLE} DROP COLUMN passing")
    pack = made(Story(Region, region.pk))
    assert pack.check().findings == []
    assert len(pack.lines(file_of(Region))) == 2
