"""Maintenance in the API: planned, announced and told about by the verbs of the workspace, refused alike."""

from datetime import UTC, datetime, timedelta

import pytest

from config.people.models import ApiToken
from incidents.models import Maintenance, MaintenanceService, MaintenanceUpdate, Region, Service
from tests import pages
from tests.api import Caller, is_problem
from tests.conftest import make_person, make_role
from tests.faults import snapshot
from tests.test_api import is_whole_or_absent

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = {
    "title": "New disks",
    "text": "Saving takes longer.",
    "scheduled_for": "2026-03-02T12:00:00Z",
    "scheduled_until": "2026-03-02T15:00:00+01:00",
}
# verb: (from which state, what it asks, the state it leads to)
VERBS = {
    "announce": ("draft", {}, "scheduled"),
    "begin": ("scheduled", {"text": "We begin."}, "in_progress"),
    "verify": ("in_progress", {}, "verifying"),
    "complete": ("verifying", {"at": "2026-03-02T13:00:00Z"}, "completed"),
    "tell": ("in_progress", {"text": "Half of the disks are in."}, "in_progress"),
    "cancel": ("scheduled", {"reason": "The disks have not come."}, "cancelled"),
}
WAY = ["announce", "begin", "verify", "complete"]
STATES = ["draft", "scheduled", "in_progress", "verifying", "completed"]
every_verb = pytest.mark.parametrize("name", VERBS)


def url(row=None, *rest):
    return "/".join(["maintenances", *([str(row.pk)] if row else []), *map(str, rest), ""])


@pytest.fixture
def make(lena):
    """A window in a state."""

    def window(state="draft"):
        times = {"scheduled_for": AT, "scheduled_until": AT + timedelta(hours=2)}
        row = Maintenance.objects.create(title="New disks", text="Saving takes longer.", **times)
        for step in WAY[: STATES.index(state)]:
            getattr(row, step)(by=lena)
        return row

    return window


# --- Planned


def test_one_is_planned_read_and_edited(lena, service):
    Region.objects.create(slug="eu", name="Europe")
    caller = Caller(lena)
    made = caller.post(url(), BODY | {"services": ["checkout"], "regions": ["eu"]})
    assert made.status_code == 201, made.content
    row = Maintenance.objects.get()
    assert made["Location"] == f"/api/v1/{url(row)}"
    told = caller.get(made["Location"])
    assert told["ETag"] == '"1"'
    assert told.json() == made.json()
    assert told.json()["status"] == "draft"
    assert told.json()["scheduled_until"] == "2026-03-02T14:00:00Z"
    assert told.json()["services"] == [{"service": "checkout", "name": "Checkout"}]
    assert told.json()["regions"] == [{"region": "eu", "name": "Europe"}]
    search = Service.objects.create(slug="search", name="Search")
    edited = caller.patch(url(row), {"title": "More disks", "services": [search.pk]}, version=1)
    assert edited.status_code == 200, edited.content
    assert [one["service"] for one in edited.json()["services"]] == ["search"]
    assert [one["region"] for one in edited.json()["regions"]] == ["eu"]
    assert (edited.json()["title"], edited["ETag"]) == ("More disks", '"2"')
    assert row.history.first().history_user_name == "Lena (token “test”)"


def test_a_list_that_stays_is_not_touched(lena, make, service):
    row = make()
    link = row.service_links.create(service=service)
    Caller(lena).patch(url(row), {"services": ["checkout"], "text": "Slow."}, version=1)
    assert link.history.count() == 1
    assert row.service_links.get() == link


def test_it_refuses_what_its_form_refuses_in_the_same_words(client, lena, make):
    client.force_login(lena)
    asked = {"title": "x", "text": "x", "scheduled_for_0": "2026-12-01", "scheduled_for_1": "10:00"}
    asked |= {"scheduled_until_0": "2026-12-01", "scheduled_until_1": "09:00"}
    for inline in ("service_links", "region_links"):
        asked |= {f"{inline}-TOTAL_FORMS": "0", f"{inline}-INITIAL_FORMS": "0"}
    form = client.post(pages.add_page(Maintenance), asked).context["adminform"].form
    refused = Caller(lena).post(url(), BODY | {"scheduled_until": "2026-03-02T11:00:00Z"})
    assert is_problem(refused, 400)
    assert refused.json()["errors"] == form.errors != {}
    row = make()
    for field, moment in (
        ("scheduled_until", "2026-03-02T11:00:00Z"),
        ("scheduled_for", "2026-03-02T15:00:00Z"),
    ):
        refused = Caller(lena).patch(url(row), {field: moment}, version=1)
        assert is_problem(refused, 400)
        assert refused.json()["errors"] == form.errors
    row.refresh_from_db()
    assert (row.scheduled_for, row.version) == (AT, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"title": ""}, {"title": None}, {"text": ""}, {"scheduled_for": "2026-03-02T12:00:00"}),
        *({"services": ["nowhere"]}, {"services": ["checkout", "checkout"]}, {"services": "checkout"}),
        *({"regions": [{}]}, {"status": "scheduled"}, {"announced_at": "2026-03-02T12:00:00Z"}),
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused(lena, service, wrong):
    answer = Caller(lena).post(url(), BODY | wrong)
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == list(wrong)
    assert not Maintenance.objects.exists()


def test_an_edit_needs_the_version_that_was_read(lena, make):
    row, caller = make(), Caller(lena)
    assert is_problem(caller.patch(url(row), {"title": "x"}), 428)
    caller.patch(url(row), {"title": "x"}, version=1)
    stale = caller.patch(url(row), {"title": "y", "services": []}, version=1)
    assert is_problem(stale, 412)
    assert stale.json()["version"] == 2


def test_whoever_only_reads_plans_nothing(omar, aud, lena, make):
    row = make()
    before = snapshot(Maintenance)
    for caller in (Caller(omar), Caller(aud), Caller(lena, scope=ApiToken.Scope.READ)):
        assert caller.get(url(row)).json()["title"] == "New disks"
        assert is_problem(caller.post(url(), BODY), 403)
        assert is_problem(caller.patch(url(row), {"title": "x"}, version=1), 403)
    assert snapshot(Maintenance) == before


def test_a_draft_is_not_there_for_whoever_may_not_see_maintenance(make, stranger, lena):
    row = make()
    make("scheduled")
    for path in (url(), url(row), url(row, "updates")):
        assert is_problem(Caller(stranger).get(path), 403)
    reader = make_person("reader@example.com")
    reader.groups.add(make_role("Reader", "view_maintenance"))
    assert Caller(reader).get(url(row)).status_code == 200
    assert is_problem(Caller(reader).get(url(row, "updates")), 403)


def test_whoever_may_not_say_what_is_concerned_does_not(make, service):
    planner = make_person("planner@example.com")
    planner.groups.add(make_role("Planner", "view_maintenance", "add_maintenance", "change_maintenance"))
    caller, row = Caller(planner), make()
    row.service_links.create(service=service)
    before = snapshot(Maintenance, MaintenanceService)
    assert is_problem(caller.post(url(), BODY | {"services": ["checkout"]}), 403)
    assert is_problem(caller.patch(url(row), {"title": "x", "services": []}, version=1), 403)
    assert snapshot(Maintenance, MaintenanceService) == before
    assert caller.patch(url(row), {"title": "x", "services": ["checkout"]}, version=1).status_code == 200


def test_planning_and_editing_are_whole_or_absent(lena, make, service):
    caller, row = Caller(lena), make()
    models = (Maintenance, MaintenanceService)
    assert is_whole_or_absent(lambda: caller.post(url(), BODY | {"services": ["checkout"]}), caller, *models)
    edit = lambda: caller.patch(url(row), {"title": "x", "services": ["checkout"]}, version=1)  # noqa: E731
    assert is_whole_or_absent(edit, caller, *models)


def test_they_are_found_by_state_time_and_place(lena, make, service):
    draft, begun = make(), make("in_progress")
    begun.service_links.create(service=service)
    Maintenance.objects.filter(pk=begun.pk).update(scheduled_for=AT - timedelta(days=1))

    def found(query):
        answer = Caller(lena).get(f"{url()}?{query}")
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert found("") == [draft.pk, begun.pk]
    assert found("ordering=scheduled_for") == [begun.pk, draft.pk]
    assert found("status=draft") == found("announced=false") == [draft.pk]
    assert found("announced=true") == found("service=checkout") == [begun.pk]
    assert found("region=eu") == []
    assert found("begins_after=2026-03-02T12:00:00Z") == [draft.pk]
    assert found("begins_before=2026-03-02T12:00:00Z") == [begun.pk]
    assert is_problem(Caller(lena).get(f"{url()}?status=soon"), 400)


# --- Verbs


@every_verb
def test_a_verb_does_what_it_does_in_the_workspace(lena, make, name):
    start, asked, state = VERBS[name]
    row = make(start)
    told = row.updates.count()
    answer = Caller(lena).post(url(row, name), asked, If_Match=f'"{row.version}"')
    assert answer.status_code == 200, answer.content
    row.refresh_from_db()
    assert (
        (answer.json()["status"], answer["ETag"])
        == (row.status, f'"{row.version}"')
        == (state, answer["ETag"])
    )
    assert row.updates.count() == told + 1
    entry = row.updates.latest("pk").history.get()
    assert (entry.history_user_id, entry.history_actor_kind) == (lena.pk, "api")


@every_verb
def test_a_verb_is_refused_to_the_wrong_person_the_late_and_in_the_wrong_state(lena, ravi, aud, make, name):
    start, asked, _ = VERBS[name]
    row, over = make(start), make("completed")
    row.save()
    before = snapshot(Maintenance, MaintenanceUpdate)
    for person in (ravi, aud):
        assert is_problem(Caller(person).post(url(row, name), asked), 403)
    stale = Caller(lena).post(url(row, name), asked, If_Match=f'"{row.version - 1}"')
    assert is_problem(stale, 412)
    assert stale.json()["version"] == row.version
    assert is_problem(Caller(lena).post(url(over, name), asked), 409)
    assert is_problem(Caller(lena).post(url(row, name), asked | {"by": 1}), 400)
    assert is_problem(Caller(lena).get(url(row, name)), 405)
    assert snapshot(Maintenance, MaintenanceUpdate) == before


def test_customers_are_not_told_nothing_and_nothing_is_cancelled_without_why(client, lena, make):
    row = make("scheduled")
    client.force_login(lena)
    for name in ("tell", "cancel"):
        field = "text" if name == "tell" else "reason"
        sent = {"version": row.version, field: "\u200b"}
        form = client.post(pages.verb_page(row, name), sent).context["form"]
        refused = Caller(lena).post(url(row, name), {field: "\u200b"})
        assert is_problem(refused, 400)
        assert refused.json()["errors"] == form.errors != {}
        assert is_problem(Caller(lena).post(url(row, name), {}), 400)
    assert is_problem(Caller(lena).post(url(row, "begin"), {"at": "2199-01-01T00:00:00Z"}), 400)
    assert row.updates.count() == 1


# --- What customers were told


def test_what_customers_were_told_is_read_newest_first(lena, omar, make):
    row, other = make("scheduled"), make("scheduled")
    Caller(lena).post(url(row, "begin"), {"text": "We begin."})
    told = Caller(omar).get(url(row, "updates")).json()["results"]
    assert [(one["status"], one["text"]) for one in told] == [
        ("in_progress", "We begin."),
        ("scheduled", "Saving takes longer."),
    ]
    assert told[0]["author"]["email"] == "lena@example.com"
    assert Caller(omar).get(url(row, "updates", told[0]["id"])).json() == told[0]
    assert is_problem(Caller(omar).get(url(row, "updates", other.updates.get().pk)), 404)
    for method in ("POST", "PATCH", "DELETE"):
        assert is_problem(Caller(lena).ask(method, url(row, "updates"), {}), 405)
