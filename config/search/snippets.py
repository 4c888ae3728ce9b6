"""The passage of a text in which the words are, in pieces that a page marks: never as HTML, so nothing leaks in."""

from dataclasses import dataclass

from config.search.words import LONGEST, WORD, fold

LENGTH = 260  # characters of a passage
BEFORE = 60  # of them before the first word
FURTHEST = 200_000  # characters of a text that are looked through
MOST = 400  # places that are weighed


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `is_marked`: it is one of the words."""

    text: str
    is_marked: bool = False


def marked(text: str, words) -> list[Piece]:
    """The whole of a text."""
    return _pieces(text, _places(text, words))


def cut(text: str, words) -> list[Piece]:
    """The passage with the most different words in it, the first of these."""
    text = text[:FURTHEST]
    places = _places(text, words)
    start = _start(text, _densest(places)) if places else 0
    end = _end(text, start + LENGTH)
    pieces = _pieces(
        text[start:end], [(a - start, b - start, n) for a, b, n in places if start <= a and b <= end]
    )
    before, after = (Piece("… "),) if start else (), (Piece(" …"),) if end < len(text) else ()
    return [*before, *pieces, *after]


def _places(text, words):
    found = []
    for match in WORD.finditer(text):
        word = fold(match.group())[:LONGEST]
        number = next((n for n, one in enumerate(words) if one.fits(word)), None)
        if number is not None:
            found.append((match.start(), match.end(), number))
            if len(found) == MOST:
                break
    return found


def _densest(places) -> int:
    """Where the passage begins that holds the most different words."""
    best, most = places[0][0], 0
    for at, (start, _, _) in enumerate(places):
        within = {n for a, _, n in places[at : at + 50] if a < start + LENGTH - BEFORE}
        if len(within) > most:
            best, most = start, len(within)
    return best


def _start(text, at) -> int:
    """A little before, at the beginning of a word or of the paragraph."""
    if at <= BEFORE:
        return 0
    near = text[at - BEFORE : at]
    paragraph = near.rfind("\n")
    gap = paragraph if paragraph >= 0 else near.find(" ")
    return at - BEFORE + gap + 1 if gap >= 0 else at - BEFORE


def _end(text, at) -> int:
    if at >= len(text):
        return len(text)
    gap = text.rfind(" ", at - 40, at)
    return gap if gap > 0 else at


def _pieces(text, places) -> list[Piece]:
    pieces, last = [], 0
    for start, end, _ in places:
        pieces += [Piece(text[last:start]), Piece(text[start:end], is_marked=True)]
        last = end
    return [piece for piece in [*pieces, Piece(text[last:])] if piece.text]
