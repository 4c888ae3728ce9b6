"""What a person asks for: read from the address, whatever is in it, and turned into words.

Every word has to be there: itself, another form of it, or a word that begins with it (from three letters on).
`*gate` asks for the inside of words. Anything else that is typed is no syntax: quotes, brackets and operators
only part words.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date

from config.search.kinds import KINDS
from config.search.words import LONGEST, STOP, WORD, fold, stem

LONGEST_QUESTION = 200
MOST_WORDS = 10
SHORTEST_BEGINNING = 3  # letters: shorter ones begin half of all words
REFERENCE = re.compile(r"\s*([A-Za-z]{2,10})[-\s#]?0*(\d{1,18})\s*", re.ASCII)
_ASKED = re.compile(rf"(\*?)({WORD.pattern})")


@dataclass(frozen=True)
class Word:
    """One word that is asked for; `is_inside`: it may stand anywhere in a word."""

    text: str
    is_inside: bool = False

    @property
    def stem(self) -> str:
        return stem(self.text)

    @property
    def begins(self) -> bool:
        return len(self.text) >= SHORTEST_BEGINNING

    def fits(self, other: str) -> bool:
        """Whether `other`, folded, is a word that is meant."""
        if self.is_inside:
            return self.text in other
        return other == self.text or (self.begins and other.startswith(self.text)) or stem(other) == self.stem


@dataclass(frozen=True)
class Question:
    """What is looked for."""

    text: str = ""
    words: tuple[Word, ...] = ()
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None  # not included
    days: tuple[str, str] = ("", "")
    order: str = "best"
    after: tuple[float, int] | None = None  # the place after which the page begins
    errors: tuple[str, ...] = ()

    @property
    def reference(self) -> tuple[str, int] | None:
        """The kind and number of what is named: INC-0042."""
        match = REFERENCE.fullmatch(self.text)
        if not match:
            return None
        kinds = {kind.prefix: kind.name for kind in KINDS.values()}
        kind = kinds.get(match[1].upper())
        return (kind, int(match[2])) if kind else None

    def address(self, **changes) -> str:
        """The query of the same question with `changes`."""
        said = {
            "q": self.text,
            "kind": self.kind,
            "from": self.days[0],
            "to": self.days[1],
            "order": "" if self.order == "best" else self.order,
        }
        asked = QueryDict(mutable=True)
        asked.update({name: value for name, value in (said | changes).items() if value})
        return asked.urlencode()


def read(params) -> Question:
    """The question in an address. What cannot be understood is said in `errors`."""
    text = params.get("q", "")[:LONGEST_QUESTION].replace("\x00", " ").strip()
    kind, order = params.get("kind", ""), params.get("order", "")
    errors = []
    first, last = (_day(params.get(name, ""), errors) for name in ("from", "to"))
    return Question(
        text=text,
        words=read_words(text),
        kind=kind if kind in KINDS else "",
        since=_midnight(first),
        until=_midnight(last + timedelta(days=1) if last else None),
        days=tuple(day.isoformat() if day else "" for day in (first, last)),
        order="newest" if order == "newest" else "best",
        after=_place(params.get("after", "")),
        errors=tuple(errors),
    )


def read_words(text: str) -> tuple[Word, ...]:
    """The words that are asked for, each once; those that are in every text are left out."""
    found = {}
    for star, word in _ASKED.findall(fold(text)):
        word = word[:LONGEST]
        if word not in STOP:
            found.setdefault(word, Word(word, bool(star) and len(word) >= SHORTEST_BEGINNING))
    return tuple(found.values())[:MOST_WORDS]


def _day(typed, errors):
    if not (typed := typed.strip()):
        return None
    try:
        day = parse_date(typed)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 2200:
        errors.append(f"“{typed[:40]}” is no day: write it like 2026-07-01.")
        return None
    return day


def _midnight(day):
    return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC) if day else None


def _place(typed):
    match = re.fullmatch(r"(-?\d{1,20}(?:\.\d{1,20})?)_(\d{1,18})", typed, re.ASCII)
    return (float(match[1]), int(match[2])) if match else None
