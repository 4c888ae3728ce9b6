from datetime import timedelta

import pytest
from django.utils import timezone

from actions.models import ActionItem
from config.people.models import User
from incidents.models import Incident
from retros.models import Retrospective
from tests.api import Caller, is_problem


def url(item, *rest):
    return "/".join(["action-items", item.reference, *rest, ""])


def in_days(days):
    return (timezone.now().date() + timedelta(days=days)).isoformat()


def test_an_item_grows_from_a_finding(ana, omar, retro):
    finding = retro.findings.create(kind="detection", text="Nobody was told.")
    body = {
        "title": "Page on failed logins",
        "why": "Customers waited 40 minutes.",
        "kind": "detect",
        "priority": 1,
        "owner": "omar@example.com",
        "due_on": in_days(7),
        "retro": retro.reference,
        "finding": finding.pk,
        "external_url": "https://tracker.example.com/7",
    }
    answer = Caller(ana).post("action-items/", body)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert {name: told[name] for name in body if name != "owner"} == {
        n: v for n, v in body.items() if n != "owner"
    }
    assert told["owner"] == {"id": omar.pk, "name": "Omar", "email": "omar@example.com"}
    assert told["status"] == "open"
    assert ActionItem.objects.get().next_reminder_at is not None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"title": None}, "title"),
        ({"why": ""}, "why"),
        ({"why": "x" * 5_001}, "why"),
        ({"kind": "blame"}, "kind"),
        ({"priority": 5}, "priority"),
        ({"priority": 2**63}, "priority"),
        ({"owner": "nobody@example.com"}, "owner"),
        ({"owner": 10**30}, "owner"),
        ({"owner": "9" * 5000}, "owner"),
        ({"owner": ["omar@example.com"]}, "owner"),
        ({"due_on": "9999-12-31"}, "due_on"),
        ({"due_on": "2020-01-01"}, "due_on"),
        ({"due_on": "tomorrow"}, "due_on"),
        ({"retro": "RETRO-9999"}, "retro"),
        ({"retro": "INC-0001"}, "retro"),
        ({"finding": 10**30}, "finding"),
        ({"finding": 1}, "finding"),
        ({"external_url": "javascript:alert(1)"}, "external_url"),
        ({"external_url": "https://x.example/" + "x" * 1000}, "external_url"),
        ({"status": "done"}, "status"),
        ({"next_reminder_at": None}, "next_reminder_at"),
        ({"ended_by": 1}, "ended_by"),
    ],
)
def test_what_makes_no_item_is_refused_by_its_name(ana, omar, body, name):
    answer = Caller(ana).post("action-items/", {"title": "Do it", "why": "Customers", **body})
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == [name]
    assert not ActionItem.objects.exists()


def test_a_finding_belongs_to_the_retro_of_its_item(ana, retro, item, ravi, severity):
    other = Incident.objects.declare(by=ravi, title="Other", severity=severity)
    finding = Retrospective.objects.open_for(other).findings.create(kind="luck", text="x")
    body = {"finding": finding.pk}
    told = Caller(ana).patch(url(item), body, version=item.version)
    unknown = Caller(ana).patch(url(item), {"finding": 10**9}, version=item.version)
    assert is_problem(told, 400)
    assert told.json() == unknown.json()


def test_owners_edit_their_own_items_and_nobody_elses(omar, item, ana):
    answer = Caller(omar).patch(url(item), {"title": "Alert sooner"}, version=item.version)
    assert answer.json()["title"] == "Alert sooner"
    ActionItem.objects.update(owner=ana)
    assert is_problem(Caller(omar).patch(url(item), {"title": "x"}, version=item.version + 1), 403)


def test_a_stale_edit_of_an_item_changes_nothing(omar, ana, item):
    Caller(ana).patch(url(item), {"why": "Because"}, version=item.version)
    assert is_problem(Caller(omar).patch(url(item), {"why": "Lost"}, version=item.version), 412)
    item.refresh_from_db()
    assert item.why == "Because"


def test_a_day_can_be_moved_closer_by_editing_but_later_only_with_a_reason(omar, item):
    caller = Caller(omar)
    assert is_problem(caller.patch(url(item), {"due_on": in_days(30)}, version=item.version), 400)
    assert is_problem(caller.patch(url(item), {"due_on": None}, version=item.version), 400)
    closer = caller.patch(url(item), {"due_on": in_days(3)}, version=item.version)
    assert closer.json()["due_on"] == in_days(3)
    first = caller.post(url(item, "postpone"), {"due_on": in_days(30)})
    assert (first.json()["due_on"], first.json()["slips"]) == (in_days(30), 1)
    unexplained = caller.post(url(item, "postpone"), {"due_on": in_days(40)})
    assert list(unexplained.json()["errors"]) == ["reason"]
    later = caller.post(url(item, "postpone"), {"due_on": in_days(40), "reason": "The supplier is late."})
    assert (later.json()["due_on"], later.json()["slips"]) == (in_days(40), 2)


def test_an_item_is_reassigned_by_address_or_number(ana, ravi, lena, item):
    caller = Caller(ana)
    for owner, name in (("Ravi@Example.com", "Ravi"), (lena.pk, "Lena")):
        assert caller.post(url(item, "reassign"), {"owner": owner}).json()["owner"]["name"] == name
    User.objects.filter(pk=ravi.pk).update(is_active=False)
    assert is_problem(caller.post(url(item, "reassign"), {"owner": "ravi@example.com"}), 400)


def test_only_who_manages_items_decides_for_others(omar, ravi, item):
    assert is_problem(Caller(omar).post(url(item, "reassign"), {"owner": "ravi@example.com"}), 403)


@pytest.mark.parametrize("to", ["Ravi@Example.com", "number"])
def test_an_item_is_offered_and_taken(omar, ravi, item, to):
    offered = Caller(omar).post(
        url(item, "hand_over"), {"to": ravi.pk if to == "number" else to, "note": "You know it."}
    )
    told = offered.json()
    assert (told["owner"]["name"], told["offered_to"]["email"]) == ("Omar", "ravi@example.com")
    assert (told["offered_by"]["name"], told["offer_note"]) == ("Omar", "You know it.")
    assert told["offered_at"].endswith("Z")
    assert is_problem(Caller(omar).post(url(item, "accept")), 403)
    taken = Caller(ravi).post(url(item, "accept")).json()
    assert (taken["owner"]["name"], taken["offered_to"], taken["offer_note"]) == ("Ravi", None, "")


def test_an_offer_is_declined_with_a_reason_or_taken_back(omar, ravi, item):
    Caller(omar).post(url(item, "hand_over"), {"to": "ravi@example.com"})
    unexplained = Caller(ravi).post(url(item, "decline"))
    assert list(unexplained.json()["errors"]) == ["reason"]
    assert Caller(ravi).post(url(item, "decline"), {"reason": "No time"}).json()["offered_to"] is None
    assert is_problem(Caller(omar).post(url(item, "keep")), 409)
    Caller(omar).post(url(item, "hand_over"), {"to": "ravi@example.com"})
    assert Caller(omar).post(url(item, "keep")).json()["offered_to"] is None


def test_an_item_is_snoozed_blocked_and_unblocked(omar, item):
    caller = Caller(omar)
    assert caller.post(url(item, "snooze"), {"until": in_days(3)}).json()["snoozed_until"] == in_days(3)
    assert is_problem(caller.post(url(item, "snooze"), {"until": in_days(30)}), 400)
    blocked = caller.post(url(item, "block"), {"waits_for": "The supplier", "until": in_days(20)}).json()
    assert (blocked["waits_for"], blocked["snoozed_until"]) == ("The supplier", in_days(20))
    free = caller.post(url(item, "unblock")).json()
    assert (free["waits_for"], free["snoozed_until"]) == ("", None)
    assert is_problem(caller.post(url(item, "unblock")), 409)


def test_an_item_is_done_with_what_shows_it(omar, item):
    assert list(Caller(omar).post(url(item, "complete")).json()["errors"]) == ["evidence"]
    done = Caller(omar).post(url(item, "complete"), {"evidence": "The alert rang in the drill."})
    assert (done.json()["status"], done.json()["evidence"]) == ("done", "The alert rang in the drill.")


def test_how_we_will_know_is_written_and_what_was_promised_is_only_read(ana, item):
    body = {"success_measure": "No alert is missed", "check_on": in_days(90)}
    told = Caller(ana).patch(url(item), body, version=item.version).json()
    assert {name: told[name] for name in body} == body
    assert (told["promised_on"], told["slips"]) == (in_days(7), 0)
    for name in ("promised_on", "slips", "snoozed_until", "waits_for", "offered_to"):
        refused = Caller(ana).patch(url(item), {name: None}, version=item.version + 1)
        assert list(refused.json()["errors"]) == [name]


def test_who_gives_away_what_they_may_not_see_again_still_gets_an_answer(omar, ravi, item):
    Incident.objects.update(visibility="restricted")
    Retrospective.objects.update(facilitator=None)
    Caller(omar).post(url(item, "hand_over"), {"to": "ravi@example.com"})
    assert Caller(ravi).post(url(item, "accept")).json()["owner"]["name"] == "Ravi"
    assert is_problem(Caller(omar).get(url(item)), 404)


def test_items_of_a_restricted_incident_are_nowhere_for_others_but_their_owner(omar, lena, item):
    Incident.objects.update(visibility="restricted")
    assert is_problem(Caller(lena).get(url(item)), 404)
    assert is_problem(Caller(lena).post(url(item, "complete")), 404)
    assert Caller(lena).get(f"action-items/?retro={item.retro_id}").json()["results"] == []
    assert Caller(omar).get(url(item)).status_code == 200


def test_an_item_joins_no_retro_its_maker_cannot_see(ravi, retro):
    Incident.objects.update(visibility="restricted", declared_by=None)
    body = {"title": "Do it", "why": "Customers", "retro": retro.reference}
    assert is_problem(Caller(ravi).post("action-items/", body), 400)


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("status=open", True),
        ("status=done&status=dropped", False),
        ("owner=omar@example.com", True),
        ("owner=OMAR@example.com", True),
        ("owner=ana@example.com", False),
        ("kind=prevent", True),
        ("kind=detect", False),
        ("priority=3", True),
        ("priority=1", False),
        ("overdue=true", False),
        ("overdue=false", True),
        ("due_after=2020-01-01", True),
        ("due_before=2020-01-01", False),
        ("due_before=9999-12-31", True),
        ("retro=RETRO-9999", False),
        ("ordering=-priority", True),
        ("ordering=-due_on", True),
    ],
)
def test_items_are_filtered(aud, item, query, is_found):
    answer = Caller(aud).get(f"action-items/?{query}")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == is_found


@pytest.mark.parametrize(
    "query",
    [
        "priority=9",
        "due_after=31/12/2026",
        "due_after=10000-01-01",
        "retro=INC-0001",
        "retro=" + "9" * 5000,
        "owner=%00",
        "owner__password=x",
        "why=x",
    ],
)
def test_a_wrong_question_about_items_is_an_error(aud, item, query):
    assert is_problem(Caller(aud).get(f"action-items/?{query}"), 400)


@pytest.mark.parametrize(
    "ordering",
    ["due_on", "-due_on", "priority", "-priority", "created_at", "-created_at", "reference", "-reference"],
)
def test_paging_shows_every_item_once_in_order_also_those_without_a_day(aud, ordering):
    days = [None, in_days(1), in_days(2), in_days(2), None, in_days(2), in_days(0)]
    for number, day in enumerate(days):
        ActionItem.objects.create(title=f"Item {number}", why="x", due_on=day, priority=1 + number % 3)
    caller, seen = Caller(aud), []
    path = f"action-items/?page_size=2&ordering={ordering}"
    while path:
        page = caller.get(path).json()
        seen += page["results"]
        path = page["next"] and page["next"].removeprefix("http://testserver")
    assert len(seen) == len({item["id"] for item in seen}) == len(days)
    name = {"reference": "id"}.get(ordering.lstrip("-"), ordering.lstrip("-"))
    known = [item[name] for item in seen if item[name] is not None]
    assert known == sorted(known, reverse=ordering.startswith("-"))
    assert [item[name] for item in seen][: len(known)] == known
