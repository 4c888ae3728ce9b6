"""When somebody works: days, holidays, hours and absences, also on the days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from config.people.calendar import WorkCalendar, countries
from config.people.models import User

db = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def calendar(zone="UTC", days="12345", **fields):
    return WorkCalendar(zone, days, **fields)


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def day(text):
    return date.fromisoformat(text)


# --- Days


@pytest.mark.parametrize(
    ("fields", "when", "is_holiday"),
    [
        ({"country": "DE"}, "2026-10-03", True),
        ({"country": "DE"}, "2026-01-06", False),
        ({"country": "DE", "subdivision": "BY"}, "2026-01-06", True),
        ({"country": "DE", "subdivision": "Atlantis"}, "2026-10-03", True),
        ({"country": "US"}, "2026-11-26", True),
        ({"country": "ZZ"}, "2026-12-25", False),
        ({"country": "USA"}, "2026-11-26", False),
        ({}, "2026-12-25", False),
    ],
)
def test_holidays_are_those_of_the_country_and_its_part(fields, when, is_holiday):
    assert calendar(**fields).is_holiday(day(when)) is is_holiday


def test_an_ordinary_day_ignores_absence_and_a_working_day_does_not():
    away = calendar(country="DE", away_from=day("2026-12-21"), away_until=day("2026-12-28"))
    found = {
        text: (away.is_ordinary(day(text)), away.is_working_day(day(text))) for text in _days_of_christmas()
    }
    assert found == {
        "2026-12-18": (True, True),
        "2026-12-19": (False, False),  # Saturday
        "2026-12-21": (True, False),
        "2026-12-25": (False, False),
        "2026-12-28": (True, False),
        "2026-12-29": (True, True),
    }


def _days_of_christmas():
    return ["2026-12-18", "2026-12-19", "2026-12-21", "2026-12-25", "2026-12-28", "2026-12-29"]


@pytest.mark.parametrize(
    ("start", "n", "expected"),
    [
        ("2026-12-23", 1, "2026-12-24"),
        ("2026-12-24", 1, "2026-12-28"),
        ("2026-12-25", 1, "2026-12-28"),
        ("2026-12-28", -1, "2026-12-24"),
        ("2026-12-26", -1, "2026-12-24"),
        ("2026-12-31", 1, "2027-01-04"),
        ("2027-01-01", -1, "2026-12-31"),
        ("2026-12-26", 0, "2026-12-26"),
    ],
)
def test_ordinary_days_are_counted_over_holidays_and_the_turn_of_the_year(start, n, expected):
    assert calendar(country="DE").add_ordinary(day(start), n) == day(expected)


@given(
    start=st.dates(date(2019, 1, 1), date(2031, 12, 31)),
    n=st.integers(-900, 900),
    days=st.sampled_from(["12345", "7", "1234567", "135"]),
    country=st.sampled_from(["", "DE", "JP"]),
)
@settings(max_examples=150, deadline=None)
def test_counting_ordinary_days_is_walking_over_them(start, n, days, country):
    who = calendar(days=days, country=country)
    walked, left = start, abs(n)
    while left:
        walked += timedelta(days=1 if n > 0 else -1)
        left -= str(walked.isoweekday()) in days and not who.is_holiday(walked)
    assert who.add_ordinary(start, n) == walked
    if n > 0:
        assert who.count_ordinary(start, walked) == n
        assert who.count_ordinary(start, walked - timedelta(days=1)) == n - 1
    assert who.count_ordinary(start, start) == 0


@pytest.mark.parametrize("n", [1, -1, 500])
def test_whoever_has_no_working_day_has_no_next_one(n):
    never = calendar(days="")
    assert never.add_ordinary(day("2026-03-02"), n) is None
    assert never.next_working_moment(at("2026-03-02T09:00Z")) is None


@pytest.mark.parametrize("mistyped", [date.min, date(206, 3, 2), date.max])
def test_a_day_somebody_mistyped_breaks_nothing(mistyped):
    who = calendar(country="DE")
    assert not who.is_ordinary(mistyped)
    assert who.add_ordinary(mistyped, 3) is None
    assert who.add_ordinary(mistyped, -3) is None
    assert who.count_ordinary(mistyped, mistyped) == 0


def test_whoever_is_away_for_good_is_never_at_work_again():
    gone = calendar(away_from=day("2026-03-01"), away_until=date.max)
    assert gone.next_working_moment(at("2026-03-02T09:00Z")) is None
    assert gone.next_working_moment(at("2026-02-27T09:00Z")) == at("2026-02-27T09:00Z")


# --- Hours

LUNCH = {"quiet_from": time(12), "quiet_until": time(13)}
SLOW = {"quiet_from": time(8), "quiet_until": time(9, 30)}


@pytest.mark.parametrize(
    ("zone", "fields", "when", "expected"),
    [
        ("Europe/Berlin", {}, "2026-03-02", "2026-03-02T09:00+01:00"),
        ("Europe/Berlin", SLOW, "2026-03-02", "2026-03-02T09:30+01:00"),
        ("Europe/Berlin", LUNCH, "2026-03-02", "2026-03-02T09:00+01:00"),
        # Quiet hours that leave nothing are not kept: nobody is silent for good by mistake.
        (
            "Europe/Berlin",
            {"quiet_from": time(0), "quiet_until": time(23)},
            "2026-03-02",
            "2026-03-02T09:00+01:00",
        ),
        # On 29 March 02:00 is 03:00 in Berlin; on 25 October 03:00 is 02:00 once more.
        ("Europe/Berlin", {"works_from": time(2, 30)}, "2026-03-29", "2026-03-29T03:00+02:00"),
        ("Europe/Berlin", {"works_from": time(2, 30)}, "2026-10-25", "2026-10-25T02:30+02:00"),
        (
            "Europe/Berlin",
            {"works_from": time(2), "works_until": time(3)},
            "2026-03-29",
            "2026-03-30T02:00+02:00",
        ),
        ("Australia/Lord_Howe", {"works_from": time(2, 15)}, "2026-10-04", "2026-10-04T02:30+11:00"),
        # Clocks jump from midnight to one.
        ("America/Santiago", {"works_from": time(0)}, "2026-09-06", "2026-09-06T01:00-03:00"),
        ("Asia/Kathmandu", {}, "2026-03-02", "2026-03-02T09:00+05:45"),
        ("Gone/Zone", {}, "2026-03-02", "2026-03-02T09:00Z"),
    ],
)
def test_a_day_starts_with_its_first_moment_at_work(zone, fields, when, expected):
    assert calendar(zone, **fields).start_of(day(when)) == at(expected)


@pytest.mark.parametrize(
    ("fields", "moment", "expected"),
    [
        ({}, "2026-03-02T08:59:59Z", "2026-03-02T09:00Z"),
        ({}, "2026-03-02T09:00:00Z", "2026-03-02T09:00Z"),
        ({}, "2026-03-02T16:59:59.999999Z", "2026-03-02T16:59:59.999999Z"),
        ({}, "2026-03-02T17:00Z", "2026-03-03T09:00Z"),
        ({}, "2026-03-06T17:00Z", "2026-03-09T09:00Z"),
        (LUNCH, "2026-03-02T12:00Z", "2026-03-02T13:00Z"),
        (LUNCH, "2026-03-02T11:59:59Z", "2026-03-02T11:59:59Z"),
        ({"country": "DE"}, "2026-12-24T20:00Z", "2026-12-28T09:00Z"),
        (
            {"away_from": date(2026, 3, 2), "away_until": date(2026, 3, 6)},
            "2026-03-02T10:00Z",
            "2026-03-09T09:00Z",
        ),
        (
            {"away_from": date(2026, 3, 5), "away_until": date(2026, 9, 1)},
            "2026-03-04T18:00Z",
            "2026-09-02T09:00Z",
        ),
    ],
)
def test_the_next_working_moment_is_now_or_when_they_are_back(fields, moment, expected):
    assert calendar(**fields).next_working_moment(at(moment)) == at(expected)


def test_an_hour_that_comes_twice_is_worked_twice():
    """In Berlin 02:30 comes twice on 25 October: until 02:40 and again from 02:30 on, and not in between."""
    owl = calendar("Europe/Berlin", "7", works_from=time(2, 30), works_until=time(2, 40))
    assert owl.next_working_moment(at("2026-10-25T02:40+02:00")) == at("2026-10-25T02:30+01:00")
    assert [owl.is_at_work(at(f"2026-10-25T02:35{offset}")) for offset in ("+02:00", "+01:00")] == [
        True,
        True,
    ]
    assert not owl.is_at_work(at("2026-10-25T02:10+01:00"))


# --- The same, walked minute by minute

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"]
ZONES += ["America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Havana", "Atlantic/Azores"]


@cache
def changes(zone):
    """The hours in which the clocks of a zone change, over two years."""
    hours = [datetime(2025, 6, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(2 * 8766)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    return [hour for hour, a, b in zip(hours, offsets, offsets[1:], strict=False) if a != b] or hours[:1]


def is_at_work(who, moment):
    """Whether a clock on the wall says so."""
    wall = moment.astimezone(ZoneInfo(who.zone))
    if who.away_from and who.away_from <= wall.date() <= who.away_until:
        return False
    if str(wall.isoweekday()) not in who.working_days or who.is_holiday(wall.date()):
        return False
    quiet = who.quiet_from is not None and who.quiet_from <= wall.time() < who.quiet_until
    return who.works_from <= wall.time() < who.works_until and not quiet


minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))
spans = st.tuples(minutes, minutes).filter(lambda pair: pair[0] < pair[1])


@st.composite
def calendars_and_moments(draw):
    """Somebody, and a moment near a change of their clocks or anywhere."""
    zone, hours, quiet = draw(st.sampled_from(ZONES)), draw(spans), draw(st.none() | spans)
    moment = draw(st.sampled_from(changes(zone))) + timedelta(minutes=draw(st.integers(-2000, 2000)))
    away = draw(st.none() | st.integers(-3, 3))
    absence = {}
    if away is not None:
        first = moment.date() + timedelta(days=away)
        absence = {"away_from": first, "away_until": first + timedelta(days=draw(st.integers(0, 2)))}
    if quiet and quiet[0] <= hours[0] and hours[1] <= quiet[1]:
        quiet = None
    return WorkCalendar(
        zone,
        draw(st.sampled_from(["12345", "1234567", "67", "7", "24"])),
        draw(st.sampled_from(["", "DE", "US", "CL"])),
        "",
        works_from=hours[0],
        works_until=hours[1],
        quiet_from=quiet and quiet[0],
        quiet_until=quiet and quiet[1],
        **absence,
    ), moment


@given(calendars_and_moments())
@settings(max_examples=250, deadline=None)
def test_the_next_working_moment_is_the_first_minute_at_work(drawn):
    who, moment = drawn
    found = who.next_working_moment(moment)
    assert found >= moment
    assert who.next_working_moment(found) == found
    assert who.is_at_work(found)
    assert is_at_work(who, found)
    walked = moment
    for _ in range(3 * 24 * 60):  # further on, hours are as on any other day
        assert who.is_at_work(walked) is is_at_work(who, walked)
        if walked == found or is_at_work(who, walked):
            break
        walked += MINUTE
    assert walked <= found
    assert walked == found or not is_at_work(who, walked)


@given(calendars_and_moments())
@settings(max_examples=150, deadline=None)
def test_a_day_starts_with_the_first_minute_in_working_hours(drawn):
    who, moment = drawn
    wanted = who.today(moment)
    everyday = WorkCalendar(
        who.zone,
        "1234567",
        works_from=who.works_from,
        works_until=who.works_until,
        quiet_from=who.quiet_from,
        quiet_until=who.quiet_until,
    )
    first = datetime.combine(wanted, time(), UTC) - timedelta(hours=16)
    walked = (first + MINUTE * n for n in range(56 * 60))
    expected = next((m for m in walked if everyday.today(m) == wanted and is_at_work(everyday, m)), None)
    if expected is None:  # the clocks skip all of their hours
        assert who.today(who.start_of(wanted)) > wanted
    else:
        assert who.start_of(wanted) == expected


# --- A person


@db
def test_a_persons_calendar_is_what_is_stored(ana):
    stored = {
        "time_zone": "Europe/Berlin",
        "working_days": "1234",
        "country": "DE",
        "subdivision": "BY",
        "works_from": time(8),
        "works_until": time(16, 30),
        "quiet_from": time(12),
        "quiet_until": time(13),
        "away_from": day("2026-03-02"),
        "away_until": day("2026-03-04"),
    }
    User.objects.filter(pk=ana.pk).update(**stored)
    ana.refresh_from_db()
    zone = stored.pop("time_zone")
    assert ana.calendar == WorkCalendar(zone, stored.pop("working_days"), **stored)
    assert ana.is_working_day(day("2026-03-05"))
    assert not ana.is_working_day(day("2026-03-04"))
    assert not ana.is_working_day(day("2026-01-06"))


def test_who_says_nothing_works_from_nine_to_five_and_hears_of_everything():
    user = User()
    assert user.calendar == WorkCalendar("UTC", "12345")
    assert (user.mail_style, user.wants_reminders, user.wants_summary) == ("digest", True, True)


@db
@pytest.mark.parametrize(
    ("fields", "wrong", "words"),
    [
        ({"country": "ZZ"}, "country", "two letters such as DE"),
        ({"subdivision": "BY"}, "subdivision", "Name the country"),
        ({"country": "DE", "subdivision": "CA"}, "subdivision", "BB, BE, BW, BY"),
        ({"country": "JP", "subdivision": "X"}, "subdivision", "leave this empty"),
        ({"quiet_from": time(8), "quiet_until": time(17)}, "quiet_from", "must leave some"),
        ({"quiet_from": time(8)}, "__all__", "when quiet hours begin and when they end"),
        ({"quiet_from": time(13), "quiet_until": time(12)}, "__all__", "when quiet hours begin"),
        ({"works_from": time(17), "works_until": time(17)}, "__all__", "end after they begin"),
    ],
)
def test_what_leaves_no_calendar_is_refused_with_what_would_be_right(fields, wrong, words):
    with pytest.raises(ValidationError) as refused:
        User(email="a@example.com", name="A", **fields).full_clean(exclude=["password"])
    assert words in " ".join(refused.value.message_dict[wrong])


@db
@pytest.mark.parametrize(
    "fields",
    [
        {"works_from": time(18)},
        {"quiet_from": time(12)},
        {"quiet_from": time(13), "quiet_until": time(13)},
    ],
)
def test_the_database_refuses_hours_that_cannot_be(ana, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ana.pk).update(**fields)


@db
def test_a_country_is_known_however_it_is_typed(ana):
    ana.country, ana.subdivision = "de", "BY "
    ana.full_clean()
    assert (ana.country, ana.subdivision) == ("DE", "BY")


@db
def test_how_somebody_works_is_history(ana):
    ana.country, ana.works_from, ana.wants_summary = "DE", time(8), False
    ana.save()
    before, after = ana.history.all()[1], ana.history.all()[0]
    assert (before.country, before.works_from, before.wants_summary) == ("", time(9), True)
    assert (after.country, after.works_from, after.wants_summary) == ("DE", time(8), False)


def test_every_part_of_a_country_can_be_stored():
    longest = User._meta.get_field("subdivision").max_length
    assert all(len(part) <= longest for parts in countries().values() for part in parts)
