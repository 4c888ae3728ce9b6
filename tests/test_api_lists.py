"""Lists of the API: their pages, and what they cost."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from actions.models import ActionItem
from config.people.models import ApiToken
from incidents.models import (
    Incident,
    Maintenance,
    MaintenanceUpdate,
    MessageTemplate,
    Milestone,
    Region,
    Service,
    Severity,
    Subscriber,
    SupportTicket,
    TicketCount,
    ValidationCheck,
)
from retros.models import Retrospective
from tests.api import Caller, is_problem
from tests.incidents.readers import many


def fill(model, count, **parents):
    """`count` rows more, each with all that a list shows."""
    severity = Severity.objects.first()
    person = parents["person"]
    for number in range(count):
        incident = Incident.objects.create(title=f"Incident {number}", severity=severity, declared_by=person)
        service = Service.objects.create(slug=f"s{model.__name__}{count}-{number}", name=f"Service {number}")
        incident.service_impacts.create(service=service)
        retro = Retrospective.objects.open_for(incident, facilitator=person)
        ActionItem.objects.create(title="Do it", why="x", owner=person, retro=retro, ended_by=None)
        entry = parents["incident"].log("note", "x", by=person)
        parents["retro"].marks.create(entry=entry, kind="key", marked_by=person)
        parents["incident"].updates.create(text="x", state="published", published_at=incident.declared_at)
        parents["retro"].findings.create(kind="luck", text="x")
        parents["retro"].sections.create(heading=f"Part {count}-{number}")
    fill_what_customers_read(parents["incident"], [f"{count}-{number}" for number in range(count)], person)


def fill_what_customers_read(incident, names, person):
    """One of each name of everything that is written beforehand, planned, counted or followed."""
    service, region = incident.services.first(), Region.objects.get_or_create(slug="eu", name="Europe")[0]
    at = timezone.now()
    words = {"phase": "resolved", "text": "x", "service": service, "severity": incident.severity}
    times = {"scheduled_for": at, "scheduled_until": at + timedelta(hours=1)}
    announced = {"status": "scheduled", "announced_at": at, "announced_by": person}

    def add(model, **fields):
        rows = [
            {name: value(one) if callable(value) else value for name, value in fields.items()}
            for one in names
        ]
        return model.objects.bulk_create(model(**row) for row in rows)

    add(ValidationCheck, name=str)
    add(MessageTemplate, name=str, locale=lambda name: f"x{name}", **words)
    windows = add(Maintenance, title=str, text="x", **times, **announced)
    readers = many(len(names), start=Subscriber.objects.count())
    for parts, rows in ((("maintenance", Maintenance), windows), (("subscriber", Subscriber), readers)):
        name, model = parts
        for what, place in (("service", service), ("region", region)):
            through = getattr(model, f"{what}s").through
            through.objects.bulk_create(through(**{name: row, what: place}) for row in rows)
    first = Maintenance.objects.order_by("pk").first()
    add(MaintenanceUpdate, maintenance=first, status="scheduled", text=str, author=person)
    add(Milestone, incident=incident, title=str, owner=person)
    add(TicketCount, incident=incident, count=3, source=str, entered_by=person)
    add(SupportTicket, incident=incident, reference=str, entered_by=person)


COUNTED = [
    *(
        "incidents/",
        "retros/",
        "action-items/",
        "services/",
        "regions/",
        "severities/",
        "factors/",
        "learnings/",
        "tokens/",
    ),
    *("incidents/{i}/timeline/", "incidents/{i}/updates/"),
    *("retros/{r}/sections/", "retros/{r}/findings/", "retros/{r}/factors/", "retros/{r}/participants/"),
    "retros/{r}/marks/",
    *("message-templates/", "publishing-rights/", "validation-checks/", "maintenances/", "subscribers/"),
    *("maintenances/{m}/updates/", "incidents/{i}/milestones/"),
    *("incidents/{i}/ticket-counts/", "incidents/{i}/support-tickets/"),
]
# Whose every row is not made by this test; how many there are is decided elsewhere.
FEW = {"severities/", "regions/", "factors/", "learnings/", "tokens/", "retros/{r}/factors/"}
FEW |= {"retros/{r}/participants/", "publishing-rights/"}


@pytest.mark.parametrize("by_session", [False, True], ids=["token", "session"])
def test_a_list_needs_at_most_five_queries_whatever_its_size(
    retro, resolved, lena, by_session, django_assert_max_num_queries
):
    caller = Caller(lena, by_session=by_session)
    caller.get("incidents/")  # once in each process, a database is asked what it can do
    # Its use is noted once a minute: on a busy machine that would be a query more, somewhere in the middle.
    ApiToken.objects.update(last_used_at=timezone.now() + timedelta(hours=1))
    sizes = {}
    for count in (3, 57):
        fill(Incident, count, person=lena, incident=resolved, retro=retro)
        window = Maintenance.objects.order_by("pk").first()
        for path in COUNTED:
            with django_assert_max_num_queries(5):
                answer = caller.get(f"{path.format(i=resolved.pk, r=retro.pk, m=window.pk)}?page_size=200")
            assert answer.status_code == 200, answer.content
            sizes.setdefault(path, []).append(len(answer.json()["results"]))
    for path in set(COUNTED) - FEW:
        assert sizes[path][0] < sizes[path][1], path
        assert sizes[path][1] >= 60, path


def test_filters_cost_no_query_of_their_own(retro, resolved, lena, django_assert_max_num_queries):
    caller = Caller(lena)
    for path in (
        "incidents/?severity=SEV1&service=checkout&status=resolved&drill=false&declared_after=2020-01-01T00:00:00Z",
        f"retros/?facilitator=ana@example.com&incident={resolved.pk}&overdue=true",
        f"action-items/?owner=omar@example.com&retro={retro.pk}&overdue=true&due_after=2020-01-01",
        "message-templates/?severity=SEV1&service=checkout&phase=resolved&audience=team&locale=en",
        "publishing-rights/?severity=SEV1&who=commander",
        "maintenances/?status=draft&service=checkout&region=eu&announced=true&begins_after=2020-01-01T00:00:00Z",
        "subscribers/?status=stopped&channel=email&service=checkout&region=eu&failing=true",
        f"incidents/{resolved.pk}/milestones/?status=planned&owner=omar@example.com&overdue=true",
    ):
        with django_assert_max_num_queries(5):
            assert caller.get(path).status_code == 200


@pytest.mark.parametrize(
    "ordering", ["-declared_at", "declared_at", "-resolved_at", "resolved_at", "-reference"]
)
def test_pages_show_every_row_once(omar, severity, ordering):
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    for number in range(11):
        Incident.objects.create(title=str(number), severity=severity, declared_at=moment, started_at=None)
    caller, seen = Caller(omar), []
    path = f"incidents/?page_size=3&ordering={ordering}"
    while path:
        page = caller.get(path).json()
        assert len(page["results"]) <= 3
        seen += [row["id"] for row in page["results"]]
        path = page["next"] and page["next"].removeprefix("http://testserver")
    assert sorted(seen, reverse=ordering.startswith("-")) == seen
    assert len(set(seen)) == 11


def test_a_page_is_steady_while_rows_are_added(omar, severity):
    for number in range(4):
        Incident.objects.create(title=str(number), severity=severity)
    caller = Caller(omar)
    first = caller.get("incidents/?page_size=2").json()
    Incident.objects.create(title="New", severity=severity)
    second = caller.get(first["next"].removeprefix("http://testserver")).json()
    assert [row["title"] for row in first["results"] + second["results"]] == ["3", "2", "1", "0"]
    assert second["next"] is None


CURSORS = [
    ["-declared_at", "2026-01-01T00:00:00", 1],
    ["-declared_at", "0001-01-01T00:00:00+14:00", 1],
    ["-declared_at", "9999-12-31T00:00:00-14:00", 1],
    ["-declared_at", "-1000000", 1],
    ["-declared_at", 5, 1],
    ["-declared_at", None, 1],
    ["-declared_at", "2026-01-01T00:00:00Z", None],
    ["-declared_at", "2026-01-01T00:00:00Z", True],
    ["-declared_at", "2026-01-01T00:00:00Z", 10**30],
    ["-declared_at", "2026-01-01T00:00:00Z"],
    ["-declared_at", "\ud800", 1],
    ["declared_at", "2026-01-01T00:00:00Z", 1],
    ["owner__password", "x", 1],
    {"a": 1},
    None,
]


@pytest.mark.parametrize("cursor", CURSORS, ids=repr)
def test_a_forged_cursor_is_an_error(omar, incident, cursor):
    forged = urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")
    answer = Caller(omar).get(f"incidents/?cursor={forged}")
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == ["cursor"]
