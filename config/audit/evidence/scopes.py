"""What goes into a pack: the story of one object, or everything of a period."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from django.db import OperationalError, connection
from django.utils import timezone

from config.audit import belonging, canonical
from config.audit.canonical import Sealable
from config.audit.explorer import sql
from config.audit.explorer.search import FIRST_YEAR, LAST_YEAR, target_of
from config.audit.explorer.sight import tables_for
from config.audit.ledger import Redaction
from config.audit.triggers import Tracked, tracked_models

MAY_MAKE = "audit.export_evidence"


class Refused(Exception):
    """Such a pack cannot be made; the text says why, for whoever asked."""


class SeesAll:
    """Stands for the reader of a pack: whoever may make one sees everything."""

    pk = None

    def has_perm(self, name) -> bool:
        """Always."""
        return True


@dataclass(frozen=True)
class Part:
    """The rows of one sealed table that go in: `where` is a condition on the row `h`."""

    sealable: Sealable
    where: str
    params: list = field(default_factory=list)
    tracked: Tracked | None = None


@dataclass(frozen=True)
class Story:
    """One object with all that ever belonged to it, what was deleted included."""

    model: type
    pk: int

    kind = "story"

    @property
    def title(self) -> str:
        """The object as it is called now, or was called last."""
        try:
            return str(self.last.instance)
        except OperationalError:  # SQLite keeps a text that is no UTF-8, and nobody can read it
            return f"{self.model._meta.verbose_name} #{self.pk}".capitalize()

    @property
    def last(self):
        """The last history row of the object."""
        return self.model.history.filter(**{self.model._meta.pk.name: self.pk}).latest("history_id")

    def describe(self) -> dict:
        """What the manifest says of it."""
        return {"kind": self.kind, "title": self.title, "model": self.model._meta.label_lower, "pk": self.pk}

    def parts(self) -> Iterator[Part]:
        """One part for each table with rows of the story."""
        tracked = {one.model: one for one in tracked_models()}
        sealable = {one.table: one for one in canonical.sealables()}
        for model, ids in belonging.story_of(self.model, self.pk):
            of = tracked[model]
            where, params = sql.one_of(f'h."{of.pk}"', ids)
            yield Part(sealable[of.history_table], where, params, of)


@dataclass(frozen=True)
class Period:
    """Everything from the first day to the last, both included, in the zone of whoever asks."""

    first: date
    last: date

    kind = "period"

    def __post_init__(self):
        if self.last < self.first:
            raise Refused(f"The period ends ({self.last}) before it begins ({self.first}).")

    @property
    def start(self) -> datetime:
        """The moment it begins."""
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def end(self) -> datetime:
        """The moment after its last."""
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))

    @property
    def title(self) -> str:
        """As people say it."""
        return f"All changes from {self.first:%-d %B %Y} to {self.last:%-d %B %Y}"

    def describe(self) -> dict:
        """What the manifest says of it."""
        return {
            "kind": self.kind,
            "title": self.title,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "zone": timezone.get_current_timezone_name(),
            "start": self.start.astimezone(UTC).isoformat(),
            "end": self.end.astimezone(UTC).isoformat(),
        }

    def parts(self) -> Iterator[Part]:
        """One part for each table with rows in the period.

        From its first row to its last by number, without a gap: so a pack from which one was taken shows it,
        and a row whose clock was wrong is not lost.
        """
        tracked = {one.history_table: one for one in tracked_models()}
        for sealable in canonical.sealables():
            first, last = self._numbers(sealable)
            if first is not None:
                where = f'h."{sealable.key}" BETWEEN %s AND %s'
                yield Part(sealable, where, [first, last], tracked.get(sealable.table))

    def _numbers(self, sealable):
        return sql.run(
            f'SELECT min("{sealable.key}"), max("{sealable.key}") FROM "{sealable.table}"'
            f' WHERE "{sealable.moment}" >= %s AND "{sealable.moment}" < %s',
            [_day(self.start), _day(self.end)],
        )[0]


def _day(moment):
    # Days begin on the second: this text sorts before every fraction of it, however many digits a table keeps.
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if connection.vendor == "sqlite" else moment


def redactions_part(ids, part=None) -> Part | None:
    """The redactions with these ids, beside those that `part` has already."""
    sealable = next(one for one in canonical.sealables() if one.model is Redaction)
    if not ids:
        return part
    where, params = sql.one_of('h."id"', ids)
    if part is not None:
        where, params = f"({part.where}) OR {where}", [*part.params, *params]
    return Part(sealable, where, params)


# --- Who may have what -------------------------------------------------------------------------------------


def may_make(user) -> bool:
    """Whether the person may make packs: permitted, and nothing of the history is hidden from them."""
    tables = tables_for(user) if user.has_perm(MAY_MAKE) else []
    return len(tables) == len(tracked_models()) and not any(table.conditions for table in tables)


def story_of(reference: str) -> Story:
    """The story of what people call “INC-0042”; raises `Refused`."""
    found = target_of(reference, {table.label: table for table in tables_for(SeesAll())})
    if found is None:
        raise Refused(f"“{reference}” is no reference such as INC-0042.")
    label, pk = found
    model = next(one.model for one in tracked_models() if one.model._meta.label_lower == label)
    story = Story(model, pk)
    if not model.history.filter(**{model._meta.pk.name: pk}).exists():
        raise Refused(f"There never was {reference}.")
    return story


def day_of(text: str) -> date:
    """A day as typed; raises `Refused`."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(f"“{text}” is no day: write it as 2026-09-30.") from None
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise Refused(f"“{text}” is too far away.")
    return day
