"""Each verb of an incident and of a customer update: what it does together, and whom it refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from config.transitions import NotPermitted, verbs_of
from incidents.models import (
    CustomerUpdate,
    Incident,
    IncidentService,
    Maintenance,
    Milestone,
    Service,
    Severity,
    Subscriber,
    TimelineEntry,
)
from tests.cases import (
    Case,
    assert_recorded,
    assert_refused,
    assert_refused_in_other_states,
    assert_refused_when_stale,
    changes_of,
    each_verb,
    verbs_in,
)
from tests.faults import is_whole_or_absent, snapshot

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
AT = START + timedelta(hours=2)
SEV3 = 3  # the severity of that rank; a table cannot hold a row of a test's database

TABLES = {
    Incident: {
        "acknowledge": Case(
            start="declared",
            ask={"at": AT},
            sets={"status": "investigating", "acknowledged_at": AT},
            says="Acknowledged.",
        ),
        "identify": Case(
            start="monitoring",
            ask={"at": AT, "note": "the pool is full"},
            sets={"status": "identified", "mitigated_at": None},
            says="Identified: the pool is full",
        ),
        "mitigate": Case(
            start="declared",
            ask={"at": AT},
            sets={"status": "monitoring", "mitigated_at": AT, "acknowledged_at": AT},
            says="Fix in place, watching.",
        ),
        "resolve": Case(
            start="declared",
            ask={"at": AT, "note": "rolled back"},
            sets={"status": "resolved", "resolved_at": AT, "acknowledged_at": AT},
            says="Resolved: rolled back",
        ),
        "reopen": Case(
            start="closed",
            ask={"at": AT},
            sets={"status": "investigating", "resolved_at": None, "closed_at": None, "mitigated_at": None},
            says="Reopened: It came back.",
        ),
        "close": Case(
            start="resolved",
            ask={"at": AT},
            sets={"status": "closed", "closed_at": AT},
            says="Closed: It came back.",
        ),
        "change_severity": Case(
            start="monitoring",
            ask={"severity": SEV3},
            sets={"severity_id": SEV3},
            says="Severity changed from SEV1 to SEV3: It came back.",
            twice=ValidationError,
        ),
        "advise": Case(
            start="monitoring",
            ask={"workaround": "Pay by transfer.", "workaround_is_public": True},
            sets={"workaround": "Pay by transfer.", "workaround_is_public": True},
            says="What customers can do, on the status page: Pay by transfer.",
            twice=ValidationError,
        ),
        "correct_moments": Case(
            start="closed",
            ask={"detected_at": START + timedelta(minutes=5)},
            sets={"detected_at": START + timedelta(minutes=5)},
            says="Corrected detected: 2026-03-02 10:00:00 UTC → 2026-03-02 10:05:00 UTC. It came back.",
            twice=ValidationError,
        ),
    },
    CustomerUpdate: {
        "publish": Case(
            start="draft",
            ask={"at": AT},
            sets={
                "state": "published",
                "published_at": AT,
                "published_by_id": "lena",
                "affected": "checkout, slow or faulty",
            },
            says="Investigating: Paying by card fails.",
        ),
        "submit": Case(
            start="draft",
            ask={"at": AT},
            sets={"state": "submitted", "submitted_at": AT, "submitted_by_id": "lena"},
            says="Waits for approval: Investigating: Paying by card fails.",
        ),
        "send_back": Case(
            start="submitted",
            sets={"state": "draft", "sent_back_because": "It came back."},
            says="An update was sent back: It came back.",
        ),
        "correct": Case(
            start="published",
            ask={"text": "Paying by card is slow."},
            sets={"text": "Paying by card is slow."},
            says="Corrected what customers were told at 2026-03-02 12:00:00 UTC: It came back.",
            twice=ValidationError,
        ),
    },
}
REASON = "It came back."
WAY = ["acknowledge", "identify", "mitigate", "resolve", "close"]
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def make(ravi, severity, service):
    """A row of a model in a state."""

    def of(model, state):
        incident = Incident.objects.declare(
            by=ravi, at=START, title="Checkout fails", severity=severity, services=[service]
        )
        if model is CustomerUpdate:
            update = incident.updates.create(text="Paying by card fails.")
            if state == "submitted":
                update.submit(by=None, at=AT)
            return published(update) if state == "published" else update
        for number, step in enumerate(WAY[: list(Incident.Status).index(state)], start=1):
            getattr(incident, step)(by=ravi, at=START + timedelta(minutes=10 * number))
        return incident

    return of


def published(update):
    update.publish(by=None, at=AT)
    return update


@pytest.fixture
def by(ravi, lena):
    """Who may: the responder for incidents, the communicator for updates."""
    return {Incident: ravi, CustomerUpdate: lena}


@pytest.fixture
def asked():
    """What a case asks for, with the rows it means."""

    def of(case, **more):
        ask = {**case.ask, "reason": REASON, **more}
        if "severity" in ask:
            ask["severity"] = Severity.objects.get(rank=ask["severity"])
        return ask

    return of


def expected(case, by):
    service = Service.objects.get()
    slow = {"code": service.public_id, "name": "Checkout"}
    slow |= {"old_status": "operational", "new_status": "degraded_performance"}
    known = {"lena": by[CustomerUpdate].pk, "checkout, slow or faulty": [slow]}
    sets = {
        name: known.get(value, value) if isinstance(value, str) else value
        for name, value in case.sets.items()
    }
    if "severity_id" in sets:
        sets["severity_id"] = Severity.objects.get(rank=sets["severity_id"]).pk
    return sets


def test_every_verb_of_this_app_is_in_the_table():
    found = verbs_in("incidents")
    del found[Milestone]  # in test_milestones.py
    del found[TimelineEntry]  # in test_corrections.py
    del found[Subscriber]  # in test_subscribers_admin.py
    del found[Maintenance]  # in test_maintenance.py
    assert found == {model: set(cases) for model, cases in TABLES.items()}


@verbs
def test_it_sets_everything_together_and_nothing_else(make, by, asked, model, verb, case):
    row = make(model, case.start)
    done = changes_of(row, lambda: getattr(row, verb)(by=by[model], version=row.version, **asked(case)))
    assert done == expected(case, by)
    assert_recorded(row, by=by[model], reason=REASON)


@verbs
def test_it_writes_one_timeline_entry(make, by, asked, model, verb, case):
    row = make(model, case.start)
    before = set(TimelineEntry.objects.values_list("pk", flat=True))
    getattr(row, verb)(by=by[model], **asked(case))
    [entry] = TimelineEntry.objects.exclude(pk__in=before)
    assert (entry.text, entry.author) == (case.says, by[model])
    assert entry.at == case.ask.get("at", entry.at)
    assert entry.incident == getattr(row, "incident", row)


@verbs
def test_it_is_refused_to_those_without_the_role(
    make, by, asked, model, verb, case, omar, aud, stranger, ana
):
    row = make(model, case.start)
    about = verbs_of(model)[verb]
    refused = [person for person in (omar, aud, stranger, ana) if not about.permits(row, person)]
    assert {omar, aud, stranger} <= set(refused)
    for person in refused:
        assert_refused(NotPermitted, row, verb, TimelineEntry, by=person, **asked(case))


@verbs
def test_it_is_refused_in_every_other_state(make, by, asked, model, verb, case):
    assert_refused_in_other_states(make, model, verb, TimelineEntry, by=by[model], **asked(case))


@verbs
def test_it_is_not_done_twice(make, by, asked, model, verb, case):
    row = make(model, case.start)
    getattr(row, verb)(by=by[model], **asked(case))
    assert_refused(case.twice, row, verb, TimelineEntry, by=by[model], **asked(case))


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, by, asked, model, verb, case):
    row = make(model, case.start)
    assert_refused_when_stale(row, verb, TimelineEntry, by=by[model], **asked(case))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, by, asked, model, verb, case):
    row, ask = make(model, case.start), asked(case)
    steps = is_whole_or_absent(
        lambda: getattr(row, verb)(by=by[model], **ask), model, Incident, TimelineEntry
    )
    assert steps >= 3


@pytest.mark.parametrize("verb", ["reopen", "change_severity", "correct_moments"])
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_what_must_be_explained_is_refused_without_a_reason(make, ravi, asked, verb, reason):
    case = TABLES[Incident][verb]
    row = make(Incident, case.start)
    assert_refused(ValidationError, row, verb, TimelineEntry, by=ravi, **asked(case, reason=reason))


def test_a_verb_takes_now_when_no_moment_is_given(incident, ravi):
    incident.acknowledge(by=ravi)
    assert timedelta(0) <= incident.acknowledged_at - incident.declared_at < timedelta(minutes=1)


def test_only_a_responder_declares(severity, omar, aud, lena, stranger):
    before = snapshot(Incident, TimelineEntry)
    for person in (omar, aud, lena, stranger):
        with pytest.raises(NotPermitted):
            Incident.objects.declare(by=person, title="Checkout fails", severity=severity)
    assert snapshot(Incident, TimelineEntry) == before


def test_declaring_sets_the_first_moments_and_opens_the_timeline(ravi, severity, service):
    incident = Incident.objects.declare(
        by=ravi, at=START, title="Checkout fails", severity=severity, services=[service]
    )
    assert (incident.status, incident.declared_by) == ("declared", ravi)
    assert {incident.started_at, incident.detected_at, incident.declared_at} == {START}
    assert list(incident.services.all()) == [service]
    assert [entry.text for entry in incident.timeline.all()] == ["Declared as SEV1."]
    assert incident.history.get().history_user_name == str(ravi)


def test_declaring_is_whole_or_absent_wherever_it_breaks(ravi, severity, service):
    def declare():
        Incident.objects.declare(by=ravi, title="Checkout fails", severity=severity, services=[service])

    assert is_whole_or_absent(declare, Incident, IncidentService, TimelineEntry) >= 4
