"""What customers' programs know rows by: twelve small letters and digits, never the numbers of our tables."""

import hashlib
import re
import secrets

LENGTH = 12
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_SHAPE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


def new_id() -> str:
    """One that nobody has yet, and that tells nothing of how many there are."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def id_of(kind: str, key) -> str:
    """Always the same for the same thing, for what needs no column to be found by."""
    number = int.from_bytes(hashlib.sha256(f"{kind} {key}".encode()).digest())
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(LENGTH))


def is_id(text: str) -> bool:
    """Whether `text` can be such a name: what was imported keeps the one its page gave it."""
    return bool(_SHAPE.fullmatch(text))
