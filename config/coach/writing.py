"""How patterns are written in rules.toml, turned into regular expressions whose cost is bounded."""

import re
from collections.abc import Iterator

# What is read as a sign. Of the private use area: nobody types them.
PERSON, THING, BREAK, OTHERS = "\ue000", "\ue001", "\ue002", "\ue003"
LEAD = 4  # letters of a word by which patterns are found

_PEOPLE = {"person": f"{PERSON}+", "who": f"(?:{PERSON}+|{OTHERS}+)"}
_SPACE = r"(?:[\s*]{1,8})"
_WORD = rf"[^\s,;:!?{BREAK}]{{1,40}}"
_EDGE = r"(?<!\w)(?<!\w['-])"
_GAP = re.compile(r" <(\d)> ")
_LIST = re.compile(r"\{([a-z_]+)\}")
_LITERAL = re.compile(rf"(?:[a-z0-9{PERSON}{OTHERS}](?![?*{{]))+")


def expanded(written: str, words: dict[str, list[str]]) -> str:
    """`written` with every {name} replaced by the words of that name."""

    def put(name):
        if name[1] in _PEOPLE:
            return _PEOPLE[name[1]]
        return "(?:" + "|".join(_LIST.sub(put, one) for one in words[name[1]]) + ")"

    return _LIST.sub(put, written)


def compiled(written: str) -> re.Pattern:
    """The expression: each repetition in it is bounded, so hostile text costs no more than other text."""
    written = _GAP.sub(lambda gap: rf"(?:,?{_SPACE}{_WORD}){{0,{gap[1]}}}?,?{_SPACE}", written)
    written = re.sub(r" (?![^\[]*\])", lambda _: _SPACE, written)
    return re.compile(rf"{_EDGE}(?:{written})(?!\w)")


def leads(written: str) -> set[str] | None:
    """The beginnings that what `written` finds can have; None if that cannot be said."""
    found = set()
    for one in _alternatives(written):
        these = _leads_of_one(one)
        if these is None:
            return None
        found |= these
    return found


def _leads_of_one(written):
    if written.startswith("(?"):
        inner, rest = _split_group(written)
        if written.startswith("(?:"):
            these, optional = leads(inner), re.match(r"\?|\{0,\d+\}", rest)
            after = _leads_of_one(rest[optional.end() :]) if optional else set()
            return None if these is None or after is None else these | after
        return _leads_of_one(rest)
    literal = _LITERAL.match(written)
    return {literal[0][:LEAD]} if literal else None


def _split_group(written):
    for place, depth in _depths(written):
        if not depth and written[place] == ")":
            return written[3:place], written[place + 1 :]
    raise ValueError(f"a bracket is open in {written!r}")


def _alternatives(written) -> Iterator[str]:
    """The parts between the outermost bars."""
    start = 0
    for place, depth in _depths(written):
        if written[place] == "|" and not depth:
            yield written[start:place]
            start = place + 1
    yield written[start:]


def _depths(written):
    depth = 0
    for place, sign in enumerate(written):
        depth += (sign in "([") - (sign in ")]")
        yield place, depth
