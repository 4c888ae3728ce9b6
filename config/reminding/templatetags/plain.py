"""What text twins of mails are written with."""

import re
import textwrap

from django import template

WIDTH = 72
_INDENT = re.compile(r" *(?:[*-] )?")
_EMPTY = re.compile(r"\n{3,}")

register = template.Library()


@register.filter
def columns(text: str) -> str:
    """Lines of at most 72 columns, each continued under its own beginning; addresses are never broken."""
    lines = [_wrapped(line.rstrip()) for line in text.splitlines()]
    return _EMPTY.sub("\n\n", "\n".join(lines))


def _wrapped(line) -> str:
    if " " not in line.strip():
        return line  # an address keeps its place, however long it is
    indent = " " * len(_INDENT.match(line)[0])
    return textwrap.fill(
        line,
        WIDTH,
        subsequent_indent=indent,
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
    )
