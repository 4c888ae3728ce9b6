"""When an owner is reminded, as a table: nothing here touches the database."""

from datetime import UTC, date, datetime

import pytest

from actions.models import ActionItem
from actions.reminders import next_reminder
from config.people.models import User


def owner(**fields):
    return User(pk=7, email="omar@example.com", name="Omar", **fields)


def item(due, of=None, status="open"):
    return ActionItem(title="Alert", why="Baskets.", owner=of, due_on=date.fromisoformat(due), status=status)


def moment(text):
    return datetime.fromisoformat(text).astimezone(UTC)


# 2 March 2026 is a Monday. Clocks go forward on 29 March in Berlin, on 8 March in New York.
@pytest.mark.parametrize(
    ("due", "calendar", "expected"),
    [
        pytest.param("2026-03-02", {}, "2026-03-03T09:00+00:00", id="the morning after"),
        pytest.param("2026-03-06", {}, "2026-03-09T09:00+00:00", id="a Friday's is told on Monday"),
        pytest.param("2026-03-07", {}, "2026-03-09T09:00+00:00", id="a Saturday's too"),
        pytest.param("2026-03-05", {"working_days": "67"}, "2026-03-07T09:00+00:00", id="works at weekends"),
        pytest.param("2026-03-02", {"working_days": "1"}, "2026-03-09T09:00+00:00", id="works on Mondays"),
        pytest.param("2026-03-02", {"time_zone": "Asia/Kolkata"}, "2026-03-03T09:00+05:30", id="east"),
        pytest.param("2026-03-02", {"time_zone": "America/Los_Angeles"}, "2026-03-03T09:00-08:00", id="west"),
        pytest.param("2026-03-02", {"time_zone": "Pacific/Kiritimati"}, "2026-03-03T09:00+14:00", id="first"),
        pytest.param("2026-03-02", {"time_zone": "Pacific/Pago_Pago"}, "2026-03-03T09:00-11:00", id="last"),
        pytest.param("2026-03-02", {"time_zone": "Gone/Zone"}, "2026-03-03T09:00+00:00", id="zone unknown"),
        pytest.param(
            "2026-03-28",
            {"time_zone": "Europe/Berlin", "working_days": "1234567"},
            "2026-03-29T09:00+02:00",
            id="the day clocks go forward",
        ),
        pytest.param(
            "2026-10-24",
            {"time_zone": "Europe/Berlin", "working_days": "1234567"},
            "2026-10-25T09:00+01:00",
            id="the day clocks go back",
        ),
        pytest.param(
            "2026-03-02",
            {"away_from": date(2026, 3, 3), "away_until": date(2026, 3, 5)},
            "2026-03-06T09:00+00:00",
            id="away until Thursday",
        ),
        pytest.param(
            "2026-03-02",
            {"away_from": date(2026, 3, 3), "away_until": date(2026, 3, 6)},
            "2026-03-09T09:00+00:00",
            id="away until Friday",
        ),
        pytest.param(
            "2026-03-02",
            {"away_from": date(2026, 3, 4), "away_until": date(2026, 3, 5)},
            "2026-03-03T09:00+00:00",
            id="away only from the day after",
        ),
        pytest.param(
            "2026-03-02",
            {"away_from": date(2026, 3, 3), "away_until": date(2027, 3, 2)},
            "2027-03-03T09:00+00:00",
            id="away for a year",
        ),
        pytest.param("2024-02-28", {}, "2024-02-29T09:00+00:00", id="a leap day"),
        pytest.param("2026-12-31", {}, "2027-01-01T09:00+00:00", id="a new year"),
    ],
)
def test_the_first_reminder_comes_on_the_owners_next_working_morning(due, calendar, expected):
    assert next_reminder(item(due, owner(**calendar))) == moment(expected)


@pytest.mark.parametrize(
    ("reminded_on", "expected"),
    [
        pytest.param("2026-03-01", "2026-03-03T09:00+00:00", id="before it was due, for another item"),
        pytest.param("2026-03-02", "2026-03-03T09:00+00:00", id="on the due day"),
        pytest.param("2026-03-03", "2026-03-04T09:00+00:00", id="yesterday"),
        pytest.param("2026-03-06", "2026-03-09T09:00+00:00", id="on Friday"),
        pytest.param("2026-06-01", "2026-06-02T09:00+00:00", id="months later"),
    ],
)
def test_the_next_one_comes_a_working_day_after_the_last(reminded_on, expected):
    last = date.fromisoformat(reminded_on)
    assert next_reminder(item("2026-03-02", owner()), reminded_on=last) == moment(expected)


@pytest.mark.parametrize(
    "nothing_to_remind_of",
    [
        pytest.param(item("2026-03-02"), id="nobody owns it"),
        pytest.param(item("2026-03-02", owner(is_active=False)), id="the owner has left"),
        pytest.param(item("2026-03-02", owner(), "done"), id="it is done"),
        pytest.param(item("2026-03-02", owner(), "dropped"), id="it is dropped"),
        pytest.param(ActionItem(title="Alert", owner=owner()), id="it has no day"),
    ],
)
def test_nobody_is_reminded_of_what_needs_nothing(nothing_to_remind_of):
    assert next_reminder(nothing_to_remind_of) is None
    assert next_reminder(nothing_to_remind_of, reminded_on=date(2026, 3, 3)) is None


@pytest.mark.parametrize("status", ["open", "in_progress"])
def test_work_begun_is_still_reminded_of(status):
    assert next_reminder(item("2026-03-02", owner(), status)) == moment("2026-03-03T09:00+00:00")


@pytest.mark.parametrize(
    ("zone", "at", "is_late"),
    [
        ("UTC", "2026-03-02T23:59+00:00", False),
        ("UTC", "2026-03-03T00:00+00:00", True),
        ("Pacific/Kiritimati", "2026-03-02T10:00+00:00", True),
        ("Pacific/Pago_Pago", "2026-03-03T10:59+00:00", False),
        ("Pacific/Pago_Pago", "2026-03-03T11:00+00:00", True),
    ],
)
def test_overdue_is_counted_in_the_owners_days(zone, at, is_late):
    assert item("2026-03-02", owner(time_zone=zone)).is_overdue(at=moment(at)) is is_late
