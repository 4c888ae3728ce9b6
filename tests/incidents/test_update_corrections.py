"""A published update is corrected in the open: on the page, in the feeds and for programs, never silently."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from incidents.models import CustomerUpdate, UpdateCorrection
from tests.api import Caller, is_problem
from tests.cases import assert_refused
from tests.incidents.public import say, told, written
from tests.pages import page, verb_page

pytestmark = pytest.mark.django_db
REASON = "Refunds take longer than we said."


@pytest.fixture
def said(severity, service):
    incident = told(severity, services=[service])
    return say(incident, "Refunds arrive within two days.", ago=30)


def test_customers_read_the_new_text_what_it_said_before_and_why(said, lena):
    before = json.loads(written()["api/v2/incidents.json"])["incidents"][0]
    said.correct(by=lena, text="Refunds arrive within five days.", reason=REASON)
    files = written()
    html = files[f"incidents/{said.incident.public_id}/index.html"]
    for part in (
        "Refunds arrive within five days.",
        "Corrected",
        REASON,
        "<del>two</del>",
        "<ins>five</ins>",
    ):
        assert part in html
        assert part in files["index.html"]
    assert "&lt;del&gt;two&lt;/del&gt;" in files["history.atom"]
    assert REASON in files["history.rss"]
    after = json.loads(files["api/v2/incidents.json"])["incidents"][0]
    old, new = before["incident_updates"][0], after["incident_updates"][0]
    assert new["body"] == "Refunds arrive within five days."
    assert (
        new["updated_at"] > old["updated_at"] == old["created_at"] == new["created_at"] == new["display_at"]
    )
    assert after["updated_at"] == new["updated_at"]
    assert json.loads(files["api/v2/summary.json"])["page"]["updated_at"] == new["updated_at"]


def test_every_correction_stays_readable(said, lena):
    at = timezone.now()
    said.correct(by=lena, text="Within five days.", reason="First.", at=at - timedelta(minutes=5))
    said.correct(by=lena, text="Within six days.", reason="Second.", at=at)
    html = written()[f"incidents/{said.incident.public_id}/index.html"]
    assert html.index("Second.") < html.index("First.")
    assert [one.before for one in said.corrections.all()] == [
        "Within five days.",
        "Refunds arrive within two days.",
    ]
    assert said.corrections.first().history.get().history_user_name == str(lena)


def test_the_page_asks_for_the_text_and_the_reason(client, said, lena):
    client.force_login(lena)
    assert verb_page(said, "correct") in client.get(page(said)).content.decode()
    assert "Refunds arrive within two days." in client.get(verb_page(said, "correct")).content.decode()
    sent = {"version": said.version, "text": "Within five days.", "reason": ""}
    assert client.post(verb_page(said, "correct"), sent).status_code == 400
    assert client.post(verb_page(said, "correct"), sent | {"reason": REASON}).status_code == 302
    shown = client.get(page(said)).content.decode()
    assert REASON in shown
    assert "Refunds arrive within two days." in shown


@pytest.mark.parametrize("text", ["", "  ", "Refunds arrive within two days.", None])
def test_nothing_and_the_same_text_are_no_correction(said, lena, text):
    assert_refused(ValidationError, said, "correct", UpdateCorrection, by=lena, text=text, reason=REASON)


def test_there_is_no_other_way_to_another_text(client, said, lena):
    client.force_login(lena)
    assert client.post(page(said), {"text": "Silently", "version": said.version}).status_code == 403
    path = f"incidents/{said.incident.reference}/updates/{said.pk}/"
    assert is_problem(Caller(lena).patch(path, {"text": "Silently"}, said.version), 409)
    assert CustomerUpdate.objects.get().text == "Refunds arrive within two days."


def test_programs_of_ours_read_what_was_said_before(said, lena):
    path = f"incidents/{said.incident.reference}/updates/{said.pk}/"
    answer = Caller(lena).post(f"{path}correct/", {"text": "Within five days.", "reason": REASON})
    assert answer.status_code == 200
    [one] = answer.json()["corrections"]
    assert (one["before"], one["after"], one["reason"]) == (
        "Refunds arrive within two days.",
        "Within five days.",
        REASON,
    )
    assert one["corrected_by"]["email"] == lena.email
