"""The links on a retro's page: the file and the paper are for whoever sees the retro, and looking changes nothing."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from incidents.models import Incident
from retros.exchange import to_json, to_markdown
from retros.models import Retrospective
from tests.api import Caller, is_problem
from tests.conftest import make_publishable
from tests.incidents.pages import history_rows
from tests.pages import page
from tests.retros.big import make_big

ROADS = ("retro-markdown", "retro-json", "retro-print")


def url(retro, road):
    return reverse(road, args=[retro.pk])


@pytest.fixture
def restricted(retro, resolved):
    Incident.objects.filter(pk=resolved.pk).update(visibility="restricted", declared_by=None)
    Retrospective.objects.filter(pk=retro.pk).update(facilitator=None)
    return retro


def test_the_page_of_a_retro_leads_to_its_files(client, ana, retro):
    client.force_login(ana)
    shown = client.get(page(retro)).content.decode()
    assert all(f'href="{url(retro, road)}"' in shown for road in ROADS)


def test_the_file_is_handed_out_under_a_safe_name(client, ana, retro, resolved):
    Retrospective.objects.filter(pk=retro.pk).update(title='../"evil"\r\nX: 1; ünïcode')
    client.force_login(ana)
    answer = client.get(url(retro, "retro-markdown"))
    name = f"{resolved.reference.lower()}-evil-x-1-unicode.md"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer.content.decode() == to_markdown(retro)


def test_json_is_the_same_document(client, ana, retro):
    client.force_login(ana)
    answer = client.get(url(retro, "retro-json"))
    assert answer.content.decode() == to_json(retro)
    assert answer.json()["reference"] == retro.reference


@pytest.mark.parametrize("road", ROADS)
def test_a_retro_of_a_restricted_incident_is_not_there_for_others(
    client, ana, aud, stranger, restricted, road
):
    for person, status in ((ana, 404), (stranger, 403), (aud, 200)):
        client.force_login(person)
        assert client.get(url(restricted, road)).status_code == status
    client.logout()
    assert client.get(url(restricted, road)).status_code == 302


@pytest.mark.parametrize("road", ROADS)
def test_a_number_nobody_has_is_not_found(client, ana, road):
    client.force_login(ana)
    for number in (999_999, 10**30):
        assert client.get(f"/retros/{number}/{road.removeprefix('retro-')}/").status_code == 404


@pytest.mark.parametrize("road", ROADS)
def test_looking_changes_nothing_and_posting_is_refused(client, ana, retro, road):
    client.force_login(ana)
    before = history_rows()
    assert client.get(url(retro, road)).status_code == 200
    assert client.post(url(retro, road)).status_code == 405
    assert history_rows() == before


def test_a_hidden_incident_of_several_is_left_out_and_said_to_be(client, ana, retro, severity):
    secret = Incident.objects.create(title="A key was public", severity=severity, visibility="restricted")
    retro.incident_links.create(incident=secret)
    retro.action_items.create(title="Rotate", why="Trust.")
    client.force_login(ana)  # who leads it, and so sees it
    told = client.get(url(retro, "retro-json")).json()
    assert [one["title"] for one in told["incidents"]] == ["Checkout fails for one in five"]
    assert told["left_out"] == ["incidents"]
    on_paper = client.get(url(retro, "retro-print")).content.decode()
    assert "A key was public" not in on_paper
    assert "left out" in on_paper


def test_who_may_not_see_people_is_told_of_none(retro, stranger, omar):
    make_big(retro, omar)
    text = to_json(retro, stranger)
    assert "@example.com" not in text
    assert "Omar" not in text
    assert "people" in json.loads(text)["left_out"]


def test_the_paper_says_what_matters(client, ana, omar, retro):
    make_big(retro, omar)
    make_publishable(retro)
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    client.force_login(ana)
    shown = client.get(url(retro, "retro-print")).content.decode()
    for words in (
        "by Ana",
        "Time to restore",
        "Customer impact",
        "Watch payments",
        "Omar",
        "Entry 299",
        "SEV1",
    ):
        assert words in shown
    assert shown.index("Customer impact") < shown.index("Timeline")
    assert "style=" not in shown
    assert "unsafe-eval" not in client.get(url(retro, "retro-print"))["Content-Security-Policy"]


def test_what_people_wrote_is_no_markup_on_paper(client, ana, retro):
    retro.findings.create(kind="luck", text="<script>alert(1)</script>")
    Retrospective.objects.filter(pk=retro.pk).update(title="<b>bold</b>", customer_impact="<img src=x>")
    client.force_login(ana)
    shown = client.get(url(retro, "retro-print")).content.decode()
    assert "<script>alert" not in shown
    assert "<b>bold" not in shown
    assert "<img" not in shown


def test_a_big_retro_costs_no_more_queries_than_a_small_one(client, ana, omar, retro):
    client.force_login(ana)
    for road in ROADS:
        client.get(url(retro, road))
        small = cost(client, url(retro, road))
        make_big(retro, omar) if road == ROADS[0] else None
        assert cost(client, url(retro, road)) <= small + (3 if road == ROADS[0] else 0)


def cost(client, address):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


# --- The same by the API


@pytest.mark.parametrize("form", ["md", "json"])
def test_the_api_hands_out_the_same_file(ana, retro, form):
    answer = Caller(ana).get(f"retros/{retro.reference}/export/?as={form}")
    assert answer.status_code == 200
    assert answer.content.decode() == {"md": to_markdown, "json": to_json}[form](retro, ana)
    assert answer["Content-Disposition"].startswith("attachment; ")


def test_the_api_hands_out_markdown_unless_told_otherwise(ana, retro):
    assert Caller(ana).get(f"retros/{retro.pk}/export/").content.decode().startswith("---\n")


@pytest.mark.parametrize("asked", ["as=pdf", "as=", "as=md&x=1", "format=json"])
def test_the_api_refuses_what_it_cannot_write(ana, retro, asked):
    assert is_problem(Caller(ana).get(f"retros/{retro.pk}/export/?{asked}"), 400)


def test_the_api_hides_what_is_restricted(ana, aud, restricted):
    assert is_problem(Caller(ana).get(f"retros/{restricted.pk}/export/"), 404)
    assert Caller(aud).get(f"retros/{restricted.pk}/export/").status_code == 200
