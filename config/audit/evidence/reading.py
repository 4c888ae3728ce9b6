"""What a pack reads from the database: rows with the bytes that were sealed, seals, records as they stand."""

import bisect
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from config.audit import canonical, redactions, sealing
from config.audit.evidence.scopes import Part, Period
from config.audit.explorer import sql
from config.audit.ledger import Anchor, Redaction, SealedRow, Shape
from config.audit.links import GENESIS
from config.audit.triggers import META
from config.audit.verify import stream

FIRST_COLUMNS = ("history_id", *META)  # of a CSV: who did what when is what people look for


@dataclass(frozen=True)
class Row:
    """One sealed row: its number in its table, its place in the chain, its bytes, and what was sealed."""

    number: int
    sequence: int
    text: bytes
    sealed: bytes

    @property
    def is_as_sealed(self) -> bool:
        """Whether the bytes are those that were sealed."""
        return canonical.digest(self.text) == self.sealed


def _from(part) -> str:
    sealable = part.sealable
    return (
        f'FROM audit_sealedrow s JOIN "{sealable.table}" h ON h."{sealable.key}" = s.history_id'
        f" WHERE s.shape_id = %s AND s.sequence <= %s AND ({part.where})"
    )


def _shapes(sealable) -> list[Shape]:
    return sealing.readable_shapes(canonical.columns_now()).get(sealable.table, [])


def count(part: Part, head: int) -> int:
    """How many rows of a part are sealed up to the `head`."""
    return sum(
        sql.run(f"SELECT count(*) {_from(part)}", [shape.pk, head, *part.params])[0][0]
        for shape in _shapes(part.sealable)
    )


def rows(part: Part, head: int) -> Iterator[Row]:
    """The rows of a part that are sealed up to the `head`, by number, each in the shape it was sealed in."""
    shapes = [_rows_of(shape, part, head) for shape in _shapes(part.sealable)]
    return heapq.merge(*shapes, key=attrgetter("number"))


def _rows_of(shape, part, head):
    text = canonical.expression(shape.columns)
    asked = f'SELECT h."{part.sealable.key}", s.sequence, {text}, s.digest {_from(part)} ORDER BY 1'
    for number, sequence, text, sealed in stream(asked, [shape.pk, head, *part.params]):
        yield Row(number, sequence, text if isinstance(text, bytes) else text.encode(), bytes(sealed))


def columns_of(sealable) -> list[str]:
    """The columns of a table's CSV: who did what when, then what the row says."""
    found = {column for shape in _shapes(sealable) for column in shape.columns}
    first = [column for column in FIRST_COLUMNS if column in found]
    return [*first, *sorted(found.difference(first))]


def redactions_of(table: str, row: Row) -> list[int]:
    """The redactions that made a row what it is now; empty if it was changed otherwise."""
    if not redactions.leads(table, row.number, row.sealed, canonical.digest(row.text)):
        return []
    return list(Redaction.objects.filter(table=table, row=row.number).values_list("pk", flat=True))


def records(part: Part) -> Iterator[tuple]:
    """The objects whose latest history row is in the part: that row's number, the key, the row as it stands."""
    if (tracked := part.tracked) is None:
        return
    text = canonical.expression(sorted(tracked.columns), "b")
    asked = (
        f'SELECT h.history_id, b."{tracked.pk}", {text} FROM "{tracked.history_table}" h'
        f' JOIN "{tracked.table}" b ON b."{tracked.pk}" = h."{tracked.pk}"'
        f" WHERE h.history_type <> '-' AND ({part.where}) AND NOT EXISTS (SELECT 1 FROM \"{tracked.history_table}\" x"
        f' WHERE x."{tracked.pk}" = h."{tracked.pk}" AND x.history_id > h.history_id) ORDER BY 1'
    )
    for number, pk, row in stream(asked, part.params):
        yield number, pk, row if isinstance(row, bytes) else row.encode()


# --- The chain ---------------------------------------------------------------------------------------------


class Stretches:
    """Which stretches of the chain prove the rows of a pack: from the first of them up to an anchor."""

    def __init__(self, head: int):
        found = Anchor.objects.filter(sequence__lte=head).values_list("sequence", flat=True)
        self.anchors = sorted(set(found))
        self.rows: dict[int, int] = {}  # by the anchor that follows, the first row before it
        self.redactions: dict[int, int] = {}

    def add(self, sequence: int, *, is_redaction: bool) -> None:
        """Note a row of the pack."""
        anchor = self.anchors[bisect.bisect_left(self.anchors, sequence)]
        known = self.redactions if is_redaction else self.rows
        known[anchor] = min(sequence, known.get(anchor, sequence))

    def of(self, scope) -> list[tuple[int, int]]:
        """First and last row of each stretch, in order. A period is one stretch, so that it shows every gap."""
        if isinstance(scope, Period) and self.rows:
            found = [(min(self.rows.values()), max(self.rows))]
        else:
            found = [(first, anchor) for anchor, first in self.rows.items()]
        return _merged([*found, *((first, anchor) for anchor, first in self.redactions.items())])


def _merged(stretches):
    merged: list[tuple[int, int]] = []
    for first, last in sorted(stretches):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def link_at(sequence: int) -> str:
    """The link of a row of the chain, in hex; before the first row, the one that all begins with."""
    if sequence == 0:
        return GENESIS.hex()
    return bytes(SealedRow.objects.values_list("link", flat=True).get(sequence=sequence)).hex()


def seals(first: int, last: int) -> Iterator[tuple]:
    """The seals of a stretch: sequence, table, row, digest and link, the latter two in hex.

    The last says whether the row can still be read as it was sealed then; else it was sealed anew since.
    """
    tables, now = {shape.pk: shape for shape in Shape.objects.all()}, canonical.columns_now()
    readable = {pk for pk, shape in tables.items() if shape.is_readable(now)}
    asked = (
        "SELECT sequence, shape_id, history_id, digest, link FROM audit_sealedrow"
        " WHERE sequence BETWEEN %s AND %s ORDER BY sequence"
    )
    for sequence, shape, row, digest, link in stream(asked, [first, last]):
        yield sequence, tables[shape].table, row, bytes(digest).hex(), bytes(link).hex(), shape in readable
