"""How often the coach is right, on sentences that were labelled by hand: labelled.txt."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.coach.looking import Mark, look
from config.coach.reading import example
from config.coach.rules import KINDS

FILE = Path(__file__).with_name("labelled.txt")
RULES, HELD_OUT = "rules", "held_out"
SPLITS = (RULES, HELD_OUT)
_HEADING = re.compile(r"== (\w+) \| (\w+) \| ([\w, ]+) ==")


@dataclass(frozen=True)
class Sentence:
    """One sentence and what is to be marked in it."""

    split: str
    audience: str
    kinds: frozenset[str]
    text: str
    people: tuple[str, ...]

    def marks(self) -> list[Mark]:
        return look(self.text, audience=self.audience, people=self.people)


@dataclass(frozen=True)
class Miss:
    """A kind that was marked and is fair, or is to be marked and was not."""

    sentence: Sentence
    kind: str
    is_false_alarm: bool
    words: str = ""


@dataclass
class Score:
    """Pairs of sentence and kind: rightly marked, marked though fair, not marked."""

    right: int = 0
    false_alarms: int = 0
    unseen: int = 0

    @property
    def precision(self) -> float:
        marked = self.right + self.false_alarms
        return self.right / marked if marked else 1.0

    @property
    def recall(self) -> float:
        wanted = self.right + self.unseen
        return self.right / wanted if wanted else 1.0


@cache
def labelled() -> tuple[Sentence, ...]:
    """All sentences, in the order of the file."""
    return tuple(_read(FILE.read_text(encoding="utf-8").splitlines()))


def _read(lines):
    heading = None
    for line in lines:
        if line.startswith("=="):
            split, audience, kinds = _HEADING.fullmatch(line).groups()
            heading = split, audience, frozenset(kinds.split(", ")) - {"fair"}
        elif line and not line.startswith("#"):
            yield Sentence(*heading, *example(line))


def score(sentences: Iterable[Sentence]) -> tuple[dict[str, Score], list[Miss]]:
    """The scores by kind and, as "all", over all kinds; and each miss."""
    scores, misses = {kind: Score() for kind in (*KINDS, "all")}, []
    for sentence in sentences:
        words = {}
        for mark in sentence.marks():
            words.setdefault(mark.kind, mark.text)
        for kind in words.keys() | sentence.kinds:
            _count(scores, kind, kind in words, kind in sentence.kinds)
            if (kind in words) != (kind in sentence.kinds):
                misses.append(Miss(sentence, kind, kind in words, words.get(kind, "")))
    return scores, misses


def _count(scores, kind, is_marked, is_wanted):
    for one in (scores[kind], scores["all"]):
        one.right += is_marked and is_wanted
        one.false_alarms += is_marked and not is_wanted
        one.unseen += is_wanted and not is_marked
