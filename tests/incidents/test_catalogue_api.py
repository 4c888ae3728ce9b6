"""Who may publish at which severity and what is checked before “resolved”, in the API."""

import pytest

from config.people import roles
from incidents.models import PublishingRight, Severity, ValidationCheck
from incidents.models.rights import may_publish
from tests.api import Caller, is_problem
from tests.conftest import make_person, make_role
from tests.faults import snapshot
from tests.pages import add_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(db):
    return make_person("dana@example.com", roles.ADMINISTRATOR)


# --- Rights to publish


@pytest.fixture
def right(severity):
    return severity.publishing_rights.get(who="commander")


def test_the_rights_there_are_decide_who_publishes(dana, ravi, incident):
    caller = Caller(dana)
    told = caller.get("publishing-rights/?severity=SEV1").json()["results"]
    assert {(one["severity"], one["who"]) for one in told} == {
        ("SEV1", who) for who in incident.severity.publishing_rights.values_list("who", flat=True)
    }
    assert not may_publish(incident, ravi)
    made = caller.post("publishing-rights/", {"severity": "SEV1", "who": "Responder"})
    assert made.status_code == 201, made.content
    assert (made.json()["who"], made["ETag"]) == ("Responder", '"1"')
    assert caller.get(made["Location"]).json() == made.json()
    assert may_publish(incident, ravi)
    row = PublishingRight.objects.get(pk=made.json()["id"])
    assert row.history.get().history_user_name == "Dana (token “test”)"


def test_a_right_is_given_to_somebody_else(dana, right):
    caller, address = Caller(dana), f"publishing-rights/{right.pk}/"
    assert is_problem(caller.patch(address, {"who": "scribe"}), 428)
    edited = caller.patch(address, {"who": "scribe"}, version=1)
    assert (edited.json()["who"], edited["ETag"]) == ("scribe", '"2"')
    assert is_problem(caller.patch(address, {"who": "customer_liaison"}, version=1), 412)
    assert is_problem(caller.patch(address, {"severity": "SEV2"}, version=2), 400)


def test_nobody_is_given_a_right_twice(dana, right):
    caller, before = Caller(dana), snapshot(PublishingRight)
    told = {"general": ["They may publish at this severity already."]}
    again = caller.post("publishing-rights/", {"severity": "SEV1", "who": "commander"})
    assert is_problem(again, 400)
    assert again.json()["errors"] == told
    other = PublishingRight.objects.filter(severity=right.severity).exclude(pk=right.pk).first()
    changed = caller.patch(f"publishing-rights/{other.pk}/", {"who": "commander"}, version=1)
    assert is_problem(changed, 400)
    assert changed.json()["errors"] == told
    for wrong in (
        {"severity": "SEV1"},
        {"severity": "SEV9", "who": "scribe"},
        {"severity": "SEV1", "who": "x"},
    ):
        assert is_problem(caller.post("publishing-rights/", wrong), 400)
    assert snapshot(PublishingRight) == before


def test_only_who_keeps_severities_gives_rights(lena, ravi, aud, right):
    # May write the lines, but not open the page they stand on.
    half = make_person("half@example.com", roles.AUDITOR)
    half.groups.add(make_role("Half", "add_publishingright", "change_publishingright"))
    before = snapshot(PublishingRight)
    for person in (lena, ravi, aud, half):
        caller = Caller(person)
        assert caller.get(f"publishing-rights/{right.pk}/").status_code == 200
        assert is_problem(caller.post("publishing-rights/", {"severity": "SEV4", "who": "scribe"}), 403)
        assert is_problem(caller.patch(f"publishing-rights/{right.pk}/", {"who": "scribe"}, version=1), 403)
    assert snapshot(PublishingRight) == before


def test_rights_are_found_by_whom(lena):
    told = Caller(lena).get("publishing-rights/?who=commander&who=Communicator").json()["results"]
    assert {one["who"] for one in told} == {"commander", "Communicator"}
    assert len(told) == 2 * Severity.objects.count()
    assert is_problem(Caller(lena).get("publishing-rights/?who=everybody"), 400)


def test_a_right_on_the_page_of_its_severity_keeps_its_version(client, dana, severity, right):
    """It has one now; the inline must carry it, or an edit there would be refused as stale."""
    from tests import pages

    client.force_login(dana)
    sent = pages.sent_back(client.get(pages.page(severity)))
    prefix = next(
        name.removesuffix("-id")
        for name, value in sent.items()
        if name.startswith("publishing_rights-") and name.endswith("-id") and str(value) == str(right.pk)
    )
    answer = client.post(pages.page(severity), sent | {f"{prefix}-who": "scribe"})
    assert answer.status_code == 302
    right.refresh_from_db()
    assert (right.who, right.version) == ("scribe", 2)


# --- Checks before “resolved”


def test_checks_are_in_their_order_and_taken_by_resolve(dana, ravi, incident):
    caller = Caller(dana)
    told = caller.get("validation-checks/?active=true").json()["results"]
    assert [one["name"] for one in told] == [str(one) for one in ValidationCheck.objects.in_use()]
    made = caller.post(
        "validation-checks/", {"name": "Queues / retries", "how": "On the board.", "position": 0}
    )
    assert made.status_code == 201, made.content
    assert caller.get(made["Location"]).json() == made.json()
    first = caller.get("validation-checks/").json()["results"][0]
    assert (first["name"], first["is_active"]) == ("Queues / retries", True)
    body = {"checks": [first["name"]], "unchecked_because": "Nobody is awake."}
    assert Caller(ravi).post(f"incidents/{incident.reference}/resolve/", body).status_code == 200
    assert "Checked: Queues / retries." in incident.timeline.last().text


def test_a_check_is_not_asked_for_any_more(dana):
    caller, row = Caller(dana), ValidationCheck.objects.first()
    address = f"validation-checks/{row.pk}/"
    assert is_problem(caller.patch(address, {"is_active": False}), 428)
    edited = caller.patch(address, {"is_active": False}, version=row.version)
    assert (edited.json()["is_active"], edited["ETag"]) == (False, f'"{row.version + 1}"')
    assert is_problem(caller.patch(address, {"is_active": True}, version=row.version), 412)
    assert row not in ValidationCheck.objects.in_use()
    assert [one["id"] for one in caller.get("validation-checks/?active=false").json()["results"]] == [row.pk]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"position": -1}, {"how": "x" * 2_001}, {"name": "taken"}])
def test_a_check_is_refused_as_in_its_form(client, dana, wrong):
    ValidationCheck.objects.create(name="taken")
    client.force_login(dana)
    body = {"name": "New", "how": "", "position": 1} | wrong
    form = client.post(add_page(ValidationCheck), body).context["adminform"].form
    before = snapshot(ValidationCheck)
    answer = Caller(dana).post("validation-checks/", body)
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == list(form.errors) == list(wrong)
    if wrong == {"name": "taken"}:
        assert answer.json()["errors"] == form.errors
    assert snapshot(ValidationCheck) == before


def test_only_administrators_keep_checks(lena, ravi, aud):
    row = ValidationCheck.objects.first()
    for person in (lena, ravi, aud):
        caller = Caller(person)
        assert caller.get(f"validation-checks/{row.pk}/").status_code == 200
        assert is_problem(caller.post("validation-checks/", {"name": "New"}), 403)
        assert is_problem(caller.patch(f"validation-checks/{row.pk}/", {"how": "x"}, version=1), 403)
