"""The index on PostgreSQL: a tsvector that we make ourselves, under GIN; trigrams over the distinct words."""

from django.db import connection

from config.search.words import stem

LARGEST = 500_000  # bytes of words: a tsvector holds a megabyte
LAST_PLACE = 16_383


def vector(title: list[str], body: list[str]) -> str:
    """Words as PostgreSQL reads a tsvector: each and its stem with its places, those of the title marked A."""
    places: dict[str, list[str]] = {}
    size = 0
    for place, word in enumerate([*title, *body], start=1):
        at = f"{min(place, LAST_PLACE)}{'A' if place <= len(title) else ''}"
        base = stem(word)
        for form in (word,) if base == word else (word, base):
            known = places.get(form)
            if known is None:
                size += 4 * len(form) + 8
                if size > LARGEST:
                    return _written(places)
                places[form] = [at]
            elif len(known) < 200:  # PostgreSQL keeps 256 of a word
                known.append(at)
    return _written(places)


def _written(places) -> str:
    # Words are letters and digits alone: nothing in them needs escaping.
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())


def store(rows: list[tuple], taken_apart: list[tuple]) -> None:
    """Write documents (kind, object_id, title, body, at, digest) with the words of title and body."""
    row = "(%s, %s, %s, %s, %s, %s, %s::tsvector)"
    values = []
    for document, (title, body) in zip(rows, taken_apart, strict=True):
        values += [*document, vector(title, body)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO search_document (kind, object_id, title, body, at, digest, vector)"
            f" VALUES {', '.join([row] * len(rows))} ON CONFLICT (kind, object_id) DO UPDATE SET"
            " title = excluded.title, body = excluded.body, at = excluded.at, digest = excluded.digest,"
            " vector = excluded.vector",
            values,
        )


def forget(pks: list[int]) -> None:
    """The words go with the row they are in."""


def learn(known: list[str]) -> None:
    """Add to the words there are. Sorted, or two who add at once could wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            # Nearly all are there already, which is cheaper to look up than to try.
            "INSERT INTO search_word (word) SELECT new FROM unnest(string_to_array(%s, ' ')) new"
            " WHERE NOT EXISTS (SELECT FROM search_word WHERE word = new) ON CONFLICT DO NOTHING",
            [" ".join(sorted(known))],
        )


def query(groups) -> str:
    """Every group, each by any of its (word, is it a beginning); words hold letters and digits alone."""
    return " & ".join(f"({' | '.join(_word(*one) for one in group)})" for group in groups)


def _word(word, is_beginning):
    return f"'{word}':*" if is_beginning else f"'{word}'"


# Documents d that fit a query, and how they are numbered.
SOURCE, NUMBER, FITS = "search_document d", "d.id", "d.vector @@ %s::tsquery"


def ranks(asked: str, pks: list[int]) -> dict[int, float]:
    """How well each of these documents fits, the more the better."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ts_rank('{0.1, 0.2, 0.4, 1.0}', vector, %s::tsquery, 1)"
            " FROM search_document WHERE id = ANY(%s)",
            [asked, pks],
        )
        return dict(cursor.fetchall())


def containing(part: str, most: int) -> list[str]:
    """Words that have `part` in them, the shortest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM search_word WHERE word LIKE %s ORDER BY length(word), word LIMIT %s",
            [f"%{part}%", most],
        )
        return [word for (word,) in cursor.fetchall()]


def holders(kind: str, asked: list[str], most: int) -> list[tuple[int, int]]:
    """For each query its number with the object ids of the documents of a kind that fit, `most` of each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT q.number, d.object_id FROM unnest(%s::tsquery[]) WITH ORDINALITY AS q(query, number)"
            " CROSS JOIN LATERAL (SELECT object_id FROM search_document"
            " WHERE vector @@ q.query AND kind = %s LIMIT %s) d",
            [asked, kind, most],
        )
        return [(number - 1, pk) for number, pk in cursor.fetchall()]
