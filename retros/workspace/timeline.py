"""The timeline of a retro, all incidents merged by time: a page at a time, with its gaps and marks.

However long it is, a page costs the same queries: one for the entries it shows, one for their marks, and one that
reads moments alone, from which the gaps follow.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Left, Length
from django.utils import timezone

from incidents.models import TimelineEntry
from retros.gaps import Cadence, Gap, Open, gaps
from retros.models import TimelineMark

PER_PAGE = 40
SHORT = 500  # characters of an entry; the whole is one link away
Kind = TimelineEntry.Kind
_CURSOR = re.compile(r"(-?\d{1,17})-(\d{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Item:
    """One line of the timeline: an entry with its mark, after the gaps that it ended."""

    entry: TimelineEntry
    mark: TimelineMark | None = None
    gaps: list[tuple[Gap, str]] = field(default_factory=list)

    @property
    def is_starred(self):
        return bool(self.mark and self.mark.is_starred)

    @property
    def kind(self):
        return self.mark.kind if self.mark else ""


@dataclass
class Page:
    """A stretch of the timeline. `after` leads on, and is empty at the end; `gaps` are those nothing has ended."""

    items: list[Item]
    gaps: list[tuple[Gap, str]]
    after: str
    total: int
    starred: int
    is_starred_only: bool


@dataclass(frozen=True)
class Asked:
    """Which stretch: after which entry, and whether of what is starred alone."""

    after: tuple[datetime, int] | None = None
    is_starred_only: bool = False

    @classmethod
    def of(cls, query) -> "Asked":
        """What an address asks for; what makes no sense asks for the beginning."""
        match = _CURSOR.fullmatch(query.get("after", ""))
        try:
            after = (_moment(int(match[1])), int(match[2])) if match else None
        except OverflowError:
            after = None
        return cls(after, query.get("starred") == "1")


def read(retro, incidents, asked) -> Page:
    """A page of the entries of `incidents`, which are those of the retro that the reader may see."""
    by_pk = {one.pk: one for one in incidents}
    moments = _moments(by_pk)
    entries = _entries(retro, by_pk, asked)
    more, entries = len(entries) > PER_PAGE, entries[:PER_PAGE]
    marks = {mark.entry_id: mark for mark in retro.marks.filter(entry__in=[entry.pk for entry in entries])}
    items = [_item(entry, by_pk, marks) for entry in entries]
    unended = _place(items, _gaps(by_pk, moments), asked.after, is_last=not more)
    return Page(
        items=items,
        gaps=unended,
        after=_cursor(entries[-1]) if more else "",
        total=sum(len(one) for one in moments.values()),
        starred=starred_of(retro, by_pk),
        is_starred_only=asked.is_starred_only,
    )


def starred_of(retro, incidents) -> int:
    """How many entries of `incidents` are starred in the retro."""
    return retro.marks.filter(is_starred=True, entry__incident__in=incidents).count()


def entry_line(retro, entry) -> Item:
    """One entry as the timeline shows it, after its mark has changed."""
    return Item(entry, retro.marks.filter(entry=entry).first())


def _item(entry, by_pk, marks):
    entry.incident = by_pk[entry.incident_id]
    return Item(entry, marks.get(entry.pk))


def _entries(retro, by_pk, asked):
    rows = TimelineEntry.objects.filter(incident__in=by_pk)
    if asked.is_starred_only:
        rows = rows.filter(marks__retro=retro, marks__is_starred=True)
    if asked.after:
        at, pk = asked.after
        rows = rows.filter(Q(at__gt=at) | Q(at=at, pk__gt=pk))
    rows = rows.defer("text").annotate(short=Left("text", SHORT), length=Length("text"))
    return list(rows.select_related("author").order_by("at", "pk")[: PER_PAGE + 1])


def _moments(by_pk):
    """When what happened, by incident: the whole timeline, but nothing else of it."""
    found = defaultdict(list)
    rows = TimelineEntry.objects.filter(incident__in=by_pk).exclude(kind=Kind.CORRECTION).order_by()
    for pk, at, kind in rows.values_list("incident", "at", "kind"):
        found[pk].append((at, kind == Kind.UPDATE))
    return found


def _gaps(by_pk, moments):
    """The gaps of every incident, told apart by its reference where there are several."""
    found = []
    for pk, incident in by_pk.items():
        since = incident.detected_at or incident.started_at or incident.declared_at
        until = incident.resolved_at or (timezone.now() if incident.is_open else None)
        if until is None or until <= since:
            continue
        whose = incident.reference if len(by_pk) > 1 else ""
        while_open = Open(since, until)
        found += [(gap, whose) for gap in gaps(moments[pk], while_open, Cadence.of(incident.severity))]
    return sorted(found, key=lambda one: one[0].until)


def _place(items, found, after, is_last):
    """Put each gap before the entry that ended it; returns those that no entry of the last page ended."""
    waiting = [one for one in found if after is None or one[0].until > after[0]]
    for item in items:
        while waiting and waiting[0][0].until <= item.entry.at:
            item.gaps.append(waiting.pop(0))
    return waiting if is_last else []


def _cursor(entry) -> str:
    """A place on the timeline, to the microsecond."""
    since = entry.at - _EPOCH
    return f"{(since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds}-{entry.pk}"


def _moment(microseconds) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
