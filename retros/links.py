"""The links by which people without an account answer: signed, for one purpose, one invitation and one address.

A link can be opened as often as one likes, for its answers may be changed until the review begins. Whoever has it
is taken for the person it was sent to; when that person's address changes, it ends.
"""

import hashlib
from base64 import urlsafe_b64encode

from django.conf import settings
from django.core import signing
from django.urls import reverse

SALT = "aftercare.retros"
LONGEST = 400  # characters of a token: what is longer is none of ours, and is not even checked

# What a link is for; also the name of its route.
PERSPECTIVE, IMPRESSION = "perspective", "impression"


class Unreadable(Exception):
    """Not one of our links for this purpose, or not all of it."""


def token_for(purpose, row) -> str:
    """The link of whoever `row` was sent to, as it stands in an address."""
    return signing.Signer(salt=SALT).sign_object([purpose, row.pk, mark_of(row.participant)])


def url_for(purpose, row) -> str:
    """The whole address, as mails need it."""
    return settings.SITE_URL + reverse(purpose, args=[token_for(purpose, row)])


def read(purpose, token) -> tuple[int, str]:
    """The number of the row that a token is for, and the mark of the address it was sent to."""
    if len(token) > LONGEST or not token.isascii():
        raise Unreadable
    try:
        said, pk, mark = signing.Signer(salt=SALT).unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        raise Unreadable from error
    if said != purpose:
        raise Unreadable
    return pk, mark


def mark_of(participant) -> str:
    """What tells one address from another without naming it."""
    digest = hashlib.sha256(f"{participant.pk}:{participant.address.lower()}".encode("utf-8", "replace"))
    return urlsafe_b64encode(digest.digest()[:12]).decode()
