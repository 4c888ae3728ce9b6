"""The days that an answer offers, in the owner's calendar: never a weekend, a holiday or a day away of theirs."""

from datetime import date, timedelta

from config.people.calendar import DAY, LAST_DAY, WorkCalendar

WEEK = timedelta(days=7)


def next_working_day(calendar: WorkCalendar, day: date) -> date:
    """The first working day from `day` on; `day` itself for somebody who never works."""
    found = day
    for _ in range(3):  # after an absence comes a weekend, after a weekend an absence
        if calendar.is_away(found):
            found = min(calendar.away_until, LAST_DAY) + DAY
        if not calendar.is_ordinary(found) and (found := calendar.add_ordinary(found, 1)) is None:
            return day
        if not calendar.is_away(found):
            return found
    return day


def add_working_days(calendar: WorkCalendar, day: date, count: int) -> date:
    """The `count`-th working day after `day`."""
    for _ in range(count):
        day = next_working_day(calendar, day + DAY)
    return day


def due_days(calendar: WorkCalendar, today: date, due_on: date | None) -> list[tuple[str, date]]:
    """What “New date” offers: after today, and after the present due day where that is later."""
    base = max(today, due_on or today)
    return _distinct(
        ("+1 day", next_working_day(calendar, base + DAY)),
        ("+3 working days", add_working_days(calendar, base, 3)),
        ("Next Monday", next_working_day(calendar, _monday_after(base))),
        ("+2 weeks", next_working_day(calendar, base + 2 * WEEK)),
    )


def quiet_days(calendar: WorkCalendar, today: date, longest: timedelta) -> list[tuple[str, date]]:
    """What “Snooze” offers: until the end of what is allowed, at most."""
    return _until(
        today + longest,
        ("+1 day", next_working_day(calendar, today + DAY)),
        ("+3 working days", add_working_days(calendar, today, 3)),
        ("Next Monday", next_working_day(calendar, _monday_after(today))),
        ("+1 week", today + WEEK),
    )


def look_again_days(calendar: WorkCalendar, today: date, longest: timedelta) -> list[tuple[str, date]]:
    """When to look again at what is blocked: until the end of what is allowed, at most."""
    return _until(
        today + longest,
        ("+3 working days", add_working_days(calendar, today, 3)),
        ("+1 week", next_working_day(calendar, today + WEEK)),
        ("+2 weeks", next_working_day(calendar, today + 2 * WEEK)),
        (f"+{longest.days} days", today + longest),
    )


def _monday_after(day):
    return day + timedelta(days=8 - day.isoweekday())


def _until(last, *offered):
    return _distinct(*((label, day) for label, day in offered if day <= last)) or [("The last day", last)]


def _distinct(*offered):
    """Each day once, under the first of its names, the soonest first."""
    named = {}
    for label, day in offered:
        named.setdefault(day, label)
    return [(named[day], day) for day in sorted(named)]
