"""Secrets: 32 random bytes, of which only the SHA-256 digest is ever stored."""

import hashlib
import secrets

PREFIX = "aft_"


def new_secret() -> str:
    """A new token, recognisable by its prefix to whoever finds it where it should not be."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is stored. No salt is needed: the secret has 256 bits of its own."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
