"""The index on SQLite: FTS5 tables that keep their own copy, so that no trigger has to survive a migration."""

import json
from functools import lru_cache

from django.db import connection

from config.search.words import stem

ROWS = 100  # rows a statement: it limits the parameters


@lru_cache(maxsize=200_000)
def _form(word: str) -> str:
    base = stem(word)
    return word if base == word else f"{word} {base}"


def _forms(found: list[str]) -> str:
    return " ".join(map(_form, found))


def store(rows: list[tuple], taken_apart: list[tuple]) -> None:
    """Write documents (kind, object_id, title, body, at, digest) with the words of title and body."""
    with connection.cursor() as cursor:
        for start in range(0, len(rows), ROWS):
            _store(cursor, rows[start : start + ROWS], taken_apart[start : start + ROWS])


def _store(cursor, rows, taken_apart):
    values = []
    for kind, pk, title, body, at, digest in rows:
        values += [kind, pk, title, body, connection.ops.adapt_datetimefield_value(at), digest]
    cursor.execute(
        "INSERT INTO search_document (kind, object_id, title, body, at, digest)"
        f" VALUES {', '.join(['(%s, %s, %s, %s, %s, %s)'] * len(rows))}"
        " ON CONFLICT (kind, object_id) DO UPDATE SET title = excluded.title, body = excluded.body,"
        " at = excluded.at, digest = excluded.digest RETURNING kind, object_id, id",
        values,
    )
    ids = {(kind, pk): number for kind, pk, number in cursor.fetchall()}
    cursor.executemany(
        "INSERT OR REPLACE INTO search_words (rowid, title, body) VALUES (%s, %s, %s)",
        [
            (ids[row[0], row[1]], _forms(title), _forms(body))
            for row, (title, body) in zip(rows, taken_apart, strict=True)
        ],
    )


def forget(pks: list[int]) -> None:
    """Remove the words of documents that go."""
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM search_words WHERE rowid = %s", [(pk,) for pk in pks])


def learn(known: list[str]) -> None:
    """Add to the words there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO search_word (word) SELECT value FROM json_each(%s) WHERE true"
            " ON CONFLICT DO NOTHING RETURNING word",
            [json.dumps(sorted(known))],
        )
        cursor.executemany("INSERT INTO search_parts (word) VALUES (%s)", cursor.fetchall())


def query(groups) -> str:
    """Every group, each by any of its (word, is it a beginning); words hold letters and digits alone."""
    return " AND ".join(f"({' OR '.join(_word(*one) for one in group)})" for group in groups)


def _word(word, is_beginning):
    return f'"{word}"*' if is_beginning else f'"{word}"'


# Documents d that fit a query, and how they are numbered. FTS5 gives the latest first by itself, and stops in time.
SOURCE = "search_words w CROSS JOIN search_document d ON d.id = w.rowid"
NUMBER, FITS = "w.rowid", "w.search_words MATCH %s"


def ranks(asked: str, pks: list[int]) -> dict[int, float]:
    """How well each of these documents fits, the more the better."""
    if not pks:
        return {}
    wanted = set(pks)
    with connection.cursor() as cursor:
        # By their range: a list of ids would make FTS5 begin anew for each.
        cursor.execute(
            "SELECT rowid, -bm25(search_words, 4.0, 1.0) FROM search_words"
            " WHERE search_words MATCH %s AND rowid BETWEEN %s AND %s",
            [asked, min(pks), max(pks)],
        )
        return {pk: rank for pk, rank in cursor.fetchall() if pk in wanted}


def containing(part: str, most: int) -> list[str]:
    """Words that have `part` in them, the shortest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word FROM search_parts WHERE search_parts MATCH %s ORDER BY length(word), word LIMIT %s",
            [f'"{part}"', most],
        )
        return [word for (word,) in cursor.fetchall()]


def holders(kind: str, asked: list[str], most: int) -> list[tuple[int, int]]:
    """For each query its number with the object ids of the documents of a kind that fit, `most` of each."""
    one = (
        "SELECT * FROM (SELECT %s, d.object_id FROM search_words w CROSS JOIN search_document d ON d.id = w.rowid"
        " WHERE w.search_words MATCH %s AND d.kind = %s LIMIT %s)"
    )
    values = [value for number, query in enumerate(asked) for value in (number, query, kind, most)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(asked)), values)
        return cursor.fetchall()
