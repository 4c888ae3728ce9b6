"""The sweep opens the retrospectives that are required, once, however often it runs."""

from datetime import date

import pytest
import time_machine
from django.db import IntegrityError

from incidents.models import Incident, Severity
from retros import sweeps
from retros.models import Retrospective, RetrospectiveIncident, Section, Template
from retros.tasks import open_required_retros
from tests.faults import each_break_of, snapshot

pytestmark = pytest.mark.django_db
TABLES = (Retrospective, RetrospectiveIncident, Section)


def test_a_resolved_incident_that_requires_a_retro_gets_one_with_the_sections(resolved):
    assert sweeps.open_required_retros() == 1
    retro = resolved.retros.get()
    assert (retro.title, retro.status, retro.facilitator) == (resolved.title, "draft", None)
    template = Template.objects.get(is_default=True)
    assert [s.heading for s in retro.sections.all()] == [s.heading for s in template.sections.all()]


def test_a_second_sweep_does_nothing(resolved):
    sweeps.open_required_retros()
    before = snapshot(*TABLES)
    assert sweeps.open_required_retros() == 0
    assert snapshot(*TABLES) == before


@pytest.mark.parametrize(
    "why_not",
    [
        {"severity__rank": 4},
        {"is_drill": True},
        {"source": "statuspage"},
        {"status": "investigating", "resolved_at": None},
    ],
)
def test_it_leaves_alone_what_needs_none(resolved, why_not):
    if "severity__rank" in why_not:
        why_not = {"severity": Severity.objects.get(rank=4)}
    Incident.objects.filter(pk=resolved.pk).update(**why_not)
    assert sweeps.open_required_retros() == 0
    assert not Retrospective.objects.exists()


def test_it_is_due_in_working_days_after_the_end(ravi, severity):
    with time_machine.travel("2026-03-05 10:00Z", tick=False):  # a Thursday
        incident = Incident.objects.declare(by=ravi, title="Checkout fails", severity=severity)
        incident.resolve(by=ravi)
    sweeps.open_required_retros()
    assert incident.retros.get().due_on == date(2026, 3, 12)


def test_a_quicker_sweep_wins_and_the_slower_goes_on(resolved, ravi, severity, monkeypatch):
    other = Incident.objects.declare(by=ravi, title="Search fails", severity=severity)
    other.resolve(by=ravi)
    found = list(sweeps.incidents_without_retro())
    Retrospective.objects.open_for(resolved)
    monkeypatch.setattr(sweeps, "incidents_without_retro", lambda: found)
    assert sweeps.open_required_retros() == 1
    assert Retrospective.objects.count() == 2


def test_the_database_allows_one_retro_per_incident(retro, resolved):
    with pytest.raises(IntegrityError):
        RetrospectiveIncident.objects.create(
            retro=Retrospective.objects.create(title="Again", due_on=date(2026, 3, 2)), incident=resolved
        )


def test_wherever_it_breaks_no_retro_is_half_open_and_the_next_sweep_finishes(resolved, ravi, severity):
    other = Incident.objects.declare(by=ravi, title="Search fails", severity=severity)
    other.resolve(by=ravi)
    sections = Template.objects.get(is_default=True).sections.count()
    for _ in each_break_of(sweeps.open_required_retros):
        for retro in Retrospective.objects.all():
            assert (retro.incident_links.count(), retro.sections.count()) == (1, sections)
            assert retro.history.count() == 1
        sweeps.open_required_retros()
        assert Retrospective.objects.count() == 2


def test_the_task_signs_what_it_opens(resolved):
    open_required_retros()
    entry = resolved.retros.get().history.get()
    assert (entry.history_actor_kind, entry.history_user_name) == ("task", "open required retros")


def test_it_needs_the_same_queries_to_find_nothing(resolved, django_assert_num_queries):
    sweeps.open_required_retros()
    with django_assert_num_queries(1):
        sweeps.open_required_retros()
