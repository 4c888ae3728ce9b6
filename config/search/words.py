"""How a text is taken apart: both databases get the words from here, so they find the same.

A word is a run of letters and digits, in small letters and without accents. Beside each word goes its stem, so
that “failing” finds “failed”; the word itself stays, so that its beginning and its inside can be asked for.
"""

import re
import unicodedata
from functools import lru_cache

WORD = re.compile(r"[^\W_]+")
LONGEST = 40  # letters of a word that are told apart
MOST = 15_000  # words of one text: what stands behind them is not searched

# In nearly every text, so they say nothing about one.
_STOP = """
    a about after again all also am an and any are as at be been before being but by can could did do does for from
    had has have he her his how i if in into is it its just me more most my no not of off on once only or our out over
    she so some such than that the their them then there these they this those to too under until up was we were what
    when where which while who why will with would you your
"""
STOP = frozenset(_STOP.split())


def fold(text: str) -> str:
    """Small letters, no accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c))


def words(text: str, most: int = MOST) -> list[str]:
    """The words of a text in its order, those that say nothing left out."""
    return [word[:LONGEST] for word in WORD.findall(fold(text)) if word not in STOP][:most]


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """What the forms of an English word have in common; other words and short ones stay as they are."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _without_ending(_singular(word))
    if len(word) > 4 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 3 and word.endswith("y"):
        word = word[:-1] + "i"
    return word


def _singular(word):
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word):
    for ending in ("ing", "ed", "ly"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) > 2 and any(vowel in rest for vowel in "aeiouy"):
            return rest[:-1] if len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
    return word
