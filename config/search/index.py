"""Keeps documents what their rows say. Whatever asks it, and however often: what has not changed is left alone."""

import hashlib

from django.db import connection, transaction

from config.search import postgresql, sqlite
from config.search.kinds import KINDS, Kind, Text
from config.search.models import Document
from config.search.words import MOST, words

RULES = "1"  # of taking a text apart: another number, and every document is made anew
BATCH = 200  # documents a transaction takes
LONGEST_TITLE, LONGEST_BODY = 300, 1_000_000
SHORTEST_WORD = 4  # a shorter one has no inside that could be asked for


def engine():
    """What the database in use keeps words with."""
    return postgresql if connection.vendor == "postgresql" else sqlite


def refresh(kind: Kind, pks) -> int:
    """Read these rows of a kind anew; returns how many documents had to change."""
    pks = sorted(set(pks))
    return sum(_refresh(kind, pks[start : start + BATCH]) for start in range(0, len(pks), BATCH))


def _refresh(kind, pks):
    with transaction.atomic():
        known = dict(
            Document.objects.filter(kind=kind.name, object_id__in=pks).values_list("object_id", "digest")
        )
        rows = [row for pk, row in _rows(kind, pks) if row[-1] != known.pop(pk, None)]
        _forget(kind, list(known))  # what was not read is not there any more
        store(rows)
    return len(rows) + len(known)


def _rows(kind, pks):
    for text in kind.reads(pks):
        title, body = _short(text.title, LONGEST_TITLE), _short(text.body, LONGEST_BODY)
        yield text.pk, (kind.name, text.pk, title, body, text.at, digest_of(text))


def _short(text, most):
    return text.replace("\x00", "")[:most]


def digest_of(text: Text) -> str:
    """What changes with anything that is searched or shown."""
    whole = "\x1f".join([RULES, text.title, text.body, text.at.isoformat()])
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def store(rows: list[tuple]) -> None:
    """Write documents (kind, object id, title, body, at, digest) and the words in them."""
    if not rows:
        return
    taken_apart = []
    for _, _, title, body, *_ in rows:
        of_title = words(title)
        taken_apart.append((of_title, words(body, MOST - len(of_title))))
    engine().store(rows, taken_apart)
    known = {word for parts in taken_apart for part in parts for word in part if len(word) >= SHORTEST_WORD}
    if known:
        engine().learn(list(known))


def _forget(kind, pks):
    if not pks:
        return
    documents = Document.objects.filter(kind=kind.name, object_id__in=pks)
    engine().forget(list(documents.values_list("pk", flat=True)))
    documents.delete()


def check_all(progress=lambda kind, done: None) -> int:
    """Compare every document with its row, whatever the history says; returns how many had to change."""
    return sum(_check(kind, progress) for kind in KINDS.values())


def _check(kind, progress):
    changed = done = last = 0
    ids = kind.model._default_manager.order_by("pk")
    while pks := list(ids.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        changed += refresh(kind, pks)
        done, last = done + len(pks), pks[-1]
        progress(kind, done)
    return changed + _forget_orphans(kind)


def _forget_orphans(kind):
    rows = kind.model._default_manager.order_by().values("pk")
    orphans = Document.objects.filter(kind=kind.name).exclude(object_id__in=rows)
    gone = list(orphans.values_list("object_id", flat=True))
    with transaction.atomic():
        _forget(kind, gone)
    return len(gone)
