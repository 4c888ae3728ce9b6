"""What was answered, in figures: counted by the database, in a few queries however many answers there are.

Under five answers nothing is told in figures: they would say more of who answered than of how we did. Answers by
the links of mails are held against how many were asked; those from the open page are counted apart.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from math import sqrt

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import TruncMonth, TruncQuarter
from django.utils import timezone

from incidents.models import Feedback, FeedbackRequest, Incident, SupportTicket, TicketCount
from incidents.models.feedback import SCALES, Purpose

FEWEST = 5
Z95 = 1.959963984540054
KNOWN = tuple(Feedback.Known.values)
PERIODS = {"month": TruncMonth, "quarter": TruncQuarter}


def wilson(hits: int, of: int, z: float = Z95) -> tuple[float, float]:
    """Between which shares the true one lies, with 95 %, after `hits` of `of`."""
    if not of:
        return 0.0, 1.0
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    reach = z / (1 + z * z / of) * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True)
class Scale:
    """A question answered from 1 to 5: how often each was chosen."""

    counts: tuple[int, ...] = (0,) * 5

    @property
    def total(self) -> int:
        """How many answered it."""
        return sum(self.counts)

    @property
    def is_hidden(self) -> bool:
        """Whether too few answered it for figures."""
        return self.total < FEWEST

    @property
    def mean(self) -> float | None:
        """The mean, or None before anybody answered."""
        return sum(n * count for n, count in enumerate(self.counts, 1)) / self.total if self.total else None

    def __add__(self, other):
        return Scale(tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))


@dataclass(frozen=True)
class Tally:
    """The answers to one question about one thing, by one road."""

    asked: int = 0
    answers: int = 0
    known: tuple[int, int, int] = (0, 0, 0)  # yes, partly, no
    scales: dict[str, Scale] = field(default_factory=lambda: {name: Scale() for name in SCALES})
    is_withheld: bool = False  # taken from the sum, it would tell of fewer than five others

    @property
    def is_hidden(self) -> bool:
        """Whether too few answered for figures, or too few of those it stands beside."""
        return self.answers < FEWEST or self.is_withheld

    @property
    def rate(self) -> float | None:
        """What share of those asked answered; None where nobody was asked by name."""
        return self.answers / self.asked if self.asked else None

    @property
    def yes(self) -> int:
        """How many knew what they needed to know."""
        return self.known[0]

    @property
    def share(self) -> float | None:
        """What share of answers said yes."""
        return self.yes / sum(self.known) if sum(self.known) else None

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares that lies, if many more had answered like these."""
        return wilson(self.yes, sum(self.known))

    def __add__(self, other):
        return Tally(
            self.asked + other.asked,
            self.answers + other.answers,
            tuple(a + b for a, b in zip(self.known, other.known, strict=True)),
            {name: self.scales[name] + other.scales[name] for name in SCALES},
        )


NOTHING = Tally()


@dataclass(frozen=True)
class Heard:
    """What customers said of one incident, or of all of a period."""

    updates: Tally = NOTHING  # by mail
    after: Tally = NOTHING
    updates_page: Tally = NOTHING
    after_page: Tally = NOTHING
    by_update: dict[int, tuple[Tally, Tally]] = field(default_factory=dict)  # pk: by mail, from the page

    @property
    def is_empty(self) -> bool:
        """Whether nobody was asked and nobody answered."""
        tallies = (self.updates, self.after, self.updates_page, self.after_page)
        return not any(one.asked or one.answers for one in tallies)


def heard_of(incidents) -> dict[int, Heard]:
    """What was said of each of some incidents, by primary key: two queries for all."""
    found = _grouped("incident", Q(incident__in=incidents))
    return {pk: _heard(parts) for pk, parts in found.items()}


def by_period(kind: str, incidents) -> list[tuple[date, Heard]]:
    """What was said of the incidents that were declared in each month or quarter, the newest first.

    By the incident's own moment: who is asked in May and answers in June is counted once, in one place.
    """
    zone = timezone.get_default_timezone()
    trunc = PERIODS[kind]("incident__declared_at", tzinfo=zone)
    found = _grouped(trunc, Q(incident__in=incidents))
    days = {at.astimezone(zone).date() if isinstance(at, datetime) else at: p for at, p in found.items()}
    return [(day, _heard(days[day])) for day in sorted(days, reverse=True)]


def _grouped(by, condition) -> dict:
    """{group: {(purpose, update, source): Tally}}, where `by` is a column or what groups are made of."""
    group = {"group": by} if not isinstance(by, str) else {}
    key = "group" if group else by
    found: dict = {}
    rows = (
        Feedback.objects.filter(condition)
        .annotate(**group)
        .order_by()
        .values(key, "purpose", "update", "source")
        .annotate(answers=Count("pk"), **_counts())
    )
    for row in rows:
        place = row["purpose"], row["update"], row["source"]
        found.setdefault(row[key], {})[place] = _tally(row)
    asked = (
        FeedbackRequest.objects.filter(condition)
        .annotate(**group)
        .order_by()
        .values(key, "purpose", "update")
        .annotate(asked=Count("pk"))
    )
    for row in asked:
        places = found.setdefault(row[key], {})
        place = row["purpose"], row["update"], Feedback.Source.MAIL.value
        places[place] = places.get(place, NOTHING) + Tally(asked=row["asked"])
    return found


def _counts() -> dict:
    counts = {f"said_{said}": Count("pk", filter=Q(known=said)) for said in KNOWN}
    for name in SCALES:
        counts |= {f"{name}_{n}": Count("pk", filter=Q(**{name: n})) for n in range(1, 6)}
    return counts


def _tally(row) -> Tally:
    scales = {name: Scale(tuple(row[f"{name}_{n}"] for n in range(1, 6))) for name in SCALES}
    return Tally(0, row["answers"], tuple(row[f"said_{said}"] for said in KNOWN), scales)


def _heard(places) -> Heard:
    def summed(purpose, source):
        found = [one for (p, _, s), one in places.items() if (p, s) == (purpose, source)]
        return sum(found, NOTHING)

    def apart(source):
        return _beside_their_sum([places.get((Purpose.UPDATE.value, pk, source), NOTHING) for pk in updates])

    mail, page = Feedback.Source.MAIL.value, Feedback.Source.PAGE.value
    updates = sorted({update for purpose, update, _ in places if purpose == Purpose.UPDATE})
    return Heard(
        updates=summed(Purpose.UPDATE, mail),
        after=summed(Purpose.AFTER, mail),
        updates_page=summed(Purpose.UPDATE, page),
        after_page=summed(Purpose.AFTER, page),
        by_update=dict(
            zip(updates, zip(*(apart(source) for source in (mail, page)), strict=True), strict=True)
        ),
    )


def _beside_their_sum(tallies: list[Tally]) -> list[Tally]:
    """The same, of which nobody who knows their sum learns what fewer than five answered.

    If the hidden ones are fewer than five together, the smallest of the others is hidden with them.
    """
    hidden = sum(one.answers for one in tallies if one.is_hidden)
    if not 0 < hidden < FEWEST:
        return tallies
    shown = [one for one in tallies if not one.is_hidden]
    least = min(shown, key=lambda one: one.answers, default=None)
    return [replace(one, is_withheld=True) if one is least else one for one in tallies]


# --- Tickets -----------------------------------------------------------------------------------------------


def tickets_of(incidents) -> dict[int, int]:
    """How many tickets each incident made, where anything is known; two queries for all.

    Of each source the newest count, or how many are linked if that is more: a linked ticket is counted as well.
    """
    found: dict[int, dict[str, int]] = {}
    for incident, source, count in latest_counts(incidents).values_list("incident", "source", "count"):
        found.setdefault(incident, {})[source] = count
    linked = SupportTicket.objects.filter(incident__in=incidents).order_by()
    for incident, source, count in linked.values_list("incident", "source").annotate(Count("pk")):
        by_source = found.setdefault(incident, {})
        by_source[source] = max(by_source.get(source, 0), count)
    return {incident: sum(by_source.values()) for incident, by_source in found.items()}


def latest_counts(incidents):
    """The newest count of each source of each incident."""
    alike = TicketCount.objects.filter(incident=OuterRef("incident"), source=OuterRef("source"))
    newest = alike.order_by("-counted_at", "-pk").values("pk")[:1]
    return TicketCount.objects.filter(incident__in=incidents, pk=Subquery(newest))


def words_of(incidents, most=None) -> list[Feedback]:
    """What was said in words, the newest first."""
    rows = Feedback.objects.filter(incident__in=incidents).with_words().select_related("update", "incident")
    return list(rows[:most] if most else rows)


def seen_by(user):
    """The incidents of which somebody may read what was said."""
    return Incident.objects.visible_to(user).real()
