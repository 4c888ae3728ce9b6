"""The page on which an auditor makes evidence packs: for few, recorded, and silent on GET."""

import io
import zipfile
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from config.audit.evidence import pack as packing
from config.audit.evidence import views
from config.audit.ledger import Anchor, EvidencePack, SealedRow
from config.people import roles
from tests.audit.evidence import Pack
from tests.conftest import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def page():
    return reverse("evidence:make")


@pytest.fixture
def signed_in(client, aud):
    client.force_login(aud)
    return client


def downloaded(response):
    assert response.status_code == 200
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        return Pack({name: archive.read(name) for name in archive.namelist()})


def test_an_auditor_downloads_the_pack_of_an_incident(signed_in, page, incident):
    response = signed_in.post(page, {"of": "incident", "incident": f"INC-{incident.pk:04}"})
    assert response["Content-Type"] == "application/zip"
    assert f'filename="evidence-inc-{incident.pk:04}-' in response["Content-Disposition"]
    assert downloaded(response).check().code == 0
    assert EvidencePack.objects.get().by == "Aud"


def test_an_auditor_downloads_the_pack_of_a_period(signed_in, page, incident):
    day = timezone.localdate().isoformat()
    pack = downloaded(signed_in.post(page, {"of": "period", "from": day, "to": day}))
    assert pack.manifest["what"]["from"] == day
    assert pack.check().code == 0


def test_days_are_those_of_the_person(signed_in, page, incident, aud):
    aud.time_zone = "Pacific/Auckland"
    aud.save()
    day = timezone.now().astimezone(ZoneInfo("Pacific/Auckland")).date().isoformat()
    pack = downloaded(signed_in.post(page, {"of": "period", "from": day, "to": day}))
    assert pack.manifest["what"]["zone"] == "Pacific/Auckland"


def test_looking_at_the_page_makes_nothing(signed_in, page, incident):
    response = signed_in.get(page, {"of": "incident", "incident": f"INC-{incident.pk}"})
    assert response.status_code == 200
    assert f'value="INC-{incident.pk}"' in response.content.decode()
    assert not EvidencePack.objects.exists()
    assert not Anchor.objects.exists()
    assert not SealedRow.objects.exists()


def test_it_shows_the_packs_made_before_and_their_manifests(signed_in, page, incident):
    signed_in.post(page, {"of": "incident", "incident": f"INC-{incident.pk}"})
    shown = signed_in.get(page).content.decode()
    kept = EvidencePack.objects.get()
    for text in (str(incident), "made by Aud", kept.manifest, kept.anchor.line):
        assert text in shown


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"of": "incident", "incident": "INC-99999"},
        {"of": "incident", "incident": "\x00" * 50},
        {"of": "incident", "incident": "<script>"},
        {"of": "period", "from": "2026-09-30", "to": "2026-09-01"},
        {"of": "period", "from": "30.9.2026", "to": ""},
        {"of": "period", "from": "9999-12-31", "to": "9999-12-31"},
    ],
)
def test_what_cannot_be_made_is_said_and_what_was_typed_is_kept(asked, signed_in, page, incident):
    response = signed_in.post(page, asked)
    assert response.status_code == 400
    shown = response.content.decode()
    assert 'role="alert"' in shown
    assert "<script>" not in shown.partition('role="alert"')[2].partition("</main>")[0]
    assert not EvidencePack.objects.exists()


def test_a_pack_too_long_to_wait_for_is_left_to_the_command_line(signed_in, page, incident, monkeypatch):
    signed_in.post(page, {"of": "incident", "incident": f"INC-{incident.pk}"})
    monkeypatch.setattr(views, "MOST_IN_A_REQUEST", 1)
    day = timezone.localdate().isoformat()
    response = signed_in.post(page, {"of": "period", "from": day, "to": day})
    assert f"manage.py audit export --from {day}" in response.content.decode()
    response = signed_in.post(page, {"of": "incident", "incident": f"INC-{incident.pk}"})
    assert f"manage.py audit export --incident INC-{incident.pk}" in response.content.decode()


def test_a_full_disk_is_said_and_nothing_is_recorded(signed_in, page, incident, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packing, "_write_seals", full)
    response = signed_in.post(page, {"of": "incident", "incident": f"INC-{incident.pk}"})
    assert response.status_code == 503
    assert "No space left on device" in response.content.decode()
    assert not EvidencePack.objects.exists()


@pytest.mark.parametrize("role", [roles.FACILITATOR, roles.RESPONDER, roles.COMMUNICATOR, roles.ACTION_OWNER])
def test_others_neither_see_the_page_nor_make_a_pack(role, client, page, incident):
    client.force_login(make_person("other@example.com", role))
    assert client.get(page).status_code == 403
    assert client.post(page, {"of": "incident", "incident": f"INC-{incident.pk}"}).status_code == 403
    assert not EvidencePack.objects.exists()


def test_who_may_make_packs_but_not_see_restricted_incidents_makes_none(client, page, incident, ana):
    packers = Group.objects.create(name="Packers")
    packers.permissions.add(Permission.objects.get(codename="export_evidence"))
    ana.groups.add(packers)
    incident.visibility = "restricted"
    incident.save()
    client.force_login(ana)
    day = timezone.localdate().isoformat()
    for asked in (
        {"of": "incident", "incident": f"INC-{incident.pk}"},
        {"of": "period", "from": day, "to": day},
    ):
        assert client.post(page, asked).status_code == 403


def test_nobody_makes_one_without_signing_in(client, page, incident):
    assert client.get(page).status_code == 302
    assert client.post(page, {"of": "incident", "incident": f"INC-{incident.pk}"}).status_code == 302
    assert not EvidencePack.objects.exists()


def test_it_is_changed_by_no_other_method(signed_in, page):
    assert signed_in.put(page).status_code == 405
