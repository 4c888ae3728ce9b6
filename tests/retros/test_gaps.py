"""Where a timeline is silent, as a table of small stories."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retros.gaps import SILENCE, UPDATE, Cadence, Gap, Open, gaps

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEV1 = Cadence(first=timedelta(minutes=15), every=timedelta(minutes=30))


def at(minutes):
    return NINE + timedelta(minutes=minutes)


def told(*minutes):
    return [(at(one), True) for one in minutes]


def noted(*minutes):
    return [(at(one), False) for one in minutes]


def found(entries, lasted=60, cadence=SEV1):
    return [
        (
            gap.kind,
            int((gap.since - NINE).total_seconds() // 60),
            int((gap.until - NINE).total_seconds() // 60),
        )
        for gap in gaps(entries, Open(at(0), at(lasted)), cadence)
    ]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            told(10, 35, 55), [(SILENCE, 10, 35), (SILENCE, 35, 55)], id="words in time, little between"
        ),
        pytest.param(told(10, 35, 55) + noted(20, 30, 45), [], id="all said, all noted"),
        pytest.param(
            told(22) + noted(5, 15, 30, 40, 50),
            [(UPDATE, 0, 22), (UPDATE, 22, 60)],
            id="first and next too late",
        ),
        pytest.param([], [(UPDATE, 0, 60)], id="nothing at all is told once"),
        pytest.param(noted(10, 50), [(SILENCE, 10, 50), (UPDATE, 0, 60)], id="busy with something else"),
        pytest.param(told(-30, 90), [(UPDATE, 0, 60)], id="before and after do not count"),
        pytest.param(told(15) + noted(15, 30, 45), [(UPDATE, 15, 60)], id="on the minute is in time"),
    ],
)
def test_what_is_missing_is_found(entries, expected):
    assert found(entries) == expected


def test_a_severity_with_more_patience_has_fewer_gaps():
    calm = Cadence(first=timedelta(hours=8), every=timedelta(hours=24))
    assert found(told(200), lasted=400, cadence=calm) == []


def test_the_order_of_entries_does_not_matter():
    entries = told(10, 35, 55) + noted(20)
    assert found(entries) == found(entries[::-1])


def test_a_gap_says_how_long_in_words():
    assert Gap(UPDATE, at(0), at(22)).words == "22 min without a customer update"
    assert Gap(SILENCE, at(0), at(35)).words == "35 min of silence"
    assert Gap(UPDATE, at(0), at(150)).words == "2 h 30 min without a customer update"
    assert Gap(UPDATE, NINE, NINE + timedelta(seconds=40)).words == "under 1 min without a customer update"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(-60, 300), st.booleans()), max_size=30), st.integers(1, 240))
def test_gaps_lie_within_the_incident_and_hold_nothing_of_their_kind(entries, lasted):
    entries = [(at(minute), is_update) for minute, is_update in entries]
    while_open = Open(at(0), at(lasted))
    last = while_open.since
    for gap in gaps(entries, while_open, SEV1):
        assert while_open.since <= gap.since < gap.until <= while_open.until
        assert gap.until >= last
        last = gap.until
        inside = [is_update for moment, is_update in entries if gap.since < moment < gap.until]
        assert not any(inside) if gap.kind == UPDATE else not inside
