"""What the redaction check marks in words for customers: seen before they are published, and kept only for a reason.

The rule is that of learnings: what may be harmless stays if somebody says why, a secret or a mailbox never does.
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from config.markdown import to_html
from config.redaction import Found, in_words, visible_text
from config.redaction.reading import as_seen
from incidents.private import our_names

AROUND = 60  # characters of a text that are shown on either side of a mark
MOST = 20  # marks that a refusal names one by one


@dataclass(frozen=True)
class Marked:
    """Words that should not be public, and what stands around them."""

    found: Found
    before: str
    after: str

    @property
    def text(self) -> str:
        """What was seen, as it was typed."""
        return self.found.text

    @property
    def kind(self) -> str:
        """What it is, as people call it."""
        return in_words(self.found.kind)

    @property
    def why(self) -> str:
        """Why it should not be public."""
        return self.found.why

    @property
    def may_stay(self) -> bool:
        """Whether a reason is enough."""
        return self.found.can_be_confirmed

    def in_words(self) -> str:
        """On one line."""
        return f"“{self.text[:80]}” ({self.kind}): {self.why}"


def marks_of(text, names=None) -> list[Marked]:
    """All that the check finds in `text`, in reading order, and then what only its readers would see."""
    names = names or our_names()
    found = names.check(text)
    known = set(map(_what, found))
    rendered = [one for one in names.check(visible_text(to_html(text))) if _what(one) not in known]
    return [
        *(
            Marked(one, text[max(one.start - AROUND, 0) : one.start], text[one.end :][:AROUND])
            for one in found
        ),
        *(Marked(one, "", "") for one in rendered),
    ]


def new_marks(text, before) -> list[Marked]:
    """What is marked in `text` and could not be read in `before`."""
    names = our_names()
    known = {_what(one.found) for one in marks_of(before, names)}
    return [one for one in marks_of(text, names) if _what(one.found) not in known]


def _what(found):
    return found.kind, as_seen(found.text)


def why_it_stays(update, because) -> str:
    """What is to be kept of why marked words stay when `update` is published: nothing where nothing is marked.

    ValidationError for what may never be public, and for what may stay if nobody says why.
    """
    marks = marks_of(update.text)
    _refuse_never("text", marks)
    return _asked_for("reason", marks, because)


def why_it_stays_corrected(update, *, text, reason, because) -> str:
    """The same of a new text and of the reason for it, both of which customers read, as far as that is new to them."""
    in_text, in_reason = new_marks(text, update.text), new_marks(reason, update.text)
    _refuse_never("text", in_text)
    _refuse_never("reason", in_reason)
    return _asked_for("marks_because", [*in_text, *in_reason], because) or update.marks_because


def _refuse_never(field, marks):
    if never := [one for one in marks if not one.may_stay]:
        raise ValidationError({field: ["Remove it, this is never harmless:", *_told(never)]}, code="never")


def _asked_for(field, marks, because) -> str:
    if marks and not because.strip():
        raise ValidationError({field: [why_they_stay(marks), *_told(marks)]}, code="required")
    return because if marks else ""


def why_they_stay(marks) -> str:
    """What is asked before it is published with these marks."""
    count = f"{len(marks)} thing" + ("s" if len(marks) > 1 else "")
    return f"{count} should not be public. Remove what was marked, or say why it stays: it is recorded."


def _told(marks):
    told = [one.in_words() for one in marks[:MOST]]
    return [*told, f"… and {len(marks) - MOST} more."] if len(marks) > MOST else told
