"""“My actions”: what waits for Omar, in order, and how he answers one or many."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from actions.models import ActionItem, EffectivenessCheck
from actions.together import TOLD, chosen_of
from incidents.models import Incident
from retros.models import Retrospective
from tests.conftest import make_person
from tests.pages import stored

PAGE, TOGETHER = "/my/actions/", "/my/actions/together/"
MOST_QUERIES = 12


@pytest.fixture
def nina(db):
    """Another owner."""
    return make_person("nina@example.com", "Action owner")


@pytest.fixture
def as_omar(client, omar):
    client.force_login(omar)
    return client


@pytest.fixture
def make(omar):
    def of(title, due=None, **fields):
        fields = {"owner": omar, "why": "It matters.", **fields}
        return ActionItem.objects.create(title=title, due_on=(due is not None and day(due)) or None, **fields)

    return of


def day(days):
    return timezone.now().date() + timedelta(days=days)


def sections(response):
    return {
        section.key: [line.item.title for line in section.lines] for section in response.context["sections"]
    }


def answer_page(item, verb):
    return f"/my/actions/{item.pk}/{verb}/"


def chosen(*items):
    return [f"{item.pk}:{item.version}" for item in items]


def told(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def ask_whether_it_worked(item, asked_of, due=0):
    item.complete(by=None, evidence="The alert rang in the drill.")
    check, _ = EffectivenessCheck.objects.update_or_create(
        item=item, done_at=item.ended_at, defaults={"asked_of": asked_of, "due_on": day(due)}
    )
    return check


# --- The page


@pytest.mark.parametrize(
    ("name", "status"), [("omar", 200), ("ana", 200), ("aud", 200), ("lena", 200), ("stranger", 403)]
)
def test_it_is_open_to_whoever_may_see_items(client, request, name, status):
    client.force_login(request.getfixturevalue(name))
    assert client.get(PAGE).status_code == status


def test_who_is_not_signed_in_is_asked_to(client, item):
    for address in (PAGE, answer_page(item, "complete"), "/my/preferences/"):
        response = client.get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


def test_everything_stands_in_its_section(as_omar, omar, nina, make):
    make("late", -3)
    make("today", 0)
    make("soon", 6)
    make("later", 7)
    make("undated")
    make("offered", 2).hand_over(by=omar, to=nina)
    make("blocked", -2).block(by=omar, waits_for="The supplier", until=day(5))
    make("snoozed", 3).snooze(by=omar, until=day(1))
    make("hers", 1, owner=nina).hand_over(by=nina, to=omar, note="You know it best")
    make("not mine", 1, owner=nina)
    make("done", 1).complete(by=omar, evidence="It rang")
    ask_whether_it_worked(make("did it work", 1, owner=nina), omar)
    ask_whether_it_worked(make("asked later", 1, owner=nina), omar, due=40)
    assert sections(as_omar.get(PAGE)) == {
        "asked": ["did it work", "hers"],
        "overdue": ["late"],
        "week": ["today", "soon"],
        "later": ["later"],
        "undated": ["undated"],
        "waiting": ["blocked", "offered", "snoozed"],
    }


def test_a_snooze_that_is_over_waits_no_longer(as_omar, make):
    item = make("awake", 3)
    ActionItem.objects.filter(pk=item.pk).update(snoozed_until=day(0))
    assert sections(as_omar.get(PAGE)) == {"week": ["awake"]}


def test_each_item_says_why_it_matters_and_how_often_it_slipped(as_omar, omar, item):
    first = item.due_on
    item.postpone(by=omar, due_on=day(9))
    item.postpone(by=omar, due_on=day(12), reason="The supplier is late")
    text = as_omar.get(PAGE).content.decode()
    assert item.why in text
    assert item.reference in text
    assert item.retro.title in text
    assert f"First promised for {first:%-d %B %Y}, moved twice" in text


def test_days_are_those_of_the_reader(as_omar, omar, make):
    """At half past ten in the evening UTC it is tomorrow in Auckland."""
    import time_machine

    with time_machine.travel("2026-03-04T22:30:00Z", tick=False):
        ActionItem.objects.create(title="Alert", why="x", owner=omar, due_on="2026-03-04")
        assert list(sections(as_omar.get(PAGE))) == ["week"]
        type(omar).objects.filter(pk=omar.pk).update(time_zone="Pacific/Auckland")
        response = as_omar.get(PAGE)
    assert list(sections(response)) == ["overdue"]
    assert "Overdue by 1 day" in response.content.decode()


def test_nothing_to_do_says_what_comes(as_omar):
    assert "Nothing waits for you." in as_omar.get(PAGE).content.decode()


def test_it_finds_by_title_reason_and_reference(as_omar, make):
    one, _ = make("Page two people", 1), make("Tidy the runbook", 1, why="Quicker next time.")
    assert sections(as_omar.get(PAGE, {"q": "PAGE two"})) == {"week": ["Page two people"]}
    assert sections(as_omar.get(PAGE, {"q": "quicker"})) == {"week": ["Tidy the runbook"]}
    assert sections(as_omar.get(PAGE, {"q": one.reference})) == {"week": ["Page two people"]}
    assert sections(as_omar.get(PAGE, {"q": "nothing\x00like it"})) == {}


@pytest.mark.parametrize("many", [1, 500])
def test_it_costs_the_same_with_one_item_and_with_five_hundred(as_omar, omar, nina, retro, many):
    items = [
        ActionItem(
            title=f"Item {n}",
            why="x",
            owner=omar,
            retro=retro,
            due_on=day(n % 20 - 10),
            **({"offered_to": nina, "offered_by": omar, "offered_at": timezone.now()} if n % 7 == 0 else {}),
        )
        for n in range(many)
    ]
    ActionItem.objects.bulk_create(items)
    with CaptureQueriesContext(connection) as queries:
        response = as_omar.get(PAGE)
    assert len(queries) <= MOST_QUERIES, "\n".join(query["sql"][:150] for query in queries)
    assert sum(len(section) for section in response.context["sections"]) == many
    assert ("more. Find them" in response.content.decode()) == (many == 500)


def test_an_owner_reads_nothing_of_a_retro_hidden_from_them(as_omar, item):
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.update(title="Keys were leaked")
    for address in (PAGE, answer_page(item, "complete")):
        text = as_omar.get(address).content.decode()
        assert item.title in text
        assert "Keys were leaked" not in text


def test_hostile_words_are_shown_as_words(as_omar, make):
    make("<script>alert(1)</script>", 1, why="</textarea><img src=x onerror=alert(1)>")
    text = as_omar.get(PAGE).content.decode()
    assert "<script>alert(1)" not in text
    assert "<img src=x" not in text


def test_it_carries_no_inline_script(as_omar, item):
    response = as_omar.get(PAGE)
    assert (
        "unsafe-inline"
        not in response["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    )
    assert response.content.decode().count("<script") == 1
    assert " onclick" not in response.content.decode()


# --- One by one


ASKED = {
    "start": {},
    "complete": {"evidence": "The alert rang in the drill"},
    "postpone": {"due_on": day(30), "reason": "The supplier is late"},
    "hand_over": {"note": "You know it best"},
    "snooze": {"until": day(3)},
    "block": {"waits_for": "The supplier", "until": day(3)},
    "drop": {"reason": "The service goes away"},
}


@pytest.mark.parametrize("verb", ASKED)
def test_asking_changes_nothing_and_posting_does_it(as_omar, omar, nina, item, verb):
    before = stored(item)
    assert as_omar.get(answer_page(item, verb)).status_code == 200
    assert stored(item) == before
    asked = {**ASKED[verb], "version": item.version, **({"to": nina.pk} if verb == "hand_over" else {})}
    response = as_omar.post(answer_page(item, verb), asked)
    assert (response.status_code, response["Location"]) == (302, PAGE)
    latest = item.history.first()
    assert (latest.history_user_id, latest.history_actor_kind) == (omar.pk, "web")
    assert stored(item)[1] == before[1] + 1


@pytest.mark.parametrize("verb", ASKED)
def test_every_answer_is_offered_on_the_page(as_omar, item, verb):
    assert answer_page(item, verb) in as_omar.get(PAGE).content.decode()


def test_what_is_decided_for_others_is_not_offered_here(client, ana, item):
    item.reassign(by=None, owner=ana)
    client.force_login(ana)
    assert answer_page(item, "reassign") not in client.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("verb", "wrong", "words"),
    [
        ("complete", {"evidence": ""}, "This field is required."),
        ("postpone", {"due_on": "2020-01-01"}, "Choose a day that has not passed."),
        ("postpone", {"due_on": day(1)}, "Choose a day after"),
        ("snooze", {"until": day(30)}, "Choose a day from tomorrow"),
        ("hand_over", {"to": 10**30}, "Select a valid choice."),
        ("drop", {"reason": " "}, "This field is required."),
    ],
)
def test_what_is_refused_is_said_in_the_form(as_omar, item, verb, wrong, words):
    before = stored(item)
    response = as_omar.post(answer_page(item, verb), {"version": item.version, **wrong})
    assert response.status_code == 400
    assert words in response.content.decode()
    assert stored(item) == before


def test_a_page_that_is_out_of_date_is_told_and_keeps_the_words(as_omar, item):
    asked = {"version": item.version, "evidence": "It rang at night"}
    item.save()
    response = as_omar.post(answer_page(item, "complete"), asked)
    assert response.status_code == 409
    assert "changed by somebody else" in response.content.decode()
    assert "It rang at night" in response.content.decode()
    item.refresh_from_db()
    assert item.is_open


@pytest.mark.parametrize("version", ["", "x", "9" * 30, "-1"])
def test_a_version_that_is_none_is_out_of_date(as_omar, item, version):
    asked = {"version": version, "evidence": "It rang"}
    assert as_omar.post(answer_page(item, "complete"), asked).status_code == 409


def test_other_peoples_and_closed_items_have_no_page_here(client, omar, nina, item):
    client.force_login(nina)
    asked = {"version": item.version, "evidence": "x"}
    assert client.get(answer_page(item, "complete")).status_code == 404
    assert client.post(answer_page(item, "complete"), asked).status_code == 404
    client.force_login(omar)
    item.complete(by=omar, evidence="It rang")
    assert client.post(answer_page(item, "complete"), asked).status_code == 404
    assert client.get(answer_page(item, "explode")).status_code == 404
    assert client.get(f"/my/actions/{10**30}/complete/").status_code == 404


def test_an_offer_is_accepted_or_declined_by_whoever_was_asked(client, omar, nina, item):
    item.hand_over(by=omar, to=nina, note="You know it best")
    client.force_login(nina)
    text = client.get(PAGE).content.decode()
    assert "You know it best" in text
    assert answer_page(item, "accept") in text
    assert answer_page(item, "complete") not in text
    assert client.post(answer_page(item, "accept"), {"version": item.version}).status_code == 302
    item.refresh_from_db()
    assert (item.owner, item.offered_to) == (nina, None)
    item.hand_over(by=nina, to=omar)
    client.force_login(omar)
    asked = {"version": item.version, "reason": "No time before March"}
    assert client.post(answer_page(item, "decline"), asked).status_code == 302
    item.refresh_from_db()
    assert (item.owner, item.offered_to) == (nina, None)


def test_whoever_is_asked_says_whether_it_worked(as_omar, omar, nina, make):
    check = ask_whether_it_worked(make("Alert", 1, owner=nina), omar)
    address = f"/my/checks/{check.pk}/"
    assert address in as_omar.get(PAGE).content.decode()
    assert "The alert rang in the drill." in as_omar.get(address).content.decode()
    refused = as_omar.post(address, {"version": check.version, "result": "partly"})
    assert "Say what you see." in refused.content.decode()
    asked = {"version": check.version, "result": "effective"}
    assert as_omar.post(address, asked).status_code == 302
    check.refresh_from_db()
    assert (check.status, check.answered_by) == ("effective", omar)
    assert as_omar.post(address, asked).status_code == 404


def test_nobody_answers_a_check_that_is_asked_of_another(client, omar, nina, make):
    check = ask_whether_it_worked(make("Alert", 1, owner=nina), omar)
    client.force_login(nina)
    assert client.get(f"/my/checks/{check.pk}/").status_code == 404


# --- Many at once


def post_together(client, verb, items, **asked):
    named = {f"{verb}-{name}": value for name, value in asked.items()}
    return client.post(TOGETHER, {"verb": verb, "item": items, **named})


@pytest.mark.parametrize(
    ("verb", "asked"),
    [
        ("complete", {"evidence": "The drill showed it"}),
        ("postpone", {"due_on": day(40), "reason": "Freeze until March"}),
        ("snooze", {"until": day(3)}),
        ("drop", {"reason": "The service goes away"}),
    ],
)
def test_one_answer_reaches_every_chosen_item(as_omar, omar, make, verb, asked):
    items, other = [make(f"Item {n}", 5) for n in range(3)], make("Other", 5)
    response = post_together(as_omar, verb, chosen(*items), **asked)
    assert response.status_code == 302
    rows = [item.history.first() for item in items]
    assert {row.history_user_id for row in rows} == {omar.pk}
    assert {row.history_type for row in rows} == {"~"}
    assert len({row.history_request_id for row in rows}) == 1
    assert rows[0].history_request_id == response["X-Request-ID"]
    assert other.history.count() == 1
    assert "3 items" in told(response)[0]


def test_many_are_handed_over_at_once(as_omar, nina, make):
    items = [make(f"Item {n}", 5) for n in range(2)]
    post_together(as_omar, "hand_over", chosen(*items), to=nina.pk, note="Please")
    assert ActionItem.objects.filter(offered_to=nina).count() == 2


def test_what_is_refused_is_told_and_keeps_no_other_from_being_done(as_omar, omar, make):
    fine, slipped, stale = make("Fine", 5), make("Slipped", 5), make("Stale", 5)
    slipped.postpone(by=omar, due_on=day(6))
    asked = chosen(fine, slipped, stale)
    stale.save()
    response = post_together(as_omar, "postpone", asked, due_on=day(20))
    words = told(response)
    assert any("New date" in word and fine.reference in word for word in words)
    assert any(slipped.reference in word and "It slipped before" in word for word in words)
    assert any(stale.reference in word and "changed by somebody else" in word for word in words)
    assert dict(ActionItem.objects.values_list("title", "due_on")) == {
        "Fine": day(20),
        "Slipped": day(6),
        "Stale": day(5),
    }


def test_items_of_others_are_left_alone(as_omar, nina, make):
    hers = make("Hers", 5, owner=nina)
    response = post_together(as_omar, "complete", chosen(hers), evidence="Sure")
    assert "not yours" in told(response)[0]
    assert stored(hers)[0]["status"] == "open"


def test_a_form_that_is_wrong_is_shown_again_with_what_was_chosen(as_omar, make):
    item = make("Item", 5)
    response = post_together(as_omar, "complete", chosen(item), evidence="")
    text = response.content.decode()
    assert response.status_code == 400
    assert "This field is required." in text
    assert f'value="{item.pk}:{item.version}" checked' in text
    assert stored(item)[0]["status"] == "open"


def test_nothing_chosen_is_said(as_omar, item):
    assert told(post_together(as_omar, "complete", [], evidence="x")) == ["Choose at least one action first."]


@pytest.mark.parametrize("verb", ["reassign", "reopen", "explode", ""])
def test_what_is_no_answer_for_many_does_not_exist(as_omar, item, verb):
    assert post_together(as_omar, verb, chosen(item)).status_code == 404


def test_it_is_done_by_post_alone(as_omar, item):
    assert as_omar.get(TOGETHER, {"verb": "complete", "item": chosen(item)}).status_code == 405


@pytest.mark.parametrize("value", ["x", "1", "1:", ":1", "-1:2", "9" * 40 + ":1", "1:1:1", "\x00:1"])
def test_hand_made_choices_are_no_error_of_ours(as_omar, item, value):
    response = post_together(as_omar, "complete", [value], evidence="x")
    assert response.status_code == 302
    assert stored(item)[0]["status"] == "open"


def test_more_than_are_told_are_counted(as_omar, omar, make):
    items = [make(f"Item {n}", 5) for n in range(TOLD + 3)]
    asked = chosen(*items)
    for item in items:
        item.save()
    words = told(post_together(as_omar, "complete", asked, evidence="x"))
    assert len(words) == TOLD + 1
    assert words[-1] == "Not done: 3 more."


def test_a_choice_names_the_version_it_was_made_on():
    assert chosen_of(["7:3", "8:x", "y:1", ""]) == {7: 3, 8: -1}


def test_a_database_that_refuses_one_item_is_told_and_the_others_are_done(as_omar, make, monkeypatch):
    from django.db import OperationalError

    first, second = make("First", 5), make("Second", 6)
    real = ActionItem.complete

    def failing(self, **asked):
        if self.pk == first.pk:
            raise OperationalError("the disk is full")
        return real(self, **asked)

    monkeypatch.setattr(ActionItem, "complete", failing)
    words = told(post_together(as_omar, "complete", chosen(first, second), evidence="x"))
    assert [word for word in words if "did not take it" in word and first.reference in word]
    second.refresh_from_db()
    assert second.status == "done"


# --- Taking back


def test_an_answer_is_taken_back(as_omar, item):
    before = stored(item)[0]
    as_omar.post(answer_page(item, "complete"), {"version": item.version, "evidence": "It rang"})
    assert "/my/actions/undo/" in as_omar.get(PAGE).content.decode()
    assert stored(item)[0]["status"] == "done"
    assert as_omar.post("/my/actions/undo/").status_code == 302
    after = stored(item)[0]
    assert {n: after[n] for n in ("status", "ended_at", "evidence", "due_on", "owner_id")} == {
        n: before[n] for n in ("status", "ended_at", "evidence", "due_on", "owner_id")
    }
    assert "/my/actions/undo/" not in as_omar.get(PAGE).content.decode()


def test_an_answer_for_many_is_taken_back_but_for_what_changed_since(as_omar, omar, make):
    first, second = make("First", 5), make("Second", 5)
    post_together(as_omar, "complete", chosen(first, second), evidence="The drill showed it")
    second.refresh_from_db()
    second.save()
    words = told(as_omar.post("/my/actions/undo/"))
    assert any("Undone" in word and first.reference in word for word in words)
    assert any("Not done" in word and second.reference in word for word in words)
    assert dict(ActionItem.objects.values_list("title", "status")) == {"First": "open", "Second": "done"}


def test_after_half_an_hour_nothing_is_taken_back(as_omar, item):
    import time_machine

    as_omar.post(answer_page(item, "complete"), {"version": item.version, "evidence": "It rang"})
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert "/my/actions/undo/" not in as_omar.get(PAGE).content.decode()
        assert told(as_omar.post("/my/actions/undo/")) == ["It is too late to undo this here."]
    assert stored(item)[0]["status"] == "done"
