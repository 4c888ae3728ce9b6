"""Working days: which day is N working days after another."""

from datetime import date, timedelta

from config.people.models import EVERY_WEEKDAY


def add_working_days(day: date, count: int, working_days: str = EVERY_WEEKDAY) -> date:
    """The `count`-th working day after `day`; `working_days` are ISO weekday digits."""
    while count > 0:
        day += timedelta(days=1)
        count -= str(day.isoweekday()) in working_days
    return day
