"""The pages of action items: answered for by their owners, found by what is left to do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from actions.models import ActionItem
from config.transitions import verbs_of
from incidents.models import Incident
from retros.models import Retrospective
from tests import pages
from tests.conftest import make_person
from tests.pages import add_page, list_of, page

VERBS = list(verbs_of(ActionItem))
ROADS = {
    "open": lambda item: None,
    "in_progress": lambda item: item.start(by=None),
    "done": lambda item: item.complete(by=None, evidence="It rang."),
    "dropped": lambda item: item.drop(by=None, reason="The service goes away"),
}
TAKERS = {"accept", "decline"}  # for whoever was asked
DECIDED = {"reassign"}  # by whoever manages items
AGAIN = {"hand_over", "snooze", "block"}  # may be done again in the same state


def bring(item, state):
    ROADS[state](item)
    return item


def open_for(item, verb, other=None):
    bring(item, verbs_of(ActionItem)[verb].allowed[0])
    if verb in TAKERS or verb == "keep":
        item.hand_over(by=item.owner, to=other)
    elif verb == "unblock":
        item.block(by=None, waits_for="Parts", until=day(3))
    return item


def closed_for(item, verb):
    allowed = verbs_of(ActionItem)[verb].allowed
    return bring(item, next(state for state in ROADS if state not in allowed))


def answers(verb, someone):
    """What the form of each verb is sent with."""
    asked = {
        "start": {},
        "complete": {"evidence": "The alert rang in the drill"},
        "postpone": {"due_on": day(30), "reason": "The supplier is late"},
        "hand_over": {"to": someone.pk, "note": "You know it best"},
        "accept": {"reason": "Gladly"},
        "decline": {"reason": "No time"},
        "keep": {"reason": "I have time after all"},
        "snooze": {"until": day(3), "reason": "On the road"},
        "block": {"waits_for": "The supplier", "until": day(20), "reason": "Ordered"},
        "unblock": {},
        "reassign": {"owner": someone.pk, "reason": "They know it best"},
        "drop": {"reason": "The service goes away"},
        "reopen": {"reason": "It came back"},
    }
    return asked[verb]


@pytest.fixture
def nina(db):
    """Another owner, who is asked to take things over."""
    return make_person("nina@example.com", "Action owner")


@pytest.fixture
def sayer(omar, ana, nina):
    """Who may say each verb, whatever else they may."""

    def of(verb):
        return nina if verb in TAKERS else ana if verb in DECIDED else omar

    return of


def day(days):
    return timezone.now().date() + timedelta(days=days)


def sent(item, verb, someone):
    return {"version": item.version, **answers(verb, someone)}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_offered_to_the_owner_and_to_who_manages(client, item, omar, ana, nina, verb):
    open_for(item, verb, nina)
    people = {omar, ana, nina}
    may = {nina} if verb in TAKERS else {ana} if verb in DECIDED else {omar, ana}
    for person in people:
        client.force_login(person)
        (pages.assert_offered if person in may else pages.assert_not_offered)(client, item, verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_not_offered_to_anybody_else(client, item, ravi, aud, nina, verb):
    open_for(item, verb, nina)
    for person in (ravi, aud):
        client.force_login(person)
        pages.assert_not_offered(client, item, verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_not_offered_in_another_state(client, item, sayer, verb):
    client.force_login(sayer(verb))
    pages.assert_not_offered(client, closed_for(item, verb), verb)


@pytest.mark.parametrize("verb", VERBS)
def test_asking_for_a_verb_changes_nothing(client, item, sayer, nina, verb):
    client.force_login(sayer(verb))
    pages.assert_asking_changes_nothing(client, open_for(item, verb, nina), verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_done_on_post_and_signed_with_its_reason(client, item, sayer, ana, nina, verb):
    open_for(item, verb, nina)
    client.force_login(sayer(verb))
    pages.assert_done(client, item, verb, sent(item, verb, ana), by=sayer(verb))


@pytest.mark.parametrize("verb", VERBS)
def test_the_wrong_person_is_refused(client, item, ravi, aud, ana, nina, verb):
    open_for(item, verb, nina)
    for person in (ravi, aud):
        client.force_login(person)
        pages.assert_refused(client, item, verb, sent(item, verb, ana), 403)


@pytest.mark.parametrize("verb", sorted(set(VERBS) - TAKERS))
def test_the_wrong_state_is_refused(client, item, sayer, ana, verb):
    closed_for(item, verb)
    client.force_login(sayer(verb))
    pages.assert_refused(client, item, verb, sent(item, verb, ana), 409)


@pytest.mark.parametrize("verb", sorted(set(VERBS) - TAKERS - DECIDED - AGAIN))
def test_pressing_twice_does_it_once(client, item, ana, nina, sayer, verb):
    open_for(item, verb, nina)
    client.force_login(sayer(verb))
    pages.assert_done_once(client, item, verb, sent(item, verb, ana))


@pytest.mark.parametrize("verb", sorted(TAKERS | DECIDED | AGAIN))
def test_pressing_twice_what_can_be_said_again_is_refused_by_its_version(
    client, item, nina, lena, sayer, verb
):
    asked = sent(open_for(item, verb, nina), verb, lena)
    client.force_login(sayer(verb))
    assert client.post(pages.verb_page(item, verb), asked).status_code == 302
    before = pages.stored(item)
    assert client.post(pages.verb_page(item, verb), asked).status_code in (400, 403, 409)
    assert pages.stored(item) == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_that_is_out_of_date_is_refused(client, item, sayer, ana, nina, verb):
    open_for(item, verb, nina)
    client.force_login(sayer(verb))
    pages.assert_refused_when_stale(client, item, verb, answers(verb, ana))


@pytest.mark.parametrize(
    ("verb", "wrong", "words"),
    [
        ("postpone", {"due_on": "2020-01-01", "reason": "x"}, "Choose a day that has not passed."),
        ("postpone", {"due_on": "nonsense", "reason": "x"}, "Enter a valid date."),
        ("drop", {"reason": " "}, "This field is required."),
        ("hand_over", {"to": 10**30}, "Select a valid choice."),
        ("snooze", {"until": "2020-01-01"}, "Choose a day from tomorrow"),
        ("complete", {"evidence": ""}, "This field is required."),
        ("complete", {"evidence": "\u200b"}, "Write at least one visible character."),
    ],
)
def test_what_a_verb_refuses_is_said_in_its_form(client, item, omar, verb, wrong, words):
    client.force_login(omar)
    before = pages.stored(item)
    response = client.post(pages.verb_page(item, verb), {"version": item.version, **wrong})
    assert response.status_code == 400
    assert words in response.content.decode()
    assert pages.stored(item) == before


# --- Adding and editing


def test_an_action_added_from_a_retro_knows_where_it_comes_from(client, retro, ana, omar):
    finding = retro.findings.create(kind="luck", text="A colleague was awake.")
    client.force_login(ana)
    address = f"{add_page(ActionItem)}?retro={retro.pk}&finding={finding.pk}"
    response = client.get(address)
    assert "A colleague was awake." in response.content.decode()
    filled = pages.sent_back(response, title="Page two people", why="Nobody was paged.", owner=omar.pk)
    assert client.post(address, filled).status_code == 302
    item = ActionItem.objects.get()
    assert (item.retro, item.finding, item.owner) == (retro, finding, omar)


def test_nothing_new_is_given_to_somebody_who_has_left(client, ana, omar):
    type(omar).objects.filter(pk=omar.pk).update(is_active=False)
    client.force_login(ana)
    filled = {"title": "Page two people", "why": "Nobody was paged.", "owner": omar.pk, "kind": "prevent"}
    response = client.post(add_page(ActionItem), filled | {"priority": 3})
    assert "Omar does not work here any more." in response.content.decode()
    assert not ActionItem.objects.exists()


def test_only_findings_of_its_own_retro_can_be_chosen(client, item, ana, severity):
    other = Retrospective.objects.open_for(
        Incident.objects.declare(by=None, title="Another", severity=severity)
    )
    foreign = other.findings.create(kind="luck", text="Of another retro")
    client.force_login(ana)
    response = client.get(page(item))
    assert "Of another retro" not in response.content.decode()
    refused = client.post(page(item), pages.sent_back(response, finding=foreign.pk))
    assert "Select a valid choice" in refused.content.decode()
    item.refresh_from_db()
    assert item.finding is None


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30, "1e3", "٣"])
def test_a_retro_that_does_not_exist_is_no_error_of_ours(client, ana, number):
    client.force_login(ana)
    assert client.get(add_page(ActionItem), {"retro": number}).status_code == 200
    assert client.post(add_page(ActionItem), {"retro": number, "title": "x"}).status_code == 200


def test_findings_of_a_hidden_retro_cannot_be_read_by_guessing_its_number(client, retro, ravi):
    retro.findings.create(kind="luck", text="Keys were in the log")
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(ravi)
    for response in (
        client.get(add_page(ActionItem), {"retro": retro.pk}),
        client.post(add_page(ActionItem), {"retro": retro.pk, "title": "x"}),
    ):
        assert "Keys were in the log" not in response.content.decode()
        assert retro.title not in response.content.decode()


def test_owner_and_status_change_by_verbs_alone(client, item, ana, omar):
    client.force_login(ana)
    response = client.get(page(item))
    assert pages.fields_of(response) & {"owner", "status", "ended_at", "evidence", "drop_reason"} == set()
    client.post(page(item), pages.sent_back(response, owner=ana.pk, status="done"))
    item.refresh_from_db()
    assert (item.owner, item.status) == (omar, "open")


def test_a_later_day_is_a_verb_and_an_earlier_one_an_edit(client, item, ana):
    client.force_login(ana)
    response = client.get(page(item))
    later = client.post(page(item), pages.sent_back(response, due_on=f"{day(20):%d/%m/%Y}"))
    assert "Postpone it instead, and say why." in later.content.decode()
    passed = client.post(page(item), pages.sent_back(response, due_on="01/01/2020"))
    assert "Choose a day that has not passed." in passed.content.decode()
    assert client.post(page(item), pages.sent_back(response, due_on=f"{day(2):%d/%m/%Y}")).status_code == 302
    item.refresh_from_db()
    assert item.due_on == day(2)


def test_an_overdue_item_can_still_be_edited(client, item, ana):
    ActionItem.objects.update(due_on=day(-10))
    client.force_login(ana)
    assert (
        client.post(page(item), pages.sent_back(client.get(page(item)), title="Clearer")).status_code == 302
    )
    item.refresh_from_db()
    assert item.title == "Clearer"


def test_owners_edit_their_own_and_nobody_elses(client, item, omar, ravi, aud):
    other = ActionItem.objects.create(title="Ana’s", why="It matters.")
    client.force_login(omar)
    assert "title" in pages.fields_of(client.get(page(item)))
    assert pages.fields_of(client.get(page(other))) == set()
    for person in (ravi, aud):
        client.force_login(person)
        assert pages.fields_of(client.get(page(item))) == set()
        assert client.post(page(item), {"title": "x"}).status_code == 403


def test_nobody_deletes_an_action(client, item, admin_user):
    client.force_login(admin_user)
    assert client.post(page(item, "delete"), {"post": "yes"}).status_code == 403


def test_a_link_elsewhere_cannot_carry_a_script(client, item, ana):
    client.force_login(ana)
    filled = pages.sent_back(client.get(page(item)), external_url="javascript:alert(1)")
    assert "Enter a valid URL" in client.post(page(item), filled).content.decode()


# --- Finding one's way


def test_its_page_links_to_retro_and_incidents(client, item, retro, resolved, omar):
    client.force_login(omar)
    text = client.get(page(item)).content.decode()
    assert page(retro) in text
    assert page(resolved) in text


def test_its_page_tells_what_became_of_it(client, item, omar):
    item.complete(by=omar, evidence="The alert rang in the drill")
    client.force_login(omar)
    assert "The alert rang in the drill" in client.get(page(item)).content.decode()
    item.reopen(by=omar, reason="x")
    item.drop(by=omar, reason="The service goes away")
    assert "The service goes away" in client.get(page(item)).content.decode()


def test_the_list_is_filtered_by_what_is_left_to_do(client, item, retro, omar, ana):
    late = _item("Late", owner=ana, due_on=day(-3), priority=1, kind="detect")
    undated = _item("Undated")
    done = bring(_item("Done", owner=omar, due_on=day(-3)), "done")
    client.force_login(omar)

    def found(**query):
        return set(client.get(list_of(ActionItem), query).context["cl"].queryset)

    assert found(stage="open") == {item, late, undated}
    assert found(stage="overdue") == {late}
    assert found(stage="undated") == {undated}
    assert found(whose="mine") == {item, done}
    assert found(whose="mine", stage="open") == {item}
    assert found(whose="nobody") == {undated}
    assert found(owner__id__exact=ana.pk) == {late}
    assert found(status__exact="done") == {done}
    assert found(kind__exact="detect") == {late}
    assert found(priority__exact="1") == {late}
    assert found(retro__id__exact=retro.pk) == {item}
    assert found(due_on_from=str(day(7)), due_on_to=str(day(7))) == {item}
    assert found(q=item.reference) == {item}
    assert found(q="undat") == {undated}


def test_the_longest_overdue_come_first_and_what_has_no_day_last(client, item, ana):
    undated, late = _item("Undated"), _item("Late", due_on=day(-3))
    client.force_login(ana)
    rows = client.get(list_of(ActionItem), {"stage": "open"}).context["cl"].result_list
    assert list(rows) == [late, item, undated]


def test_overdue_is_said_in_words_and_only_of_what_is_open(client, item, ana):
    ActionItem.objects.update(due_on=day(-3))
    client.force_login(ana)
    assert "Overdue by 3 days" in client.get(list_of(ActionItem)).content.decode()
    bring(ActionItem.objects.get(), "done")
    assert "Overdue by" not in client.get(list_of(ActionItem)).content.decode()


@pytest.mark.parametrize("size", [5, 60])
def test_the_list_costs_the_same_however_long_it_is(client, aud, omar, severity, size):
    for number in range(size):
        retro = Retrospective.objects.open_for(
            Incident.objects.declare(by=None, title=f"Outage {number}", severity=severity)
        )
        _item(f"Item {number}", owner=make_person(f"owner{number}@example.com"), retro=retro, due_on=day(-1))
    for person in (aud, omar):
        client.force_login(person)
        pages.assert_cheap(client, list_of(ActionItem))


# --- What is hidden stays hidden


def test_items_of_a_hidden_incident_are_seen_by_their_owner_alone(client, item, retro, lena, omar, aud):
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(title="Keys were leaked")
    client.force_login(lena)
    assert client.get(page(item)).status_code == 302
    assert client.get(list_of(ActionItem)).context["cl"].queryset.count() == 0
    client.force_login(aud)
    assert "Keys were leaked" in client.get(page(item)).content.decode()
    client.force_login(omar)
    for address in (page(item), list_of(ActionItem), pages.verb_page(item, "complete")):
        text = client.get(address).content.decode()
        assert item.title in text
        assert "Keys were leaked" not in text


def test_an_owner_who_may_not_see_the_retro_edits_without_losing_it(client, item, retro, omar):
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(omar)
    assert (
        client.post(page(item), pages.sent_back(client.get(page(item)), title="Clearer")).status_code == 302
    )
    item.refresh_from_db()
    assert (item.title, item.retro) == ("Clearer", retro)


def _item(title, **fields):
    return ActionItem.objects.create(title=title, why="It matters.", **fields)
