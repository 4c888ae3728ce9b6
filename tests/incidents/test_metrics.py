"""What an incident was for customers, in figures that follow its moments."""

from datetime import UTC, datetime, timedelta

from incidents.metrics import Span, customer_side
from incidents.models import Incident

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(minutes):
    return NINE + timedelta(minutes=minutes)


def incident(**moments):
    known = {"started_at": at(0), "detected_at": at(5), "acknowledged_at": at(8), "resolved_at": at(125)}
    return Incident(declared_at=at(6), **(known | moments))


def test_each_figure_comes_with_the_moments_behind_it():
    side = customer_side(incident(), [at(85), at(27)])
    assert side.acknowledge == Span(at(5), at(8))
    assert side.first_update == Span(at(5), at(27))
    assert side.restore == Span(at(0), at(125))
    assert side.updates == 2
    assert side.longest_without_update == Span(at(27), at(85))


def test_what_is_not_known_is_not_made_up():
    side = customer_side(incident(detected_at=None, acknowledged_at=None, resolved_at=None), [])
    assert (side.acknowledge, side.first_update, side.restore, side.longest_without_update) == (None,) * 4


def test_without_any_update_the_whole_time_was_without_one():
    assert customer_side(incident(), []).longest_without_update == Span(at(5), at(125))


def test_what_was_told_after_the_end_is_counted_but_ends_no_gap():
    side = customer_side(incident(), [at(65), at(200)])
    assert (side.updates, side.longest_without_update.length) == (2, timedelta(minutes=60))


def test_a_word_before_we_knew_took_no_time():
    assert customer_side(incident(), [at(1)]).first_update.length == timedelta()
