"""The page that says whether the history is whole: for those who may, and nothing changes by looking."""

import pytest

from config.audit import sealing, triggers, verifying
from config.audit.ledger import SealedRow, Verification
from incidents.models import Region

pytestmark = pytest.mark.django_db
URL = "/admin/history/verify/"


@pytest.fixture
def region():
    return Region.objects.create(slug="eu", name="Europe")


def test_before_the_first_time_it_says_so_and_looking_changes_nothing(client, aud):
    client.force_login(aud)
    page = client.get(URL)
    assert "Not verified yet" in page.content.decode()
    assert not Verification.objects.exists()
    assert not SealedRow.objects.exists()


def test_the_auditor_verifies_and_reads_how_many_rows_were_checked(client, aud, region):
    client.force_login(aud)
    page = client.post(URL, follow=True).content.decode()
    assert "Everything is as it was sealed" in page
    assert f"{SealedRow.objects.count():,} rows checked, asked by Aud" in page


def test_findings_are_shown_in_words(client, aud, region):
    sealing.seal()
    triggers.drop()
    Region.history.update(name="<b>Atlantis</b>")
    triggers.install()
    client.force_login(aud)
    page = client.post(URL, follow=True).content.decode()
    assert "1 finding<" in page
    assert "edited: incidents_historicalregion" in page


def test_a_history_too_long_for_a_page_is_left_to_the_command(client, aud, region, monkeypatch):
    monkeypatch.setattr(verifying, "MOST_IN_A_REQUEST", -1)
    client.force_login(aud)
    assert "too long to verify while you wait" in client.post(URL, follow=True).content.decode()
    assert not Verification.objects.exists()


@pytest.mark.parametrize("name", ["omar", "ana", "ravi", "lena", "stranger"])
def test_nobody_else_may(client, name, request):
    client.force_login(request.getfixturevalue(name))
    for ask in (client.get, client.post):
        assert ask(URL).status_code in (302, 403)
    assert not Verification.objects.exists()
