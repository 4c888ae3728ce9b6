"""The messages about retrospectives, one function each, split by who is written to."""

from retros.emails.asking import (
    delivery_to,
    impression_question,
    name_of,
    queue_invitation,
    queue_meeting,
    reminder_of,
    still_theirs,
)
from retros.emails.reviewing import tell_of_reopening, tell_of_review

__all__ = [
    "delivery_to",
    "impression_question",
    "name_of",
    "queue_invitation",
    "queue_meeting",
    "reminder_of",
    "still_theirs",
    "tell_of_reopening",
    "tell_of_review",
]
