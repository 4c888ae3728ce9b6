"""The weekly summary: what became of what was promised, for who led the retro and for who manages the owners.

Every number is counted when the mail is sent, from what its reader may see, and leads to the list it was counted from.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import dateformat, timezone

from actions.models import ActionItem, EffectivenessCheck
from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from config.outbox.sweeps import sweep
from config.people.models import User
from config.reminding.unsubscribing import unsubscribe_url
from config.reminding.wording import absolute, due_in_words, line
from retros.models import Retrospective

KIND = "actions.summary"
WEEK = timedelta(days=7)
AT_ONCE = 5_000  # keys in one question
PARTS, DETAILS = 15, 5  # retros or people in one mail, things named under one number; the rest is counted


@sweep
def queue_summaries(at=None) -> int:
    """Queue the summary of each whose week has begun; returns how many are new."""
    at = at or timezone.now()
    due = {row.key: row for row in (_summary_for(person, at) for person in readers()) if row}
    for keys in _slices(list(due), AT_ONCE):
        for key in Delivery.objects.filter(key__in=keys).values_list("key", flat=True):
            del due[key]
    return Delivery.objects.queue(list(due.values())) if due else 0


def readers() -> QuerySet:
    """Who leads retros with open items or retros not published yet, and who manages owners of open items."""
    items = ActionItem.objects.open()
    led = Retrospective.objects.filter(facilitator=OuterRef("pk"))
    unfinished = ~Q(status=Retrospective.Status.PUBLISHED) | Exists(items.filter(retro=OuterRef("pk")))
    owned = items.filter(owner__manager=OuterRef("pk"))
    people = User.objects.filter(is_active=True, wants_summary=True)
    return people.filter(Exists(led.filter(unfinished)) | Exists(owned)).order_by("pk")


def _summary_for(person, at) -> Delivery | None:
    """This week's summary once their first working moment of the week has come; None before, or if there is none."""
    calendar, monday = person.calendar, _monday(person.today(at))
    first = calendar.next_working_moment(datetime.combine(monday, time(), person.zone))
    if first is None or first > at:
        return None
    due_at = calendar.next_working_moment(at)
    if due_at is None or person.today(due_at) >= monday + WEEK:
        return None  # the week is over for them
    key = f"summary:person {person.pk}:{_week(monday)}"
    return Delivery(key=key, kind=KIND, recipient=person, address=person.email, due_at=due_at)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def _slices(rows, size):
    return (rows[start : start + size] for start in range(0, len(rows), size))


# --- What it says


@dataclass(frozen=True)
class Named:
    """One thing under a number."""

    text: str
    url: str


@dataclass(frozen=True)
class Number:
    """One number in words, the list it was counted from, and the first things on it."""

    text: str
    url: str
    named: list[Named] = field(default_factory=list)


@dataclass
class Part:
    """What there is to say of one retro, or of one person."""

    title: str
    url: str
    weight: int = 0
    numbers: list[Number] = field(default_factory=list)


@dataclass(frozen=True)
class Period:
    """From the Monday of last week on, where the reader is."""

    at: datetime
    today: date
    monday: date
    since: datetime

    @classmethod
    def of(cls, person, at) -> "Period":
        today = person.today(at)
        monday = _monday(today) - WEEK
        return cls(at, today, monday, datetime.combine(monday, time(), person.zone))


@dataclass(frozen=True)
class Side:
    """From where one looks at the same things: by retro, as who leads it, or by owner, as who manages them."""

    group: str  # of an item
    group_of_retro: str
    items: QuerySet
    checks: QuerySet
    retros: QuerySet


@message(KIND, in_working_hours=True)
def summary(delivery) -> Mail:
    """Tells once a week what is late, what was done, what moved and what waits."""
    person, period = delivery.recipient, Period.of(delivery.recipient, timezone.now())
    _check(delivery, person, period)
    led, managed = sides(person, period)
    sections = [
        ("Retrospectives you lead", _parts(led, period, _retro_parts)),
        ("People who report to you", _parts(managed, period, _people_parts)),
    ]
    if not any(parts for _, parts in sections):
        raise NoLongerTrue("There is nothing to say this week.")
    context = {
        "person": person,
        "in_short": in_short(person, period),
        "since": dateformat.format(period.monday, "l j F Y"),
        "sections": [(heading, parts[:PARTS], _more(parts)) for heading, parts in sections if parts],
        "unsubscribe_url": unsubscribe_url(person, "summary"),
    }
    thread = f"summary:person {person.pk}"
    unsubscribe = context["unsubscribe_url"]
    return Mail(
        "summary", context, thread=thread, reason="summary", list_id="summaries", unsubscribe=unsubscribe
    )


def _check(delivery, person, period):
    if not person.is_active:
        raise NoLongerTrue(f"{person} does not work here any more.")
    if delivery.address != person.email:
        raise NoLongerTrue(f"{person} has another address now.")
    if not person.wants_summary:
        raise NoLongerTrue(f"{person} does not want it any more.")
    if not delivery.key.endswith(_week(period.today)):
        raise NoLongerTrue("Its week is over; the next one tells more.")


def sides(person, period) -> tuple[Side, Side]:
    """The same things from both sides, as far as `person` may see them."""
    items = ActionItem.objects.visible_to(person)
    checks = EffectivenessCheck.objects.open().visible_to(person).filter(due_on__lte=period.today)
    retros = Retrospective.objects.overdue(period.at).visible_to(person)
    led = Side(
        *("retro", "pk"),
        items.filter(retro__facilitator=person),
        checks.filter(item__retro__facilitator=person),
        retros.filter(facilitator=person),
    )
    managed = Side(
        *("owner", "facilitator"),
        items.filter(owner__manager=person),
        checks.filter(asked_of__manager=person),
        retros.filter(facilitator__manager=person),
    )
    return led, managed


def in_short(person, period) -> str:
    """All of it in one line; what is seen from both sides counts once."""
    seen = ActionItem.objects.visible_to(person)
    mine = seen.filter(Q(retro__facilitator=person) | Q(owner__manager=person))
    counts = mine.aggregate(**_counts(period))
    since = dateformat.format(period.monday, "l j F")
    return (
        f"{counts['overdue']:,} overdue now, {counts['new']:,} of them newly. "
        f"{counts['done']:,} done since {since}. {counts['blocked']:,} blocked."
    )


def _counts(period) -> dict[str, Count]:
    """Overdue as the list counts it, by the day in UTC."""
    is_open = Q(status__in=ActionItem.OPEN)
    is_overdue = is_open & Q(due_on__lt=period.at.astimezone(UTC).date())
    wanted = {
        "overdue": is_overdue,
        "new": is_overdue & Q(due_on__gte=_eve(period)),
        "done": Q(status=ActionItem.Status.DONE, ended_at__gte=period.since),
        "blocked": is_open & ~Q(waits_for=""),
    }
    return {name: Count("pk", filter=condition) for name, condition in wanted.items()}


def _eve(period) -> date:
    """What was due on that day is overdue from the Monday on."""
    return period.monday - timedelta(days=1)


def slipped(items, period) -> QuerySet:
    """Items whose day was moved since then, as the history tells."""
    versions = ActionItem.history.model.objects.filter(id=OuterRef("pk"), history_date__lt=period.since)
    before = versions.order_by("-history_date", "-history_id").values("slips")[:1]
    moved = items.filter(slips__gt=0).annotate(before=Coalesce(Subquery(before), 0))
    return moved.filter(slips__gt=F("before")).order_by("due_on", "pk")


@dataclass
class Found:
    """What was found on one side, by group."""

    counts: dict = field(default_factory=dict)
    slipped: dict = field(default_factory=lambda: defaultdict(list))
    blocked: dict = field(default_factory=lambda: defaultdict(list))
    checks: dict = field(default_factory=lambda: defaultdict(list))
    retros: dict = field(default_factory=lambda: defaultdict(list))

    def groups(self) -> set:
        found = self.counts, self.slipped, self.blocked, self.checks, self.retros
        return {group for kind in found for group in kind if group}


def _find(side, period) -> Found:
    """Everything there is to say from one side, in five queries however much it is."""
    found = Found()
    recent = side.items.filter(Q(status__in=ActionItem.OPEN) | Q(ended_at__gte=period.since))
    for row in recent.order_by().values(side.group).annotate(**_counts(period)):
        counts = {name: number for name, number in row.items() if name != side.group and number}
        if counts:
            found.counts[row[side.group]] = counts
    for item in slipped(side.items.open(), period):
        found.slipped[getattr(item, f"{side.group}_id")].append(item)
    for item in side.items.open().exclude(waits_for="").order_by("due_on", "pk"):
        found.blocked[getattr(item, f"{side.group}_id")].append(item)
    for check in side.checks.select_related("item").order_by("due_on", "pk"):
        found.checks[check.item.retro_id if side.group == "retro" else check.asked_of_id].append(check)
    for retro in side.retros.order_by("due_on", "pk"):
        group = retro.pk if side.group_of_retro == "pk" else retro.facilitator_id
        found.retros[group].append(retro)
    return found


def _parts(side, period, titles) -> list[Part]:
    """A part for each group that there is something to say of, the most overdue first."""
    found = _find(side, period)
    parts = []
    for group, title, url in titles(found.groups()):
        part = Part(title, absolute(url), found.counts.get(group, {}).get("overdue", 0))
        part.numbers = list(_numbers(side, group, found, period))
        parts.append(part)
    return sorted(parts, key=lambda part: (-part.weight, part.title))


def _retro_parts(groups):
    for retro in Retrospective.objects.in_bulk(groups).values():
        yield retro.pk, line(str(retro)), retro.get_absolute_url()


def _people_parts(groups):
    for person in User.objects.in_bulk(groups).values():
        yield person.pk, line(str(person)), _items(owner__id__exact=person.pk, stage="open")


def _numbers(side, group, found, period) -> Iterator[Number]:
    of = {f"{side.group}__id__exact": group}
    for retro in found.retros[group][:DETAILS]:
        what = "" if side.group_of_retro == "pk" else f"{line(str(retro))}: "
        when = due_in_words(retro.due_on, period.today)
        yield Number(f"{what or 'Still '}not published. {when}", absolute(retro.get_absolute_url()))
    counts = found.counts.get(group, {})
    if number := counts.get("overdue"):
        yield Number(f"{number:,} overdue", _items(**of, stage="overdue"))
    if number := counts.get("new"):
        link = _items(**of, stage="overdue", due_on_from=_eve(period))
        yield Number(f"{number:,} newly overdue", link)
    if number := counts.get("done"):
        link = _items(**of, status__exact="done", ended_at_from=period.monday)
        yield Number(f"{number:,} done", link)
    if items := found.slipped[group]:
        named = [
            Named(_how_moved(item, period), absolute(item.get_absolute_url())) for item in items[:DETAILS]
        ]
        yield Number(f"{len(items):,} moved to a later day", _items(**of, stage="open", slips=1), named)
    if items := found.blocked[group]:
        named = [
            Named(f"{line(str(item))} waits for: {line(item.waits_for)}", absolute(item.get_absolute_url()))
            for item in items[:DETAILS]
        ]
        yield Number(f"{len(items):,} blocked", _items(**of, waiting="blocked"), named)
    if checks := found.checks[group]:
        named = [Named(line(str(check)), absolute(_check_page(check))) for check in checks[:DETAILS]]
        yield Number(f"{len(checks):,} to be answered", _checks(side, group), named)


def _how_moved(item, period) -> str:
    times = "once" if item.slips == 1 else f"{item.slips} times"
    return f"{line(str(item))}: {due_in_words(item.due_on, period.today)}; moved {times} in all"


def _more(parts) -> str:
    return f"And {len(parts) - PARTS:,} more" if len(parts) > PARTS else ""


def _items(**filters) -> str:
    return absolute(f"{reverse('admin:actions_actionitem_changelist')}?{urlencode(filters)}")


def _check_page(check) -> str:
    return reverse("admin:actions_effectivenesscheck_change", args=[check.pk])


def _checks(side, group) -> str:
    filters = {"status__exact": EffectivenessCheck.Status.ASKED}
    if side.group == "owner":
        filters["asked_of__id__exact"] = group
    return absolute(f"{reverse('admin:actions_effectivenesscheck_changelist')}?{urlencode(filters)}")
