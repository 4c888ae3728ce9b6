"""The front matter: YAML that every reader of YAML reads, written in one way only.

Not left to PyYAML's own writer, because which quotes and line breaks that chooses may change with its version,
and the same retro must be the same bytes for years.
"""

import re

import yaml

from incidents.imports.shape import Refused
from retros.exchange.plain import pruned

LIMIT = 1024 * 1024  # characters; YAML is slow to read
# What YAML cannot keep raw, or a reader could not see. By number: what Unicode calls printable grows with Python.
_UNSEEN = "\x00-\x1f\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff"
_ESCAPED = re.compile(rf'["\\{_UNSEEN}]')
_LETTER, _REST = (
    rf"(?:[A-Za-z]|[^\x00-\x7f{_UNSEEN}])",
    rf"(?:[A-Za-z0-9 _.,;/@()+!?%&='-]|:(?=[^ ])|[^\x00-\x7f{_UNSEEN}])",
)
_PLAIN = re.compile(rf"{_LETTER}{_REST}*(?<! )")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{6})?Z)?", re.ASCII)
_READ = re.compile(r"true|0|[1-9]\d{0,9}", re.ASCII)
_BLOCK = re.compile(rf"(?![ \n])(?:[^{_UNSEEN}]|\n)+(?<![ \n])")
_MEANS_SOMETHING = {"y", "n", "yes", "no", "true", "false", "on", "off", "null"}
_SHORT = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def dump(values: dict) -> str:
    """`values` as lines of YAML, the keys in order. Values: text, whole numbers, True, lists and dicts of them."""
    return "".join(f"{line}\n" for line in _mapping(values))


def _mapping(values):
    for key in sorted(values):
        yield from _entry(f"{scalar(key)}:", values[key])


def _entry(before, value):
    if isinstance(value, dict | list) and value:
        yield before
        inner = _mapping(value) if isinstance(value, dict) else _list(value)
        indent = "  " if isinstance(value, dict) else ""
        yield from (f"{indent}{line}" if line else "" for line in inner)
    elif isinstance(value, str) and "\n" in value and _BLOCK.fullmatch(value):
        yield f"{before} |-"
        yield from (f"  {line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{before} {scalar(value)}"


def _list(values):
    for value in values:
        if isinstance(value, dict):
            first, *others = _mapping(value)
            yield f"- {first}"
            yield from (f"  {line}" if line else "" for line in others)
        else:
            yield f"- {scalar(value)}"


def scalar(value) -> str:
    """One value on one line."""
    if value is True or isinstance(value, int):
        return "true" if value is True else str(value)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _MEANS_SOMETHING
    # What was a number or true is text when it was read, and must be the same bytes again.
    if is_plain or _MOMENT.fullmatch(value) or _READ.fullmatch(value):
        return value
    return '"' + _ESCAPED.sub(_escape, value) + '"'


def _escape(match):
    char = match[0]
    if char in _SHORT:
        return _SHORT[char]
    number = ord(char)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


class _Loader(yaml.BaseLoader):
    """Everything is text, so no value is guessed; no aliases, no key twice."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(node.value):
            raise yaml.MarkedYAMLError(problem="a key is there twice", problem_mark=node.start_mark)
        return mapping


def load(text: str, where: str, line: int = 1) -> dict:
    """The keys and values of YAML whose first line is the `line`-th of a file; every scalar is text."""
    if len(text) > LIMIT:
        raise Refused(f"{where}: the front matter is longer than {LIMIT:,} characters")
    try:
        values = pruned(_Loader(text).get_single_data())
    except RecursionError:
        raise Refused(f"{where}: the front matter is nested too deeply") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: escapes beyond Unicode
        problem = " ".join(str(getattr(error, "problem", None) or error).split())[:200]
        mark = getattr(error, "problem_mark", None)
        place = f", line {line + mark.line}" if mark else ""
        raise Refused(f"{where}{place}: the front matter is not YAML we read: {problem}") from error
    if not isinstance(values, dict):
        raise Refused(f"{where}: the front matter has no keys")
    return values
