"""What customers said of an incident and what it cost support, in the API: the numbers that the workspace shows."""

import pytest

from incidents.feedback import Purpose, link_for
from incidents.feedback.numbers import Heard, heard_of, tickets_of
from incidents.feedback.showing import TOO_FEW, facts_of
from incidents.models import Feedback, Incident, SupportTicket, TicketCount
from incidents.models.ticket import DESK
from tests.api import Caller, is_problem
from tests.conftest import make_person, make_role
from tests.faults import snapshot
from tests.incidents.public import say, told
from tests.incidents.test_feedback_numbers import vote, votes
from tests.pages import page

pytestmark = pytest.mark.django_db


@pytest.fixture
def public(severity):
    return told(severity)


def url(incident, *rest):
    return "/".join(["incidents", incident.reference, *rest, ""])


def figures(user, incident):
    answer = Caller(user).get(url(incident, "feedback"))
    assert answer.status_code == 200, answer.content
    return answer.json()


def after(incident, *scores, source="mail", **said):
    for score in scores:
        vote(incident, source=source, sentiment=score, transparency=6 - score, **said)


# --- Feedback


def test_before_anybody_answered_there_are_no_figures(omar, public):
    told_ = figures(omar, public)
    for part in ("updates", "updates_from_page", "afterwards", "afterwards_from_page"):
        assert told_[part]["is_hidden"]
        assert told_[part]["answers"] is None
    assert (told_["updates"]["asked"], told_["updates"]["rate"], told_["by_update"]) == (0, None, [])


def test_under_five_answers_nothing_is_told_not_even_how_few(omar, public):
    update = say(public)
    votes(public, update, yes=4)
    after(public, 1, 2, 3, 4)
    four = figures(omar, public)
    assert set(four["updates"].values()) == {True, None, 4}
    assert four["updates"]["asked"] == 4
    for name in ("sentiment", "support", "transparency"):
        assert four["afterwards"][name] == {"is_hidden": True, "answers": None, "mean": None, "counts": None}
    Feedback.objects.filter(purpose="update").order_by("pk").first().delete()
    Feedback.objects.filter(purpose="after").update(sentiment=5)
    assert figures(omar, public) == four


def test_from_five_on_they_are_what_the_workspace_shows(client, omar, public):
    update = say(public)
    votes(public, update, yes=4, partly=1, no=2)
    for number in range(7):
        link_for(public, f"unanswered {number}", Purpose.UPDATE, update)
    after(public, 1, 4, 4, 5, 5)
    told_ = figures(omar, public)
    heard = heard_of([public])[public.pk]
    updates = told_["updates"]
    assert (updates["answers"], updates["asked"], updates["rate"]) == (7, 14, 0.5)
    assert (updates["yes"], updates["partly"], updates["no"], updates["share"]) == (4, 1, 2, 4 / 7)
    assert (updates["low"], updates["high"]) == heard.updates.interval
    assert (round(updates["low"], 4), round(updates["high"], 4)) == (0.2505, 0.8418)
    sentiment = told_["afterwards"]["sentiment"]
    assert sentiment == {"is_hidden": False, "answers": 5, "mean": 3.8, "counts": [1, 0, 0, 2, 2]}
    assert told_["afterwards"]["support"]["is_hidden"]
    client.force_login(omar)
    shown = client.get(page(public)).content.decode()
    low, high = (f"{round(updates[end] * 100)} %" for end in ("low", "high"))
    assert f"57 % yes (95 %: {low} to {high}); 4 yes, 1 partly, 2 no" in shown
    assert "3.8 of 5 (1: 1, 2: 0, 3: 0, 4: 2, 5: 2)" in shown


@pytest.mark.parametrize("count", range(8))
def test_it_hides_exactly_where_the_workspace_hides(omar, public, count):
    update = say(public)
    votes(public, update, yes=count)
    after(public, *[3] * count, source="page")
    vote(public, update, source="page", known="no")
    facts = dict(facts_of(heard_of([public]).get(public.pk, Heard())))
    told_ = figures(omar, public)
    assert told_["updates"]["is_hidden"] == (facts.get("Knew what they needed to know", TOO_FEW) == TOO_FEW)
    feeling = facts.get("How they feel about us, from the open page", TOO_FEW)
    assert told_["afterwards_from_page"]["sentiment"]["is_hidden"] == (feeling == TOO_FEW) == (count < 5)
    assert told_["updates_from_page"]["is_hidden"]


def test_each_update_is_told_apart_where_there_is_more_than_one(omar, public):
    first = say(public)
    votes(public, first, yes=5)
    assert figures(omar, public)["by_update"] == []
    second = say(public, "More.", ago=1)
    votes(public, second, no=6)
    apart = {one["update"]: one for one in figures(omar, public)["by_update"]}
    assert (apart[first.pk]["is_hidden"], apart[first.pk]["share"]) == (False, 1.0)
    assert (apart[second.pk]["is_hidden"], apart[second.pk]["share"], apart[second.pk]["no"]) == (
        False,
        0.0,
        6,
    )


@pytest.mark.parametrize(("few", "hidden"), [(0, 1), (1, 2), (4, 2)])
def test_nobody_takes_the_others_from_the_sum_and_learns_what_few_said(omar, public, few, hidden):
    updates = [say(public, f"Part {number}.", ago=9 - number) for number in range(3)]
    for update, no in zip(updates, (few, 7, 5), strict=True):
        votes(public, update, no=no)
    vote(public, updates[0], source="page", known="no")  # of another road, and another sum
    told_ = figures(omar, public)
    assert told_["updates"]["answers"] == few + 12
    apart = {one["update"]: one for one in told_["by_update"]}
    assert [apart[update.pk]["is_hidden"] for update in updates] == [True, False, hidden > 1]
    assert apart[updates[1].pk]["no"] == 7
    left = told_["updates"]["answers"] - sum(one["answers"] for one in apart.values() if not one["is_hidden"])
    assert left == 0 or left >= 5


def test_no_word_and_no_single_answer_is_told(omar, public):
    update = say(public)
    for _ in range(6):
        vote(public, update, known="no", words="My name is Kim.")
    answer = Caller(omar).get(url(public, "feedback"))
    assert b"Kim" not in answer.content
    assert b"mail_link" not in answer.content


def test_figures_of_a_hidden_incident_are_hidden_with_it(omar, aud, public):
    votes(public, say(public), yes=5)
    Incident.objects.filter(pk=public.pk).update(visibility="restricted", declared_by=None)
    for what in ("feedback", "tickets"):
        hidden = Caller(omar).get(url(public, what))
        assert is_problem(hidden, 404)
        assert hidden.content == Caller(omar).get(f"incidents/INC-9999/{what}/").content
        assert Caller(aud).get(url(public, what)).status_code == 200


def test_figures_are_for_those_who_may_see_them(public, stranger):
    reader = make_person("reader@example.com")
    reader.groups.add(make_role("Reader", "view_incident"))
    assert Caller(reader).get(url(public)).status_code == 200
    for what in ("feedback", "tickets"):
        assert is_problem(Caller(reader).get(url(public, what)), 403)
        assert is_problem(Caller(stranger).get(url(public, what)), 403)


def test_figures_cost_few_queries_and_change_nothing(omar, public, django_assert_max_num_queries):
    votes(public, say(public), yes=6)
    votes(public, say(public, "More.", ago=1), yes=6)
    caller = Caller(omar)
    caller.get(url(public))
    before = snapshot(Incident, Feedback, TicketCount)
    for what in ("feedback", "tickets"):
        with django_assert_max_num_queries(8):
            assert caller.get(url(public, what)).status_code == 200
        for method in ("POST", "PATCH"):
            assert is_problem(Caller(omar).ask(method, url(public, what), {}), 405)
    assert snapshot(Incident, Feedback, TicketCount) == before


# --- Tickets


def test_tickets_are_summed_as_in_the_workspace(ravi, omar, public):
    room = Caller(omar)
    assert room.get(url(public, "tickets")).json() == {"total": None, "linked": 0, "by_source": []}
    for count, source in ((3, "Zendesk"), (5, "Zendesk"), (2, "")):
        TicketCount.objects.enter(public, by=ravi, count=count, source=source)
    for number in range(4):
        SupportTicket.objects.link(public, by=ravi, reference=f"#{number}", source="Phone")
    found = room.get(url(public, "tickets")).json()
    assert (found["total"], found["linked"]) == (11, 4) == (tickets_of([public])[public.pk], 4)
    assert {(one["source"], one["count"]) for one in found["by_source"]} == {("Zendesk", 5), ("", 2)}


def test_one_more_is_counted_as_on_the_support_page(ravi, aud, public):
    address = url(public, "ticket-counts", "add_one")
    for expected in (1, 2):
        answer = Caller(ravi).post(address)
        assert answer.status_code == 201, answer.content
        assert (answer.json()["count"], answer.json()["source"]) == (expected, DESK)
        assert answer.json()["entered_by"]["email"] == "ravi@example.com"
    assert TicketCount.objects.add_one(public, by=ravi).count == 3
    assert is_problem(Caller(aud).post(address), 403)
    assert is_problem(Caller(ravi).post(address, {"count": 7}), 400)
    assert is_problem(Caller(ravi).get(address), 405)
    assert TicketCount.objects.count() == 3


def test_counts_and_tickets_are_found_by_source(ravi, public):
    caller = Caller(ravi)
    for source in ("Zendesk", "Phone"):
        caller.post(url(public, "ticket-counts"), {"count": 1, "source": source})
        caller.post(url(public, "support-tickets"), {"reference": "#1", "source": source})
    for what in ("ticket-counts", "support-tickets"):
        told_ = caller.get(f"{url(public, what)}?source=Phone").json()["results"]
        assert [one["source"] for one in told_] == ["Phone"]
        assert is_problem(caller.get(f"{url(public, what)}?source=%00"), 400)
    oldest = caller.get(f"{url(public, 'ticket-counts')}?ordering=counted_at").json()["results"]
    assert [one["source"] for one in oldest] == ["Zendesk", "Phone"]
