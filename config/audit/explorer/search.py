"""What a person looks for in the history: read from the address, checked, and turned into conditions."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from django.contrib import admin
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from config.audit.actor import KINDS
from config.audit.explorer import sql

UNATTRIBUTED = "unattributed"
ROADS = [(kind.replace(" ", "-"), label, kind) for kind, label in KINDS] + [
    (UNATTRIBUTED, "Unattributed", "")
]
CHANGES = [("created", "Created", "+"), ("changed", "Changed", "~"), ("deleted", "Deleted", "-")]
NAMES = ("from", "to", "model", "object", "who", "how", "field", "change", "request")
LARGEST = 2**63 - 1
LONGEST = 200  # characters of anything typed
FIRST_YEAR, LAST_YEAR = 1970, 2200


@dataclass(frozen=True)
class Search:
    """What is looked for. Empty is everything; `errors` says in words what could not be understood."""

    since: datetime | None = None
    until: datetime | None = None  # not included
    labels: frozenset[str] = frozenset()
    target: tuple[str, int] | None = None  # label and key of one object
    who: str = ""
    how: str | None = None
    columns: dict[str, str] = field(default_factory=dict)  # label → column that changed
    change: str = ""
    request: str = ""
    is_gone: bool = False  # only the last row of what no longer exists
    errors: tuple[str, ...] = ()
    typed: dict[str, list[str]] = field(default_factory=dict, compare=False)

    @property
    def query(self) -> str:
        """The address's query that asks for the same."""
        asked = QueryDict(mutable=True)
        for name in NAMES:
            if values := self.typed.get(name):
                asked.setlist(name, values)
        return asked.urlencode()

    def only_gone(self) -> "Search":
        """The same, of what no longer exists."""
        return replace(self, is_gone=True)

    @property
    def walks(self) -> bool:
        """Whether no index leads to what is looked for, so that rows must be read one by one."""
        return self.target is None and bool(
            self.who or self.how is not None or self.columns or self.change or self.request or self.is_gone
        )

    def of(self, tables) -> list:
        """Those of `tables` in which something can be found."""
        found = [table for table in tables if not self.labels or table.label in self.labels]
        if self.target:
            found = [table for table in found if table.label == self.target[0]]
        return [table for table in found if not self.columns or table.label in self.columns]

    def period(self, alias) -> list[tuple[str, list]]:
        """The condition on the moment of a row."""
        found = []
        if self.since:
            found.append((f"{alias}.history_date >= %s", [sql.moment(self.since)]))
        if self.until:
            found.append((f"{alias}.history_date < %s", [sql.moment(self.until)]))
        return found

    def conditions(self, table, alias) -> list[tuple[str, list]]:
        """Everything but the period, as conditions on a row of the history of `table`."""
        found = [*self._actor(alias)]
        if self.target:
            # A range, so that PostgreSQL takes the index (object, number): see changes.py.
            found.append((f'{alias}."{table.pk}" BETWEEN %s AND %s', [self.target[1]] * 2))
        if self.change:
            found.append((f"{alias}.history_type = %s", [self.change]))
        if self.columns:
            found += [(f"{alias}.history_type = '~'", []), _differs(table, self.columns[table.label], alias)]
        if self.is_gone:
            found.append(_is_last(table, alias))
        return found

    def _actor(self, alias):
        if self.who.isdecimal():
            yield f"{alias}.history_user_id = %s", [int(self.who)]
        elif self.who:
            yield f"UPPER({alias}.history_user_name) LIKE UPPER(%s) ESCAPE '!'", [f"%{_escaped(self.who)}%"]
        if self.how is not None:
            yield f"{alias}.history_actor_kind = %s", [self.how]
        if self.request:
            yield f"{alias}.history_request_id LIKE %s ESCAPE '!'", [f"{_escaped(self.request)}%"]


def _escaped(text) -> str:
    return re.sub("([!%_])", r"!\1", text)


def _differs(table, column, alias):
    """The row before says otherwise; of what the person may read, as the page shows it."""
    seen, params = table.seen("p")
    differs = "IS NOT" if sql.is_sqlite() else "IS DISTINCT FROM"
    before = (
        f'SELECT p."{column}" FROM "{table.name}" p WHERE p."{table.pk}" = {alias}."{table.pk}"'
        f" AND p.history_id < {alias}.history_id{' AND ' + seen if seen else ''}"
        " ORDER BY p.history_id DESC LIMIT 1"
    )
    return f'{alias}."{column}" {differs} ({before})', params


def _is_last(table, alias):
    later = f'SELECT 1 FROM "{table.name}" n WHERE n."{table.pk}" = {alias}."{table.pk}"'
    return f"{alias}.history_type = '-' AND NOT EXISTS ({later} AND n.history_id > {alias}.history_id)", []


# --- Reading the address -----------------------------------------------------------------------------------


def read(asked, tables) -> Search:
    """What `asked` (a QueryDict) looks for in `tables`. What cannot be understood is said and not searched for."""
    return _Reading(asked, tables).search()


class _Reading:
    def __init__(self, asked, tables):
        self.tables = {table.label: table for table in tables}
        self.errors = []
        self.typed = {}
        for name in NAMES:
            values = [one.strip() for one in asked.getlist(name) if one.strip()]
            if any(len(one) > LONGEST or "\x00" in one for one in values):
                self.errors.append(f"What is asked for as “{name}” is no text that can be searched for.")
            elif values:
                self.typed[name] = values if name == "model" else values[-1:]

    def search(self) -> Search:
        labels = self._labels()
        found = {
            "since": self._moment("from"),
            "until": self._moment("to", is_end=True),
            "labels": labels,
            "target": self._target(),
            "who": self._who(),
            "how": self._choice("how", {key: kind for key, _, kind in ROADS}),
            "change": self._choice("change", {key: sign for key, _, sign in CHANGES}) or "",
            "request": self._request(),
            "columns": self._columns(labels),
        }
        if found["since"] and found["until"] and found["since"] >= found["until"]:
            self.errors.append("The period ends before it begins.")
        return Search(**found, errors=tuple(self.errors), typed=self.typed)

    def _one(self, name) -> str:
        return self.typed.get(name, [""])[0]

    def _refuse(self, message) -> None:
        self.errors.append(message)

    def _labels(self):
        known = set(self.tables)
        unknown = [one for one in self.typed.get("model", []) if one not in known]
        if unknown:
            self._refuse(f"There is no history called “{unknown[0]}” that you may read.")
        return frozenset(self.typed.get("model", [])) & known

    def _moment(self, name, is_end=False):
        text = self._one(name)
        if not text:
            return None
        try:
            at = moment_of(text, is_end=is_end)
        except ValueError:
            self._refuse(f"“{text}” is no day: write it as 2026-09-30, or with a time as 2026-09-30T14:00.")
            return None
        return at

    def _target(self):
        text = self._one("object")
        if not text:
            return None
        target = target_of(text, self.tables)
        if target is None:
            self._refuse(f"“{text}” names no object: write a reference such as INC-0042, or incident 42.")
        return target

    def _who(self):
        who = self._one("who")
        if who.isdecimal() and (not who.isascii() or int(who) > LARGEST):
            self._refuse("No person has such a number.")
            return ""
        return who

    def _choice(self, name, choices):
        asked = self._one(name)
        if asked and asked not in choices:
            self._refuse(f"“{asked}” is none of: {', '.join(choices)}.")
            return None
        return choices.get(asked)

    def _request(self):
        asked = self._one("request")
        if asked and not re.fullmatch(r"[\w.:-]{4,64}", asked, re.ASCII):
            self._refuse("A request is named by at least four letters and digits, such as 3f9a01bc.")
            return ""
        return asked

    def _columns(self, labels):
        asked = self._one("field").lower()
        if not asked:
            return {}
        found = {}
        for label in labels or self.tables:
            for one in self.tables[label].history.tracked_fields:
                if asked in (one.name, one.attname, str(one.verbose_name).lower()) and not one.primary_key:
                    found[label] = one.column
        if not found:
            self._refuse(f"Nothing here has a field called “{asked}”.")
        return found


def moment_of(text, *, is_end=False) -> datetime:
    """A day or moment as typed, where the reader is; the end of a day is the beginning of the next.

    Raises ValueError for what is neither, or lies outside 1970 to 2200.
    """
    day = parse_date(text) if re.fullmatch(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text, re.ASCII) else None
    if day is not None:
        _refuse_far(day)
        return midnight(day + timedelta(days=1) if is_end else day)
    at = parse_datetime(text)
    if at is None:
        raise ValueError(text)
    _refuse_far(at)
    at = timezone.make_aware(at) if timezone.is_naive(at) else at
    return at.astimezone(UTC)


def _refuse_far(day) -> None:
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise ValueError(day)


def midnight(day: date) -> datetime:
    """When a day begins where the reader is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def target_of(text, tables) -> tuple[str, int] | None:
    """The object that people mean by “INC-0042”, “incident 42” or “incidents.incident:42”, if it can be one."""
    match = re.fullmatch(r"([A-Za-z_. ]+?)\s*[-:#/ ]\s*#?0*([0-9]{1,19})", text.strip(), re.ASCII)
    if not match or not (number := int(match[2])) <= LARGEST:
        return None
    name = match[1].strip().lower()
    for label, table in tables.items():
        opts = table.model._meta
        if name in (label, opts.model_name, str(opts.verbose_name).lower()) or name in _prefixes(table.model):
            return label, number
    return None


def _prefixes(model) -> set[str]:
    registered = admin.site.is_registered(model) and admin.site.get_model_admin(model)
    references = getattr(registered, "references", {})
    return {prefix.lower() for prefix, lookup in references.items() if lookup == "pk"}


def without(search, *names) -> str:
    """The query of a search that no longer looks for `names`."""
    return replace(
        search, typed={key: value for key, value in search.typed.items() if key not in names}
    ).query


def quarters(today) -> list[tuple[str, date, date]]:
    """The periods people ask for most: label, first and last day."""
    first = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    last_end = first - timedelta(days=1)
    last_first = date(last_end.year, 3 * ((last_end.month - 1) // 3) + 1, 1)
    return [
        ("Last 7 days", today - timedelta(days=6), today),
        ("Last 30 days", today - timedelta(days=29), today),
        ("This quarter", first, today),
        ("Last quarter", last_first, last_end),
    ]
