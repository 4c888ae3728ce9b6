"""Text as a reader sees it, with the way back from each of its characters to what was typed.

A name may hide behind entities, percent signs, backslashes, emphasis, invisible characters and letters of other
alphabets that look the same; in a browser it is a name again. Each step replaces what one pattern finds, so the
whole takes time in proportion to the text.
"""

import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

# Letters that look like Latin ones and that compatibility does not bring back to them.
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТХУЗаеѕіјкорсухһԁԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχøØłŁđĐħıᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ‐‑‒–—−․⁃〇",
    "ABESIJKMHOPCTXY3aesijkopcyxhdqwlABEZHIKMNOPTYXaikvoptuxoOlLdDhiabcdefghijklmnoprstuvwyz------.-0",
)
_ALIKE |= {ord("ß"): "ss", ord("æ"): "ae", ord("Æ"): "AE", ord("œ"): "oe", ord("þ"): "th", ord("∕"): "/"}
_UNDRAWN = "\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5"

_OTHER = re.compile("[^\n -~]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_PERCENT = re.compile("(?:%[0-9A-Fa-f]{2})+")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_DEFANGED = re.compile(r"[\[({<]\s?(\.|dot|at|@|:)\s?[\])}>]", re.IGNORECASE)
_SPELLED = {"dot": ".", "at": "@"}
# An underscore inside a word stays: it is no emphasis there, and many keys have one.
_EMPHASIS = re.compile(r"[*`~]+|(?<![^\W_])_+|_+(?![^\W_])")


class Reading:
    """`text` as it is seen; `source(start, end)` is where that part of it stands in what was typed."""

    def __init__(self, typed: str, *, joined: bool = False):
        """With `joined`, words that a backslash holds apart are one."""
        self.text = typed
        self._starts: list[int] | range = range(len(typed))
        self._ends: list[int] | range = range(1, len(typed) + 1)
        for pattern, new in (*_STEPS, _JOIN) if joined else _STEPS:
            if pattern.search(self.text):
                self._replace(pattern, new)

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The part of what was typed that is seen from `start` to `end`."""
        return self._starts[start], max(self._ends[start:end])

    def _replace(self, pattern, new):
        text, starts, ends, at = [], [], [], 0
        for match in pattern.finditer(self.text):
            seen = new(match)
            text += (self.text[at : match.start()], seen)
            starts += (*self._starts[at : match.start()], *[self._starts[match.start()]] * len(seen))
            ends += (*self._ends[at : match.start()], *[self._ends[match.end() - 1]] * len(seen))
            at = match.end()
        self.text = "".join([*text, self.text[at:]])
        self._starts = [*starts, *self._starts[at:]]
        self._ends = [*ends, *self._ends[at:]]


def as_seen(typed: str) -> str:
    """The same, for whoever needs no way back."""
    return Reading(typed).text


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    """What a character looks like, of those a keyboard has; nothing if it is not drawn."""
    if char in _UNDRAWN:
        return ""
    if char in "\t\r\x0b\x0c\x85\u2028\u2029":
        return " "
    apart = unicodedata.normalize("NFKD", char.translate(_ALIKE)).translate(_ALIKE)
    return "".join(c for c in apart if unicodedata.category(c) not in ("Mn", "Me", "Cf", "Cc", "Cs", "Co"))


def _unescape(match):
    return "".join(_plain(c) if not " " <= c <= "~" else c for c in html.unescape(match[0]))


def _unquote(match):
    seen = unquote(match[0], errors="replace")
    return "".join(_plain(c) if not " " <= c <= "~" else c for c in seen)


_STEPS = (
    (_OTHER, lambda match: _plain(match[0])),
    (_ENTITY, _unescape),
    (_PERCENT, _unquote),
    (_PERCENT, _unquote),  # encoded twice
    (_ESCAPE, lambda match: match[1]),
    (_DEFANGED, lambda match: _SPELLED.get(match[1].lower(), match[1])),
    (_EMPHASIS, lambda match: ""),
)
_JOIN = (re.compile(r"\\+"), lambda match: "")
