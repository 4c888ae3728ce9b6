"""The schedule keeps the ledger: seals, anchors each hour and with each closed incident, verifies each day."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from config.audit import anchors, sealing, sweeps, triggers
from config.audit.ledger import Anchor, SealedRow, Verification
from config.outbox import sending
from config.outbox.models import Delivery
from incidents.models import Region
from incidents.sweeps import anchor_closed_incidents

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def region():
    return Region.objects.create(slug="eu", name="Europe")


def test_an_anchor_is_made_each_hour_in_which_something_was_sealed(region):
    now = timezone.now()
    assert sweeps.anchor_history() == 1
    assert sweeps.anchor_history() == 0
    assert sweeps.anchor_history(at=now + HOUR) == 0  # nothing new
    region.delete()
    assert sweeps.anchor_history(at=now + HOUR) == 1


def test_the_mail_of_an_anchor_is_no_reason_for_another(region, settings):
    settings.AUDIT_EMAILS = ["auditors@example.com"]
    sweeps.anchor_history()
    sending.deliver()
    assert mail.outbox[0].to == ["auditors@example.com"]
    assert Anchor.objects.get().line in mail.outbox[0].body
    assert Anchor.objects.get().line in mail.outbox[0].alternatives[0][0]
    assert sweeps.anchor_history(at=timezone.now() + HOUR) == 0


def test_an_export_is_anchored_at_once(client, aud, region):
    sweeps.anchor_history()
    client.force_login(aud)
    assert client.post("/admin/history/export/", {"format": "csv"}).status_code == 200
    assert sweeps.anchor_history() == 1
    assert Anchor.objects.first().occasion == "export"
    assert sweeps.anchor_history() == 0


def test_a_closed_incident_is_anchored_once(resolved, ravi):
    resolved.close(by=ravi)
    assert anchor_closed_incidents() == 1
    assert anchor_closed_incidents() == 0
    made = Anchor.objects.first()
    entry = type(resolved).history.filter(status="closed").latest("history_id")
    sealed = SealedRow.objects.get(shape__table="incidents_historicalincident", history_id=entry.history_id)
    assert made.occasion == "closed"
    assert made.sequence >= sealed.sequence


def test_an_open_incident_is_no_reason_for_an_anchor(incident):
    assert anchor_closed_incidents() == 0


def test_it_verifies_once_a_day(region):
    assert sweeps.verify_history() == 1
    assert sweeps.verify_history() == 0
    assert sweeps.verify_history(at=timezone.now() + timedelta(days=1)) == 1
    assert set(Verification.objects.values_list("outcome", flat=True)) == {"clean"}
    assert not Delivery.objects.exists()


def test_findings_are_told_to_those_who_may_verify(region, aud, omar, settings):
    settings.AUDIT_EMAILS = ["auditors@example.com"]
    sealing.seal()
    triggers.drop()
    Region.history.update(name="Atlantis")
    triggers.install()
    sweeps.verify_history()
    sending.deliver()
    assert sorted(letter.to[0] for letter in mail.outbox) == [aud.email, "auditors@example.com"]
    for body in (mail.outbox[0].body, mail.outbox[0].alternatives[0][0]):
        assert "edited: incidents_historicalregion" in body
        assert "/admin/history/verify/" in body
    assert mail.outbox[0].subject == "Aftercare's history needs a look: findings"


def test_lines_of_anchors_are_read_as_they_are_written(region):
    made = anchors.anchor(Anchor.Occasion.HAND)
    assert anchors.parse(made.line) == (made.sequence, bytes(made.link))
