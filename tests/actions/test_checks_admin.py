"""Whether a done item worked, in the workspace: its own page, its item's, the incident's, and the dashboard."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import EffectivenessCheck
from incidents.models import Incident
from tests.conftest import make_person
from tests.test_dashboard import dashboard_of, panel_of

pytestmark = pytest.mark.django_db

EVIDENCE = "It rang in the drill."
MEASURE = "No customer is charged twice."
LONG_AGO = timezone.now() - timedelta(days=200)


@pytest.fixture
def done(item, omar):
    item.success_measure = MEASURE
    item.save()
    item.complete(by=omar, evidence=EVIDENCE, at=LONG_AGO)
    return item


@pytest.fixture
def check(done):
    """Asked of Ana, because its day had come."""
    return done.checks.get()


@pytest.fixture
def recurrence(done, severity, service, ana):
    """Asked of Ana, because it happened again."""
    again = Incident.objects.declare(
        by=None, title="Checkout fails again", severity=severity, services=[service]
    )
    return EffectivenessCheck.objects.create(
        item=done, done_at=done.ended_at, incident=again, asked_of=ana, due_on=ana.today()
    )


@pytest.fixture
def page(client):
    """What somebody reads at an address or on the page of a row, its words in a row."""

    def read(user, row):
        client.force_login(user)
        answer = client.get(row if isinstance(row, str) else row.get_absolute_url(), follow=True)
        assert answer.status_code == 200
        return " ".join(re.sub("<[^>]*>", " ", answer.content.decode()).split())

    return read


def incident_page(incident):
    return reverse("admin:incidents_incident_change", args=[incident.pk])


def verb_page(check, verb):
    return reverse("admin:actions_effectivenesscheck_verb", args=[check.pk, verb])


# --- Its own page


def test_its_page_says_what_was_done_and_how_we_wanted_to_know(page, check, ana, done):
    text = page(ana, check)
    for said in (str(done), done.why, MEASURE, EVIDENCE, "Its day had come", str(done.retro), "Answer"):
        assert said in text


def test_it_is_answered_on_its_page(client, check, ana):
    client.force_login(ana)
    asked = client.get(verb_page(check, "answer"))
    assert [radio.data["value"] for radio in asked.context["form"]["result"]] == [
        *("effective", "partly", "not_effective")
    ]
    assert not EffectivenessCheck.objects.get(pk=check.pk).answered_at
    answer = client.post(
        verb_page(check, "answer"), {"result": "partly", "note": "", "version": check.version}
    )
    assert (answer.status_code, "Say what you see." in answer.content.decode()) == (400, True)
    data = {"result": "partly", "note": "Twice in May.", "version": check.version}
    assert client.post(verb_page(check, "answer"), data).status_code == 302
    check.refresh_from_db()
    assert (check.status, check.note, check.answered_by) == ("partly", "Twice in May.", ana)


def test_its_owner_is_neither_offered_an_answer_nor_let_in_on_one(client, page, check, omar):
    assert "/do/answer/" not in client_page(client, omar, check)
    assert client.get(verb_page(check, "answer")).status_code == 403
    assert client.post(verb_page(check, "answer"), {"result": "effective", "version": 1}).status_code == 403
    assert check.item.checks.open().exists()


def client_page(client, user, row):
    client.force_login(user)
    return client.get(row.get_absolute_url()).content.decode()


def test_somebody_else_is_asked_on_its_page(client, check, ana, lena):
    client.force_login(ana)
    data = {"person": lena.pk, "reason": "Support sees it first.", "version": check.version}
    assert client.post(verb_page(check, "ask"), data).status_code == 302
    check.refresh_from_db()
    assert check.asked_of == lena


def test_nothing_is_edited_added_or_deleted(client, check, admin_user):
    client.force_login(admin_user)
    for page, status in (("add", 403), (f"{check.pk}/delete", 403)):
        assert client.get(f"/admin/actions/effectivenesscheck/{page}/").status_code == status
    answer = client.post(check.get_absolute_url(), {"note": "Made up."})
    check.refresh_from_db()
    assert (answer.status_code, check.note) == (403, "")


@pytest.mark.parametrize(
    ("query", "found"), [("", 2), ("whose=mine", 2), ("whose=nobody", 0), ("q=ACT-0001", 2)]
)
def test_the_list_is_filtered_and_searched(client, check, recurrence, ana, query, found):
    check.due_on = ana.today()
    check.save()
    client.force_login(ana)
    query = query.replace("ACT-0001", check.item.reference)
    answer = client.get(f"/admin/actions/effectivenesscheck/?{query}")
    assert answer.context["cl"].result_count == found


def test_the_list_costs_the_same_however_long(
    client, check, recurrence, ana, severity, django_assert_max_num_queries
):
    client.force_login(ana)
    path = "/admin/actions/effectivenesscheck/"
    client.get(path)
    with django_assert_max_num_queries(60) as few:
        client.get(path)
    for number in range(8):
        again = Incident.objects.declare(by=None, title=f"Again {number}", severity=severity)
        EffectivenessCheck.objects.create(
            item=check.item, done_at=LONG_AGO, incident=again, asked_of=ana, due_on=ana.today()
        )
    with django_assert_max_num_queries(len(few)):
        client.get(path)


# --- On both: the item's page and the incident's


def test_the_item_tells_openly_what_was_answered(page, check, done, ana, lena):
    check.answer(by=ana, result="partly", note="Twice in May.")
    for reader in (ana, lena):
        text = page(reader, done)
        for said in ("Did it work?", MEASURE, "It worked in part", "Ana: Twice in May."):
            assert said in text


def test_a_recurrence_shows_on_the_item_and_on_the_incident(page, recurrence, done, ana):
    assert f"it looked like {recurrence.incident}" in page(ana, done)
    text = page(ana, incident_page(recurrence.incident))
    assert f"This looks like {done.title} : we asked whether {done.reference} worked Asked" in text


def test_an_incident_that_is_like_no_other_says_nothing(page, check, ana):
    assert "Has it happened before?" not in page(ana, incident_page(check.item.retro.incidents.get()))


def test_a_hidden_incident_is_named_on_no_page_of_the_item(page, recurrence, done, ana, aud):
    Incident.objects.filter(pk=recurrence.incident_id).update(visibility="restricted")
    history = reverse("admin:actions_effectivenesscheck_history", args=[recurrence.pk])
    item_history = reverse("admin:actions_actionitem_history", args=[done.pk])
    pages = (done, recurrence, "/admin/actions/effectivenesscheck/", "/admin/", history, item_history)
    assert [row for row in pages if "Checkout fails again" in page(ana, row)] == []
    assert "it looked like A later incident" in page(ana, done)
    assert "Checkout fails again" in page(aud, done)
    assert "Checkout fails again" in page(aud, recurrence)


def test_a_hidden_item_is_named_on_no_page_of_the_incident(page, recurrence, done, lena, aud):
    Incident.objects.filter(retro_links__retro=done.retro).update(visibility="restricted", declared_by=None)
    path = incident_page(recurrence.incident)
    assert done.title not in page(lena, path)
    assert "Has it happened before?" not in page(lena, path)
    assert done.title in page(aud, path)


# --- The dashboard


def test_the_dashboard_asks_whoever_is_asked_once_it_is_due(client, check, recurrence, ana, lena):
    EffectivenessCheck.objects.filter(pk=check.pk).update(due_on=ana.today() + timedelta(days=1))
    panel = panel_of(dashboard_of(client, ana), "Did it work?")
    assert [(row.title, row.mark) for row in panel.rows] == [(str(check.item), "It may have happened again")]
    assert (panel.rows[0].url, panel.rows[0].note) == (recurrence.get_absolute_url(), MEASURE)
    assert panel_of(dashboard_of(client, lena), "Did it work?").rows == []


def test_what_nobody_could_be_asked_waits_for_whoever_manages_items_but_its_owner(client, check, ana, lena):
    EffectivenessCheck.objects.filter(pk=check.pk).update(due_on=ana.today(), asked_of=None)
    boss = make_person("boss@example.com", "Facilitator")
    assert len(panel_of(dashboard_of(client, boss), "Did it work?").rows) == 1
    assert panel_of(dashboard_of(client, lena), "Did it work?").rows == []
    type(check.item).objects.filter(pk=check.item_id).update(owner=boss)
    assert panel_of(dashboard_of(client, boss), "Did it work?").rows == []
