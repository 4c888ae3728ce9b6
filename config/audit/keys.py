"""The keys that sign the heads of the ledger. They are apart from SECRET_KEY, so that each can be changed alone."""

import hmac

from django.conf import settings


class UnknownKey(LookupError):
    """A head was signed with a key that is not in AUDIT_KEYS."""


def current() -> tuple[str, bytes]:
    """The name and the secret of the key that signs now: the first of AUDIT_KEYS."""
    return next(iter(settings.AUDIT_KEYS.items()))


def secret_of(key_id: str) -> bytes:
    """The secret of a key, the present one or one of before."""
    try:
        return settings.AUDIT_KEYS[key_id]
    except KeyError:
        raise UnknownKey(key_id) from None


def sign(text: bytes) -> tuple[str, bytes]:
    """The name of the present key, and the HMAC-SHA256 of `key_id|text`."""
    key_id, secret = current()
    return key_id, hmac.digest(secret, key_id.encode() + b"|" + text, "sha256")


def is_signed(text: bytes, key_id: str, mac: bytes) -> bool:
    """Whether `mac` is the key's over the text; raises `UnknownKey`."""
    expected = hmac.digest(secret_of(key_id), key_id.encode() + b"|" + text, "sha256")
    return hmac.compare_digest(expected, bytes(mac))
