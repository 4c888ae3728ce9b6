"""When somebody works: their days, holidays, hours and absences, wherever they are.

An *ordinary day* is one of their weekdays that is no public holiday of theirs; absence is ignored. A
*working day* is an ordinary day on which they are not away. They are *at work* at the moments of a working
day whose wall-clock time is within their hours and outside their quiet hours. Nothing here reads a row.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EVERY_WEEKDAY = "12345"
DAY = timedelta(days=1)
# Beyond these years nobody works, so that no date somebody mistypes leaves what datetime can count.
FIRST_YEAR, LAST_YEAR = 1900, 2200
FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
EMPTY_YEARS = 5  # in a row without an ordinary day: this calendar has none


@dataclass(frozen=True)
class WorkCalendar:
    """The days and hours of one person. Unknown zones are UTC, unknown countries have no holidays."""

    zone: str
    working_days: str
    country: str = ""
    subdivision: str = ""
    away_from: date | None = None
    away_until: date | None = None
    works_from: time = time(9)
    works_until: time = time(17)
    quiet_from: time | None = None
    quiet_until: time | None = None

    def is_holiday(self, day: date) -> bool:
        return bool(self.country) and day in _holidays(self.country, self.subdivision, day.year)

    def is_ordinary(self, day: date) -> bool:
        """Whether `day` is a weekday of theirs and no holiday; they may be away."""
        days = self._ordinary(day.year)
        at = bisect_left(days, day)
        return at < len(days) and days[at] == day

    def is_away(self, day: date) -> bool:
        return bool(self.away_from and self.away_until) and self.away_from <= day <= self.away_until

    def is_working_day(self, day: date) -> bool:
        return not self.is_away(day) and self.is_ordinary(day)

    def today(self, at: datetime) -> date:
        """The date where they are."""
        return at.astimezone(zone_of(self.zone)).date()

    def add_ordinary(self, day: date, n: int) -> date | None:
        """The n-th ordinary day after `day`, before it if n is negative, `day` itself for 0.

        None for somebody who has no ordinary days: all of theirs are holidays.
        """
        if n == 0:
            return day
        step, year, empty = (1 if n > 0 else -1), day.year, 0
        days = self._ordinary(year)
        # Counted from the near end of each year, so that no day is walked over.
        at = bisect_right(days, day) + n - 1 if n > 0 else len(days) - bisect_left(days, day) - n - 1
        while at >= len(days):
            empty = 0 if days else empty + 1
            if empty > EMPTY_YEARS:
                return None
            at, year = at - len(days), year + step
            days = self._ordinary(year)
        return days[at] if n > 0 else days[-1 - at]

    def count_ordinary(self, after: date, until: date) -> int:
        """How many ordinary days there are after `after`, up to and with `until`."""
        if until <= after:
            return 0
        count = bisect_right(self._ordinary(until.year), until)
        for year in range(max(after.year, FIRST_YEAR), min(until.year, LAST_YEAR + 1)):
            count += len(self._ordinary(year))
        return count - bisect_right(self._ordinary(after.year), after)

    def start_of(self, day: date) -> datetime:
        """The first moment of `day` within their hours and outside their quiet hours.

        Where the clocks are put forward over all of these hours, the first one of the day after.
        """
        while not (shifts := self._shifts(day)):
            day += DAY
        return shifts[0][0]

    def next_working_moment(self, at: datetime) -> datetime | None:
        """The earliest moment from `at` on at which they are at work; None if they never are."""
        day = self.today(at)
        for _ in range(10):  # a clock put forward costs one day, two costs two; the rest is doubt
            if self.is_away(day):
                day = min(self.away_until, LAST_DAY) + DAY
            if not self.is_ordinary(day) and (day := self.add_ordinary(day, 1)) is None:
                return None
            if self.is_away(day):
                continue
            for begins, ends in self._shifts(day):
                if at < ends:
                    return max(at.astimezone(UTC), begins)
            day += DAY
        return None

    def is_at_work(self, at: datetime) -> bool:
        day = self.today(at)
        return self.is_working_day(day) and any(a <= at < b for a, b in self._shifts(day))

    def _ordinary(self, year):
        return _ordinary_days(self.working_days, self.country, self.subdivision, year)

    def _shifts(self, day):
        hours = self.works_from, self.works_until, self.quiet_from, self.quiet_until
        return _shifts(self.zone, *hours, day)


def add_working_days(day: date, count: int, working_days: str = EVERY_WEEKDAY) -> date:
    """The `count`-th working day after `day`; `working_days` are ISO weekday digits."""
    while count > 0:
        day += DAY
        count -= str(day.isoweekday()) in working_days
    return day


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of that name; UTC if the name has left the database of zones."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=1)
def countries() -> dict[str, tuple[str, ...]]:
    """The countries whose holidays are known, each with its subdivisions."""
    from holidays import list_supported_countries  # lazily: half a second that few processes need

    known = list_supported_countries(include_aliases=False)
    # The few longer ones are towns and the like; a person's field holds codes.
    return {code: tuple(part for part in parts if len(part) <= 10) for code, parts in known.items()}


@lru_cache(maxsize=8192)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    """The public holidays of a year. A subdivision that is unknown has those of its country."""
    if country not in countries():
        return frozenset()
    from holidays import country_holidays

    part = subdivision if subdivision in countries()[country] else None
    return frozenset(country_holidays(country, subdiv=part, years=year))


@lru_cache(maxsize=8192)
def _ordinary_days(working_days: str, country: str, subdivision: str, year: int) -> tuple[date, ...]:
    """The ordinary days of a year, in order."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return ()
    holidays = _holidays(country, subdivision, year) if country else ()
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    days = map(date.fromordinal, range(first, last + 1))
    return tuple(day for day in days if str(day.isoweekday()) in working_days and day not in holidays)


@lru_cache(maxsize=65536)
def _shifts(zone, works_from, works_until, quiet_from, quiet_until, day) -> tuple:
    """The stretches of `day` within working and outside quiet hours, as pairs of moments in UTC.

    A wall-clock time may occur twice on a day, or not at all. So the hours are laid onto the line of moments
    once with the offset before the change of the clocks, once with the one after it, and each is cut there.
    """
    midnight = datetime.combine(day, time(), UTC)
    # Every moment of the day, wherever it is. Nowhere do clocks change twice within these two days.
    first, last = midnight - timedelta(hours=16), midnight + timedelta(hours=40)
    before, after = _offset(zone, first), _offset(zone, last)
    hours = _hours(works_from, works_until, quiet_from, quiet_until)
    walls = [(datetime.combine(day, a, UTC), datetime.combine(day, b, UTC)) for a, b in hours]
    if before == after:
        return tuple((a - before, b - before) for a, b in walls)
    change = _change(zone, first, last)
    shifts = [(a - before, min(b - before, change)) for a, b in walls]
    shifts += [(max(a - after, change), b - after) for a, b in walls]
    return tuple((a, b) for a, b in shifts if a < b)


def _hours(works_from, works_until, quiet_from, quiet_until):
    """Working hours without the quiet ones; quiet hours that would leave none are not kept."""
    if quiet_from is None or quiet_until is None:
        return [(works_from, works_until)]
    rest = [(works_from, min(works_until, quiet_from)), (max(works_from, quiet_until), works_until)]
    return [(a, b) for a, b in rest if a < b] or [(works_from, works_until)]


def _offset(zone: str, at: datetime) -> timedelta:
    return at.astimezone(zone_of(zone)).utcoffset()


def _change(zone: str, first: datetime, last: datetime) -> datetime:
    """The moment, to the second, at which the clocks change between two moments."""
    before = _offset(zone, first)
    low, high = 0, int((last - first).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, first + timedelta(seconds=middle)) == before:
            low = middle
        else:
            high = middle
    return first + timedelta(seconds=high)
