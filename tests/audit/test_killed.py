"""A writer killed in the middle leaves no change without history, and no history without change."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import traceback
from itertools import count

import pytest
from django.conf import settings

from tests.stack import Stack, scratch_postgres

pytestmark = pytest.mark.e2e

KILLS = 60
LONGEST = 0.12  # seconds a writer lives after its first write
MODULE = "tests.audit.test_killed"


def test_sixty_killed_writers_leave_whole_history_on_sqlite(tmp_path):
    assert_whole(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / 'killed.sqlite3'}")


def test_sixty_killed_writers_leave_whole_history_on_postgresql(tmp_path):
    with scratch_postgres() as url:
        assert_whole(tmp_path, DATABASE_URL=url)


def assert_whole(tmp_path, **environment):
    stack = Stack(tmp_path / "var", **environment)
    stack.migrate()
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        cwd=settings.BASE_DIR,
        env={**stack.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["contradictions"] == told["lost"] == told["torn"] == []
    assert told["killed"] == KILLS
    assert told["begun"] > told["acknowledged"] > KILLS
    # Between a "begin" and its "done" is where a hole would open.
    assert told["in_the_middle"] > KILLS / 2
    assert told["history"] >= 2 * told["acknowledged"]


# --- The process that has Django loaded, and makes writers to kill


def main():
    import django

    django.setup()
    tallies = [_run_and_kill(number) for number in range(KILLS)]
    json.dump(_looked_at(tallies), sys.stdout)


def _run_and_kill(number):
    """What one writer said it had begun and done before it was killed at a random moment."""
    hear, tell = os.pipe()
    if (child := os.fork()) == 0:
        os.close(hear)
        _write_until_killed(number, tell)
    os.close(tell)
    select.select([hear], [], [], 20)
    time.sleep(random.uniform(0, LONGEST))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(hear) as said:
        lines = [line.split() for line in said]
    assert os.WIFSIGNALED(status), f"writer {number} ended by itself"
    last = {word: int(n) for word, n in lines}
    return {"number": number, "begun": last.get("begin", 0), "done": last.get("done", 0)}


def _write_until_killed(number, tell):
    """Round after round: two tables in autocommit, then two in one transaction."""
    from django.db import transaction

    from incidents.models import Region, Service

    try:
        name = f"w{number}"
        region = Region.objects.create(slug=name, name="0")
        service = Service.objects.create(slug=name, name="0")
        for at in count(1):
            os.write(tell, f"begin {at}\n".encode())
            if at % 2:
                region.name = service.description = str(at)
                region.save()
                Service.objects.filter(pk=service.pk).update(description=str(at))
            else:
                with transaction.atomic():
                    Region.objects.filter(pk=region.pk).update(name=str(at))
                    Service.objects.filter(pk=service.pk).update(name=str(at), description=str(at))
            os.write(tell, f"done {at}\n".encode())
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run on in a fork
        traceback.print_exc()
    os._exit(1)


def _looked_at(tallies):
    from incidents.models import Region, Service
    from tests.audit.ledger import contradictions

    found = [(tally, _stored(tally["number"])) for tally in tallies]
    return {
        "killed": len(tallies),
        "begun": sum(tally["begun"] for tally in tallies),
        "acknowledged": sum(tally["done"] for tally in tallies),
        "in_the_middle": sum(tally["begun"] > tally["done"] for tally in tallies),
        "history": Region.history.count() + Service.history.count(),
        "contradictions": contradictions(),
        "lost": [str(pair) for pair in found if not _has_all_acknowledged(*pair)],
        "torn": [str(pair) for pair in found if _is_torn(pair[1])],
    }


def _stored(number):
    """The rounds in a writer's rows and in their histories, in the order in which they were written."""
    from incidents.models import Region, Service

    region, service = (model.objects.get(slug=f"w{number}") for model in (Region, Service))
    return {
        "region": int(region.name),
        "service": int(service.description or 0),
        "both": int(service.name),
        "region_history": [int(row.name) for row in region.history.order_by("history_id")],
        "service_history": [int(row.description or 0) for row in service.history.order_by("history_id")],
    }


def _has_all_acknowledged(tally, stored):
    for table in ("region", "service"):
        if not tally["done"] <= stored[table] <= tally["begun"]:
            return False
        if stored[f"{table}_history"] != list(range(stored[table] + 1)):
            return False
    return True


def _is_torn(stored):
    """Whether of a transaction's two tables only one was written; `both` moves in transactions only."""
    last = stored["region"]
    return stored["both"] != last - last % 2 or stored["service"] < stored["both"]


if __name__ == "__main__":
    main()
