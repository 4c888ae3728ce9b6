"""New history is put under seal: every row once, in one chain, whoever seals and however often."""

import pytest

from config.audit import sealing
from config.audit.ledger import Seal, SealedRow
from config.audit.links import GENESIS, link_of
from incidents.models import Region

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed():
    sealing.seal()


def regions(count):
    return Region.objects.bulk_create(Region(slug=f"r{n}", name=f"Region {n}") for n in range(count))


def test_every_row_is_sealed_once(sealed):
    regions(3)
    assert sealing.seal() == 3
    assert sealing.seal() == 0
    rows = SealedRow.objects.filter(shape__table="incidents_historicalregion")
    assert set(rows.values_list("history_id", flat=True)) == set(
        Region.history.values_list("history_id", flat=True)
    )


def test_each_link_hangs_on_the_one_before(sealed):
    regions(2)
    sealing.seal()
    previous = GENESIS
    for at, row in enumerate(SealedRow.objects.order_by("sequence").select_related("shape"), start=1):
        assert row.sequence == at
        previous = link_of(previous, at, row.shape.table, row.history_id, bytes(row.digest))
        assert bytes(row.link) == previous


def test_seals_cover_at_most_500_rows_each_and_leave_no_gap(sealed):
    regions(1_100)
    sealing.seal()
    covered = 0
    for seal in Seal.objects.order_by("pk"):
        assert seal.first == covered + 1
        assert seal.last - seal.first < 500
        covered = seal.last
    assert covered == SealedRow.objects.count() > 1_100
