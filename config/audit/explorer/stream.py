"""One stream over the history tables, newest first, read by index at any depth.

Each table gives at most a page of rows beyond a place; the union of these is sorted once. A place is compared
as a row, (moment, table, number), spelled out per table: `(history_date, history_id) < (…)` in the table of the
place, `<=` in the tables after it and `<` in those before. The OR form that the ORM writes reads the whole
table instead. Nothing is counted.

What no index leads to is looked for row by row, and so not further than WALK rows at a time: `Page.searched_to`
says how far that was, and the older page goes on from there.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from config.audit.explorer import sql

PER_PAGE = 50
WALK = 40_000  # rows of each table looked at for one page; of a single table more
WALK_BACK = 15_000  # the same where the row before each must be looked up as well
FEW = 6  # tables among which a whole walk is shared


@dataclass(frozen=True)
class Place:
    """Where a row stands in the stream. With no label it stands after every row of that moment, on the older side."""

    at: datetime
    label: str
    number: int

    def __str__(self):
        return f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}~{self.label}~{self.number}"

    @classmethod
    def read(cls, text) -> "Place | None":
        """The place an address names, or None."""
        match = re.fullmatch(r"([0-9T:.-]{26})~([a-z0-9_.~]{0,100})~([0-9]{1,18})", text, re.ASCII)
        if not match:
            return None
        try:
            at = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(at, match[2], int(match[3])) if 1900 < at.year < 2300 else None


@dataclass(frozen=True)
class Page:
    """The places of the rows of a page, newest first, and where the pages on either side begin."""

    places: list[Place]
    older: Place | None = None
    newer: Place | None = None
    searched_to: datetime | None = None


def page(tables, search, *, before=None, after=None, count=PER_PAGE) -> Page:
    """The page beyond `before` (older) or `after` (newer), else the newest: one statement, whatever the depth."""
    tables = search.of(tables)
    if not tables:
        return Page([])
    is_older = after is None
    found, horizon = _read(tables, search, before if is_older else after, is_older, count + 1)
    more, found = len(found) > count, found[:count]
    if is_older:
        return _older_page(found, more, horizon, before)
    if not more and horizon is None:  # back at the newest, where a page is full again
        return page(tables, search, count=count)
    found.reverse()
    newer = found[0] if more else Place(horizon, "~", 0)
    return Page(found, older=found[-1] if found else after, newer=newer, searched_to=horizon)


def _older_page(found, more, horizon, before) -> Page:
    older = found[-1] if more else Place(horizon, "", 0) if horizon else None
    newer = (found[0] if found else before) if before else None
    return Page(found, older=older, newer=newer, searched_to=None if more else horizon)


def _read(tables, search, place, is_older, count):
    walk = 0
    if search.walks:
        walk = (WALK_BACK if search.columns else WALK) * max(FEW // len(tables), 1)
    branches = [_Branch(table, search, place, is_older, count, walk) for table in tables]
    statement, params = _union(branches, is_older, count)
    rows = [(number, label, sql.as_moment(at)) for number, label, at in sql.run(statement, params)]
    ends = [at for number, label, at in rows if number is None and at is not None]
    horizon = (max(ends) if is_older else min(ends)) if ends else None
    places = [Place(at, tables[label].label, number) for number, label, at in rows if number is not None]
    if horizon is not None:  # beyond it, only some of the tables were looked at
        places = [one for one in places if (one.at >= horizon if is_older else one.at <= horizon)]
    return places, horizon


def _union(branches, is_older, count):
    order = "DESC" if is_older else "ASC"
    ends = [branch.end(at) for at, branch in enumerate(branches) if branch.walk]
    parts = [branch.select(at) for at, branch in enumerate(branches)]
    union = " UNION ALL ".join(text for text, _ in parts)
    params = [param for _, given in (*ends, *parts) for param in given]
    by = f"at {order}, label {order}, number {order}"
    top = f"SELECT number, label, at FROM ({union}) AS u ORDER BY {by} LIMIT {count}"
    if not ends:
        return top, params
    walls = " UNION ALL ".join(f"SELECT NULL, {at}, (SELECT at FROM end_{at})" for at in range(len(branches)))
    walk = ", ".join(text for text, _ in ends)
    whole = f"WITH {walk} SELECT * FROM ({top}) AS t UNION ALL {walls}"
    # What does not begin with SELECT is taken for a write and signed, which costs PostgreSQL a round trip.
    return whole if sql.is_sqlite() else f"SELECT * FROM ({whole}) AS w", params


@dataclass(frozen=True)
class _Branch:
    """One table's share of a page."""

    table: object
    search: object
    place: Place | None
    is_older: bool
    count: int
    walk: int

    @property
    def order(self) -> str:
        way, back = ("DESC", "ASC") if self.is_older else ("ASC", "DESC")
        if self.search.target:  # of one object by number, as the index (object, number) has it
            return f'ORDER BY h."{self.table.pk}" {back}, h.history_id {way}'
        return f"ORDER BY h.history_date {way}, h.history_id {way}"

    def beyond(self) -> list[tuple[str, list]]:
        """The rows on the far side of the place, within the period: what the index (date, number) can answer."""
        found = self.search.period("h")
        if self.place is None:
            return found
        at, sign = sql.moment(self.place.at), "<" if self.is_older else ">"
        if self.search.target and self.table.label == self.place.label:
            return [*found, (f"h.history_id {sign} %s", [self.place.number])]
        if self.table.label == self.place.label:
            return [*found, (f"(h.history_date, h.history_id) {sign} (%s, %s)", [at, self.place.number])]
        comes_first = (
            self.table.label < self.place.label if self.is_older else self.table.label > self.place.label
        )
        return [*found, (f"h.history_date {sign}{'=' if comes_first else ''} %s", [at])]

    def end(self, number) -> tuple[str, list]:
        """How far the walk goes: the moment of the row that many rows on, by the index alone."""
        where, params = sql.both(*self.beyond())
        return (
            f'end_{number}(at) AS (SELECT h.history_date FROM "{self.table.name}" h WHERE {where}'
            f" {self.order} LIMIT 1 OFFSET {self.walk})",
            params,
        )

    def select(self, number) -> tuple[str, list]:
        """The first rows beyond the place that are looked for and may be read."""
        wanted = [*self.search.conditions(self.table, "h"), self.table.seen("h")]
        source, params = f'"{self.table.name}" h', []
        if not self.walk:
            wanted = [*self.beyond(), *wanted]
        elif sql.is_sqlite():
            wanted = [*self.beyond(), (self._within(number), []), *wanted]
        else:
            source, params = self._window()
        where, given = sql.both(*wanted)
        rows = (
            f"SELECT h.history_id AS number, {number} AS label, h.history_date AS at"
            f" FROM {source} WHERE {where} {self.order} LIMIT {self.count}"
        )
        # Only PostgreSQL takes a LIMIT in brackets here, and plans it in two thirds of the time.
        return f"SELECT * FROM ({rows}) AS b{number}" if sql.is_sqlite() else f"({rows})", [*params, *given]

    def _window(self) -> tuple[str, list]:
        """The rows of the walk. Left to itself PostgreSQL reads the whole table, not knowing how near the end is."""
        where, params = sql.both(*self.beyond())
        window = f'SELECT h.* FROM "{self.table.name}" h WHERE {where} {self.order} LIMIT {self.walk}'
        return f"({window}) AS h", params

    def _within(self, number) -> str:
        nowhere = "''" if self.is_older else "'9999'"
        end = f"COALESCE((SELECT at FROM end_{number}), {nowhere})"
        return f"h.history_date {'>=' if self.is_older else '<='} {end}"
