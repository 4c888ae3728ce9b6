"""Maintenance: planned as a draft, announced, told about, and over; by those who may speak to customers."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from config.transitions import NotPermitted, WrongState, verbs_of
from incidents.models import Maintenance, MaintenanceUpdate
from tests import pages
from tests.cases import (
    Case,
    assert_recorded,
    assert_refused,
    assert_refused_in_other_states,
    assert_refused_when_stale,
    changes_of,
    each_verb,
)
from tests.faults import is_whole_or_absent

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
REASON = "The disks have not come."
TABLES = {
    Maintenance: {
        "announce": Case("draft", {"status": "scheduled", "announced_at": AT, "announced_by_id": "lena"}),
        "begin": Case("scheduled", {"status": "in_progress", "begun_at": AT, "begun_by_id": "lena"}),
        "verify": Case("in_progress", {"status": "verifying"}),
        "complete": Case("verifying", {"status": "completed", "completed_at": AT, "completed_by_id": "lena"}),
        "cancel": Case("scheduled", {"status": "cancelled", "cancelled_at": AT, "cancelled_by_id": "lena"}),
    }
}
WAY = ["announce", "begin", "verify", "complete"]
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def make(lena):
    """A window in a state."""

    def of(model, state):
        row = model.objects.create(
            title="New disks",
            text="Saving takes longer.",
            scheduled_for=AT,
            scheduled_until=AT + timedelta(hours=2),
        )
        if state == "cancelled":
            row.announce(by=lena)
            row.cancel(by=lena, reason=REASON)
            return row
        for step in WAY[: ["draft", "scheduled", "in_progress", "verifying", "completed"].index(state)]:
            getattr(row, step)(by=lena)
        return row

    return of


def test_every_verb_is_in_the_table():
    assert set(verbs_of(Maintenance)) == {*TABLES[Maintenance], "tell"}


@verbs
def test_a_verb_sets_all_it_should_and_tells_customers(make, lena, model, verb, case):
    row = make(model, case.start)
    told = row.updates.count()
    changed = changes_of(row, lambda: getattr(row, verb)(by=lena, at=AT, reason=REASON))
    assert changed == {name: lena.pk if value == "lena" else value for name, value in case.sets.items()}
    assert_recorded(row, by=lena, reason=REASON)
    assert row.updates.count() == told + 1
    assert (row.updates.latest("pk").status, row.updates.latest("pk").published_at) == (row.status, AT)


@verbs
def test_a_verb_is_refused_in_other_states_to_others_and_to_the_late(make, lena, ravi, model, verb, case):
    asked = {"by": lena, "reason": REASON}
    assert_refused_in_other_states(make, model, verb, MaintenanceUpdate, **asked)
    assert_refused_when_stale(make(model, case.start), verb, MaintenanceUpdate, **asked)
    assert_refused(NotPermitted, make(model, case.start), verb, MaintenanceUpdate, by=ravi, reason=REASON)


@verbs
def test_whichever_statement_fails_nothing_is_half_done(make, lena, model, verb, case):
    row = make(model, case.start)
    act = lambda: getattr(model.objects.get(pk=row.pk), verb)(by=lena, reason=REASON)  # noqa: E731
    assert is_whole_or_absent(act, Maintenance, MaintenanceUpdate) > 1


def test_customers_can_be_told_more_while_it_goes_on(make, lena):
    row = make(Maintenance, "in_progress")
    row.tell(by=lena, text="Half of the disks are in.")
    assert row.updates.first().text == "Half of the disks are in."
    assert_refused(
        WrongState, make(Maintenance, "completed"), "tell", MaintenanceUpdate, by=lena, text="More."
    )


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("draft", {"status": "scheduled"}),
        ("scheduled", {"announced_at": None}),
        ("scheduled", {"status": "in_progress"}),
        ("verifying", {"status": "completed"}),
        ("scheduled", {"cancelled_at": AT}),
        ("draft", {"scheduled_until": AT - timedelta(hours=1)}),
    ],
)
def test_the_database_refuses_half_of_a_change(make, state, values):
    row = make(Maintenance, state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Maintenance.objects.filter(pk=row.pk).update(**values)


def test_it_is_planned_and_announced_in_the_workspace(client, lena):
    client.force_login(lena)
    asked = {
        "title": "New disks",
        "text": "Slow.",
        "scheduled_for_0": "2026-12-01",
        "scheduled_for_1": "10:00",
    }
    asked |= {"scheduled_until_0": "2026-12-01", "scheduled_until_1": "12:00"}
    for inline in ("service_links", "region_links"):
        asked |= {f"{inline}-TOTAL_FORMS": "0", f"{inline}-INITIAL_FORMS": "0"}
    answer = client.post(pages.add_page(Maintenance), asked)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = Maintenance.objects.get()
    pages.assert_asking_changes_nothing(client, row, "announce")
    pages.assert_done(client, row, "announce", {"version": row.version}, by=lena)
    row.refresh_from_db()
    assert client.get(pages.page(row)).status_code == 200
    pages.assert_cheap(client, pages.list_of(Maintenance))
