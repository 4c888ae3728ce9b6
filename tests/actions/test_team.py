"""The team's list: filters, saved views with counts, and one answer for many rows."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from actions.admin.saved_views import MOST as MOST_COUNTED
from actions.models import ActionItem, SavedView
from actions.together import MOST
from incidents.models import Incident, Severity
from retros.models import Retrospective
from tests import pages
from tests.conftest import make_person
from tests.pages import list_of, stored

LIST = "/admin/actions/actionitem/"


@pytest.fixture
def nina(db):
    return make_person("nina@example.com", "Action owner")


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana)
    return client


def day(days):
    return timezone.now().date() + timedelta(days=days)


def make(title, **fields):
    return ActionItem.objects.create(title=title, why="It matters.", **{"due_on": day(5)} | fields)


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def ask(client, action, *items, query="", **more):
    rows = {"action": action, "_selected_action": [item.pk for item in items], "index": 0}
    return client.post(f"{LIST}?{query}", rows | more)


def confirm(client, action, *items, **asked):
    return ask(
        client, action, *items, confirm="yes", at=[f"{item.pk}:{item.version}" for item in items], **asked
    )


# --- Filters


def test_the_list_is_filtered_by_what_managers_ask(as_ana, ana, omar, nina, retro):
    type(omar).objects.filter(pk=omar.pk).update(manager=ana)
    omars, ninas = make("Omar’s", owner=omar, retro=retro), make("Nina’s", owner=nina, slips=2)
    offered, blocked, snoozed = (
        make("Offered", owner=nina),
        make("Blocked", owner=nina),
        make("Snoozed", owner=nina),
    )
    offered.hand_over(by=None, to=omar)
    blocked.block(by=None, waits_for="The supplier", until=day(3))
    snoozed.snooze(by=None, until=day(3))

    def found(**query):
        response = as_ana.get(LIST, query)
        assert response.status_code == 200, query
        return {item.title for item in response.context["cl"].queryset}

    assert found(whose="reports") == {"Omar’s"}
    assert found(owner__manager__id__exact=ana.pk) == {"Omar’s"}
    assert found(waiting="any") == {"Offered", "Blocked", "Snoozed"}
    assert found(waiting="offered") == {"Offered"}
    assert found(waiting="blocked") == {"Blocked"}
    assert found(waiting="snoozed") == {"Snoozed"}
    assert found(slips="0") == {"Omar’s", "Offered", "Blocked", "Snoozed"}
    assert found(slips="1") == found(slips="2") == {"Nina’s"}
    assert found(slips="3") == set()
    assert found(severity="1") == {"Omar’s"}
    assert found(severity="2") == set()
    assert found(whose="reports", slips="1") == set()
    assert omars.title in found(severity="x")
    assert ninas.title in found(waiting="nonsense", slips="nonsense")


def test_the_severity_of_a_hidden_incident_cannot_be_guessed(as_ana, omar, retro, ana):
    make("Alert", owner=omar, retro=retro)
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(facilitator=None)
    assert not as_ana.get(LIST, {"severity": "1"}).context["cl"].queryset.exists()


def test_it_says_how_often_a_day_was_moved(as_ana, omar):
    make("Moved", owner=omar, slips=3)
    assert "3 ×" in as_ana.get(LIST).content.decode()


@pytest.mark.parametrize("size", [5, 60])
def test_the_list_of_who_manages_costs_the_same_however_long_it_is(as_ana, ana, severity, size):
    for number in range(size):
        incident = Incident.objects.declare(by=None, title=f"Outage {number}", severity=severity)
        owner = make_person(f"owner{number}@example.com")
        make(f"Item {number}", owner=owner, retro=Retrospective.objects.open_for(incident), due_on=day(-1))
    for number in range(size // 5):
        SavedView.objects.create(name=f"View {number}", query=f"slips={number % 3}&stage=open", owner=ana)
    queries = pages.queries_of(as_ana, f"{list_of(ActionItem)}?stage=open")
    assert len(queries) <= pages.MOST_QUERIES, "\n".join(query[:150] for query in queries)


# --- Many at once


@pytest.mark.parametrize("action", ["reassign_together", "postpone_together", "drop_together"])
def test_choosing_asks_on_a_page_and_changes_nothing(as_ana, item, action):
    before = stored(item)
    response = ask(as_ana, action, item)
    assert response.status_code == 200
    assert 'name="confirm"' in response.content.decode()
    assert str(item) in response.content.decode()
    assert stored(item) == before


def test_all_chosen_rows_are_reassigned_with_one_reason(as_ana, ana, omar, nina):
    items = [make(f"Item {n}", owner=omar) for n in range(3)]
    response = confirm(
        as_ana, "reassign_together", *items, owner=nina.pk, reason="Omar is away", back="slips=0"
    )
    assert (response.status_code, response["Location"]) == (302, f"{LIST}?slips=0")
    rows = [item.history.first() for item in items]
    assert {row.owner_id for row in rows} == {nina.pk}
    assert {(row.history_user_id, row.history_change_reason) for row in rows} == {(ana.pk, "Omar is away")}
    assert len({row.history_request_id for row in rows}) == 1


def test_all_chosen_rows_get_a_new_date_or_are_not_done(as_ana, omar):
    one, two = make("One", owner=omar), make("Two", owner=omar)
    confirm(as_ana, "postpone_together", one, two, due_on=day(30), reason="Freeze until March")
    assert set(ActionItem.objects.values_list("due_on", "slips")) == {(day(30), 1)}
    one.refresh_from_db(), two.refresh_from_db()
    confirm(as_ana, "drop_together", one, two, reason="The service goes away")
    assert set(ActionItem.objects.values_list("status", "drop_reason")) == {
        ("dropped", "The service goes away")
    }


def test_each_row_has_its_own_result(as_ana, omar, nina):
    fine, hers, done, stale = (make(name, owner=omar) for name in ("Fine", "Hers", "Done", "Stale"))
    hers.reassign(by=None, owner=nina)
    done.complete(by=None, evidence="x")
    looked_at = [ActionItem.objects.get(pk=item.pk) for item in (fine, hers, done, stale)]
    stale.save()
    words = told(confirm(as_ana, "reassign_together", *looked_at, owner=nina.pk, reason="x"))
    assert any(word.startswith("Reassign") and fine.reference in word for word in words)
    assert any(hers.reference in word and "owns it already" in word for word in words)
    assert any(done.reference in word and "not possible now" in word for word in words)
    assert any(stale.reference in word and "changed by somebody else" in word for word in words)
    assert ActionItem.objects.filter(owner=nina).count() == 2


@pytest.mark.parametrize(
    ("action", "asked", "words"),
    [
        ("reassign_together", {"reason": "x"}, "This field is required."),
        ("postpone_together", {"due_on": "2020-01-01", "reason": "x"}, "Choose a day that has not passed."),
        ("drop_together", {"reason": " "}, "This field is required."),
    ],
)
def test_what_is_missing_is_asked_again(as_ana, item, action, asked, words):
    before = stored(item)
    response = confirm(as_ana, action, item, **asked)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert stored(item) == before


@pytest.mark.parametrize("name", ["omar", "ravi", "aud", "lena"])
def test_nobody_else_answers_for_many(client, request, item, name, nina):
    client.force_login(request.getfixturevalue(name))
    assert "reassign_together" not in client.get(LIST).content.decode()
    before = stored(item)
    confirm(client, "reassign_together", item, owner=nina.pk, reason="x")
    assert stored(item) == before


def test_items_that_are_hidden_are_not_answered_for(as_ana, omar, retro, nina):
    item = make("Hidden", owner=omar, retro=retro)
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(facilitator=None)
    words = told(confirm(as_ana, "reassign_together", item, owner=nina.pk, reason="x"))
    assert any("cannot be seen" in word for word in words)
    item.refresh_from_db()
    assert item.owner == omar


def test_hand_made_choices_are_no_error_of_ours(as_ana, item):
    rows = {"action": "drop_together", "_selected_action": ["x", "9" * 30, "\x00"], "index": 0}
    assert as_ana.post(LIST, rows).status_code in (200, 302)


def test_no_more_than_can_be_looked_through_is_done_at_once(as_ana, omar):
    ActionItem.objects.bulk_create(
        ActionItem(title=f"Item {n}", why="x", owner=omar) for n in range(MOST + 1)
    )
    first = ActionItem.objects.first()
    words = told(ask(as_ana, "drop_together", first, select_across="1"))
    assert words == [f"Choose at most {MOST} at once; filters make them fewer."]


# --- Saved views


def save(client, name="Slipped", query="slips=1"):
    return client.post(LIST, {"view": "1", "name": name, "query": query})


def test_a_view_is_saved_and_shown_to_all_who_manage_with_its_count(as_ana, client, ana, omar, admin_user):
    make("Moved", owner=omar, slips=1), make("Kept", owner=omar)
    assert save(as_ana, query="slips=1&p=3").status_code == 302
    view = SavedView.objects.get()
    assert (view.name, view.query, view.owner) == ("Slipped", "slips=1", ana)
    client.force_login(admin_user)
    response = client.get(LIST)
    assert [(str(v), count) for v, count in response.context["saved_views"]] == [("Slipped", "1")]
    assert 'href="?slips=1"' in response.content.decode()


def test_counts_are_of_what_the_reader_may_see(as_ana, client, omar, retro, admin_user):
    make("Hidden", owner=omar, retro=retro, slips=1)
    save(as_ana)
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(facilitator=None)
    assert as_ana.get(LIST).context["saved_views"][0][1] == "0"
    client.force_login(admin_user)
    assert client.get(LIST).context["saved_views"][0][1] == "1"


def test_counting_ends_somewhere(as_ana, omar):
    rows = (ActionItem(title="x", why="x", owner=omar, slips=1) for _ in range(MOST_COUNTED + 1))
    ActionItem.objects.bulk_create(rows)
    save(as_ana)
    assert as_ana.get(LIST).context["saved_views"][0][1] == f"{MOST_COUNTED}+"


@pytest.mark.parametrize("query", ["owner__password=x", "nonsense__exact=1", "owner__id__exact=x"])
def test_what_the_list_does_not_understand_is_not_saved(as_ana, query):
    save(as_ana, query=query)
    assert not SavedView.objects.exists()


def test_a_view_that_is_not_understood_any_more_breaks_nothing(as_ana, ana, item):
    SavedView.objects.create(name="Old", query="gone__exact=1", owner=ana)
    assert [count for _, count in as_ana.get(LIST).context["saved_views"]] == ["?"]


def test_a_name_is_given_once_and_is_one(as_ana, item):
    save(as_ana)
    assert "There is a view of this name already." in told(save(as_ana))[-1]
    save(as_ana, name=" ")
    assert SavedView.objects.count() == 1


def test_a_view_is_deleted_by_who_saved_it(as_ana, client, ana, item):
    save(as_ana)
    view = SavedView.objects.get()
    other = make_person("other@example.com", "Facilitator")
    client.force_login(other)
    client.post(LIST, {"view": "1", "delete": view.pk})
    assert SavedView.objects.exists()
    client.force_login(ana)
    client.post(LIST, {"view": "1", "delete": "x"})
    client.post(LIST, {"view": "1", "delete": view.pk})
    assert not SavedView.objects.exists()
    kept = SavedView.history.values_list("history_type", "history_user_id")
    assert list(kept) == [("-", ana.pk), ("+", ana.pk)]


@pytest.mark.parametrize("name", ["omar", "ravi", "aud"])
def test_views_are_of_those_who_manage(client, request, item, ana, name):
    SavedView.objects.create(name="Slipped", query="slips=1", owner=ana)
    client.force_login(request.getfixturevalue(name))
    assert "Saved views" not in client.get(LIST).content.decode()
    save(client, name="Mine")
    assert SavedView.objects.count() == 1


# --- The page of an item, and the ways there


def test_an_item_tells_what_was_promised_and_what_it_waits_for(as_ana, omar, nina, item):
    promised = item.due_on
    item.postpone(by=omar, due_on=day(9))
    item.postpone(by=omar, due_on=day(12), reason="The supplier is late")
    item.block(by=omar, waits_for="The supplier", until=day(3))
    item.hand_over(by=omar, to=nina)
    text = as_ana.get(pages.page(item)).content.decode()
    assert f"First promised for {promised:%-d %B %Y}, moved twice" in text
    assert "The supplier" in text
    assert "Nina by Omar, not answered yet" in text


def test_how_we_will_know_is_edited_in_the_form(as_ana, item):
    response = as_ana.get(pages.page(item))
    assert {"success_measure", "check_on"} <= pages.fields_of(response)
    assert (
        pages.fields_of(response) & {"slips", "promised_on", "offered_to", "waits_for", "snoozed_until"}
        == set()
    )
    asked = pages.sent_back(response, success_measure="No alert is missed", check_on=f"{day(60):%d/%m/%Y}")
    assert as_ana.post(pages.page(item), asked).status_code == 302
    item.refresh_from_db()
    assert (item.success_measure, item.check_on) == ("No alert is missed", day(60))


@pytest.mark.parametrize(
    ("name", "is_shown"), [("ana", True), ("admin_user", True), ("omar", False), ("aud", False)]
)
def test_the_sidebar_leads_to_my_actions_and_managers_to_the_team(client, request, name, is_shown):
    client.force_login(request.getfixturevalue(name))
    text = client.get("/admin/").content.decode()
    assert 'href="/my/actions/"' in text
    assert (f'href="{LIST}?stage=open"' in text) == is_shown


def test_severities_are_offered_by_name(as_ana, item):
    assert str(Severity.objects.get(rank=1)) in as_ana.get(LIST).content.decode()
