"""A year after a grave incident, who led its retro is told once what was promised and how it stands."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from actions.anniversaries import queue_anniversaries
from config.outbox.messages import KINDS, NoLongerTrue, build
from config.outbox.models import Delivery
from incidents.models import Incident, Severity

pytestmark = pytest.mark.django_db

YEAR_LATER = datetime(2027, 3, 3, 10, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def over(item):
    """Resolved a year before, led by Ana, with an item that is still open."""
    incident = item.retro.incidents.get()
    then = YEAR_LATER.replace(year=2026) - timedelta(hours=1)
    Incident.objects.filter(pk=incident.pk).update(
        started_at=then - timedelta(hours=1),
        detected_at=then - timedelta(hours=1),
        declared_at=then - timedelta(hours=1),
        acknowledged_at=then,
        resolved_at=then,
    )
    incident.refresh_from_db()
    return incident


def said(delivery):
    with time_machine.travel(YEAR_LATER, tick=False):
        letter = build(delivery, KINDS[delivery.kind](delivery))
    return letter.subject, [letter.body, letter.alternatives[0][0]]


def test_it_is_told_once_whoever_sweeps_how_often(over, ana):
    assert [queue_anniversaries(YEAR_LATER + timedelta(days=days)) for days in (0, 0, 1, 6, 8, 400)] == [
        1,
        0,
        0,
        0,
        0,
        0,
    ]
    assert Delivery.objects.get().key == f"anniversary:incident {over.pk}:2027"


def test_it_says_what_was_promised_and_what_is_open(over, item, ana):
    queue_anniversaries(YEAR_LATER)
    subject, bodies = said(Delivery.objects.get())
    assert subject == f"A year ago: {over.title}"
    for body in bodies:
        assert str(item) in body
        assert "still open, Omar" in body


@pytest.mark.parametrize("days", [-1, 8])
def test_not_before_its_day_nor_long_after(over, days):
    assert queue_anniversaries(YEAR_LATER + timedelta(days=days)) == 0


def test_what_was_not_grave_and_drills_are_left_in_peace(over):
    Incident.objects.filter(pk=over.pk).update(severity=Severity.objects.get(rank=3))
    assert queue_anniversaries(YEAR_LATER) == 0
    Incident.objects.filter(pk=over.pk).update(severity=Severity.objects.get(rank=2), is_drill=True)
    assert queue_anniversaries(YEAR_LATER) == 0


def test_it_is_not_told_to_who_may_not_see_it_any_more(over, ana):
    queue_anniversaries(YEAR_LATER)
    Incident.objects.filter(pk=over.pk).update(visibility="restricted")
    with pytest.raises(NoLongerTrue):
        said(Delivery.objects.get())


def test_on_the_29th_of_february_the_28th_counts(over):
    at = datetime(2028, 2, 29, 12, tzinfo=UTC)
    when = datetime(2027, 2, 28, 11, tzinfo=UTC)
    Incident.objects.filter(pk=over.pk).update(resolved_at=when)
    assert queue_anniversaries(at) == 1
