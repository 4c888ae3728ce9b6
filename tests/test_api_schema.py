"""The API asked everything its own description allows, and much that it does not."""

from datetime import timedelta

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from actions.models import ActionItem
from incidents.models import Maintenance, MessageTemplate, PublishingRight, Region, ValidationCheck
from tests.api import ROOT, Caller
from tests.incidents.readers import system

EXAMPLES = 10  # of each operation, half of what is allowed and half of what is not
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPENAPI = "application/vnd.oai.openapi+json"


def retro_learning(retro):
    from retros.models import Learning

    return Learning.objects.create(retro=retro, title="Paying failed", slug="paying-failed")


def planned():
    at = timezone.now()
    times = {"scheduled_for": at, "scheduled_until": at + timedelta(hours=1)}
    row = Maintenance.objects.create(title="New disks", text="Slow.", **times)
    row.announce(by=None)
    return row


@pytest.fixture
def there(admin_user, retro, item):
    """A row of every kind to be met, by the first part of its operations' names."""
    Region.objects.create(slug="eu", name="Europe")
    incident = retro.incidents.first()
    ActionItem.objects.create(title="Another", why="Customers", owner=admin_user)
    return {
        "incident": incident.reference,
        "retro": retro.reference,
        "incidents": incident.reference,
        "retros": retro.reference,
        "action_items": item.reference,
        "updates": incident.updates.create(text="We are looking.").pk,
        "milestones": incident.milestones.create(title="Refunds are out").pk,
        "message_templates": MessageTemplate.objects.first().pk,
        "publishing_rights": PublishingRight.objects.first().pk,
        "validation_checks": ValidationCheck.objects.first().pk,
        "maintenance": (window := planned()).pk,
        "maintenances": window.pk,
        "maintenance_updates": window.updates.get().pk,
        "subscribers": system().pk,
        "ticket_counts": incident.ticket_counts.create(count=3).pk,
        "support_tickets": incident.support_tickets.create(reference="#1").pk,
        "timeline": incident.timeline.first().pk,
        "sections": retro.sections.first().pk,
        "findings": retro.findings.create(kind="luck", text="A Sunday.").pk,
        "steps": retro.steps.get(kind="factors").pk,
        "marks": retro.marks.create(entry=incident.timeline.first(), kind="key").pk,
        "learnings": retro_learning(retro).reference,
        "retro_factors": retro.retro_factors.create(factor_id=1).pk,
        "services": "checkout",
        "severities": "SEV1",
    }


@pytest.fixture
def application():
    """The site as a server runs it, but within the transaction of the test, as Django's own client does."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in ends:
        signal.connect(close_old_connections)


def aim(case, there):
    """Ask about a row that is there, in the version that it has."""
    operation = case.operation.definition.raw["operationId"]
    keys = [place for place in there if operation.startswith(place + "_")]
    for name in case.path_parameters or ():
        place = name if name in there else max(keys, key=len, default=None)
        case.path_parameters[name] = there.get(place, "1")
    if "If-Match" in (case.headers or {}):
        case.headers["If-Match"] = "*"


def asking(operation, there, headers):
    """A test of one operation: whatever is asked, the answer is one that was described."""
    allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    refused = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @seed(2)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=allowed | refused, is_aimed=st.booleans())
    def ask(case, is_aimed):
        if is_aimed:
            aim(case, there)
        with transaction.atomic():  # each is asked of the same rows
            case.call_and_validate(headers=headers, checks=CHECKS)
            transaction.set_rollback(True)

    return ask


@pytest.mark.slow
def test_whatever_is_asked_is_answered_as_described(there, admin_user, application):
    headers = Caller(admin_user).headers
    told_in = headers | {"Accept": OPENAPI}
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}schema/", application, headers=told_in)
    failures = []
    for result in schema.get_all_operations():
        try:
            asking(result.ok(), there, headers)()
        except (Exception, FailureGroup) as failure:  # noqa: BLE001  one wrong operation must not hide the others
            failures.append(f"{result.ok().label}: {failure}")
    assert not failures, "\n\n".join(failures)


def operations(schema):
    return [
        operation
        for path in schema["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "patch", "put", "delete")
    ]


@pytest.fixture
def told(aud):
    answer = Caller(aud).get("schema/", Accept=OPENAPI)
    return answer.json()


def test_every_operation_has_a_name_of_its_own(told):
    names = [operation["operationId"] for operation in operations(told)]
    assert len(names) == len(set(names)) > 50
    assert {"incidents_list", "incidents_create", "incidents_read", "incidents_edit"} <= set(names)
    assert {"incidents_acknowledge", "updates_publish", "retros_publish", "action_items_complete"} <= set(
        names
    )
    assert all(operation["description"] for operation in operations(told))


def test_every_refusal_is_described_as_a_problem(told):
    for operation in operations(told):
        for code, response in operation["responses"].items():
            if int(code) >= 400:
                assert list(response["content"]) == ["application/problem+json"]


def test_every_operation_wants_somebody_signed_in(told):
    for operation in operations(told):
        assert {name for way in operation["security"] for name in way} == {"token", "session"}


def test_the_description_gives_no_warning(db, capsys):
    from drf_spectacular.drainage import GENERATOR_STATS
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.validation import validate_schema

    with GENERATOR_STATS.silence():
        schema = SchemaGenerator().get_schema(public=True)
        assert not GENERATOR_STATS._warn_cache
        assert not GENERATOR_STATS._error_cache
    validate_schema(schema)
