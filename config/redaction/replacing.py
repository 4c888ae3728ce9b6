"""Text without what must not be public: names become roles, and a sentence that cannot be saved is left out."""

import re
from collections.abc import Callable

from config.redaction.kinds import Found

# What can stand in for a thing, so that the sentence still reads. For the other kinds there is no such word.
STAND_INS = {
    "person": "one of our engineers",
    "customer": "a customer",
    "host": "an internal system",
    "address": "an internal address",
}
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\s])")


def without(text: str, check: Callable[[str], list[Found]]) -> str:
    """`text`, paragraph by paragraph and sentence by sentence, with nothing left that `check` finds."""
    paragraphs = [_paragraph(one, check) for one in re.split(r"\n\s*\n", text)]
    kept = "\n\n".join(one for one in paragraphs if one.strip())
    # Two harmless sentences may make up something that is not.
    return "" if check(kept) else kept


def _paragraph(text, check):
    if not check(text):
        return text.strip()
    lines = []
    for line in text.split("\n"):
        sentences = [_sentence(one, check) for one in _SENTENCE.split(line)]
        lines.append(" ".join(one for one in sentences if one))
    kept = "\n".join(line for line in lines if line)
    return "" if check(kept) else kept


def _sentence(text, check):
    found = check(text)
    if not found:
        return text
    if any(one.kind not in STAND_INS for one in found):
        return ""
    for one in reversed(found):
        text = f"{text[: one.start]}{STAND_INS[one.kind]}{text[one.end :]}"
    text = text[:1].upper() + text[1:]
    return "" if check(text) else text
