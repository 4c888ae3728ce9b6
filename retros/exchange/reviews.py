"""What others said of a retro in the files: who was asked to read it and what they decided, and the comments.

What somebody said here is theirs: a file never changes it. What an import brought follows its file. A review that is
brought counts where it was given and not here, so nothing is published on the word of a file, and nobody is asked
to read. Which text somebody has read is told by whether it is the text of the file.
"""

from django.db.models import Prefetch

from incidents.imports.shape import Part, Refused
from retros.exchange.additions import Addition, Body, register
from retros.exchange.entries import head, in_full, item, items, shortened, taken_apart
from retros.exchange.following import follow
from retros.exchange.keeping import by, match
from retros.exchange.plain import flag, refuse_unknown, typed
from retros.exchange.reading import parts_of
from retros.models import Review
from retros.reading import fingerprint_of

KEY = "reviews"
REVIEW = ("reviewer", "status", "asked_at", "asked_by", "decided_at", "words", "ended_at")
THIS = "is_of_this_text"
ELSEWHERE = "of another text"  # where which one it was cannot be known
_OF_REVIEW = {
    **{"by": "reviewer", "asked_by": "asked_by", "decided": "decided_at", "ended": "ended_at"},
    **{"this_text": THIS},
}
_TOGETHER = [("status", "decided_at", "words", "fingerprint"), ("ended_at", "counts_elsewhere")]


def tell(retro, telling) -> list[dict]:
    """Each review, the first one asked for first."""
    rows = retro.told_reviews
    if not rows or not telling.may(KEY, "retros.view_review"):
        return []
    text = fingerprint_of(retro, retro.sections.all(), retro.told_factors, retro.findings.all())
    return [_told(row, text, telling) for row in rows]


def _told(row, text, telling):
    names = [name for name in REVIEW if name != "ended_at" or not row.counts_elsewhere]
    return telling.plain(row, names) | ({THIS: True} if row.fingerprint == text else {})


def read(value, where) -> list[dict]:
    """The reviews of a document, checked."""
    return [_read(part) for part in parts_of(Part(where, {KEY: value}), KEY, "review")]


def _read(part):
    refuse_unknown(part, {THIS, *REVIEW})
    columns = typed(part, Review, REVIEW)
    if not columns["reviewer"]:
        part.refuse("reviewer", "is missing")
    is_decided = columns["status"] in Review.DECIDED
    if is_decided != (columns["decided_at"] is not None):
        raise Refused(f"{part.where}: a review that is decided says when, and no other does")
    is_this = flag(part, THIS)
    if is_this and not is_decided:
        part.refuse(THIS, "is said of a review that is not decided")
    return {"columns": columns, THIS: is_this}


def store(retro, reviews, keeping) -> None:
    """Add what is missing, to be read; what was decided here stands."""
    text = retro.fingerprint() if any(review[THIS] for review in reviews) else ""
    columns = [keeping.columns(Review, review["columns"]) for review in reviews]
    held = sorted(keeping.held(retro.reviews), key=lambda row: (row.asked_at, row.pk))
    found, others = match(held, columns, by("reviewer_id", "asked_at"))
    keeping.tally.kept += len(others)
    wanted = [
        values
        | _counting(row, values, keeping)
        | {"fingerprint": _fingerprint(row, values, review[THIS], text)}
        for row, values, review in zip(found, columns, reviews, strict=True)
    ]
    follow(found, wanted, lambda: Review(retro=retro), keeping, together=_TOGETHER)


def _counting(row, values, keeping) -> dict:
    if row is not None and not row.counts_elsewhere and row.ended_at is None:
        return {}  # it counts here
    if values["ended_at"] is not None:
        return {"counts_elsewhere": False}
    ended_at = row.ended_at if row is not None and row.counts_elsewhere else keeping.now
    return {"ended_at": ended_at, "counts_elsewhere": True}


def _fingerprint(row, values, is_this, text) -> str:
    if values["status"] not in Review.DECIDED:
        return ""
    if is_this:
        return text
    held = row.fingerprint if row is not None else ""
    return held if held not in ("", text) else ELSEWHERE


# --- In Markdown


def _parts(reviews):
    lines = [
        item(head(one["asked_at"], one["status"], shortened(one, _OF_REVIEW)), one.get("words", ""))
        for one in reviews
    ]
    yield KEY, "What reviewers said", "\n".join(lines)


def _take(document, name, text, place, line):
    if name != KEY or KEY in document:
        raise Refused(f"{place}: reviews stand in one part of the text, and nowhere else")
    document[KEY] = [_taken(one, place) for one in items(text, place, line)]


def _taken(one, place):
    at, status, more, words = taken_apart(one[1], f"{place}, line {one[0]}", _OF_REVIEW)
    return {"asked_at": at, "status": status, **in_full(more, _OF_REVIEW)} | (
        {"words": words} if words else {}
    )


register(
    Addition(
        KEY,
        tell=tell,
        read=read,
        store=store,
        body=Body(frozenset({KEY}), short=lambda reviews: None, parts=_parts, take=_take),
        place=50,
        fetch=(
            Prefetch(
                "reviews",
                Review.objects.select_related("reviewer", "asked_by").order_by("asked_at", "pk"),
                "told_reviews",
            ),
        ),
    )
)
