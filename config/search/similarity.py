"""What a row is like: rare words it shares, words of like meaning, and what else it has in common, each said openly.

A plain full-text rank asks how often words occur. Here a word counts by how few rows of its kind have it, a word of
like meaning somewhat less, and to that comes what the apps know: the same service, region, factor, alert.

    shares("incident", services_of)     # services_of(pks, user) yields (pk, Trait("service", 3, "Checkout"))
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from config.search.concepts import ALIKE
from config.search.index import engine
from config.search.kinds import KINDS, Kind, open_to
from config.search.models import Document
from config.search.words import stem, words

MOST_SLOTS = 32  # words of a text that are asked for
COMMON = 1_000  # rows that have a word: with more it tells nothing apart
WEIGHED = 150  # rows of which more is read than who has which word
LIKE_MEANING = 0.7
SHARED = {"alert": 0.3, "factor": 0.25, "service": 0.2, "region": 0.05}
ENOUGH = 0.1  # of what a perfect twin would have: less is chance
MOST_COUNTED = 20_000
NAMED_WORDS = 4


@dataclass(frozen=True)
class Trait:
    """Something rows may have in common: of which sort, which one, and what people call it."""

    what: str
    key: object
    name: str = field(compare=False)


@dataclass(frozen=True)
class Alike:
    """A row that is like another, how much, and why in words."""

    kind: Kind
    pk: int
    score: float
    traits: tuple[Trait, ...]
    same_words: tuple[str, ...]
    like_words: tuple[str, ...]

    @property
    def why(self) -> str:
        """Why it is brought up: “same service Checkout, words: timeout, gateway”."""
        said = []
        for what in SHARED:
            if names := [trait.name for trait in self.traits if trait.what == what]:
                said.append(f"same {what}{'s' if len(names) > 1 else ''} {', '.join(names)}")
        if self.same_words:
            said.append(f"words: {', '.join(self.same_words)}")
        if self.like_words:
            said.append(f"alike: {', '.join(self.like_words)}")
        return " · ".join(said)


@dataclass
class _Slot:
    """One word of the text that is compared, and as it was written."""

    stem: str
    shown: str


_givers: dict[str, list[Callable]] = defaultdict(list)
_sharers: dict[str, list[Callable]] = defaultdict(list)


def shares(kind: str, traits_of, sharing=None) -> None:
    """Say what rows of a kind have: `traits_of(pks, user)` yields (pk, Trait), of what `user` may see.

    `sharing(traits, most)` names the latest rows that have one of them, whatever their words.
    """
    _givers[kind].append(traits_of)
    if sharing:
        _sharers[kind].append(sharing)


def traits_of(kind: str, pks, user) -> dict[int, set[Trait]]:
    """What each of these rows has."""
    found = defaultdict(set)
    for giver in _givers[kind] if pks else ():
        for pk, trait in giver(list(pks), user):
            found[pk].add(trait)
    return found


def similar_to(kind: str, pks: list[int], user, limit: int = 5) -> list[Alike]:
    """What these rows, taken together, are like; they themselves left out."""
    texts = list(KINDS[kind].reads(pks))
    mine = set().union(*traits_of(kind, pks, user).values())
    title, body = ("\n".join(getattr(text, name) for text in texts) for name in ("title", "body"))
    return similar(kind, title, body, mine, user, exclude=pks, limit=limit)


def similar(
    kind: str, title: str, body: str, traits: Iterable[Trait], user, exclude=(), limit=5
) -> list[Alike]:
    """The rows of a kind that `user` may see and that a text with these traits is most like, the likest first."""
    if KINDS[kind] not in open_to(user):
        return []
    text = _Compared(kind, _slots(title, body))
    traits = set(traits)
    scores = dict.fromkeys(_sharing(kind, traits), 0.0) | text.scores()
    best = sorted(scores.keys() - set(exclude), key=lambda pk: (-scores[pk], -pk))[:WEIGHED]
    seen = list(KINDS[kind].visible_to(user).filter(pk__in=best).values_list("pk", flat=True))
    theirs = traits_of(kind, seen, user)
    counts = Counter(trait for has in theirs.values() for trait in has)
    found = []
    for pk in seen:
        common = [trait for trait in theirs[pk] if trait in traits]
        # What nearly all of them have tells nothing.
        shared = sum(SHARED.get(one.what, 0.1) * (1 - counts[one] / (len(seen) + 1)) for one in common)
        found.append((scores[pk] + shared, pk, common))
    found.sort(key=lambda one: one[:2], reverse=True)
    return [text.alike(*one) for one in found[:limit] if one[0] >= ENOUGH]


def _sharing(kind, traits) -> list[int]:
    return [pk for sharing in _sharers[kind] for pk in sharing(traits, WEIGHED)] if traits else []


def _slots(title, body) -> list[_Slot]:
    """The words that are compared: those of the title, then the most frequent of the rest."""
    shown, often = {}, Counter()
    for word in words(title, 200):
        shown.setdefault(stem(word), word)
    for word in words(body, 2_000):
        often[stem(word)] += 1
        shown.setdefault(stem(word), word)
    ordered = dict.fromkeys([*map(stem, words(title, 200)), *(one for one, _ in often.most_common())])
    return [_Slot(one, shown[one]) for one in ordered if len(one) > 2][:MOST_SLOTS]


class _Compared:
    """A text against all rows of a kind: who has each of its words, and who one of like meaning."""

    def __init__(self, kind, slots):
        self.kind, self.slots = KINDS[kind], slots
        self.exact, self.like = defaultdict(set), defaultdict(set)
        groups = [(n, sorted(ALIKE[slot.stem])) for n, slot in enumerate(slots) if slot.stem in ALIKE]
        asked = [engine().query([[(slot.stem, False)]]) for slot in slots]
        asked += [engine().query([[(one, False) for one in group]]) for _, group in groups]
        for number, pk in engine().holders(kind, asked, COMMON) if asked else ():
            if number < len(slots):
                self.exact[number].add(pk)
            else:
                self.like[groups[number - len(slots)][0]].add(pk)
        for number in range(len(slots)):
            self.like[number] -= self.exact[number]

    def scores(self) -> dict[int, float]:
        """What each row has of the text: 1 for all of it."""
        total = Document.objects.filter(kind=self.kind.name).order_by()[:MOST_COUNTED].count()
        scores, possible = defaultdict(float), 0.0
        for number in range(len(self.slots)):
            have, like = self.exact[number], self.like[number]
            rarity = _rarity(len(have), total)
            possible += rarity
            for pk in have if len(have) < COMMON else ():
                scores[pk] += rarity
            likeness = min(rarity, LIKE_MEANING * _rarity(len(have) + len(like), total))
            for pk in like if len(like) < COMMON else ():
                scores[pk] += likeness
        return {pk: score / possible for pk, score in scores.items()}

    def alike(self, score, pk, common) -> Alike:
        """What a row has in common with the text, in words."""
        traits = tuple(sorted(common, key=lambda trait: trait.name))
        return Alike(self.kind, pk, score, traits, self._named(pk, self.exact), self._named(pk, self.like))

    def _named(self, pk, who) -> tuple[str, ...]:
        """The rarest of the words it has, in the order of the text."""
        has = [number for number in range(len(self.slots)) if pk in who[number]]
        rarest = sorted(has, key=lambda number: len(who[number]))[:NAMED_WORDS]
        return tuple(self.slots[number].shown for number in sorted(rarest))


def _rarity(having, total) -> float:
    return math.log(1 + (total - having + 0.5) / (having + 0.5)) if having < total else 0.01
