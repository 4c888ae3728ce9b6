"""An older version made the current one again: for administrators, with a reason, by every rule there is."""

from datetime import timedelta

import pytest

from actions.models import ActionItem
from config.people import roles
from incidents.models import CustomerUpdate, Incident, Region
from tests.audit.explorer import EXPLORER, opened, text_of
from tests.conftest import make_person
from tests.faults import snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(db):
    return make_person("dana@example.com", roles.ADMINISTRATOR)


@pytest.fixture
def renamed(incident):
    incident.title, incident.summary = "Something else", "Said anew"
    incident.save()
    return incident


def address(row, number=None):
    number = number or row.history.order_by("history_id").first().history_id
    return f"{EXPLORER}{row._meta.label_lower}/{row.pk}/{number}/restore/"


def restored(client, person, row, reason="The edit was a mistake.", number=None, version=None):
    client.force_login(person)
    row.refresh_from_db()
    version = getattr(row, "version", "") if version is None else version
    return client.post(address(row, number), {"reason": reason, "version": version})


def test_what_would_change_is_shown_before(client, dana, renamed):
    response = opened(client, dana, address(renamed))
    shown = {(one.label, one.old, one.new) for one in response.context["differences"]}
    assert ("Title", "Something else", "Checkout fails for one in five") in shown
    assert len(shown) == 2


def test_an_older_version_becomes_the_current_one_with_the_reason(client, dana, renamed):
    assert restored(client, dana, renamed).status_code == 302
    renamed.refresh_from_db()
    latest = renamed.history.first()
    assert (renamed.title, renamed.summary) == ("Checkout fails for one in five", "")
    assert (latest.history_user_name, latest.history_type) == ("Dana", "~")
    assert latest.history_change_reason == "The edit was a mistake."


def test_what_verbs_own_stays_as_it_is(client, dana, ravi, renamed):
    renamed.acknowledge(by=ravi)
    page = opened(client, dana, address(renamed))
    assert set(page.context["kept"]) == {"status", "acknowledged at"}
    restored(client, dana, renamed)
    renamed.refresh_from_db()
    assert (renamed.status, renamed.title) == ("investigating", "Checkout fails for one in five")
    assert renamed.acknowledged_at is not None


def test_it_is_never_offered_to_an_auditor(client, aud, renamed):
    version = address(renamed).removesuffix("restore/")
    assert "restore" not in opened(client, aud, version).content.decode().lower()
    before = snapshot(Incident)
    assert opened(client, aud, address(renamed)).status_code == 403
    assert restored(client, aud, renamed).status_code == 403
    assert snapshot(Incident) == before


def test_it_is_offered_to_an_administrator_on_older_versions_only(client, dana, renamed):
    version = address(renamed).removesuffix("restore/")
    assert address(renamed) in opened(client, dana, version).content.decode()
    newest = address(renamed, renamed.history.first().history_id).removesuffix("restore/")
    assert "Restore this version" not in text_of(opened(client, dana, newest))


def test_the_permission_alone_is_not_enough(client, dana, ana):
    """Superusers only they may change: the right to restore is no way around that."""
    boss = type(ana).objects.create_superuser("boss@example.com", "not-used-here", name="Boss")
    type(ana).objects.filter(pk=boss.pk).update(name="Big Boss")
    assert restored(client, dana, boss).status_code == 403


@pytest.mark.parametrize("reason", ["", "   ", "\x00"])
def test_a_reason_must_be_given(client, dana, renamed, reason):
    before = snapshot(Incident)
    assert restored(client, dana, renamed, reason=reason).status_code == 400
    assert snapshot(Incident) == before


@pytest.mark.parametrize("version", ["1", "0", "", "many", "99999999999"])
def test_it_is_refused_if_somebody_was_quicker(client, dana, renamed, version):
    before = snapshot(Incident)
    response = restored(client, dana, renamed, version=version)
    assert response.status_code == 409
    assert "Nothing was restored." in text_of(response)
    assert snapshot(Incident) == before


def test_what_is_gone_cannot_be_restored(client, dana):
    region = Region.objects.create(slug="eu", name="Europe")
    url = address(region)
    region.delete()
    client.force_login(dana)
    assert client.post(url, {"reason": "Back, please.", "version": "1"}).status_code == 403


def test_it_is_refused_where_the_object_may_no_longer_be_edited(client, dana, lena, incident):
    update = CustomerUpdate.objects.create(incident=incident, text="We look into it.")
    update.text = "We are on it."
    update.save()
    update.publish(by=lena)
    before = snapshot(CustomerUpdate)
    assert restored(client, dana, update).status_code == 403
    assert snapshot(CustomerUpdate) == before


def test_it_is_refused_where_a_rule_of_the_form_would_break(client, dana, omar, item):
    """A later day is a verb, because it is explained: restoring is no way around it."""
    ActionItem.objects.filter(pk=item.pk).update(due_on=item.due_on - timedelta(days=3))
    before = snapshot(ActionItem)
    response = restored(client, dana, item)
    assert response.status_code == 409
    assert "Postpone it instead, and say why." in text_of(response)
    assert snapshot(ActionItem) == before


def test_it_is_refused_where_a_rule_of_the_model_would_break(client, dana):
    region = Region.objects.create(slug="eu", name="Europe")
    Region.objects.filter(pk=region.pk).update(slug="union")
    Region.objects.create(slug="eu", name="Another Europe")
    response = restored(client, dana, region)
    assert response.status_code == 409
    assert "already exists" in text_of(response)


def test_restoring_what_stands_already_says_so(client, dana, renamed):
    newest = renamed.history.first().history_id
    assert "Nothing that can be restored differs" in text_of(opened(client, dana, address(renamed, newest)))
    assert restored(client, dana, renamed, number=newest).status_code == 409


def test_a_part_with_moments_is_restored_to_the_second(client, dana, ravi, incident):
    part = incident.assignments.create(user=ravi, role="commander")
    began = part.from_at
    type(part).objects.filter(pk=part.pk).update(role="scribe", from_at=began - timedelta(hours=1))
    assert restored(client, dana, part).status_code == 302
    part.refresh_from_db()
    assert part.role == "commander"
    assert abs(part.from_at - began) < timedelta(seconds=1)


def test_a_person_is_restored_as_their_page_would_save_them(client, dana, ana):
    type(ana).objects.filter(pk=ana.pk).update(working_days="135", time_zone="Europe/Oslo", name="Anna")
    assert restored(client, dana, ana).status_code == 302
    ana.refresh_from_db()
    assert (ana.working_days, ana.time_zone, ana.name) == ("12345", "UTC", "Ana")
