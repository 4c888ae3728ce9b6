"""Reads the values of a foreign document, and says where in it something is not what it should be."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from django.core.exceptions import ValidationError

from config.forms import validate_text

# No colon: what is ours in the same column (“doubt:started_at”) can never be theirs.
IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,100}")
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII
)  # a zone is a must: half of the world would be wrong about any other moment
YEARS = range(1000, 9999)  # what every time zone can show: none of them can show the year 0 or 10000
SLACK = 1_000  # characters that cleaning may take away before a length counts


class Refused(Exception):
    """The document cannot be imported: one line that says where, and what is wrong there."""


def shown(value) -> str:
    """A value as it stands in a one-line message, shortened."""
    if isinstance(value, list | dict):  # which may be as deep as the stack
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value[:200]) if isinstance(value, str) else {None: "null"}.get(value, repr(value))
    return text if len(text) <= 80 else f"{text[:77]}…"


@dataclass(frozen=True)
class Part:
    """An object inside the document, and the words that lead a reader to it."""

    where: str
    values: dict

    @classmethod
    def of(cls, value, where):
        """A part, if `value` is an object at all."""
        if not isinstance(value, dict):
            raise Refused(f"{where} is not an object: {shown(value)}")
        return cls(where, value)

    def refuse(self, name, problem) -> NoReturn:
        """Say where, which value, and what is wrong with it."""
        problem = problem if name not in self.values else f"{problem}: {shown(self.values[name])}"
        raise Refused(f"{self.where}: {name} {problem}")

    def _value(self, name, kind, problem, *, is_required):
        value = self.values.get(name)
        if value is None and not is_required:
            return None
        if name not in self.values:
            self.refuse(name, "is missing")
        if not isinstance(value, kind):
            self.refuse(name, problem)
        return value

    def text(self, name, field, *, is_required=True, empty="") -> str:
        """A text as the model field keeps it; `empty` if there is none and none is required."""
        value = self._value(name, str, "is not text", is_required=is_required) or ""
        return self.fit(name, value if value.strip() else empty, field)

    def fit(self, name, value, field) -> str:
        """`value` cleaned by the model field, or refused with the field's own words."""
        try:
            validate_text(value)
            _limit(value, field.max_length + SLACK)  # first, as cleaning takes its time over megabytes
            return field.clean(value, None)
        except ValidationError as error:
            self.refuse(name, f"cannot be kept ({' '.join(error.messages)})")

    def identifier(self, name="id") -> str:
        """What the source calls it: letters, digits, dots, dashes."""
        value = self._value(name, str, "is not text", is_required=True)
        if not IDENTIFIER.fullmatch(value):
            self.refuse(name, "is not an identifier")
        return value

    def moment(self, name, *, is_required=False) -> datetime | None:
        """A moment in UTC; None if there is none and none is required."""
        value = self._value(name, str, "is not a moment", is_required=is_required)
        if value is None:
            return None
        if (moment := moment_of(value)) is None:
            self.refuse(name, "is not a moment")
        return moment

    def part(self, name) -> "Part":
        """The object under `name`."""
        return self.of(self._value(name, dict, "is not an object", is_required=True), name)

    def parts(self, name, what, *, key="id", is_required=True) -> list["Part"]:
        """The objects in the list under `name`, each found again as `what` and its identifier."""
        values = self._value(name, list, "is not a list", is_required=is_required) or []
        return [Part.of(value, self._way(what, value, key, n)) for n, value in enumerate(values, 1)]

    def _way(self, what, value, key, number):
        name = value.get(key) if isinstance(value, dict) else None
        named = isinstance(name, str) and IDENTIFIER.fullmatch(name)
        way = f"{what} {name}" if named else f"{what} no. {number}"
        return f"{self.where}, {way}" if self.where != TOP else way

    def texts(self, name, field) -> list[str]:
        """A list of texts, each as the model field keeps it; empty if there is none."""
        values = self._value(name, list, "is not a list", is_required=False) or []
        for value in values:
            if not isinstance(value, str):
                self.refuse(name, "holds something that is not text")
        return [self.fit(name, value, field) for value in values if value.strip()]


TOP = "the document"


def _limit(text, length):
    if len(text) > length:
        raise ValidationError(f"It has {len(text):,} characters, at most {length:,} are kept.")


def moment_of(text: str) -> datetime | None:
    """The moment that an ISO 8601 text with a zone names, in UTC, or None if it names none."""
    if not MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in YEARS else None


def said(moment: datetime) -> str:
    """A moment as the timeline tells it, to the millisecond."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def refuse_twice(names, what) -> None:
    """No two of them may be called the same."""
    seen = set()
    for name in names:
        if name in seen:
            raise Refused(f"{what} {name} is there twice")
        seen.add(name)
