"""Markdown → the prose in it, letter for letter in the same place, and the sentences of that prose.

What is no prose is blotted out with as many characters as it had, so that a place in the one is a place in the other.
"""

import re
from collections.abc import Iterable, Iterator

from config.coach.rules import people_words
from config.coach.writing import BREAK, OTHERS, PERSON, THING

LONGEST = 1_000  # characters of a sentence that are read at once

_FENCE = re.compile(r"^[ \t>]{0,20}(`{3,}|~{3,})")
_LEVEL = "(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)"
_LOG = re.compile(
    rf"^[ \t>]{{0,20}}[\[(]?\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d.{{0,60}}?\b{_LEVEL}\b"
    rf"|^[ \t>]{{0,20}}\[?{_LEVEL}\b[\]:]"
    r"|^[ \t>]{0,20}\S{1,80}(?:Exception|Error): "
    r"|^[ \t>]{0,20}at \S{1,200}\(\S{1,200}:\d+\)"
    r"|^[ \t>]{0,20}(?:\$|>>>|#!) ?\S"
)
# Each is looked for only where its sign is in the text at all.
_INLINE = (
    ("`", re.compile(r"(?<!`)(?:`[^`\n]{1,500}`(?!`)|``[^`\n]{1,500}``(?!`))"), THING),
    ("<!--", re.compile(r"<!--[^<>]{0,2000}-->"), " "),
    ("](", re.compile(r"(?<=\])\([^()\s]{0,500}(?: \"[^\"\n]{0,200}\")?\)"), " "),
    ("://", re.compile(r"<?\b(?:https?|ftp|ssh)://[^\s<>]{1,2000}>?"), THING),
    ("www.", re.compile(r"\bwww\.[^\s<>]{1,2000}"), THING),
    ("mailto:", re.compile(r"<?\bmailto:[^\s<>]{1,2000}>?"), THING),
)
_START = re.compile(r"^[ \t]*(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,3}[.)][ \t]|\|)|^[ \t]*$")
_MENTION = re.compile(r"(?<![\w@./])@[a-z][\w.-]{0,60}\w", re.IGNORECASE)
_EMPHASIS = re.compile(r"(?<!\w)_{1,3}(?=\w)|(?<=[^\W_])_{1,3}(?!\w)")
_END = re.compile(rf"[.!?…]+[\"”'’)\]*_]{{0,4}}(?=\s|$)|[{BREAK}|]+|:(?=\s)")
_BRACES = re.compile(r"\{([^{}]+)\}")
_NAME = re.compile(r"\w{2,60}(?:-\w{1,60})?")
_NO_NAMES = {"the", "an", "our", "on", "in", "we", "they", "and", "of", "it"}  # of “The night shift”
_SAME = str.maketrans(
    # The last is longer in lower case, and would move all that follows.
    {"’": "'", "‘": "'", "ʼ": "'", "\u00a0": " ", "‑": "-", "İ": "i"}
    | dict.fromkeys([PERSON, THING, BREAK, OTHERS], " ")
)


def example(written: str) -> tuple[str, tuple[str, ...]]:
    """A sentence in which known people stand in braces → the sentence, and who they are."""
    return _BRACES.sub(r"\1", written), tuple(dict.fromkeys(_BRACES.findall(written)))


def prose(text: str, people: Iterable[str] = ()) -> tuple[str, str]:
    """`text` in lower case with only its prose left, and the same with signs for people. Both are as long as it."""
    kept = "".join(_lines(text.translate(_SAME)))
    for sign, written, shown in _INLINE:
        if sign in kept:
            kept = written.sub(lambda found, shown=shown: shown * len(found[0]), kept)
    if "_" in kept:
        kept = _EMPHASIS.sub(lambda signs: "*" * len(signs[0]), kept)
    named = _MENTION.sub(_as_person, kept) if "@" in kept else kept
    named = _with_signs(named, _names(people))
    persons, others, guessed = people_words()
    named = guessed.sub(_as_person, named).lower()
    named = persons.sub(_as_person, named)
    return kept.lower(), others.sub(lambda found: OTHERS * len(found[0]), named)


def sentences(kept: str) -> Iterator[tuple[int, int]]:
    """Where each sentence of the prose begins and ends; an endless one is cut between two words."""
    start = 0
    for end in (*_END.finditer(kept), None):
        stop = end.end() if end else len(kept)
        yield from _cut(kept, start, stop)
        start = stop


def _cut(kept, start, stop):
    while stop - start > LONGEST:
        space = kept.rfind(" ", start + LONGEST // 2, start + LONGEST)
        middle = space if space > 0 else start + LONGEST
        yield start, middle
        start = middle
    if start < stop:
        yield start, stop


def _lines(text):
    """Each line, with fenced code and lines of logs blotted out, and a BREAK where a new thought begins."""
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if fence or mark:
            if mark and not fence:
                fence = mark[1]
            elif mark and mark[1].startswith(fence):
                fence = ""
            yield _nothing(line)
        elif _LOG.match(line):
            yield _nothing(line)
        else:
            yield _begun(line)


def _nothing(line):
    return BREAK + " " * (len(line) - 1)


def _begun(line):
    start = _START.match(line)
    if not start:
        return line.replace(">", " ", 1) if line.lstrip().startswith(">") else line
    if start.end() < len(line.rstrip("\r\n")) or line.strip():
        return BREAK * start.end() + line[start.end() :]
    return BREAK * len(line)


def _as_person(match):
    return PERSON * len(match[0])


def _names(people):
    """Everybody's full names by their first, as they are written: “will” is no person, Will is."""
    names = {}
    for person in people:
        full = " ".join(person.split())
        first = _NAME.match(full)
        if first and first[0].lower() not in _NO_NAMES:
            names.setdefault(first[0], []).append(full)
    return names


def _with_signs(text, names):
    """`text` with each known name written in signs; a name alone is known by its first part."""
    if not names:
        return text
    parts, done = [], 0
    for word in _NAME.finditer(text):
        if word[0] in names and word.start() >= done:
            fulls = (full for full in names[word[0]] if text.startswith(full, word.start()))
            end = max((word.start() + len(full) for full in fulls), default=word.end())
            parts += [text[done : word.start()], PERSON * (max(end, word.end()) - word.start())]
            done = max(end, word.end())
    return "".join([*parts, text[done:]])
