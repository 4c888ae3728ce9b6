"""Learnings in the API: the same verbs, the same refusals, and what the check finds."""

import pytest

from incidents.models import Incident
from retros.models import Learning, Retrospective
from tests.api import Caller, is_problem
from tests.retros.learnings import TEXTS, draft, make_public

pytestmark = pytest.mark.django_db


def url(learning, *rest):
    return "/".join(["learnings", learning.reference, *rest, ""])


@pytest.fixture
def learning(retro, ana):
    return draft(retro, by=ana)


def test_it_is_drafted_edited_reviewed_and_published_by_two(retro, ana, lena, client):
    writer, reviewer = Caller(ana), Caller(lena)
    made = writer.post("learnings/", {"retro": make_public(retro).reference})
    assert made.status_code == 201, made.content
    row = Learning.objects.get()
    assert made["Location"].endswith(url(row))
    edited = writer.patch(url(row), TEXTS, version=1)
    assert edited.json()["what_happened"] == TEXTS["what_happened"]
    assert writer.post(url(row, "send_for_review"), {}).json()["status"] == "in_review"
    assert is_problem(writer.post(url(row, "publish"), {}), 403)
    told = reviewer.post(url(row, "publish"), {}).json()
    assert (told["status"], told["is_public"], len(told["editions"])) == ("published", True, 1)
    assert client.get(f"/learnings/{row.slug}/").status_code == 200


def test_a_retro_that_customers_may_not_know_of_has_none(retro, ana):
    assert is_problem(Caller(ana).post("learnings/", {"retro": retro.reference}), 409)


def test_it_is_not_edited_once_it_is_read_by_others(learning, ana):
    learning.send_for_review(by=ana)
    assert is_problem(Caller(ana).patch(url(learning), {"title": "New"}, version=learning.version), 409)


def test_what_the_check_finds_is_told_and_refuses_publication(learning, ana, lena):
    caller = Caller(ana)
    caller.patch(
        url(learning), {"what_we_do": "We ask ops@example.com and INC-0042."}, version=learning.version
    )
    found = caller.get(url(learning, "check")).json()
    assert [(one["kind"], one["can_be_confirmed"], one["is_confirmed"]) for one in found] == [
        ("email", False, False),
        ("reference", True, False),
    ]
    assert is_problem(caller.post(url(learning, "confirm"), {"found": found[0]["mark"], "reason": "x"}), 400)
    assert (
        caller.post(url(learning, "confirm"), {"found": found[1]["mark"], "reason": "x"}).status_code == 200
    )
    assert caller.get(url(learning, "check")).json()[1]["is_confirmed"] is True
    caller.post(url(learning, "send_for_review"), {})
    refused = Caller(lena).post(url(learning, "publish"), {})
    assert is_problem(refused, 400)
    assert "ops@example.com" in refused.content.decode()


def test_learnings_of_hidden_retros_are_not_there(learning, lena, ana, aud):
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(facilitator=None)
    for path in (url(learning), url(learning, "check")):
        assert is_problem(Caller(lena).get(path), 404)
        assert Caller(aud).get(path).status_code == 200
    assert Caller(lena).get("learnings/").json()["results"] == []
    assert Caller(lena).get(f"learnings/?retro={learning.retro.reference}").json()["results"] == []
    assert Caller(aud).get(url(learning)).json()["is_public"] is False


def test_others_read_and_do_not_write(learning, ravi):
    caller = Caller(ravi)
    assert caller.get(url(learning)).json()["title"] == TEXTS["title"]
    assert is_problem(caller.patch(url(learning), {"title": "New"}, version=learning.version), 403)
    assert is_problem(caller.post(url(learning, "send_for_review"), {}), 403)
    assert is_problem(caller.post("learnings/", {"retro": learning.retro.reference}), 403)


@pytest.mark.parametrize(
    "body", [{"status": "published"}, {"published_at": "2026-03-04T12:00:00Z"}, {"retro": 1}]
)
def test_what_is_set_by_verbs_is_set_by_nothing_else(learning, ana, body):
    assert is_problem(Caller(ana).patch(url(learning), body, version=learning.version), 400)
