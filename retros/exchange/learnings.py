"""The public digest in the files of retros: its text, where it stands, and every edition that customers read.

A learning comes as a draft, whatever its file says: nothing is public here before somebody here has published it,
after the check. What was public elsewhere is kept with the draft as the file told it. As long as the draft is as it
came, a file written here tells that again, to the byte; once somebody here works on it, it tells what became of it.
A draft follows its file until somebody here changes it; of what was ever published here no file changes anything.
What somebody found harmless, and how the text was drafted, is for whoever publishes and not in the file.
"""

from django.db.models import Prefetch

from incidents.imports.shape import Part, Refused
from retros.exchange.additions import Addition, Body, register
from retros.exchange.following import follow
from retros.exchange.plain import flag, plain_value, refuse_unknown, typed
from retros.exchange.reading import parts_of
from retros.exchange.verbatim import as_written, verbatim
from retros.models import Edition, Learning
from retros.models.edition import TEXTS

KEY = "learning"
EDITIONS = "editions"
LEARNING = (
    *("status", "slug", "correction", "hides_earlier"),
    *("published_at", "published_by", "withdrawn_at", "withdrawn_by", "withdrawal"),
)
EDITION = ("published_at", "published_by", "note", *TEXTS)
HIDDEN = "is_hidden"  # from readers, since it was corrected
KEPT_AT = "kept_at"  # its address here
PEOPLE = ("published_by", "withdrawn_by")
LONG = {
    "what_happened": "what happened",
    "what_we_learnt": "what we learnt",
    "what_we_do": "what we do about it",
}
Status = Learning.Status
_TOGETHER = [("status", *TEXTS)]


# --- Telling


def tell(retro, telling) -> dict:
    """The learning of a retro; nothing if there is none."""
    row = getattr(retro, "learning", None)
    if row is None or not telling.may(KEY, "retros.view_learning", "retros.view_edition"):
        return {}
    if is_as_it_came(row):
        return _named(row.as_imported, telling)
    editions = sorted(row.editions.all(), key=lambda one: one.number)
    told = telling.plain(row, LEARNING) | {EDITIONS: [_edition(one, telling) for one in editions]}
    if not editions or editions[-1].texts() != row.texts():
        told |= telling.plain(row, TEXTS)
    return {key: value for key, value in told.items() if value}


def _edition(row, telling):
    return telling.plain(row, EDITION) | ({} if row.is_shown else {HIDDEN: True})


def is_as_it_came(row) -> bool:
    """Whether a learning that was public elsewhere is still the draft that an import brought."""
    came = row.as_imported
    is_new = row.status == Status.DRAFT and row.published_at is None
    return bool(came) and is_new and row.slug == came[KEPT_AT] and row.texts() == _texts(came)


def _texts(told) -> dict[str, str]:
    """The text being written: the newest edition, unless another stands beside it."""
    source = told if "title" in told else told[EDITIONS][-1]
    return {name: source.get(name, "") for name in TEXTS}


def _named(came, telling):
    """The same with people by their addresses, who are kept by their numbers."""
    told = {
        key: _person(key, value, telling) for key, value in came.items() if key not in (KEPT_AT, EDITIONS)
    }
    told[EDITIONS] = [
        {key: _person(key, value, telling) for key, value in one.items()} for one in came[EDITIONS]
    ]
    return {key: value for key, value in told.items() if value}


def _person(key, value, telling):
    if key not in PEOPLE:
        return value
    return telling.person(telling.people[value]) if value in telling.people else ""


def people(retro) -> set[int]:
    """Who published and withdrew it elsewhere."""
    came = getattr(getattr(retro, "learning", None), "as_imported", None)
    rows = [came, *came[EDITIONS]] if came else []
    return {one[name] for one in rows for name in PEOPLE if name in one}


# --- Reading


def read(value, where) -> dict | None:
    """The learning of a document, checked; None if it tells of none."""
    if value == []:
        return None
    part = Part.of(value, f"{where}, {KEY}")
    refuse_unknown(part, {*LEARNING, *TEXTS, EDITIONS})
    editions = [_read_edition(one) for one in parts_of(part, EDITIONS, "edition")]
    columns = typed(part, Learning, LEARNING)
    _refuse_half(part, columns, editions)
    if "title" in part.values or not editions:
        return {"columns": columns, "texts": typed(part, Learning, TEXTS), EDITIONS: editions}
    if strange := [name for name in TEXTS if name in part.values]:
        part.refuse(strange[0], "has no title")
    return {"columns": columns, "texts": None, EDITIONS: editions}


def _read_edition(part):
    refuse_unknown(part, {*EDITION, HIDDEN})
    told = typed(part, Edition, EDITION)
    if not told["published_by"]:
        part.refuse("published_by", "is missing")
    return told | {HIDDEN: flag(part, HIDDEN)}


def _refuse_half(part, columns, editions):
    was_public = columns["published_at"] is not None
    if was_public != bool(columns["published_by"]) or was_public != bool(editions):
        raise Refused(
            f"{part.where}: what was published has a moment, a person and an edition, or none of them"
        )
    if not was_public and any(columns[name] for name in ("correction", "hides_earlier", "withdrawal")):
        raise Refused(f"{part.where}: what was never published is neither corrected nor withdrawn")
    is_withdrawn = columns["withdrawn_at"] is not None
    if is_withdrawn != bool(columns["withdrawn_by"]) or (is_withdrawn and not was_public):
        raise Refused(f"{part.where}: what was withdrawn was published, and has a moment and a person")
    status = columns["status"]
    if (status == Status.PUBLISHED and not was_public) or ((status == Status.WITHDRAWN) and not is_withdrawn):
        part.refuse("status", "is not what the rest of it tells")


# --- Storing


def store(retro, told, keeping) -> None:
    """Bring it as a draft where there is none; else see `follow`. What was ever published here stays as it is."""
    held = Learning.objects.filter(retro=retro).first()
    if told is None or (held is not None and held.published_at is not None):
        keeping.tally.kept += told is None and held is not None
        return
    came = _as_told(told, keeping) if told[EDITIONS] else {}
    slug = held.slug if held else _free_address(told)
    status = Status.DRAFT if told[EDITIONS] else told["columns"]["status"]
    values = {"status": status, **(_texts(came) if came else told["texts"])}
    values |= {
        "as_imported": came and came | {KEPT_AT: held.as_imported.get(KEPT_AT, slug) if held else slug}
    }
    follow([held], [values], lambda: Learning(retro=retro, slug=slug), keeping, together=_TOGETHER)


def _free_address(told):
    slug = told["columns"]["slug"]
    is_taken = Learning.objects.filter(slug=slug).exists()
    texts = told["texts"] or told[EDITIONS][-1]
    return Learning.objects._free_slug(texts["title"]) if is_taken else slug


def _as_told(told, keeping) -> dict:
    """What the file says of its time elsewhere, as JSON keeps it: people by their numbers, nothing that is empty."""
    came = _kept(told["columns"] | (told["texts"] or {}), keeping)
    return came | {EDITIONS: [_kept(one, keeping) for one in told[EDITIONS]]}


def _kept(values, keeping):
    kept = {
        name: keeping.person(value) if name in PEOPLE else plain_value(value)
        for name, value in values.items()
    }
    return {name: value for name, value in kept.items() if value}


# --- In Markdown


def sketch(learning, document) -> list[str]:
    """Where it stands, and what became public when."""
    if not learning:
        return []
    address, status = f"/learnings/{learning['slug']}/", Status(learning["status"])
    where = f"at {address}" if "published_at" in learning else f"to be read at {address} once it is published"
    lines = [f"{status.label}, {where}."]
    names = document.get("names", {}).get("people", {})
    if "withdrawn_at" in learning:
        because = f": {_line(learning['withdrawal'])}" if "withdrawal" in learning else "."
        lines += ["", f"Withdrawn{_who(learning, 'withdrawn', names)}{because}"]
    told = [_told_line(place, one, names) for place, one in enumerate(learning.get(EDITIONS, []), 1)]
    return lines + (["", *told] if told else [])


def _told_line(place, edition, names):
    hidden = ", hidden since it was corrected" if HIDDEN in edition else ""
    note = f": {_line(edition['note'])}" if "note" in edition else ""
    return f"{place}. **{edition['title']}**, published{_who(edition, 'published', names)}{hidden}{note}"


def _who(values, verb, names):
    email = values.get(f"{verb}_by", "")
    return f" {values[f'{verb}_at'][:10]}" + (f" by {names.get(email) or email}" if email else "")


def _line(text):
    return " ".join(text.split())


def _short(learning):
    told = {key: value for key, value in learning.items() if key not in LONG}
    if EDITIONS in told:
        told[EDITIONS] = [
            {key: value for key, value in one.items() if key not in LONG} for one in told[EDITIONS]
        ]
    return told


def _parts(learning):
    for name, label in LONG.items():
        yield f"learning {name}", f"Draft for customers: {label}", verbatim(learning.get(name, ""))
    editions = learning.get(EDITIONS, [])
    for place, edition in reversed(list(enumerate(editions, 1))):
        for name, label in LONG.items():
            heading = f"Edition {place} for customers: {label}"
            yield f"edition {place} {name}", heading, verbatim(edition.get(name, ""))


def _take(document, name, text, place, line):
    what, _, field = name.partition(" ")
    learning = document.get(KEY)
    if what == "edition":
        number, _, field = field.partition(" ")
        learning = _edition_of(learning, number)
    if not isinstance(learning, dict) or field not in LONG or field in learning:
        raise Refused(f"{place}: the front matter tells of no text for customers that this could be")
    learning[field] = as_written(text)


def _edition_of(learning, number):
    """The edition of that number; None if there is none."""
    editions = learning.get(EDITIONS) if isinstance(learning, dict) else None
    is_number = number.isascii() and number.isdigit() and len(number) < 5
    is_there = is_number and isinstance(editions, list) and 0 < int(number) <= len(editions)
    return editions[int(number) - 1] if is_there else None


register(
    Addition(
        KEY,
        tell=tell,
        read=read,
        store=store,
        heading="What customers may read",
        sketch=sketch,
        body=Body(frozenset({"learning", "edition"}), short=_short, parts=_parts, take=_take),
        people=people,
        place=70,
        fetch=(
            "learning__published_by",
            "learning__withdrawn_by",
            Prefetch("learning__editions", Edition.objects.select_related("published_by").order_by("number")),
        ),
    )
)
