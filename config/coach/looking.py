"""Looking over a text: which words stand in the way of learning, why, and which would serve better."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from config.coach.reading import prose, sentences
from config.coach.rules import index
from config.coach.writing import BREAK, LEAD, OTHERS, PERSON

TEAM, CUSTOMERS = AUDIENCES = "team", "customers"
_WORDS = re.compile(r"\w+(?:['-]\w+)*")
_SIGNS = re.compile(f"{PERSON}+|{OTHERS}+")
_PEOPLE = (PERSON, OTHERS)
_NO_WORDS = f" \t\r\n*>{BREAK}\"'“”"


@dataclass(frozen=True)
class Mark:
    """Words of a text, from `start` to `end`, that say less than others would."""

    start: int
    end: int
    text: str
    rule: str
    kind: str
    why: str
    instead: str


def look(text: str, *, audience: str = TEAM, people: Iterable[str] = ()) -> list[Mark]:
    """What the coach would say of `text`, in its order. `people` are names known on this incident."""
    if audience not in AUDIENCES:
        raise ValueError(f"audience is {TEAM!r} or {CUSTOMERS!r}, not {audience!r}")
    plain, named = prose(text, people)
    patterns = _Patterns(audience == CUSTOMERS)
    found = []
    for start, stop in sentences(plain):
        for rule, pattern, first, last in _Sentence(plain, named, start, stop).found(patterns):
            quoted = text[first:last]
            found.append(Mark(first, last, quoted, rule.slug, rule.kind, rule.why, pattern.instead))
    return _without_doubles(found)


class _Patterns(dict):
    """The patterns worth a try at a word; worked out once for each word of a text."""

    def __init__(self, with_jargon):
        self.by_lead = index(with_jargon)

    def __missing__(self, word):
        lengths = range(1, min(len(word), LEAD) + 1)
        self[word] = [found for length in lengths for found in self.by_lead.get(word[:length], ())]
        return self[word]


class _Sentence:
    """A sentence as it stands and with signs for people."""

    def __init__(self, plain, named, start, stop):
        self.plain, self.named, self.start, self.stop = plain, named, start, stop
        self.places = [(match.start(), match[0]) for match in _WORDS.finditer(plain, start, stop)]
        self.words = {word for _, word in self.places}
        self.places += [(match.start(), match[0][0]) for match in _SIGNS.finditer(named, start, stop)]
        self.is_question = plain[start:stop].rstrip("\"'”*_) \n").endswith("?")
        self.idle, self.spared = {}, {}

    def found(self, patterns):
        """What any of the patterns finds, as (rule, pattern, first, last)."""
        for place, word in self.places:
            for rule, group in patterns[word]:
                if not self._is_idle(rule, word):
                    yield from self._found_at(place, rule, group)

    def _found_at(self, place, rule, group):
        for pattern in group:
            if pattern.opens and not self._opens(place):
                continue
            text = self.named if pattern.is_about_people else self.plain
            match = pattern.expression.match(text, place, self.stop)
            if match and not self._is_spared(rule, *match.span()):
                yield rule, pattern, *match.span()

    def _is_idle(self, rule, word):
        if rule.spares_questions and self.is_question:
            return True
        if word not in _PEOPLE or not rule.needs:
            return False
        if rule.slug not in self.idle:
            self.idle[rule.slug] = rule.needs.isdisjoint(self.words)
        return self.idle[rule.slug]

    def _opens(self, place):
        before = self.plain[max(self.start, place - 20) : place].rstrip(_NO_WORDS)
        return not before or before[-1] in ",;:–—-"

    def _is_spared(self, rule, first, last):
        if rule.slug not in self.spared:
            self.spared[rule.slug] = [
                match.span()
                for pattern in rule.exceptions
                for match in pattern.expression.finditer(
                    self.named if pattern.is_about_people else self.plain, self.start, self.stop
                )
            ]
        return any(start < last and first < end for start, end in self.spared[rule.slug])


def _without_doubles(found):
    """Of marks of one kind that overlap, the one that says most; in the order of the text."""
    kept, ends = [], {}
    for mark in sorted(found, key=lambda mark: (mark.start, mark.start - mark.end)):
        if mark.start >= ends.get(mark.kind, 0):
            kept.append(mark)
            ends[mark.kind] = mark.end
    return kept
