"""A status page is imported as it is, twice without a trace, and beside the work of people."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents.models import CustomerUpdate, Impact, Incident, IncidentService, Service, Severity
from tests.incidents.pages import (
    API,
    GONE,
    a_document,
    an_incident,
    an_update,
    flagged,
    history_rows,
    loader,
    refused,
    run,
)

REAL = Path(settings.BASE_DIR).parent / "shared/data/statuspage-github.json"

pytestmark = pytest.mark.django_db


@pytest.fixture
def document():
    return a_document()


@pytest.fixture
def load(tmp_path):
    return loader(tmp_path)


# --- What is kept


def test_an_incident_is_kept_with_its_moments_to_the_millisecond(load, document):
    said = load(document)
    assert said == "1 incidents (1 created, 0 changed, 0 unchanged), 2 updates, 2 services, 0 flagged"
    incident = Incident.objects.get()
    assert (incident.title, incident.status, incident.visibility) == ("Logins are slow", "resolved", "public")
    assert incident.severity.rank == 3
    assert incident.started_at == datetime(2026, 3, 1, 10, 0, 0, 116_000, tzinfo=UTC)
    assert incident.declared_at == datetime(2026, 3, 1, 10, 0, 0, 120_000, tzinfo=UTC)
    assert incident.mitigated_at == datetime(2026, 3, 1, 10, 40, tzinfo=UTC)
    assert incident.resolved_at == datetime(2026, 3, 1, 11, 0, 0, 250_000, tzinfo=UTC)
    assert incident.detected_at is incident.acknowledged_at is None
    assert incident.source_url == "https://status.example/aaaa1111bbbb"


def test_updates_are_published_and_stand_on_the_timeline(load, document):
    load(document)
    first = CustomerUpdate.objects.get(external_id="u1")
    assert first.is_published
    assert first.published_at == datetime(2026, 3, 1, 10, 0, 0, 200_000, tzinfo=UTC)
    assert first.published_by is None
    entry = first.incident.timeline.get(external_id="u1")
    assert (entry.kind, entry.at) == ("update", first.published_at)
    assert entry.text == "Investigating: We are looking into it."
    assert entry.source == "Example"


def test_an_update_that_says_nothing_says_its_status(load, document):
    document["incidents"][0]["incident_updates"][0]["body"] = " "
    load(document)
    assert CustomerUpdate.objects.get(external_id="u2").text == "Monitoring"


def test_components_become_services_and_groups_do_not(load, document):
    Service.objects.create(slug="git", name="Another Git")
    load(document)
    git, api = Service.objects.filter(source="kctbh9vrtdwd")
    assert (git.slug, git.name, git.description, git.is_public) == ("git-2", "Git", "Pushes and pulls", True)
    assert (api.slug, api.external_id) == ("api", API)


def test_a_service_is_affected_as_badly_as_it_ever_was(load, document):
    load(document)
    impacts = {link.service.name: link.impact for link in IncidentService.objects.select_related("service")}
    assert impacts == {"Git": Impact.PARTIAL, "API": Impact.DEGRADED}


def test_a_component_that_left_the_page_is_a_service_still(load, document):
    document["incidents"][0]["components"] = [{"id": GONE, "name": "Wiki", "status": "major_outage"}]
    assert ", 3 services," in load(document)
    assert IncidentService.objects.get(service__name="Wiki").impact == Impact.MAJOR


def test_the_newest_incidents_come_without_a_list_of_components(load, document):
    load(document)
    del document["components"]
    document["incidents"][0]["components"][0]["name"] = "Old name of it"
    said = load(document)
    # What the incident calls it is kept with the incident; the service keeps the name it has on its page.
    assert "(0 created, 1 changed, 0 unchanged), 2 updates, 2 services" in said
    assert Service.objects.get(external_id=API).name == "API"


@pytest.mark.parametrize(
    ("impact", "rank"), [("critical", 1), ("major", 2), ("minor", 3), ("none", 4)], ids=str
)
def test_impact_becomes_severity(load, document, impact, rank):
    document["incidents"][0]["impact"] = impact
    assert load(document).endswith("0 flagged")
    assert Incident.objects.get().severity.rank == rank


def test_a_company_with_two_severities_gets_the_nearest(load, document):
    Severity.objects.filter(rank__gt=2).delete()
    load(document)
    assert Incident.objects.get().severity.rank == 2


def test_without_any_severity_it_says_so(load, document):
    Severity.objects.all().delete()
    assert "there is no severity yet" in refused(load, document)


def test_an_open_incident_stays_open(load, document):
    document["incidents"] = [an_incident(status="identified", monitoring_at=None, resolved_at=None)]
    load(document)
    assert Incident.objects.get().status == Incident.Status.IDENTIFIED


def test_the_history_says_that_it_was_imported(load, document):
    load(document)
    for row in (Incident.objects.get(), CustomerUpdate.objects.first(), Service.objects.first()):
        entry = row.history.get()
        assert (entry.history_actor_kind, entry.history_user_name) == ("import", "import_statuspage")
        assert entry.history_change_reason == "Imported from Example."


# --- What contradicts itself


def test_a_start_after_the_first_update_is_doubted(load, document):
    incident, doubt = flagged(load, document, started_at="2026-03-01T10:00:06.348Z")
    assert incident.started_at is None
    assert incident.time_to_restore is None
    assert incident.resolved_at
    assert doubt == (
        "The source says at 2026-03-01 10:00:06.348 UTC it started, but speaks of it at"
        " 2026-03-01 10:00:00.120 UTC already. That moment is left out of the computed times."
    )


def test_an_update_before_everything_makes_the_start_doubtful(load, document):
    updates = [an_update("u0", "investigating", "2026-03-01T09:00:00Z")]
    incident, doubt = flagged(load, document, incident_updates=updates)
    assert incident.started_at is None
    assert "09:00:00.000 UTC already" in doubt


def test_a_fix_before_the_start_is_doubted(load, document):
    incident, doubt = flagged(load, document, monitoring_at="2026-03-01T09:00:00Z")
    assert (incident.mitigated_at, bool(incident.started_at)) == (None, True)
    assert "had a fix in place, before it started" in doubt


def test_a_fix_after_the_end_is_doubted(load, document):
    incident, doubt = flagged(load, document, monitoring_at="2026-03-01T12:00:00Z")
    assert (incident.mitigated_at, bool(incident.resolved_at)) == (None, True)
    assert "after it was resolved" in doubt


def test_an_end_before_the_start_is_doubted(load, document):
    incident, doubt = flagged(load, document, monitoring_at=None, resolved_at="2026-03-01T09:00:00Z")
    assert (incident.resolved_at, incident.status) == (None, "resolved")
    assert "was resolved, before it started" in doubt


def test_an_end_of_what_is_still_open_is_doubted(load, document):
    incident, doubt = flagged(load, document, status="monitoring")
    assert (incident.resolved_at, incident.status) == (None, "monitoring")
    assert "but its status is monitoring" in doubt


def test_a_fix_that_did_not_hold_is_doubted(load, document):
    incident, doubt = flagged(load, document, status="identified", resolved_at=None)
    assert (incident.mitigated_at, incident.status) == (None, "identified")
    assert "had a fix in place, but its status is identified" in doubt


@pytest.mark.parametrize("impact", ["maintenance", "catastrophic"])
def test_an_impact_that_is_no_degree_is_told_and_taken_as_mild(load, document, impact):
    incident, doubt = flagged(load, document, impact=impact)
    assert incident.severity.rank == 4
    assert f"“{impact}”" in doubt


# --- Dry run, failures


def test_a_dry_run_says_the_same_and_stores_nothing(load, document):
    before = history_rows()
    said = load(document, dry_run=True)
    assert said == (
        "dry run: 1 incidents (1 created, 0 changed, 0 unchanged), 2 updates, 2 services, 0 flagged"
    )
    assert history_rows() == before
    assert not Incident.objects.exists()


def test_a_failure_at_any_statement_leaves_nothing_half_done(load, document):
    class Stop(Exception):
        pass

    before, survived = history_rows(), False
    for allowed in range(60):
        count = iter(range(allowed))

        def break_off(execute, sql, params, many, context, count=count):
            # On PostgreSQL a write begins with the telling of its actor.
            reads = sql.startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")) and ";" not in sql
            if not reads and next(count, None) is None:
                raise Stop
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(break_off):
                load(document)
        except Stop:
            assert history_rows() == before
        else:
            survived = True
            break
    assert survived
    assert allowed > 4


@pytest.mark.parametrize("factor", [1, 4])
def test_the_number_of_queries_does_not_follow_the_number_of_incidents(load, document, factor):
    document["incidents"] = [
        an_incident(id=f"i{number}", incident_updates=[], components=[]) for number in range(10 * factor)
    ]
    load(document)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        load(document)
    assert len(queries) <= 20


# --- The real file


@pytest.fixture
def real():
    if not REAL.exists():
        pytest.skip("the real file is not beside the project")
    return REAL


def test_the_real_file_is_imported_whole_and_again_without_a_trace(real):
    assert run(real) == (
        "760 incidents (760 created, 0 changed, 0 unchanged), 3000 updates, 12 services, 3 flagged"
    )
    doubted = Incident.objects.filter(timeline__kind="doubt")
    assert set(doubted.values_list("external_id", flat=True)) == {
        "zzl9nl31lb35",
        "71tl7pkqysgw",
        "k8nz2ljtvzv4",
    }
    assert not doubted.exclude(started_at=None).exists()
    assert doubted.filter(resolved_at__isnull=False).count() == 3
    assert Incident.objects.filter(started_at=None).count() == 3
    before = history_rows()
    assert run(real) == (
        "760 incidents (0 created, 0 changed, 760 unchanged), 3000 updates, 12 services, 3 flagged"
    )
    assert history_rows() == before


def test_the_real_file_without_its_last_byte_is_refused(real, load):
    assert refused(load, real.read_bytes().rstrip()[:-1]).startswith("Nothing imported: it is not JSON")


def test_the_real_file_with_a_moment_that_is_none_is_refused(real, load):
    document = json.loads(real.read_bytes())
    document["incidents"][700]["started_at"] = "2026-13-45"
    name = document["incidents"][700]["id"]
    assert refused(load, document) == (
        f"Nothing imported: incident {name}: started_at is not a moment: '2026-13-45'"
    )
