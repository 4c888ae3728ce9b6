"""Policies as data: the defaults, the page, what is refused, and the preview that saves nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils.html import escape

from actions.admin.policies import newest_fitting, preview
from actions.defaults import add_policies
from actions.models import ActionItem, ReminderPolicy
from config.outbox import troubles
from config.people.models import User
from config.reminding.cadence import Cadence, Rung
from config.reminding.models import Reminder
from incidents.models import Incident
from tests import pages
from tests.conftest import make_person
from tests.faults import snapshot

pytestmark = pytest.mark.django_db

DUE = date(2026, 3, 2)  # a Monday
NOW = datetime(2026, 2, 20, 8, tzinfo=UTC)


@pytest.fixture
def others():
    """The policy for all other items."""
    return ReminderPolicy.objects.get(priority=None, severity=None)


def filled(client, policy=None, **changes):
    """The answers of the page as a browser would send them, with `changes`."""
    url = pages.page(policy) if policy else pages.add_page(ReminderPolicy)
    form = client.get(url).context["adminform"].form
    sent = {bound.html_name: bound.value() for bound in form}
    return url, {name: value for name, value in sent.items() if value not in (None, False)} | changes


def errors_of(response):
    return response.context["adminform"].form.errors


# --- Defaults


def test_a_new_installation_has_policies_a_company_would_keep():
    kept = {str(policy): policy for policy in ReminderPolicy.objects.all()}
    assert set(kept) == {
        *("All other items", "Urgent items", "Low items"),
        *("Items from SEV1", "Items from SEV2"),
    }
    assert [kept[f"Items from SEV{rank}"].check_after for rank in (1, 2)] == [30, 60]
    assert kept["All other items"].check_after == 90
    for policy in kept.values():
        policy.full_clean()
        assert policy.in_words().count(".") == 2
    assert kept["Items from SEV1"].manager_after < kept["All other items"].manager_after
    assert kept["Low items"].every > kept["All other items"].every > kept["Urgent items"].every


def test_what_was_edited_is_never_filled_again(others):
    ReminderPolicy.objects.exclude(pk=others.pk).delete()
    add_policies()
    assert list(ReminderPolicy.objects.all()) == [others]


def test_severities_that_are_gone_are_left_out(others):
    ReminderPolicy.objects.all().delete()
    ReminderPolicy._meta.get_field("severity").remote_field.model.objects.filter(rank=2).delete()
    add_policies()
    assert ReminderPolicy.objects.count() == 4


@pytest.mark.parametrize(
    ("priority", "rank", "name"),
    [
        (1, None, "Urgent items"),
        (1, 1, "Items from SEV1"),
        (4, 2, "Items from SEV2"),
        (4, 3, "Low items"),
        (3, 3, "All other items"),
        (2, None, "All other items"),
    ],
)
def test_the_one_that_says_most_is_in_force(priority, rank, name):
    assert str(ReminderPolicy.objects.choose(priority, rank)) == name


# --- What is refused, in words


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("before", "soon", "Write working days as numbers"),
        ("before", "0", "from 1 to 60"),
        ("before", "61", "from 1 to 60"),
        ("every", "0", "greater than or equal to 1"),
        ("every", "61", "less than or equal to 60"),
        ("manager_after", "0", "Write at least 1"),
        ("owner_within", "0", "Write at least 1"),
        ("date_within", "0", "Write at least 1"),
        ("sponsor_after", "251", "less than or equal to 250"),
        ("check_after", "", "required"),
    ],
)
def test_a_policy_that_means_nothing_is_refused_in_words(client, ana, others, field, value, words):
    client.force_login(ana)
    before = snapshot(ReminderPolicy)
    url, answers = filled(client, others)
    response = client.post(url, answers | {field: value})
    assert response.status_code == 200
    assert words in " ".join(errors_of(response)[field])
    assert snapshot(ReminderPolicy) == before


def test_two_policies_for_the_same_items_are_refused(client, ana):
    client.force_login(ana)
    url, answers = filled(client, priority=1)
    response = client.post(url, answers)
    assert "There is a policy for this priority and severity already." in str(errors_of(response))


def test_the_one_for_all_other_items_stays(client, ana, others):
    client.force_login(ana)
    url, answers = filled(client, others)
    response = client.post(url, answers | {"priority": 2})
    assert "stays so" in str(errors_of(response))
    assert client.post(pages.page(others, "delete"), {"post": "yes"}).status_code == 403
    urgent = ReminderPolicy.objects.get(priority=1)
    assert client.post(pages.page(urgent, "delete"), {"post": "yes"}).status_code == 302
    assert not ReminderPolicy.objects.filter(pk=urgent.pk).exists()
    others.priority = 2
    with pytest.raises(ValidationError):
        others.full_clean()


def test_a_zero_that_came_past_the_form_stops_no_sweep(others):
    names = ("manager_after", "facilitator_after", "sponsor_after", "owner_within", "date_within")
    ReminderPolicy.objects.filter(pk=others.pk).update(before="0, 2", **dict.fromkeys(names, 0))
    others.refresh_from_db()
    assert others.cadence == Cadence(before=(2,), every=2)


# --- The pages


def test_the_list_says_what_each_does(client, omar):
    client.force_login(omar)
    page = client.get(pages.list_of(ReminderPolicy)).content.decode()
    for policy in ReminderPolicy.objects.all():
        assert escape(policy.in_words()) in page
    pages.assert_cheap(client, pages.list_of(ReminderPolicy))


def test_a_facilitator_edits_and_everybody_else_reads(client, ana, ravi, others):
    client.force_login(ana)
    url, answers = filled(client, others)
    assert client.post(url, answers | {"every": 3, "_reason": "Too loud"}).status_code == 302
    others.refresh_from_db()
    latest = others.history.first()
    assert (others.every, latest.history_user_name, latest.history_change_reason) == (3, "Ana", "Too loud")
    client.force_login(ravi)
    assert client.get(url).status_code == 200
    assert client.post(url, answers).status_code == 403


# --- The preview


def shown(response):
    return response.context["preview"]


@pytest.fixture
def late(item, omar):
    """Omar's, in Tokyo, due on a Monday; his manager works in New York."""
    boss = make_person("mia@example.com", time_zone="America/New_York")
    User.objects.filter(pk=omar.pk).update(time_zone="Asia/Tokyo", manager=boss)
    ActionItem.objects.filter(pk=item.pk).update(due_on=DUE, created_at=NOW - timedelta(days=30))
    item.refresh_from_db()
    return item


def test_a_preview_shows_each_step_in_both_zones(client, ana, late):
    User.objects.filter(pk=ana.pk).update(time_zone="Europe/Berlin")
    client.force_login(ana)
    sev1 = ReminderPolicy.objects.get(severity__rank=1)
    with time_machine.travel(NOW, tick=False):
        response = client.get(pages.page(sev1))
    lines = shown(response).lines
    assert shown(response).item == late
    first = lines[0]
    assert first.there == "Mon 23 Feb 2026, 09:00 JST"
    assert "23 Feb 2026, 01:00 CET" in first.here
    assert (first.to, first.rung, first.because) == ("Omar", Rung.OWNER, "you own it")
    assert first.what == "reminder 5 working days before the due day"
    told = {line.rung: line for line in lines}
    assert told[Rung.MANAGER].to == "Mia"
    assert told[Rung.MANAGER].there == "Wed 4 Mar 2026, 09:00 EST"
    assert told[Rung.FACILITATOR].to == "Ana"
    page = response.content.decode()
    assert all(escape(line.because) in page and line.there in page for line in lines)


def test_a_preview_works_before_saving_and_saves_nothing(client, ana, late):
    client.force_login(ana)
    sev1 = ReminderPolicy.objects.get(severity__rank=1)
    before = snapshot(ReminderPolicy, ActionItem, Reminder)
    url, answers = filled(client, sev1)
    asked = answers | {"before": "3", "every": "4", "manager_after": "", "_preview": "1"}
    with time_machine.travel(NOW, tick=False):
        response = client.post(url, asked)
    assert response.status_code == 200
    assert not errors_of(response)
    assert shown(response).lines[0].what == "reminder 3 working days before the due day"
    assert Rung.MANAGER not in {line.rung for line in shown(response).lines}
    assert "Three working days before" in shown(response).sentence
    assert response.context["adminform"].form["every"].value() == "4"
    assert snapshot(ReminderPolicy, ActionItem, Reminder) == before


def test_a_new_policy_is_previewed_before_there_is_one(client, ana, late):
    client.force_login(ana)
    url, answers = filled(
        client, priority=3, severity=ReminderPolicy.objects.get(severity__rank=1).severity_id
    )
    with time_machine.travel(NOW, tick=False):
        response = client.post(url, answers | {"_preview": "1"})
    assert shown(response).item == late
    assert shown(response).in_force == "Items from SEV1"
    assert ReminderPolicy.objects.count() == 5


def test_one_item_is_chosen_by_its_reference(client, ana, late, others):
    other = ActionItem.objects.create(title="Other", why="x", owner=late.owner, due_on=DUE)
    client.force_login(ana)
    url, answers = filled(client, others)
    for asked in (late.reference, late.reference.lower(), str(late.pk)):
        response = client.post(url, answers | {"_preview": "1", "preview_of": asked})
        assert shown(response).item == late
        assert shown(response).in_force == "Items from SEV1"
    response = client.post(url, answers | {"_preview": "1", "preview_of": ""})
    assert shown(response).item == other


@pytest.mark.parametrize("asked", ["ACT-9999", "RETRO-1", "x", "9" * 30, "-1"])
def test_a_preview_of_what_is_not_there_says_so(client, ana, others, asked):
    client.force_login(ana)
    url, answers = filled(client, others)
    response = client.post(url, answers | {"_preview": "1", "preview_of": asked})
    assert "There is no such item" in str(errors_of(response))
    assert shown(response) is None


def test_a_hidden_item_is_previewed_by_nobody_it_is_hidden_from(client, ana, severity, others):
    secret = Incident.objects.create(title="A key was public", severity=severity, visibility="restricted")
    retro = ActionItem._meta.get_field("retro").remote_field.model.objects.open_for(secret)
    hidden = ActionItem.objects.create(title="Rotate the key", why="Trust.", retro=retro)
    client.force_login(ana)
    assert b"Rotate the key" not in client.get(pages.page(others)).content
    url, answers = filled(client, others)
    response = client.post(url, answers | {"_preview": "1", "preview_of": hidden.reference})
    assert b"Rotate the key" not in response.content
    assert "There is no such item" in str(errors_of(response))


def test_an_invalid_policy_has_errors_instead_of_a_preview(client, ana, others):
    client.force_login(ana)
    url, answers = filled(client, others)
    response = client.post(url, answers | {"_preview": "1", "before": "soon"})
    assert errors_of(response)["before"]
    assert shown(response) is None


def test_the_newest_fitting_item_is_one_of_that_policy(late, omar, admin_user):
    urgent = ActionItem.objects.create(title="Urgent", why="x", owner=omar, due_on=DUE, priority=1)
    ActionItem.objects.create(title="Urgent, nobody’s", why="x", priority=1)
    find = ReminderPolicy.objects.get
    assert newest_fitting(find(severity__rank=1), admin_user) == late
    assert newest_fitting(find(priority=1), admin_user) == urgent
    assert newest_fitting(find(severity__rank=2), admin_user) is None
    assert newest_fitting(find(priority=4), admin_user) is None
    assert preview(find(priority=4), None).lines == []


def test_the_page_costs_the_same_however_many_items_there_are(client, ana, late, others):
    client.force_login(ana)
    troubles.forget()
    few = pages.queries_of(client, pages.page(others))
    ActionItem.objects.bulk_create(
        ActionItem(title=f"Item {n}", why="x", owner=late.owner, due_on=DUE) for n in range(50)
    )
    troubles.forget()
    assert len(pages.queries_of(client, pages.page(others))) <= len(few)
