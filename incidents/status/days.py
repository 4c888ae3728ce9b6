"""How each service stood on each of the last ninety days, in the page's own time zone."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from incidents.status.board import DEGREES, WORDS, Board

LENGTH = 90
TOLD = 10  # days that are told in words; the history by month has all of them
STEP, FLOOR = 4, 24  # of the drawing, in its own units
# Worse is taller: colour alone tells nothing to one in twelve.
TOPS = dict(zip(DEGREES, (10, 8, 6, 3, 0), strict=True))


@dataclass
class Day:
    """One day of one service: the worst degree, and for how long customers felt anything."""

    on: date
    degree: str = DEGREES[0]
    felt: timedelta = field(default_factory=timedelta)

    @property
    def words(self) -> str:
        """The degree as people say it."""
        return WORDS[self.degree]

    @property
    def minutes(self) -> int:
        """For how long customers felt it, at least one minute."""
        return max(1, round(self.felt.total_seconds() / 60))


@dataclass(frozen=True)
class Past:
    """The last ninety days of a service."""

    days: list[Day]

    @property
    def hurt(self) -> list[Day]:
        """The days on which customers felt something, newest first."""
        return [day for day in reversed(self.days) if day.degree != DEGREES[0]]

    @property
    def told(self) -> list[Day]:
        """Those of them that are told in words."""
        return self.hurt[:TOLD]

    @property
    def words(self) -> str:
        """What the bars show, for whoever does not see them."""
        counts = {degree: sum(day.degree == degree for day in self.days) for degree in DEGREES}
        if counts[DEGREES[0]] == len(self.days):
            return f"No trouble in the last {len(self.days)} days."
        worse = ", ".join(
            f"{WORDS[degree].lower()} on {counts[degree]}"
            for degree in reversed(DEGREES[1:])
            if counts[degree]
        )
        return f"Of the last {len(self.days)} days: no trouble on {counts[DEGREES[0]]}, {worse}."

    @property
    def width(self) -> int:
        """Of the drawing."""
        return STEP * len(self.days)

    @property
    def bars(self) -> list[tuple[str, str]]:
        """One path per degree: ninety shapes of their own would make the page twice as long."""
        paths = defaultdict(str)
        for place, day in enumerate(self.days):
            paths[day.degree] += f"M{place * STEP + STEP // 2} {TOPS[day.degree]}V{FLOOR}"
        return [(degree, paths[degree]) for degree in DEGREES if degree in paths]


def pasts(board: Board) -> dict[int, Past]:
    """The past of each service that shows one, by primary key."""
    zone = timezone.get_default_timezone()
    today = board.at.astimezone(zone).date()
    on = [today - timedelta(days=ago) for ago in reversed(range(LENGTH))]
    found = {service.pk: {day: Day(day) for day in on} for service in board.services if service.showcase}
    for told in board.incidents:
        end = told.ended_at or board.at
        if end.astimezone(zone).date() < on[0]:
            continue
        for one in told.impacts:
            if one.service_id in found and one.impact != DEGREES[0]:
                _mark(found[one.service_id], one.impact, told.began_at, end, zone)
    return {pk: Past(list(days.values())) for pk, days in found.items()}


def _mark(days, degree, began: datetime, end: datetime, zone):
    day = max(began.astimezone(zone).date(), min(days))
    while day <= end.astimezone(zone).date() and day in days:
        midnight = datetime.combine(day, time(), tzinfo=zone)
        after = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
        # Two incidents at once are felt twice; a day has no more than its hours.
        felt = days[day].felt + max(min(end, after) - max(began, midnight), timedelta())
        days[day].felt = min(felt, after - midnight)
        days[day].degree = max(days[day].degree, degree, key=DEGREES.index)
        day += timedelta(days=1)
