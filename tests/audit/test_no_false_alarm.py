"""Eight writers at once, a sealer, and somebody who verifies again and again: a clean history raises no alarm.

`python -m tests.audit.test_no_false_alarm 600` does it for ten minutes on the database of DATABASE_URL.
"""

import json
import os
import random
import subprocess
import sys
import time
from itertools import count

import pytest
from django.conf import settings

from tests.stack import Stack, scratch_postgres

pytestmark = pytest.mark.e2e

WRITERS, SECONDS = 8, 12
MODULE = "tests.audit.test_no_false_alarm"


def test_no_false_alarm_on_sqlite(tmp_path):
    assert_silent(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / 'busy.sqlite3'}")


def test_no_false_alarm_on_postgresql(tmp_path):
    with scratch_postgres() as url:
        assert_silent(tmp_path, DATABASE_URL=url)


def assert_silent(tmp_path, **environment):
    stack = Stack(tmp_path / "var", **environment)
    stack.migrate()
    done = subprocess.run(
        [sys.executable, "-m", MODULE, str(SECONDS)],
        cwd=settings.BASE_DIR,
        env={**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["findings"] == []
    assert told["verified"] >= 2
    assert told["rows"] > 100 * WRITERS / 4
    assert told["writers_failed"] == 0


# --- The process that starts them all


def main():
    import django

    django.setup()
    end = time.monotonic() + float(sys.argv[1])
    children = [_child(_write, number, end) for number in range(WRITERS)] + [_child(_seal, 0, end)]
    told = _verify_until(end)
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    json.dump(told | {"writers_failed": failed}, sys.stdout)


def _child(act, number, end):
    if child := os.fork():
        return child
    try:
        act(number, end)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - nothing of the parent's may run on in a fork
        sys.stderr.write(f"{act.__name__}: {error!r}\n")
        os._exit(1)


def _write(number, end):
    """Short and long transactions, rolled back ones, and rows that come and go, so that numbers interleave."""
    from django.db import connection, transaction

    from config.audit.actor import COMMAND, acting
    from incidents.models import Region, Service

    chance = random.Random(number)
    # SQLite lets one write at a time, and gives up on those who wait for too long: there they pause in between.
    within = connection.vendor == "postgresql"
    with acting(kind=COMMAND, name=f"Writer {number}"):
        region = Region.objects.create(slug=f"w{number}", name="0")
        for at in count(1):
            if time.monotonic() > end:
                return
            with transaction.atomic():
                region.name = str(at)
                region.save()
                passing = Service.objects.create(slug=f"w{number}-{at}", name=str(at))
                time.sleep(chance.choice([0, 0, 0.001, 0.05]) if within else 0)
                if chance.random() < 0.3:
                    passing.delete()
                if chance.random() < 0.1:
                    transaction.set_rollback(True)
            region.refresh_from_db()
            time.sleep(0 if within else 0.02)


def _seal(_, end):
    from config.audit import sealing

    while time.monotonic() < end:
        sealing.seal()
        time.sleep(0.2)


def _verify_until(end):
    from config.audit import verify

    findings, rows, times = [], 0, 0
    while time.monotonic() < end or times < 2:
        report = verify.check()
        findings += [str(finding) for finding in report.findings] + report.unchecked
        rows, times = report.counts["rows"], times + 1
    return {"findings": findings[:20], "verified": times, "rows": rows, "late": report.counts["late"]}


if __name__ == "__main__":
    main()
