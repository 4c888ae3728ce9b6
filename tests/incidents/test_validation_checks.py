"""What is looked at before “resolved”: recorded, and demanded where a severity says so."""

import pytest
from django.core.exceptions import ValidationError

from incidents.models import TimelineEntry, ValidationCheck
from tests.api import Caller, is_problem
from tests.cases import assert_refused
from tests.pages import verb_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def checks(db):
    return list(ValidationCheck.objects.in_use())


@pytest.fixture
def strict(incident):
    incident.severity.are_checks_required = True
    incident.severity.save()
    return incident


def test_a_new_installation_has_checks_and_demands_none(incident, checks, ravi):
    assert len(checks) == 4
    incident.resolve(by=ravi)
    assert incident.timeline.last().text == "Resolved."


def test_what_was_made_and_what_was_left_out_is_on_the_timeline(incident, checks, ravi):
    incident.resolve(by=ravi, note="Rolled back.", checks=checks[:1], unchecked_because="Nobody is awake.")
    said = incident.timeline.last().text
    assert said.startswith("Resolved: Rolled back. Checked: The error rate is back to what is normal.")
    assert "Not checked: A customer’s own way through was tried" in said
    assert said.endswith("(Nobody is awake.).")


def test_where_they_are_demanded_it_is_refused_without(strict, checks, ravi):
    assert_refused(ValidationError, strict, "resolve", TimelineEntry, by=ravi)
    assert_refused(ValidationError, strict, "resolve", TimelineEntry, by=ravi, checks=checks[1:])
    assert_refused(
        ValidationError, strict, "resolve", TimelineEntry, by=ravi, unchecked_because="  ", checks=checks[1:]
    )
    strict.resolve(by=ravi, checks=checks)
    assert strict.status == "resolved"


def test_a_reason_is_enough_for_what_was_left_out(strict, ravi):
    strict.resolve(by=ravi, unchecked_because="The service was switched off for good.")
    assert strict.status == "resolved"


def test_a_check_nobody_asks_for_any_more_is_not_demanded(strict, checks, ravi):
    for check in checks[1:]:
        check.is_active = False
        check.save()
    strict.resolve(by=ravi, checks=checks[:1])
    assert strict.status == "resolved"


def test_the_page_names_what_is_missing(client, strict, checks, ravi):
    client.force_login(ravi)
    shown = client.get(verb_page(strict, "resolve")).content.decode()
    for check in checks:
        assert check.name in shown
    sent = {"version": strict.version, "checks": [checks[0].pk]}
    answer = client.post(verb_page(strict, "resolve"), sent)
    assert answer.status_code == 400
    assert "“Queues and retries have drained”" in answer.content.decode()
    sent["checks"] = [check.pk for check in checks]
    assert client.post(verb_page(strict, "resolve"), sent).status_code == 302


def test_the_api_asks_the_same(strict, checks, ravi):
    path = f"incidents/{strict.reference}/resolve/"
    refused = Caller(ravi).post(path, {})
    assert is_problem(refused, 400)
    assert list(refused.json()["errors"]) == ["unchecked_because"]
    assert is_problem(Caller(ravi).post(path, {"checks": ["Nothing known"]}), 400)
    done = Caller(ravi).post(path, {"checks": [check.name for check in checks]})
    assert done.status_code == 200, done.content
    assert done.json()["status"] == "resolved"
