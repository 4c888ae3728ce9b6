"""The first page and the sidebar: what waits for the reader, and nothing they may not see."""

import re
from datetime import date, timedelta

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.template import Context, TemplateDoesNotExist, engines
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from actions.models import ActionItem
from config.dashboard import due_in_words, list_url
from config.outbox.models import Delivery
from config.people import roles
from incidents.models import Incident
from retros.models import Retrospective
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
LED, WAITING = "Retros you lead: what is next", "Waiting for your review"


@pytest.fixture
def tom(db):
    return make_person("tom@example.com", roles.FACILITATOR, name="Tom")


def dashboard_of(client, person):
    client.force_login(person)
    return client.get(reverse("admin:index"))


def panel_of(response, title):
    return next(panel for panel in response.context["panels"] if panel.title == title)


def sidebar_of(response):
    groups = response.context["sidebar_navigation"]
    return {group["title"]: [item["title"] for item in group["items"]] for group in groups}


def test_it_lists_open_incidents_the_worst_first(client, ana, incident, severity):
    minor = Incident.objects.declare(by=None, title="A label is cut off", severity=_severity(4))
    major = Incident.objects.declare(by=None, title="Sign-in is down", severity=severity)
    rows = panel_of(dashboard_of(client, ana), "Open incidents").rows
    assert [row.title for row in rows] == [str(major), str(incident), str(minor)]
    assert [row.mark for row in rows] == ["SEV1", "SEV1", "SEV4"]


def test_it_says_what_an_open_incident_waits_for(client, ana, ravi, lena, incident):
    def note():
        return panel_of(dashboard_of(client, ana), "Open incidents").rows[0].note

    assert note() == "Next: somebody acknowledges it."
    incident.acknowledge(by=ravi)
    assert note() == "Next: tell customers, who have heard nothing yet."
    incident.updates.create(text="We are on it.").publish(by=lena)
    assert note() == "Next: find out what it is."


def test_a_resolved_incident_leaves_the_dashboard(client, ana, resolved):
    assert panel_of(dashboard_of(client, ana), "Open incidents").rows == []


def test_ones_own_retros_come_first_and_overdue_is_said_in_words(client, omar, retro, severity):
    other = _retro_of(Incident.objects.declare(by=None, title="Older", severity=severity), due_on=_day(-20))
    Retrospective.objects.filter(pk=retro.pk).update(due_on=_day(-3), facilitator=omar)
    rows = panel_of(dashboard_of(client, omar), "Retrospectives due").rows
    assert [row.title for row in rows] == [str(retro), str(other)]
    assert [row.mark for row in rows] == ["Yours", ""]
    assert [row.late for row in rows] == ["Overdue by 3 days", "Overdue by 20 days"]
    assert rows[1].note == "Nobody leads it yet: choose a facilitator."


def test_who_leads_retros_sees_the_next_step_of_each_and_others_beside_them(
    client, ana, tom, retro, severity
):
    other = _retro_of(Incident.objects.declare(by=None, title="Older", severity=severity), facilitator=tom)
    retro.steps.filter(kind="moments").update(due_on=_day(-2))
    Retrospective.objects.filter(pk=retro.pk).update(due_on=_day(-1))
    page = dashboard_of(client, ana)
    (mine,) = panel_of(page, LED).rows
    assert (mine.title, mine.late) == (str(retro), "Overdue by 1 day")
    assert mine.note == "Next: key moments marked (overdue by 2 days)."
    assert [row.title for row in panel_of(page, "Other retrospectives due").rows] == [str(other)]
    retro.steps.get(kind="moments").leave_out(by=ana, reason="One line.")
    retro.steps.filter(kind="impact").update(owner=tom, due_on=_day(0))
    (mine,) = panel_of(dashboard_of(client, ana), LED).rows
    assert mine.note == "Next: customer impact written (Tom, due today)."


def test_without_a_checklist_the_state_says_what_is_next(client, ana, retro):
    retro.steps.all().delete()
    (mine,) = panel_of(dashboard_of(client, ana), LED).rows
    assert mine.note == "Write it, then send it for review."


def test_who_leads_none_is_told_how_to_begin(client, tom, omar, retro):
    panel = panel_of(dashboard_of(client, tom), LED)
    assert (panel.rows, panel.total) == ([], "0")
    assert "choose yourself" in panel.empty
    assert LED not in [one.title for one in dashboard_of(client, omar).context["panels"]]


def test_what_waits_for_my_review_is_there_until_i_have_said_something(client, ana, omar, ravi, retro):
    retro.send_for_review(by=ana, reviewers=[omar])
    (row,) = panel_of(dashboard_of(client, omar), WAITING).rows
    assert (row.title, row.url) == (str(retro), retro.get_review_url())
    assert [getattr(fact, "text", fact) for fact in row.facts] == ["asked now", "by Ana"]
    assert panel_of(dashboard_of(client, ravi), WAITING).rows == []
    retro.reviews.get().approve(by=omar)
    assert panel_of(dashboard_of(client, omar), WAITING).rows == []


def test_what_went_back_to_draft_or_is_hidden_waits_for_nobody(client, ana, omar, retro, resolved):
    retro.send_for_review(by=ana, reviewers=[omar])
    Incident.objects.filter(pk=resolved.pk).update(visibility="restricted", declared_by=None)
    assert panel_of(dashboard_of(client, omar), WAITING).rows == []
    Incident.objects.filter(pk=resolved.pk).update(visibility="public")
    retro.return_to_draft(by=ana, reason="Not yet.")
    assert panel_of(dashboard_of(client, omar), WAITING).rows == []


def test_a_published_retro_leaves_the_dashboard(client, ana, publishable):
    retro = publishable
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    assert panel_of(dashboard_of(client, ana), LED).rows == []
    assert panel_of(dashboard_of(client, ana), "Other retrospectives due").rows == []


def test_my_actions_are_mine_with_the_overdue_ones_first(client, omar, ana, item):
    undated = _item(owner=omar, due_on=None)
    late = _item(owner=omar, due_on=_day(-2))
    _item(owner=ana, due_on=_day(-9))
    rows = panel_of(dashboard_of(client, omar), "My actions").rows
    assert [row.title for row in rows] == [str(late), str(item), str(undated)]
    assert [row.late for row in rows] == ["Overdue by 2 days", "", ""]


def test_overdue_actions_are_counted_by_owner(client, ana, omar):
    for owner, days in [(omar, -2), (omar, -5), (ana, -1), (None, -3)]:
        _item(owner=owner, due_on=_day(days))
    rows = panel_of(dashboard_of(client, ana), "Overdue actions by owner").rows
    assert [(row.title, row.late) for row in rows] == [
        ("Omar", "2 overdue"),
        ("Nobody yet", "1 overdue"),
        ("Ana", "1 overdue"),
    ]


def test_messages_in_trouble_are_for_those_who_may_see_deliveries(client, aud, ana, omar):
    Delivery.objects.create(
        key="overdue:person 1:2026-01-01",
        kind="actions.overdue",
        recipient=omar,
        state="dead",
        error="550 no",
    )
    assert panel_of(dashboard_of(client, aud), "Messages in trouble").rows[0].note == "550 no"
    assert "Messages in trouble" not in [p.title for p in dashboard_of(client, ana).context["panels"]]


def test_what_is_restricted_is_on_nobodys_dashboard_but_theirs_who_may_see_it(client, lena, aud, resolved):
    retro = _retro_of(resolved)
    _item(owner=None, due_on=_day(-3), retro=retro)
    hidden = Incident.objects.declare(
        by=None, title="Keys were leaked", severity=resolved.severity, visibility="restricted"
    )
    Incident.objects.filter(pk=resolved.pk).update(visibility="restricted", declared_by=None)
    seen = dashboard_of(client, aud)
    assert [row.title for row in panel_of(seen, "Open incidents").rows] == [str(hidden)]
    unseen = dashboard_of(client, lena)
    for title in ("Open incidents", "Retrospectives due", "Overdue actions by owner"):
        assert len(panel_of(seen, title).rows) == 1
        assert panel_of(unseen, title).rows == []
        assert panel_of(unseen, title).total == "0"
    assert "Keys were leaked" not in unseen.content.decode()


def test_an_empty_panel_says_what_comes_next(client, ana):
    page = dashboard_of(client, ana).content.decode()
    assert "One opens by itself when an incident that needs it is resolved." in page
    assert "Nothing waits for you." in page
    assert "asks you by mail once its text stands." in page
    assert "You lead none now." in page


def test_somebody_without_a_role_is_told_whom_to_ask(client, stranger):
    response = dashboard_of(client, stranger)
    assert response.context["panels"] == []
    assert "Ask an administrator" in response.content.decode()


def test_a_panel_shows_eight_rows_and_counts_no_further_than_a_hundred(client, omar):
    ActionItem.objects.bulk_create(
        ActionItem(title=f"Item {number}", why="It matters.", owner=omar) for number in range(101)
    )
    panel = panel_of(dashboard_of(client, omar), "My actions")
    assert len(panel.rows) == 8
    assert panel.total == "100+"
    assert panel.all.label == "All 100+ open actions of mine"


@pytest.mark.parametrize("size", [1, 30])
def test_to_whoever_leads_retros_too(client, ana, omar, severity, size):
    _fill(size, severity, ana)
    for retro in Retrospective.objects.all():
        retro.send_for_review(by=ana, reviewers=[omar])
    for person in (ana, omar):
        client.force_login(person)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("admin:index"))
        assert len(queries) <= 15, "\n".join(query["sql"][:200] for query in queries)


@pytest.mark.parametrize("size", [5, 60])
def test_it_costs_the_same_however_much_there_is(client, aud, omar, severity, size):
    _fill(size, severity, omar)
    client.force_login(aud)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(reverse("admin:index"))
    assert response.status_code == 200
    assert len(queries) <= 14, "\n".join(query["sql"][:200] for query in queries)


def test_the_links_of_every_panel_lead_to_lists_that_open(client, admin_user, omar, severity):
    _fill(9, severity, omar)
    panels = dashboard_of(client, admin_user).context["panels"]
    assert len(panels) == 8
    for panel in panels:
        links = [panel.all.url, *(row.url for row in panel.rows[:1]), *([panel.add.url] if panel.add else [])]
        assert [client.get(link).status_code for link in links] == [200] * len(links), panel.title


def test_a_title_cannot_bring_a_script_along(client, ana, severity):
    Incident.objects.declare(by=None, title="<script>alert(1)</script>", severity=severity)
    page = dashboard_of(client, ana).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@time_machine.travel("2026-03-10T22:30:00Z", tick=False)
def test_days_and_greeting_are_those_of_the_readers_place(client):
    kiri = make_person("kiri@example.com", "Action owner", time_zone="Pacific/Auckland")
    _item(owner=kiri, due_on=date(2026, 3, 10))
    response = dashboard_of(client, kiri)
    assert response.context["greeting"] == "Good morning, Kiri"
    assert panel_of(response, "My actions").rows[0].late == "Overdue by 1 day"
    assert "Wednesday, 11 March 2026" in response.content.decode()


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, ("no due day", "")),
        (0, ("due today", "")),
        (1, ("due tomorrow", "")),
        (-1, ("due Mon 9 Mar", "Overdue by 1 day")),
        (-400, ("due Mon 3 Feb 2025", "Overdue by 400 days")),
    ],
)
def test_due_days_are_said_as_people_say_them(days, words):
    today = date(2026, 3, 10)
    assert due_in_words(None if days is None else today + timedelta(days=days), today) == words


def test_the_sidebar_holds_only_what_one_may_open(client, lena, aud, stranger):
    sees = sidebar_of(dashboard_of(client, aud))
    groups = ["", "Incidents", "Retrospectives", "Actions", "Catalogue", "People", "History", "Messages"]
    assert list(sees) == groups
    assert {"All actions", "Did it work?"} <= set(sees["Actions"])
    fewer = sidebar_of(dashboard_of(client, lena))
    assert {"Messages", "History"}.isdisjoint(fewer)
    assert "What roles may do" not in fewer["People"]
    assert "Incidents" not in sidebar_of(dashboard_of(client, stranger))


def shown_in_the_sidebar(response):
    """The addresses on the page itself, and whether each is marked as the one the reader is on."""
    page = response.content.decode()
    sidebar = page[page.index('id="nav-sidebar-apps"') : page.index("openUserLinks: false")]
    links = re.findall(r'<a href="([^"]+)" class="([^"]+)"', sidebar)
    return {address: "active" in classes.split() for address, classes in links}


def test_the_page_shows_the_sidebar_of_its_reader_as_it_is_now(client, lena, aud):
    deliveries, incidents = reverse("admin:outbox_delivery_changelist"), list_url("incidents.Incident")
    assert deliveries in shown_in_the_sidebar(dashboard_of(client, aud))
    assert deliveries not in shown_in_the_sidebar(dashboard_of(client, lena))
    lena.groups.add(Group.objects.get(name=roles.AUDITOR))
    assert deliveries in shown_in_the_sidebar(dashboard_of(client, lena))
    for address in (reverse("admin:index"), incidents, deliveries, incidents):
        sidebar = shown_in_the_sidebar(client.get(address))
        assert [link for link, is_marked in sidebar.items() if is_marked] == [address]


@pytest.mark.parametrize("name", ["app_list", "avatar", "command", "shortcuts"])
@pytest.mark.parametrize("agent", ["Mozilla/5.0 (Macintosh)", "Mozilla/5.0 (X11)"])
def test_what_is_kept_of_the_theme_is_what_the_theme_makes_of_the_page(client, db, agent, name):
    kiri = make_person("kiri@example.com", roles.FACILITATOR, name="Ōmaka")
    client.force_login(kiri)
    response = client.get(list_url("incidents.Incident"), headers={"User-Agent": agent})
    whole = admin.site.each_context(response.wsgi_request) | {"request": response.wsgi_request, "user": kiri}
    assert _themes_own(f"unfold/helpers/{name}.html").render(Context(whole)) in response.content.decode()


def test_every_line_of_the_sidebar_opens(client, admin_user):
    groups = dashboard_of(client, admin_user).context["sidebar_navigation"]
    links = [item["link"] for group in groups for item in group["items"]]
    assert len(links) > 15
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_everybodys_own_profile_and_password_are_one_click_away(client, stranger):
    links = [link["link"] for link in dashboard_of(client, stranger).context["account_links"]]
    assert [client.get(link).status_code for link in links] == [200, 200]
    assert reverse("admin:people_user_change", args=[stranger.pk]) in links
    client.logout()
    assert client.get(reverse("admin:login")).status_code == 200


def test_looking_at_the_dashboard_writes_nothing(client, aud, omar, severity):
    _fill(3, severity, omar)
    client.force_login(aud)
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("admin:index"))
    assert {query["sql"].split(" ")[0] for query in queries} == {"SELECT"}


def test_only_the_line_one_is_on_is_marked(client, ana):
    client.force_login(ana)

    def marked(query):
        response = client.get(reverse("admin:actions_actionitem_changelist") + query)
        groups = response.context["sidebar_navigation"]
        return [item["title"] for group in groups for item in group["items"] if item["active"]]

    assert marked("") == ["All actions"]
    assert marked("?stage=open") == ["Team"]


def _themes_own(name):
    engine = engines["django"].engine
    ours = engine.get_template(name)
    try:
        return engine.find_template(name, skip=[ours.origin])[0]
    except TemplateDoesNotExist:
        pytest.skip("this version of the theme has no such template, so never asks for ours")


def _severity(rank):
    from incidents.models import Severity

    return Severity.objects.get(rank=rank)


def _day(days):
    return timezone.now().date() + timedelta(days=days)


def _item(**fields):
    return ActionItem.objects.create(title="Rehearse the failover", why="It took an hour.", **fields)


def _retro_of(incident, **fields):
    return Retrospective.objects.open_for(incident, **fields)


def _fill(size, severity, owner):
    for number in range(size):
        incident = Incident.objects.declare(by=None, title=f"Outage {number}", severity=severity)
        retro = _retro_of(incident, facilitator=owner, due_on=_day(-number))
        person = make_person(f"owner{number}@example.com")
        _item(owner=person, due_on=_day(-1 - number), retro=retro)
        Delivery.objects.create(key=f"key {number}", kind="actions.overdue", recipient=person, state="dead")
