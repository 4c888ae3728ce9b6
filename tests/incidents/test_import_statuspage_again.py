"""Importing again changes what the source changed, and nothing that people did here."""

from datetime import UTC, datetime

import pytest

from config.audit.actor import WEB, acting
from incidents.models import CustomerUpdate, Incident
from tests.incidents.pages import API, a_document, an_incident, an_update, flagged, history_rows, loader

pytestmark = pytest.mark.django_db


@pytest.fixture
def document():
    return a_document()


@pytest.fixture
def load(tmp_path):
    return loader(tmp_path)


def test_a_second_time_writes_nothing_at_all(load, document):
    load(document)
    before = history_rows()
    said = load(document)
    assert said == "1 incidents (0 created, 0 changed, 1 unchanged), 2 updates, 2 services, 0 flagged"
    assert history_rows() == before


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ({"name": "Logins are very slow"}, "incidents_historicalincident"),
        ({"resolved_at": "2026-03-01T11:30:00Z"}, "incidents_historicalincident"),
        ({"impact": "major"}, "incidents_historicalincident"),
        (
            {"components": [{"id": API, "name": "API", "status": "major_outage"}]},
            "_historicalincidentservice",
        ),
    ],
    ids=["title", "end", "impact", "service"],
)
def test_a_change_changes_just_that_row(load, document, change, table):
    document["incidents"].append(an_incident(id="other1111111", incident_updates=[], components=[]))
    load(document)
    before = history_rows()
    document["incidents"][0].update(change)
    assert "2 incidents (0 created, 1 changed, 1 unchanged)" in load(document)
    after = history_rows()
    expected = {next(name for name in after if name.endswith(table)): 1}
    if "components" in change:  # how they stood is kept with the incident, too
        expected["incidents_historicalincident"] = 1
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == expected


def test_a_new_update_adds_just_itself(load, document):
    load(document)
    before = history_rows()
    document["incidents"][0]["incident_updates"].insert(
        0, an_update("u3", "resolved", "2026-03-01T11:00:00Z", body="It is over.")
    )
    assert "(0 created, 1 changed, 0 unchanged), 3 updates" in load(document)
    after = history_rows()
    assert sum(after.values()) - sum(before.values()) == 2  # the update and its place on the timeline
    assert CustomerUpdate.objects.get(external_id="u3").text == "It is over."


def test_a_form_somebody_has_open_notices_the_import(load, document):
    load(document)
    version = Incident.objects.get().version
    document["incidents"][0]["name"] = "Logins are very slow"
    load(document)
    assert Incident.objects.get().version == version + 1


def test_what_the_source_no_longer_shows_stays(load, document):
    load(document)
    document["incidents"] = [an_incident(id="newer1111111", incident_updates=[])]
    said = load(document)
    assert said.startswith("1 incidents (1 created, 0 changed, 0 unchanged)")
    assert Incident.objects.count() == 2


def test_two_pages_with_the_same_identifiers_are_two_pages(load, document):
    load(document)
    document["page"]["id"] = "another00000"
    assert "(1 created," in load(document)
    assert Incident.objects.count() == 2


def test_a_doubt_goes_when_the_source_settles_it(load, document):
    incident, _ = flagged(load, document, monitoring_at="2026-03-01T12:00:00Z")
    document["incidents"] = [an_incident()]
    assert "(0 created, 1 changed, 0 unchanged)" in load(document)
    incident.refresh_from_db()
    assert incident.mitigated_at
    assert not incident.timeline.filter(kind="doubt").exists()


def test_a_doubt_that_somebody_worked_on_stays(load, document, ana):
    incident, _ = flagged(load, document, monitoring_at="2026-03-01T12:00:00Z")
    with acting(ana, kind=WEB):
        incident.timeline.filter(kind="doubt").update(is_key=True)
    document["incidents"] = [an_incident()]
    load(document)
    assert incident.timeline.filter(kind="doubt").exists()


# --- Beside people


def test_a_correction_by_a_person_outlives_the_next_import(load, document, ana):
    incident, _ = flagged(load, document, started_at="2026-03-01T10:00:06Z")
    truth = datetime(2026, 3, 1, 9, 59, tzinfo=UTC)
    incident.correct_moments(by=None, reason="The log says so.", started_at=truth)
    with acting(ana, kind=WEB):
        Incident.objects.update(title="Logins took a minute")
    document["incidents"][0]["resolved_at"] = "2026-03-01T11:30:00Z"
    assert "(0 created, 1 changed, 0 unchanged)" in load(document)
    incident.refresh_from_db()
    assert (incident.started_at, incident.title) == (truth, "Logins took a minute")
    assert incident.resolved_at == datetime(2026, 3, 1, 11, 30, tzinfo=UTC)
    assert "(0 created, 0 changed, 1 unchanged)" in load(document)


def test_a_severity_changed_by_a_person_stays(load, document, ravi, severity):
    load(document)
    incident = Incident.objects.get()
    incident.change_severity(by=ravi, severity=severity, reason="It was everybody.")
    document["incidents"][0]["impact"] = "major"
    load(document)
    incident.refresh_from_db()
    assert incident.severity == severity


def test_notes_and_roles_of_people_stay(load, document, ravi):
    load(document)
    incident = Incident.objects.get()
    incident.assignments.create(user=ravi, role="commander")
    incident.log("note", "We saw it too.", by=ravi)
    document["incidents"][0]["name"] = "Logins are very slow"
    load(document)
    assert incident.assignments.count() == 1
    assert incident.timeline.filter(text="We saw it too.").exists()


def test_an_incident_closed_here_is_not_pulled_back(load, document, ravi):
    load(document)
    incident = Incident.objects.get()
    incident.close(by=ravi, at=datetime(2026, 3, 2, tzinfo=UTC))
    document["incidents"] = [an_incident(status="investigating", monitoring_at=None, resolved_at=None)]
    assert "(0 created, 0 changed, 1 unchanged)" in load(document)
    incident.refresh_from_db()
    assert (incident.status, bool(incident.resolved_at)) == ("closed", True)


def test_moments_that_would_contradict_those_of_people_are_not_taken(load, document):
    load(document)
    incident = Incident.objects.get()
    moment = datetime(2026, 3, 1, 10, 50, tzinfo=UTC)
    incident.correct_moments(by=None, reason="Pager log.", acknowledged_at=moment)
    document["incidents"] = [an_incident(monitoring_at=None, resolved_at="2026-03-01T10:45:00Z")]
    load(document)
    incident.refresh_from_db()
    assert incident.resolved_at == datetime(2026, 3, 1, 11, 0, 0, 250_000, tzinfo=UTC)


def test_what_a_person_deleted_from_the_timeline_stays_deleted(load, document, ana):
    load(document)
    incident = Incident.objects.get()
    with acting(ana, kind=WEB):
        incident.timeline.get(external_id="u1").delete()
    assert "(0 created, 0 changed, 1 unchanged)" in load(document)
    assert not incident.timeline.filter(external_id="u1").exists()
