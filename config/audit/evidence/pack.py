"""Makes an evidence pack: what is asked for, with all that is needed to check it without us.

One snapshot of the database, after an anchor: what is written meanwhile is not in the pack. Rows are read and
written one by one, so that the size of a pack is no matter of memory. verifier.py says what each file must be.
"""

import bisect
import json
import shutil
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.utils import timezone

from config.audit import anchors, verify
from config.audit.evidence import cover, reading, verifier
from config.audit.evidence.archive import Archive
from config.audit.evidence.scopes import Part, Period, Refused, Story, redactions_part
from config.audit.ledger import Anchor, EvidencePack, Redaction

Progress = Callable[[int, int], object]
COUNTED = ("rows", "records", "changed_since", "links", "stretches", "anchors")
IN_MEMORY = 2**24  # bytes of a table's CSV before it goes to a temporary file


@dataclass
class Making:
    """A pack while it is made."""

    scope: Story | Period
    by: str
    head: Anchor
    archive: Archive
    progress: Progress
    made_at: datetime = field(default_factory=timezone.now)
    total: int = 0
    done: int = 0
    rows: dict[str, array] = field(default_factory=dict)  # by table, the numbers of the rows, line by line
    last: dict[str, dict] = field(
        default_factory=dict
    )  # by table, the last line of each object; below 0: deleted
    tables: dict[str, dict] = field(default_factory=dict)
    counts: Counter = field(default_factory=lambda: Counter(dict.fromkeys(COUNTED, 0)))
    kinds: dict[str, Counter] = field(default_factory=dict)
    people: dict[tuple, list] = field(default_factory=dict)
    redacted: list[int] = field(default_factory=list)
    differing: int = 0

    def line_of(self, table, row) -> int | None:
        """On which line of its table's file a row is, if it is in the pack."""
        rows = self.rows.get(table, ())
        at = bisect.bisect_left(rows, row)
        return at + 1 if at < len(rows) and rows[at] == row else None

    def advance(self) -> None:
        """One more row is written."""
        self.done += 1
        if self.done % 500 == 0 or self.done == self.total:
            self.progress(self.done, self.total)


@dataclass(frozen=True)
class Made:
    """A pack that is written. `differing` rows are not what was sealed, and its verifier will say so."""

    record: EvidencePack
    counts: dict
    differing: int


def build(scope, file, *, by: str, progress: Progress = lambda done, total: None) -> Made:
    """Write the pack of `scope` into the open binary `file`, and record that it was made.

    Raises `Refused` where there is nothing to write.
    """
    head = anchors.anchor(Anchor.Occasion.EXPORT)
    if head is None:
        raise Refused("There is no history yet.")
    with verify.snapshot(), Archive(file) as archive:
        making = Making(scope, by, head, archive, progress)
        digest = _write(making)
    record = EvidencePack.objects.create(
        by=by, what=scope.title[:300], rows=making.counts["rows"], manifest=digest, anchor=head
    )
    return Made(record, dict(making.counts), making.differing)


def _write(making) -> str:
    parts = list(making.scope.parts())
    making.total = sum(reading.count(part, making.head.sequence) for part in parts)
    if not making.total:
        raise Refused(f"{making.scope.title}: there is no history of that.")
    stretches = reading.Stretches(making.head.sequence)
    redactions = next((part for part in parts if part.sealable.model is Redaction), None)
    for part in parts:
        if part is not redactions:
            _write_table(making, part, stretches)
    if part := redactions_part(making.redacted, redactions):
        _write_table(making, part, stretches)
    _write_records(making, parts)
    _write_seals(making, stretches)
    making.archive.add("verify.py", Path(verifier.__file__).read_bytes(), 0o755)
    making.archive.add("cover.html", cover.render(making).encode("utf-8", "backslashreplace"))
    return _write_manifest(making)


# --- History -----------------------------------------------------------------------------------------------


def _write_table(making, part: Part, stretches) -> None:
    rows = reading.rows(part, making.head.sequence)
    if (first := next(rows, None)) is None:
        return
    table, columns = part.sealable.table, reading.columns_of(part.sealable)
    name = "redactions" if part.sealable.model is Redaction else f"history/{table}"
    numbers, last, kinds = array("q"), {}, Counter()
    making.rows[table], making.last[table], making.kinds[table] = numbers, last, kinds
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as csv:
        csv.write(verifier.csv_header(columns))
        with making.archive.writing(f"{name}.jsonl") as out:
            for one in _with(first, rows):
                row = verifier.parse(one.text)
                out.write(one.text + b"\n")
                csv.write(verifier.csv_line(one.text, row, columns))
                numbers.append(one.number)
                stretches.add(one.sequence, is_redaction=part.sealable.model is Redaction)
                _note(making, part, one, row, len(numbers))
        csv.seek(0)
        with making.archive.writing(f"{name}.csv") as out:
            shutil.copyfileobj(csv, out, 2**18)
    making.counts["rows"] += len(numbers)
    making.tables[table] = {
        "model": (part.tracked.model if part.tracked else part.sealable.model)._meta.label_lower,
        "file": f"{name}.jsonl",
        "csv": f"{name}.csv",
        "lines": len(numbers),
        "columns": columns,
        "record": sorted(part.tracked.columns) if part.tracked else [],
        "pk": part.tracked.pk if part.tracked else None,
    }


def _with(first, rest):
    yield first
    yield from rest


def _note(making, part, one, row, line) -> None:
    making.advance()
    if not one.is_as_sealed:
        ids = reading.redactions_of(part.sealable.table, one)
        making.redacted += ids
        making.differing += not ids
    if row is None or part.tracked is None:
        return
    kind = row["history_type"]
    making.kinds[part.sealable.table][kind] += 1
    making.last[part.sealable.table][row[part.tracked.pk]] = -line if kind == "-" else line
    who = (row["history_user_name"], row["history_actor_kind"])
    seen = making.people.setdefault(who, [0, row["history_date"], row["history_date"]])
    seen[0] += 1
    seen[1], seen[2] = min(seen[1], row["history_date"]), max(seen[2], row["history_date"])


# --- Records, seals, anchors -------------------------------------------------------------------------------


def _write_records(making, parts) -> None:
    living = sum(line > 0 for last in making.last.values() for line in last.values())
    matched = 0
    with making.archive.writing("records.jsonl") as out:
        for part in parts:
            table = part.sealable.table
            for number, pk, text in reading.records(part):
                if (line := making.line_of(table, number)) is None:
                    continue  # changed since the anchor
                out.write(
                    b'{"table":"%s","pk":%s,"line":%d,"row":'
                    % (table.encode(), json.dumps(pk).encode(), line)
                )
                out.write(text + b"}\n")
                making.counts["records"] += 1
                matched += making.last[table].get(pk) == line
    making.counts["changed_since"] = living - matched


def _write_seals(making, stretches) -> None:
    found = stretches.of(making.scope)
    with making.archive.writing("seals.jsonl") as out:
        for first, last in found:
            out.write(_entry(sequence=first - 1, link=reading.link_at(first - 1)))
            for sequence, table, row, digest, link, is_readable in reading.seals(first, last):
                seal = {"sequence": sequence, "table": table, "row": row, "digest": digest, "link": link}
                line = making.line_of(table, row) if is_readable else None
                out.write(_entry(**seal) if line is None else _entry(**seal, line=line))
                making.counts["links"] += 1
    making.counts["stretches"] = len(found)
    with making.archive.writing("anchors.jsonl") as out:
        for anchor in Anchor.objects.filter(sequence__gte=found[0][0]).order_by("pk").iterator():
            out.write(_anchor(anchor))
            making.counts["anchors"] += 1


def _anchor(anchor) -> bytes:
    at = anchor.recorded_at.astimezone(UTC).isoformat(timespec="seconds")
    return _entry(at=at, sequence=anchor.sequence, link=bytes(anchor.link).hex(), occasion=anchor.occasion)


def _entry(**values) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _write_manifest(making) -> str:
    head = json.loads(_anchor(making.head))
    manifest = {
        "format": verifier.FORMAT,
        "what": making.scope.describe(),
        "made_at": making.made_at.astimezone(UTC).isoformat(timespec="seconds"),
        "made_by": making.by,
        "head": head,
        "counts": dict(making.counts),
        "tables": making.tables,
        "files": making.archive.files.copy(),
    }
    digest = making.archive.add("manifest.json", json.dumps(manifest, indent=1).encode())
    making.archive.add("manifest.sha256", f"{digest}  manifest.json\n".encode())
    making.archive.close()
    return digest
