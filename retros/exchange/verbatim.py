"""Texts that stand in a file exactly as they were written, between lines of ours that they must not be mistaken for."""

import re

LIKE_OURS = r"<!-- (?:part: |end -->)"
_LOOKS_LIKE_OURS = re.compile(rf"^(\\*{LIKE_OURS})", re.MULTILINE)
_ESCAPED = re.compile(rf"^\\(\\*{LIKE_OURS})", re.MULTILINE)


def verbatim(text) -> str:
    """The text as it stands in a file: what looks like a line of ours gets one backslash more."""
    return _LOOKS_LIKE_OURS.sub(r"\\\1", text)


def as_written(text) -> str:
    """The text as somebody wrote it."""
    return _ESCAPED.sub(r"\1", text)
