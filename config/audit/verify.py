"""Looks at the whole history and says what is not as it was sealed, and how much it looked at.

Everything is read in one snapshot, so that those who write meanwhile cause no false alarm.
"""

import hashlib
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

from django.db import connection, transaction
from django.utils import timezone

from config.audit import anchors, canonical, keys, redactions, sealing, trigger_check, triggers
from config.audit.ledger import Anchor, SealedRow, Shape, Verification
from config.audit.links import GENESIS
from config.audit.triggers import latest, tracked_models

MOST = 1_000  # findings that are told one by one; the rest is counted
# Rows fetched at a time. SQLite is in our own process, where a short list stays in the processor's cache.
AT_ONCE = {"sqlite": 100, "postgresql": 2_000}
EDITED, REMOVED, INSERTED, SWAPPED = "edited", "removed", "inserted", "swapped"
CHAIN, SEAL, ANCHOR, BASE, TRIGGER = "chain", "seal", "anchor", "base", "trigger"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: its kind, where, and in words."""

    kind: str
    where: str
    text: str

    def __str__(self):
        return f"{self.kind}: {self.where}: {self.text}"


@dataclass
class Report:
    """What was looked at, what was found, and what could not be checked."""

    counts: Counter = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, kind, where, text) -> None:
        """Note a finding; after MOST of them only their number."""
        self.counts["findings"] += 1
        if len(self.findings) < MOST:
            self.findings.append(Finding(kind, where, text))

    @property
    def outcome(self) -> str:
        """Findings weigh more than what could not be checked."""
        if self.findings:
            return Verification.Outcome.FINDINGS
        return Verification.Outcome.IMPOSSIBLE if self.unchecked else Verification.Outcome.CLEAN


def verify(*, by: str = "", outside=()) -> Verification:
    """Seal what is not sealed, check everything, keep the result. `outside` are lines of anchors kept elsewhere."""
    report = check(outside)
    return Verification.objects.create(
        outcome=report.outcome,
        by=by,
        seconds=round(report.seconds, 3),
        counts=dict(report.counts),
        findings=[str(found) for found in report.findings] + [f"unchecked: {u}" for u in report.unchecked],
    )


def check(outside=()) -> Report:
    """Seal what is not sealed, then look at everything."""
    started, report = time.monotonic(), Report()
    sealing.seal()
    for name, problem in trigger_check.altered():
        report.add(TRIGGER, name, problem)
    report.counts["triggers"] = len(triggers.expected())
    # Within a transaction only this connection sees all; and SQLite works in our own process, one row at a time.
    if connection.in_atomic_block or connection.vendor == "sqlite":
        _check_ledger(report, outside)
        _check_history(report)
    else:
        with ThreadPoolExecutor(1) as beside:
            ledger = beside.submit(_beside, report, outside)
            _check_history(report)
            ledger.result()
    report.seconds = time.monotonic() - started
    return report


def _check_ledger(report, outside) -> None:
    """Whether the ledger holds together; beside the rows, for the database has to make a text of each of them."""
    with snapshot():
        _check_chain(report)
        _check_seals(report)
        _check_anchors(report, outside)


def _check_history(report) -> None:
    """Whether the rows are what the ledger says, and the objects what the rows say."""
    with snapshot():
        _check_rows(report)
        _check_base(report)


def _beside(report, outside) -> None:
    try:
        _check_ledger(report, outside)
    finally:
        connection.close()  # the thread's own


@contextmanager
def snapshot():
    """One view of the database for many queries, in which nobody is kept from writing."""
    if connection.in_atomic_block:
        yield
        return
    mode = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite":
        connection.transaction_mode = "DEFERRED"  # the usual IMMEDIATE would hold the one write lock
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    finally:
        if connection.vendor == "sqlite":
            connection.transaction_mode = mode


def stream(sql, params=()):
    """The rows of a query, read in portions."""
    for rows in portions(sql, params):
        yield from rows


def portions(sql, params=()):
    """The rows of a query, a list of them at a time."""
    size = AT_ONCE[connection.vendor]
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(size):
            yield rows


# --- Rows --------------------------------------------------------------------------------------------------


def _check_rows(report) -> None:
    """Every sealed row is there and as it was; no row below the last sealed one is without a seal."""
    now = canonical.columns_now()
    readable = sealing.readable_shapes(now)
    up_to = sealing.sealed_up_to(readable)
    by_table, sealed = {sealable.table: sealable for sealable in canonical.sealables()}, Counter()
    for shape in Shape.objects.order_by("pk"):
        sealable = by_table.get(shape.table)
        if sealable is None:
            report.unchecked.append(f"{shape.table} is no longer a table whose history is kept")
        elif shape.is_readable(now):
            sealed[shape.table] += _check_shape(report, shape, sealable)
        else:
            _check_reshaped(report, shape, sealable)
    for sealable in by_table.values():
        _check_unsealed(report, sealable, readable, up_to.get(sealable.table, 0), sealed[sealable.table])
    if connection.vendor == "postgresql":  # SQLite's one writer at a time is never late
        report.counts["late"] = SealedRow.objects.filter(is_late=True).count()


def _check_shape(report, shape, sealable) -> int:
    """Returns how many rows are there of those sealed in this shape."""
    sql = (
        f'SELECT s.history_id, s.digest, CASE WHEN h."{sealable.key}" IS NOT NULL'
        f" THEN {canonical.expression(shape.columns)} END"
        f' FROM audit_sealedrow s LEFT JOIN "{sealable.table}" h ON h."{sealable.key}" = s.history_id'
        " WHERE s.shape_id = %s"
    )
    is_bytes = connection.vendor == "sqlite"
    before, gone = report.counts["rows"], 0
    differing, sha256 = [], hashlib.sha256  # what is in this loop is done for every row there is
    for row, sealed, text in chain.from_iterable(_counted(report, portions(sql, [shape.pk]))):
        if text is None:
            gone += 1
            report.add(REMOVED, f"{shape.table} {row}", "was sealed and is not there any more")
        elif sha256(text if is_bytes else text.encode()).digest() != sealed:
            differing.append((row, sealed, canonical.digest(text)))
    _explain(report, shape.table, differing)
    return report.counts["rows"] - before - gone


def _check_reshaped(report, shape, sealable) -> None:
    """Rows sealed with a column that a migration removed since, and therefore sealed anew: none may be missing."""
    report.counts["reshaped"] += SealedRow.objects.filter(shape=shape).count()
    sql = (
        "SELECT s.history_id FROM audit_sealedrow s WHERE s.shape_id = %s AND NOT EXISTS"
        f' (SELECT 1 FROM "{sealable.table}" h WHERE h."{sealable.key}" = s.history_id)'
    )
    for (row,) in stream(sql, [shape.pk]):
        report.add(REMOVED, f"{shape.table} {row}", "was sealed and is not there any more")


def _counted(report, found):
    for rows in found:
        report.counts["rows"] += len(rows)
        yield rows


def _explain(report, table, differing) -> None:
    """What happened to rows that are not as they were sealed: redacted, swapped, or else edited."""
    sealed_as = {sealed: row for row, sealed, _ in differing}
    for row, sealed, is_now in differing:
        if redactions.leads(table, row, sealed, is_now):
            report.counts["redacted"] += 1
        elif is_now in sealed_as:
            report.add(SWAPPED, f"{table} {row}", f"is what row {sealed_as[is_now]} was when it was sealed")
        else:
            report.add(EDITED, f"{table} {row}", "is not what was sealed")


def _check_unsealed(report, sealable, readable, up_to, sealed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{sealable.table}" WHERE "{sealable.key}" <= %s', [up_to])
        if cursor.fetchone()[0] == sealed:
            return
    sql = (
        f'SELECT h."{sealable.key}" FROM "{sealable.table}" h WHERE h."{sealable.key}" <= %s'
        f" AND NOT {sealing.is_sealed(sealable, readable)}"
    )
    params = [up_to]
    if connection.vendor == "postgresql":  # there a transaction may yet commit a lower number
        sql += f' AND h."{sealable.moment}" < %s'
        params.append(timezone.now() - sealing.LONGEST_TRANSACTION)
    for (row,) in stream(sql, params):
        report.add(INSERTED, f"{sealable.table} {row}", "has no seal, and later rows have one")


# --- The chain, its seals and its anchors ------------------------------------------------------------------


def _check_chain(report) -> None:
    """The sequence has no gap and every link follows from the one before, as `links.link_of` makes it."""
    tables = {shape.pk: shape.table for shape in Shape.objects.all()}
    expected, previous, sha256 = 1, GENESIS.hex(), hashlib.sha256
    sql = "SELECT sequence, shape_id, history_id, digest, link FROM audit_sealedrow ORDER BY sequence"
    for sequence, shape, row, digest, link in chain.from_iterable(portions(sql)):
        text = f"{previous}|{sequence}|{tables.get(shape)}|{row}|{digest.hex()}"
        if sequence != expected:
            report.add(CHAIN, f"row {expected}", f"the chain breaks: the next sealed row is {sequence}")
        elif sha256(text.encode()).digest() != link:
            report.add(CHAIN, f"row {sequence}", "the link does not follow from the one before")
        expected, previous = sequence + 1, link.hex()
    report.counts["links"] = expected - 1


def _check_seals(report) -> None:
    """The seals cover the chain without a gap, and each head is signed."""
    covered, unknown = 0, Counter()
    sql = (
        "SELECT a.first, a.last, a.link, a.key_id, a.mac, s.link FROM audit_seal a"
        " LEFT JOIN audit_sealedrow s ON s.sequence = a.last ORDER BY a.last"
    )
    for first, last, link, key_id, mac, head in stream(sql):
        where = f"rows {first} to {last}"
        if first != covered + 1:
            report.add(SEAL, f"rows {covered + 1} to {first - 1}", "their seal is missing")
        if head is None or bytes(head) != bytes(link):
            report.add(SEAL, where, "the seal is not of these rows")
        try:
            if not keys.is_signed(f"{last}|{bytes(link).hex()}".encode(), key_id, mac):
                report.add(SEAL, where, "the seal is not signed with our key")
        except keys.UnknownKey:
            unknown[key_id] += 1
        covered = last
        report.counts["seals"] += 1
    if covered != report.counts["links"]:
        report.add(SEAL, f"rows {covered + 1} to {report.counts['links']}", "their seal is missing")
    for key_id, number in unknown.items():
        report.unchecked.append(f"{number} seals are signed with the key {key_id}, which AUDIT_KEYS lacks")


def _check_anchors(report, outside) -> None:
    """The chain goes through every anchor, those in the database and those that left it."""
    marks = {(a.sequence, bytes(a.link)): "the database" for a in Anchor.objects.iterator()}
    for where, line in [*anchors.kept_lines(), *(("outside", line) for line in outside)]:
        try:
            marks[anchors.parse(line)] = where
        except ValueError:
            report.unchecked.append(f"a line of the anchors ({where}) is none: {line[:80]!r}")
    report.counts["anchors"] = len(marks)
    links = anchors.links_at({sequence for sequence, _ in marks})
    for (sequence, link), where in sorted(marks.items()):
        if sequence not in links:
            report.add(ANCHOR, f"row {sequence}", f"was anchored ({where}), and the chain ends before it")
        elif links[sequence] != link:
            report.add(ANCHOR, f"row {sequence}", f"the chain is another one than was anchored ({where})")


# --- The rows themselves -----------------------------------------------------------------------------------


def _check_base(report) -> None:
    """Every row is what its latest history says, and none is missing."""
    for tracked in tracked_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{tracked.table}"')
            report.counts["objects"] += cursor.fetchone()[0]
        for pk, known in stream(_differs_from_history(tracked)):
            text = "is not what the history says" if known else "is there, and the history does not know it"
            report.add(BASE, f"{tracked.table} {pk}", text)
        for (pk,) in stream(_gone_without_history(tracked)):
            report.add(BASE, f"{tracked.table} {pk}", "is gone, and the history does not say so")


def _differs_from_history(tracked) -> str:
    same = "IS NOT" if connection.vendor == "sqlite" else "IS DISTINCT FROM"
    ours, theirs = (", ".join(f'{alias}."{c}"' for c in tracked.columns) for alias in "bh")
    is_there = "h.history_id IS NOT NULL AND h.history_type <> '-'"
    return (
        f'SELECT b."{tracked.pk}", {is_there} FROM "{tracked.table}" b'
        f' LEFT JOIN ({latest(tracked)}) l ON l.pk = b."{tracked.pk}"'
        f' LEFT JOIN "{tracked.history_table}" h ON h.history_id = l.history_id'
        f" WHERE NOT ({is_there}) OR ({ours}) {same} ({theirs})"
    )


def _gone_without_history(tracked) -> str:
    return (
        f"SELECT l.pk FROM ({latest(tracked)}) l"
        f' JOIN "{tracked.history_table}" h ON h.history_id = l.history_id'
        f' LEFT JOIN "{tracked.table}" b ON b."{tracked.pk}" = l.pk'
        f" WHERE b.\"{tracked.pk}\" IS NULL AND h.history_type <> '-'"
    )
