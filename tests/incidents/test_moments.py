"""No correction, no verb and no query can make an incident end before it began."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.forms import CorrectMoments
from incidents.models import Assignment, Incident, TimelineEntry
from incidents.models.incident import MOMENTS, ORDERED
from tests.cases import assert_refused

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
ALL = (*MOMENTS, "declared_at")


def minutes(count):
    return START + timedelta(minutes=count)


@pytest.fixture
def closed(ravi, severity):
    """Ten minutes between any two of its moments."""
    incident = Incident.objects.declare(by=ravi, at=START, title="Checkout fails", severity=severity)
    for number, step in enumerate(["acknowledge", "mitigate", "resolve", "close"], start=1):
        getattr(incident, step)(by=ravi, at=minutes(10 * number))
    return incident


def store(incident, **values):
    with transaction.atomic():
        Incident.objects.filter(pk=incident.pk).update(**values)


@pytest.mark.parametrize(("first", "second"), ORDERED)
def test_a_correction_may_not_reverse_two_moments(closed, ravi, first, second):
    moments = {first: minutes(25), second: minutes(24)}
    assert_refused(
        ValidationError, closed, "correct_moments", TimelineEntry, by=ravi, reason="Clock was off.", **moments
    )


@pytest.mark.parametrize(("first", "second"), ORDERED)
def test_the_database_refuses_the_same_to_everybody(closed, first, second):
    others = {name: None for name in MOMENTS if name not in (first, second, "closed_at")}
    with pytest.raises(IntegrityError):
        store(closed, **others, **{first: minutes(45), second: minutes(44)} | {"closed_at": minutes(44)})


@pytest.mark.parametrize("verb", ["acknowledge", "identify", "mitigate", "resolve"])
def test_a_verb_may_not_happen_before_the_start(ravi, severity, verb):
    incident = Incident.objects.declare(by=ravi, at=START, title="Checkout fails", severity=severity)
    assert_refused(ValidationError, incident, verb, TimelineEntry, by=ravi, at=minutes(-1))


def test_it_may_not_be_closed_before_it_is_resolved(resolved, ravi):
    before = resolved.resolved_at - timedelta(seconds=1)
    assert_refused(ValidationError, resolved, "close", TimelineEntry, by=ravi, at=before)


def test_it_may_not_be_declared_before_it_started(ravi, severity):
    with pytest.raises(ValidationError):
        Incident.objects.declare(
            by=ravi, at=START, started_at=minutes(1), title="Checkout fails", severity=severity
        )


def test_a_correction_is_on_the_timeline_and_in_the_history_with_its_reason(closed, ana):
    closed.correct_moments(by=ana, started_at=minutes(-5), acknowledged_at=None, reason="The logs say so.")
    entry = closed.timeline.get(kind=TimelineEntry.Kind.CORRECTION)
    assert "started: 2026-03-02 10:00:00 UTC → 2026-03-02 09:55:00 UTC" in entry.text
    assert "acknowledged: 2026-03-02 10:10:00 UTC → unknown" in entry.text
    assert entry.text.endswith("The logs say so.")
    now, before = closed.history.all()[:2]
    assert (before.started_at, now.started_at) == (START, minutes(-5))
    assert (now.history_user_name, now.history_change_reason) == (str(ana), "The logs say so.")


def test_what_is_computed_follows_the_correction(closed, ravi):
    assert (closed.time_to_acknowledge, closed.time_to_restore) == (
        timedelta(minutes=10),
        timedelta(minutes=30),
    )
    closed.correct_moments(by=ravi, started_at=minutes(-30), acknowledged_at=None, reason="Seen later.")
    assert (closed.time_to_acknowledge, closed.time_to_restore) == (None, timedelta(minutes=60))


@pytest.mark.parametrize(
    ("state", "moments"),
    [
        ("open", {"resolved_at": minutes(60)}),
        ("open", {"closed_at": minutes(60)}),
        ("closed", {"closed_at": None}),
        ("closed", {"declared_at": None}),
        ("closed", {"published_at": minutes(60)}),
        ("closed", {"started_at": START}),
    ],
)
def test_a_correction_cannot_give_a_moment_that_does_not_fit_the_state(closed, ravi, state, moments):
    if state == "open":
        closed.reopen(by=ravi, reason="It came back.", at=minutes(50))
    assert_refused(
        ValidationError, closed, "correct_moments", TimelineEntry, by=ravi, reason="Typed it.", **moments
    )


def test_the_form_changes_only_what_was_sent(closed):
    form = CorrectMoments({"detected_at": "2026-03-02 10:05", "acknowledged_at": "", "reason": "Logs."})
    assert form.is_valid()
    assert set(form.cleaned_data) == {"detected_at", "acknowledged_at", "reason"}
    assert form.cleaned_data["acknowledged_at"] is None


@pytest.mark.parametrize("text", ["1969-12-31 10:00", "2999-01-01 10:00", "yesterday", "2026-02-30 10:00"])
def test_the_form_refuses_moments_no_incident_has_had(text):
    form = CorrectMoments({"detected_at": text, "reason": "Logs."})
    assert "detected_at" in form.errors


def test_a_role_may_not_end_before_it_begins(closed, ravi):
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.create(
            incident=closed, user=ravi, role="scribe", from_at=minutes(1), until_at=minutes(0)
        )


moment = st.none() | st.integers(0, 4).map(minutes)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(values=st.fixed_dictionaries(dict.fromkeys(ALL, moment) | {"declared_at": moment.filter(bool)}))
def test_the_words_and_the_database_agree_on_every_order_of_moments(closed, values):
    status = "closed" if values["closed_at"] else "resolved"
    closed.status = status
    for name, value in values.items():
        setattr(closed, name, value)
    try:
        closed.clean()
        is_sound = True
    except ValidationError:
        is_sound = False
    try:
        store(closed, status=status, **values)
        is_stored = True
    except IntegrityError:
        is_stored = False
    assert is_sound == is_stored
    assert not is_stored or all(d is None or d >= timedelta(0) for d in durations(closed))


def durations(incident):
    return incident.time_to_acknowledge, incident.time_to_restore
