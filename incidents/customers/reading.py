"""Reads a list of customers from CSV: by the names of its columns, and with the line of whatever is wrong."""

import csv
import io
import re
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from config.forms import clean_line
from incidents.imports.shape import Refused
from incidents.models import Customer
from incidents.models.customer import clean_domain

LARGEST = 20 * 1024 * 1024  # bytes
MOST_ROWS = 100_000
MOST_COLUMNS = 100
LONGEST_CELL = 10_000  # characters
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
# What other lists call the columns; compared without case, spaces and dashes.
COLUMNS = {
    "name": {"name", "customer", "customername", "company", "account", "accountname", "organisation"}
    | {"organization"},
    "external_id": {"externalid", "id", "customerid", "accountid", "idelsewhere", "number", "customernumber"},
    "services": {"services", "service", "products", "product", "servicesused"},
    "regions": {"regions", "region", "regionsused", "location", "locations"},
    "tier": {"tier", "plan", "planortier", "level", "contract"},
    "domain": {"domain", "contactdomain", "emaildomain", "maildomain", "domains", "email", "contact"},
}
LINES = ("name", "external_id", "tier", "domain")
LISTS = ("services", "regions")


@dataclass(frozen=True)
class Line:
    """One customer of the file: the number of its line, and what the columns there are say of them."""

    number: int
    texts: dict[str, str]
    lists: dict[str, frozenset[int]] = field(default_factory=dict)  # primary keys

    @property
    def key(self) -> tuple[str, str]:
        """By what the row is known again: its id, or its name where it has none."""
        if external_id := self.texts.get("external_id", ""):
            return "id", external_id.lower()
        return "name", self.texts["name"].casefold()


@dataclass(frozen=True)
class Sheet:
    """A file as it was read: what is good, and what is wrong, by line."""

    columns: dict[str, str]  # ours: theirs
    ignored: tuple[str, ...]
    lines: tuple[Line, ...]
    wrong: tuple[tuple[int, str], ...]


def read(data: bytes, services, regions) -> Sheet:
    """The customers in `data`; Refused if it is no such file at all."""
    rows = _rows(_text(data))
    try:
        _, header = next(rows)
    except StopIteration:
        raise Refused("the file is empty") from None
    places, ignored = _columns(header)
    known = {"services": _by_name(services), "regions": _by_name(regions)}
    lines, wrong, seen = [], [], {}
    for number, row in rows:
        if len(lines) + len(wrong) >= MOST_ROWS:
            raise Refused(f"line {number}: more than {MOST_ROWS:,} customers; split the file")
        try:
            line = _line(number, row, places, len(header), known)
            _refuse_twice(line, seen)
            lines.append(line)
        except Refused as error:
            wrong.append((number, str(error)))
    if not lines and not wrong:
        raise Refused("the file names its columns, but no customer")
    columns = {name: header[place] for name, place in places.items()}
    return Sheet(columns, tuple(ignored), tuple(lines), tuple(wrong))


def _text(data):
    if len(data) > LARGEST:
        raise Refused(f"the file is larger than {LARGEST // 1024 // 1024} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused(f"line {line}: the file is not UTF-8 text; save it as “CSV UTF-8”") from error
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise Refused(f"line {line}: there is a null character, which no text has")
    return text


def _rows(text):
    """Number and cells of each row that is not empty; the number is of the line on which it begins."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL * 4))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Refused(f"line {begins}: {_in_words(error)}") from error
        if len(row) > MOST_COLUMNS:
            raise Refused(f"line {begins}: more than {MOST_COLUMNS} columns")
        if any(len(cell) > LONGEST_CELL for cell in row):
            raise Refused(f"line {begins}: a cell is longer than {LONGEST_CELL:,} characters")
        if any(cell.strip() for cell in row):
            yield begins, row
        begins = reader.line_num + 1


def _in_words(error):
    said = str(error)
    if "field larger than" in said:
        return f"a cell is longer than {LONGEST_CELL:,} characters"
    if "unexpected end of data" in said:
        return "a quotation mark is opened here and never closed"
    return f"this is no CSV: {said}"


def _delimiter(text) -> str:
    """What stands between the names of the columns: many programs write semicolons."""
    first = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0][:LONGEST_CELL])
    return max(",;\t", key=first.count)


def _columns(header):
    places, ignored = {}, []
    for place, name in enumerate(header):
        plain = re.sub(r"[\W_]", "", name).lower()
        ours = next((ours for ours, theirs in COLUMNS.items() if plain in theirs), None)
        if ours is None:
            ignored += [clean_line(name)[:80]] if name.strip() else []
        elif ours in places:
            raise Refused(
                f"line 1: two columns say the {ours.replace('_', ' ')}: {header[places[ours]]}, {name}"
            )
        else:
            places[ours] = place
    if "name" not in places:
        named = ", ".join(clean_line(name)[:40] for name in header[:10]) or "nothing"
        raise Refused(f"line 1: no column is called “name”, only {named}")
    return places, ignored


def _line(number, row, places, width, known) -> Line:
    if len(row) != width and any(cell.strip() for cell in row[width:]):
        raise Refused(f"{len(row)} cells under {width} columns")
    cells = {name: row[place] if place < len(row) else "" for name, place in places.items()}
    texts = {name: _cell(name, cells[name]) for name in LINES if name in cells}
    if not texts["name"]:
        raise Refused("no name")
    lists = {name: _keys(name, cells[name], known[name]) for name in LISTS if name in cells}
    return Line(number, texts, lists)


def _cell(name, text) -> str:
    text = clean_line(_undefused(text))
    if name == "domain":
        text = clean_domain(text)
    try:
        return Customer._meta.get_field(name).clean(text, None) if text else ""
    except ValidationError as error:
        what = {"external_id": "id", "tier": "plan"}.get(name, name)
        raise Refused(f"{what} “{text[:60]}”: {' '.join(error.messages)}") from error


def _undefused(text):
    """What we exported, or another careful program, with a quote before what a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text.lstrip("'").startswith(FORMULA) else text


def _keys(what, cell, known) -> frozenset[int]:
    cell = clean_line(_undefused(cell))
    if not cell:
        return frozenset()
    if whole := known.get(cell.casefold()):
        return frozenset([whole])
    found = set()
    for part in filter(None, (part.strip() for part in re.split(r"[|;,]", cell))):
        if (pk := known.get(part.casefold())) is None:
            raise Refused(f"there is no {what[:-1]} “{part[:60]}”")
        found.add(pk)
    return frozenset(found)


def _by_name(rows) -> dict[str, int]:
    """By slug and by name, as far as a name is of one alone."""
    names: dict[str, set[int]] = {}
    for row in rows:
        names.setdefault(row.name.casefold(), set()).add(row.pk)
    found = {name: pks.pop() for name, pks in names.items() if len(pks) == 1}
    return found | {row.slug.casefold(): row.pk for row in rows}


def _refuse_twice(line, seen):
    kind, value = line.key
    if line.key in seen:
        raise Refused(f"the {kind} “{value[:60]}” is on line {seen[line.key]} already")
    seen[line.key] = line.number
