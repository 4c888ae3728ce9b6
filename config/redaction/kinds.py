"""The kinds of things that must not be public, and why each must not."""

from dataclasses import dataclass

# In the order in which one hides another: what lies whole inside something named earlier is not told twice.
KINDS = {
    "secret": "Looks like a key, a password or another secret. Whoever reads it can use it.",
    "email": "An e-mail address belongs to somebody.",
    "url": "An address inside our house or our tools.",
    "payment": "Looks like the number of a card, a bank account or a person.",
    "account": "Says whose account it is.",
    "address": "An address of a machine.",
    "host": "The name of a machine or an internal system.",
    "phone": "Looks like a phone number.",
    "reference": "A reference or a channel that only we can open.",
    "path": "A file, a place in our code or a change of it.",
    "customer": "The name of a customer, or another name that must not be public.",
    "person": "The name of somebody who works here or took part.",
}
NEVER_CONFIRMED = frozenset({"secret", "email"})
_LABELS = {
    "url": "internal address",
    "email": "e-mail address",
    "address": "machine address",
    "payment": "card, bank or personal number",
    "account": "account number",
    "phone": "phone number",
    "reference": "internal reference",
    "path": "path or commit",
    "customer": "private name",
}


@dataclass(frozen=True, order=True)
class Found:
    """Something that must not be public: where it stands in the text as typed, what it is, and why not."""

    start: int
    end: int
    kind: str
    text: str
    why: str

    @property
    def can_be_confirmed(self) -> bool:
        """Whether a person may say that it is harmless."""
        return self.kind not in NEVER_CONFIRMED


def in_words(kind: str) -> str:
    """What people call a kind."""
    return _LABELS.get(kind, kind)
