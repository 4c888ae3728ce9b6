"""Names in a text: whole, by first or last name, by initials, by the name of a mailbox; in any case."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

from config.redaction.reading import as_seen
from config.redaction.words import ALSO_WORDS, CAPITALS, LEGAL, ROLES

_WORD = re.compile(r"[^\W_]+")
_GAP = 3  # characters between two words of one name: “Ruiz, Ana”, “ana_ruiz”
_SENTENCE = re.compile(r"(?:^|[.!?:\n]|\A)[\s\"'(\[#>-]*\Z")


def names(text: str, people: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where one of `people`, given by names and mailboxes, is named in `text`, as it is seen."""
    return _found(text, _known(tuple(sorted({p for p in people if p})), is_person=True))


def companies(text: str, customers: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where one of `customers` is named in `text`, with or without what kind of company it is."""
    return _found(text, _known(tuple(sorted({c for c in customers if c})), is_person=False))


def _found(text, known):
    by_first, initials = known
    if not by_first and not initials:
        return
    words = [(m.start(), m.end(), m[0], m[0].casefold()) for m in _WORD.finditer(text)]
    for place, (start, end, word, folded) in enumerate(words):
        if word in initials:
            yield start, end
        for name in by_first.get(folded, ()):
            if (last := _runs(words, place, name)) and _is_meant(text, start, word, name):
                yield start, last
                break


def _runs(words, place, name):
    """Where the name that begins with the word at `place` ends, if it is there whole."""
    last = words[place][1]
    for offset, part in enumerate(name[1:], 1):
        if place + offset >= len(words):
            return 0
        start, end, _, folded = words[place + offset]
        if folded != part or start - last > _GAP:
            return 0
        last = end
    return last


def _is_meant(text, start, word, name):
    if len(name) > 1 or name[0] not in ALSO_WORDS:
        return len(name) > 1 or len(word) > 2 or word[:1].isupper()
    # “Will this happen again?” names nobody; “we asked Will” does.
    return word[:1].isupper() and not _SENTENCE.search(text[max(0, start - 12) : start])


@lru_cache(maxsize=8)
def _known(given: tuple[str, ...], *, is_person: bool):
    by_first, initials = defaultdict(set), set()
    for one in given:
        seen = as_seen(one)
        forms = _forms_of_person(seen) if is_person else _forms_of_company(seen)
        for form in forms:
            by_first[form[0]].add(form)
        if is_person:
            initials |= _initials(seen)
    return {first: sorted(names, key=len, reverse=True) for first, names in by_first.items()}, initials


def _forms_of_person(name):
    mailbox = name.partition("@")[0] if "@" in name else ""
    words = [word.casefold() for word in _WORD.findall(mailbox or name)]
    if not words:
        return
    yield tuple(words)
    if len(words) > 1:
        yield tuple(reversed(words)) if len(words) == 2 else (words[-1], *words[:-1])
        joined = ("".join(words), words[0][0] + words[-1], words[0] + words[-1][0])
        yield from ((one,) for one in joined if len(one) >= 5)
        yield (words[0], words[-1])
    # Shorter parts than three letters are words of many languages; roles name nobody.
    yield from ((word,) for word in words if len(word) > 2 and word not in ROLES and not word.isdigit())


def _forms_of_company(name):
    words = [word.casefold() for word in _WORD.findall(name)]
    if not words:
        return
    yield tuple(words)
    core = [word for word in words if word not in LEGAL]
    if core and core != words and (len(core) > 1 or len(core[0]) > 2):
        yield tuple(core)
    if len(core) > 1:
        yield ("".join(core),)


def _initials(name):
    if "@" in name:
        return set()
    letters = "".join(word[0].upper() for word in _WORD.findall(name) if word[:1].isalpha())
    return {letters} if 2 <= len(letters) <= 4 and letters not in CAPITALS else set()
