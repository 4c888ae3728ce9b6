"""What history costs, against plain saves, simple-history's own signals and a bare cursor, in one run.

    python -m tests.benchmarks.bench_history                SQLite, in a scratch file
    DATABASE_URL=postgres://… python -m …                   PostgreSQL, in a scratch database made and dropped

Plain: the same models with no trigger and no actor told. Signals: the same, with simple-history's signals on.
Medians of ROUNDS interleaved rounds. Exits 1 if a goal is missed.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial

from tests.benchmarks.scratch import scratch

ROUNDS, SAVES, BULK = 9, 300, 10_000
WRITERS, SECONDS = 8, 4.0
WRITER_ROUNDS = 5


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=300_000, help="history rows to verify")
    options.add_argument("--write", metavar="PK", type=int, help="be one of the writers")
    options.add_argument("--plain", action="store_true", help="as a writer, tell no actor")
    asked = options.parse_args()
    if asked.write:
        return _be_a_writer(asked.write, asked.plain)
    with scratch("history"):
        return _measure(asked.rows)


def _measure(rows) -> int:
    from django.db import connection

    measured = [
        _saves,
        _bulk,
        *([_writers] if connection.vendor == "postgresql" else []),
        partial(_verify, rows),
    ]
    missed = 0
    for measure in measured:
        for is_met, text in measure():
            missed += not is_met
            sys.stdout.write(f"{'ok  ' if is_met else 'MISS'} {connection.vendor}: {text}\n")
            sys.stdout.flush()
    return int(missed > 0)


# --- Ways to save ------------------------------------------------------------------------------------------


@contextmanager
def _ours():
    from config.audit import triggers
    from config.audit.actor import WEB, acting

    triggers.install()
    with acting(kind=WEB, name="Bench"):
        yield


@contextmanager
def _plain():
    from django.db import connection

    from config.audit import triggers

    triggers.drop()
    wrappers, connection.execute_wrappers = connection.execute_wrappers, []
    try:
        yield
    finally:
        connection.execute_wrappers = wrappers


@contextmanager
def _signals():
    from django.conf import settings
    from simple_history.models import HistoricalRecords

    # Which columns are left out is our addition; its signals are to write the same row as our triggers.
    HistoricalRecords.fields_included = lambda _, model: model.history.model.tracked_fields
    with _plain():
        settings.SIMPLE_HISTORY_ENABLED = True
        try:
            yield
        finally:
            settings.SIMPLE_HISTORY_ENABLED = False


WAYS = {"plain": _plain, "ours": _ours, "signals": _signals}


def _medians(act, ways) -> dict[str, float]:
    times = {name: [] for name in ways}
    for at in range(ROUNDS + 1):
        for name in ways:
            with WAYS[name]():
                before = time.perf_counter()
                act(name)
                if at:  # the first round warms up
                    times[name].append(time.perf_counter() - before)
    return {name: statistics.median(found) for name, found in times.items()}


def _incident(title="Customers cannot pay"):
    from incidents.models import Incident, Severity

    return Incident(title=title, severity=Severity.objects.first(), summary="Some saw an error.")


def _saves():
    from django.db import connection

    incident = _incident()
    incident.save()

    def save(_):
        for number in range(SAVES):
            incident.title = f"Customers cannot pay, {number} {time.monotonic_ns()}"
            incident.save()

    found = _medians(save, WAYS)
    ours, signals = found["ours"] / found["plain"], found["signals"] / found["ours"]
    least = 1.5 if connection.vendor == "postgresql" else 2.0
    yield ours <= 1.30, f"save {ours:.2f} × plain (goal 1.30), {found['plain'] / SAVES * 1000:.2f} ms plain"
    yield signals >= least, f"save {signals:.2f} × faster than with signals (goal {least})"
    more = _statements(incident, _ours) - _statements(incident, _plain)
    yield more <= 1, f"{more} statements more in a save (goal: at most 1, which names the actor)"


def _statements(incident, way) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with way(), CaptureQueriesContext(connection) as seen:
        incident.title += "!"
        incident.save()
    return len(seen)


def _bulk():
    from django.db import transaction

    from incidents.models import Incident

    def create(_):
        with transaction.atomic():
            Incident.objects.bulk_create([_incident_of(severity, n) for n in range(BULK)], batch_size=500)
            transaction.set_rollback(True)  # each round meets the same table

    severity = _incident().severity

    def _incident_of(severity, number):
        return Incident(title=f"Customers cannot pay, {number}", severity=severity, summary="Some saw it.")

    found = _medians(create, ["plain", "ours"])
    ratio = found["ours"] / found["plain"]
    yield (
        ratio <= 1.7,
        f"bulk_create of {BULK:,} {ratio:.2f} × plain (goal 1.70), {found['plain']:.2f} s plain",
    )


# --- Eight at once -----------------------------------------------------------------------------------------


def _writers():
    pks = []
    for _ in range(WRITERS):
        incident = _incident()
        incident.save()
        pks.append(incident.pk)
    rates = {"plain": [], "ours": []}
    for _ in range(WRITER_ROUNDS):
        for name, found in rates.items():
            with WAYS[name]():
                found.append(_together(pks, name == "plain"))
    ratios = [ours / plain for ours, plain in zip(rates["ours"], rates["plain"], strict=True)]
    ratio = statistics.median(ratios)
    plain = statistics.median(rates["plain"])
    yield ratio >= 0.75, f"{WRITERS} writers {ratio:.2f} × plain (goal 0.75), {plain:.0f} saves/s plain"


def _together(pks, plain) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.bench_history", *(["--plain"] if plain else [])]
    running = [
        subprocess.Popen(
            [*command, "--write", str(pk)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        for pk in pks
    ]
    for one in running:
        one.stdout.readline()
    for one in running:
        one.stdin.write("go\n")
        one.stdin.flush()
    return sum(int(one.communicate()[0]) for one in running) / SECONDS


def _be_a_writer(pk, plain) -> int:
    with scratch("history", join=True):
        from django.db import connection

        from config.audit.actor import WEB, acting
        from incidents.models import Incident

        incident = Incident.objects.get(pk=pk)
        if plain:
            connection.execute_wrappers = []
        with acting(kind=WEB, name=f"Writer {pk}"):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.readline()
            end, saved = time.monotonic() + SECONDS, 0
            while time.monotonic() < end:
                incident.title = f"Customers cannot pay, {saved}"
                incident.save()
                saved += 1
        sys.stdout.write(f"{saved}\n")
    return 0


# --- Verifying ---------------------------------------------------------------------------------------------


def _verify(rows):
    from config.audit import sealing, triggers, verify

    triggers.install()
    _fill(rows)
    before = time.perf_counter()
    sealed = sealing.seal()
    spent = time.perf_counter() - before
    bare, ours = [], []
    for _ in range(5):
        bare.append(_bare())
        report = verify.check()
        if report.findings or report.unchecked:
            raise SystemExit(f"the made-up history does not verify: {report.findings[:3]} {report.unchecked}")
        ours.append(report.counts["rows"] / report.seconds)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    yield (
        ratio >= 0.6,
        f"verify {ratio:.2f} × a bare cursor with SHA-256 (goal 0.60), {statistics.median(ours):,.0f} rows/s of"
        f" {report.counts['rows']:,}; sealing {sealed / spent:,.0f} rows/s",
    )


def _bare() -> float:
    """Rows per second of nothing but reading each history row as one text and hashing it."""
    from django.db import connection

    from config.audit import canonical, verify

    before, count = time.perf_counter(), 0
    now = canonical.columns_now()
    with verify.snapshot():
        for sealable in canonical.sealables():
            text = "to_jsonb(h)::text"
            if connection.vendor == "sqlite":
                text = canonical.expression(now[sealable.table])
            for rows in verify.portions(f'SELECT {text} FROM "{sealable.table}" h'):
                count += len(rows)
                for (row,) in rows:
                    hashlib.sha256(row if isinstance(row, bytes) else row.encode()).digest()
    return count / (time.perf_counter() - before)


def _fill(rows):
    """Made-up versions of one incident, under the numbers that are free."""
    from django.db import connection

    from config.audit import triggers
    from incidents.models import Incident

    table = Incident.history.model._meta.db_table
    columns = [f.column for f in Incident.history.model._meta.concrete_fields if f.column != "history_id"]
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        triggers.drop()
        numbers = (
            f"generate_series(1, {rows}) n"
            if connection.vendor == "postgresql"
            else f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT n FROM s)"
        )
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM (SELECT * FROM {table} WHERE history_id ="
            f" (SELECT max(history_id) FROM {table})) h, {numbers}"
        )
        triggers.install()
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.exit(main())
