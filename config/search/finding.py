"""Finds documents: first which ones, of the latest that fit; then the best or newest of these; then their texts.

Ranking costs as much as there are hits, so a word that is in a third of all documents is ranked among the latest
thousand that have it. What a person may not see is no candidate: it is in no number and takes nobody's place.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from django.db import connection
from django.db.models import Max

from config.search.asking import Question, Word, read_words
from config.search.index import engine
from config.search.kinds import KINDS, Kind, open_to
from config.search.models import Document
from config.search.snippets import Piece, cut, marked

CANDIDATES = 1_000
MOST_AT_ONCE = 16_000  # rows that one statement asks for when many are hidden: SQLite limits its parameters
PAGE = 20
MOST_INSIDE = 40  # words that have a part in them; the shortest are the likeliest


@dataclass(frozen=True)
class Hit:
    """One document that was found, as the page shows it."""

    document: Document
    words: tuple[Word, ...]

    @property
    def kind(self) -> Kind:
        return self.document.about

    @property
    def reference(self) -> str:
        return self.kind.reference(self.document.object_id)

    @property
    def url(self) -> str:
        return self.kind.url(self.document.object_id)

    @property
    def title(self) -> list[Piece]:
        return marked(self.document.title, self.words)

    @cached_property
    def snippet(self) -> list[Piece]:
        return cut(self.document.body, self.words)


@dataclass(frozen=True)
class Found:
    """A page of what was found. `counts` are of all candidates by kind; `is_capped`: there are more than those."""

    hits: list[Hit] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    is_capped: bool = False
    is_inside: bool = False  # nothing had the words themselves, so their insides were searched
    more: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class _Candidate:
    pk: int
    kind: str


def find(question: Question, user) -> Found:
    """What `user` may see of what is asked for."""
    if not question.words:
        return Found()
    found = _find(question, question.words, user)
    if found.counts or all(word.is_inside for word in question.words):
        return found
    inside = tuple(Word(word.text, is_inside=word.begins) for word in question.words)
    return _find(question, inside, user, is_inside=True)


def _find(question, words, user, is_inside=False):
    asked = _query(words)
    if asked is None:
        return Found(is_inside=is_inside)
    candidates, is_capped = _candidates(question, asked, user)
    counts = _counts(candidates)
    if question.kind:
        if is_capped:
            candidates, is_capped = _candidates(question, asked, user, question.kind)
        candidates = [one for one in candidates if one.kind == question.kind]
    page, more = _page(_places(candidates, asked, question.order), question.after)
    return Found(_hits(page, words), counts, is_capped, is_inside, more)


def _query(words) -> str | None:
    """The words as the database understands them; None if one is in no document."""
    groups = [_forms(word) for word in words]
    return engine().query(groups) if all(groups) else None


def _forms(word):
    if word.is_inside:
        return [(one, False) for one in engine().containing(word.text, MOST_INSIDE)]
    return [(word.stem, False), (word.text, word.begins)]


def _candidates(question, asked, user, kind=""):
    """The latest documents that fit, by when they were first indexed; and whether there are more of them."""
    open_kinds = {one.name: one for one in open_to(user) if kind in ("", one.name)}
    found, before, looked, most = [], None, 0, CANDIDATES + 1
    while open_kinds and len(found) <= CANDIDATES:
        latest = _latest(question, asked, open_kinds, before, most)
        found += _seen(latest, open_kinds, user)
        if len(latest) < most:
            break
        # A little more than it takes if as many of the next are hidden.
        looked += most
        wanted = (CANDIDATES + 1 - len(found)) * looked / max(len(found), looked / 50)
        before, most = latest[-1][0], min(int(1.2 * wanted) + 20, MOST_AT_ONCE)
    return found[:CANDIDATES], len(found) > CANDIDATES


def _latest(question, asked, kinds, before, most) -> list[tuple[int, str, int]]:
    """Number, kind and object id of documents that fit. In SQL of ours: Django takes longer to write it than
    the index to answer."""
    number = engine().NUMBER
    conditions = [engine().FITS, f"d.kind IN ({', '.join(['%s'] * len(kinds))})"]
    values = [asked, *kinds]
    moment = connection.ops.adapt_datetimefield_value
    for condition, value in (
        ("d.at >= %s", question.since and moment(question.since)),
        ("d.at < %s", question.until and moment(question.until)),
        (f"{number} < %s", before),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {number}, d.kind, d.object_id FROM {engine().SOURCE}"
            f" WHERE {' AND '.join(conditions)} ORDER BY {number} DESC LIMIT %s",
            [*values, most],
        )
        return cursor.fetchall()


def _seen(latest, kinds, user):
    """Those of them whose row `user` may see now: asked of the rows themselves, whatever the index remembers."""
    ids = defaultdict(list)
    for _, kind, object_id in latest:
        ids[kind].append(object_id)
    seen = {
        kind: set(kinds[kind].visible_to(user).filter(pk__in=pks).values_list("pk", flat=True))
        for kind, pks in ids.items()
    }
    return [_Candidate(pk, kind) for pk, kind, object_id in latest if object_id in seen[kind]]


def _counts(candidates):
    counts = dict.fromkeys(KINDS, 0)
    for one in candidates:
        counts[one.kind] += 1
    return {kind: count for kind, count in counts.items() if count}


def _places(candidates, asked, order):
    """Each candidate's place in the order, first things first: (how far to the front, its key)."""
    pks = [one.pk for one in candidates]
    if order == "newest":
        moments = Document.objects.filter(pk__in=pks).values_list("at", "pk")
        places = [(at.timestamp(), pk) for at, pk in moments]
    else:
        ranks = engine().ranks(asked, pks) if pks else {}
        places = [(round(ranks.get(pk, 0.0), 9), pk) for pk in pks]
    return sorted(places, reverse=True)


def _page(places, after):
    if after is not None:
        places = [place for place in places if place < after]
    page = places[:PAGE]
    more = f"{page[-1][0]:.9f}_{page[-1][1]}" if len(places) > PAGE else ""
    return [pk for _, pk in page], more


def _hits(pks, words):
    if not pks:
        return []
    columns = "id, kind, object_id, title, body, at, digest"
    asked = f"SELECT {columns} FROM search_document WHERE id IN ({', '.join(['%s'] * len(pks))})"
    documents = {document.pk: document for document in Document.objects.raw(asked, pks)}
    return [Hit(documents[pk], words) for pk in pks if pk in documents]


# --- By name ------------------------------------------------------------------------------------------------


def named(question: Question, user) -> tuple[Kind, object] | None:
    """The one thing whose reference was typed, if `user` may see it: also before it is indexed."""
    if not question.reference:
        return None
    name, pk = question.reference
    kind = KINDS[name]
    row = kind.visible_to(user).filter(pk=pk).first() if kind in open_to(user) else None
    return (kind, row) if row is not None else None


def quickly(kind: Kind, rows, term: str, most: int) -> list:
    """A few of `rows` (of a kind) for the search box of every page: by the index, and what is not in it yet.

    `rows` are those the person may see, and `term` what was typed.
    """
    found = []
    if any(field.name == "title" for field in kind.model._meta.fields):
        found += rows.filter(pk__gt=_newest(kind), title__icontains=term).order_by("-pk")[:most]
    words = read_words(term)
    asked = _query(words) if words else None
    if asked and len(found) < most:
        latest = [pk for _, _, pk in _latest(Question(), asked, [kind.name], None, CANDIDATES)]
        found += rows.filter(pk__in=latest).order_by("-pk")[: most - len(found)]
    return found


def _newest(kind) -> int:
    known = Document.objects.filter(kind=kind.name).aggregate(newest=Max("object_id"))
    return known["newest"] or 0
