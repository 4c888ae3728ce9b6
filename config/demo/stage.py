"""What every part of the story is told on: the people, the clock, and one request per step."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from config.audit.actor import TASK, WEB, acting
from config.people.models import User

FRIDAY = 5


class Stage:
    """Holds what has been made so far, by key; all moments are counted from one `now`."""

    def __init__(self, now: datetime):
        self.now = now.astimezone(UTC).replace(second=0, microsecond=0)
        self.people: dict[str, User] = {}
        self.severities, self.services, self.regions = {}, {}, {}
        self.incidents, self.retros, self.findings = {}, {}, {}
        self._steps = 0

    @contextmanager
    def step(self, who: str, via: str = WEB):
        """What one click of `who` writes."""
        person = self.people[who]
        with acting(person, kind=via, request_id=self._request_id()):
            yield person

    @contextmanager
    def guest(self, who: str, via: str):
        """What somebody writes by a link: one of the people, or a guest whom only their name tells."""
        if person := self.people.get(who):
            with self.step(who, via):
                yield person
        else:
            with acting(name=who, kind=via, request_id=self._request_id()):
                yield None

    @contextmanager
    def sweep(self, name: str):
        """What a scheduled task writes."""
        with acting(kind=TASK, name=name, request_id=self._request_id()):
            yield

    def _request_id(self) -> str:
        # Counted, not random: two first tellings differ in nothing but their days.
        self._steps += 1
        return uuid5(NAMESPACE_URL, f"aftercare demo step {self._steps}").hex

    def write(self, who: str, row, **texts):
        """Save `row` once for each draft of its texts, every time as a request of its own."""
        drafts = {name: text if isinstance(text, list) else [text] for name, text in texts.items()}
        for turn in range(max(len(versions) for versions in drafts.values())):
            for name, versions in drafts.items():
                setattr(row, name, versions[min(turn, len(versions) - 1)])
            with self.step(who):
                self.save(row)
        return row

    def save(self, row):
        """Save what a form would have let through."""
        row.full_clean()
        row.save()
        return row

    def start(self, began) -> datetime:
        """When an incident began: minutes ago, or days ago at an UTC clock time."""
        if isinstance(began, int):
            return self.now - timedelta(minutes=began)
        return self.ago(*began)

    def ago(self, days: int, clock: str = "10:20") -> datetime:
        """That many days ago, at a UTC clock time."""
        day = self.now.date() - timedelta(days=days)
        return datetime.combine(day, time.fromisoformat(clock), tzinfo=UTC)

    def workday(self, days: int) -> date:
        """The day that many days from today, or the Friday before it: nothing is due at a weekend."""
        day = self.now.date() + timedelta(days=days)
        return day - timedelta(days=max(0, day.isoweekday() - FRIDAY))


def after(start: datetime, minutes: int) -> datetime:
    """A moment that many minutes later; people do not act on full minutes, so it has seconds of its own."""
    return start + timedelta(minutes=minutes, seconds=minutes * 23 % 60)
