"""The full run: hundreds of kills while two thousand messages are due, then every other fault, on both stacks.

    python -m tests.chaos [--kills 200] [--messages 2000] [--others 200] [--only files|servers] [--queue MODULE:NAME]

Needs a PostgreSQL and a Redis as the tests do (TEST_DATABASE_URL, TEST_REDIS_URL). `--queue` names what queues the
messages: called with a run's name, a count and a number of people. Exits 1 if anything was lost, sent twice without
a flag, or sent after its fact had changed.
"""

import argparse
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.chaos import faults
from tests.chaos.house import QUEUE, House
from tests.stack import scratch_postgres, scratch_redis


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--messages", type=int, default=2_000)
    options.add_argument("--others", type=int, default=200, help="messages during each other fault")
    options.add_argument("--only", choices=["files", "servers"])
    options.add_argument("--queue", default=QUEUE)
    asked = options.parse_args()
    wrong = 0
    for name, opened in {"files": _files, "servers": _servers}.items():
        if asked.only in (None, name):
            with opened(asked.queue) as house:
                wrong += _run(name, house, asked)
    return int(wrong > 0)


@contextmanager
def _files(queue):
    with tempfile.TemporaryDirectory() as folder, House(Path(folder) / "house", queue=queue).open() as house:
        yield house


@contextmanager
def _servers(queue):
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_postgres() as database,
        scratch_redis() as redis,
        House(Path(folder) / "house", database, redis, queue).open() as house,
    ):
        yield house


def _run(name, house, asked) -> int:
    runs = {
        "workers killed": partial(
            faults.killed_workers, **_share(asked, 1 / 4)
        ),  # seconds to start each anew
        "children killed": partial(faults.killed_children, **_share(asked, 3 / 4)),
        **{fault.__name__.replace("_", " "): partial(fault, count=asked.others) for fault in _others(name)},
    }
    wrong = 0
    for number, (what, fault) in enumerate(runs.items()):
        before = time.monotonic()
        verdict = fault(house, f"run{number}")
        is_double = verdict.duplicates and what.replace(" ", "_") in {
            quiet.__name__ for quiet in faults.QUIET
        }
        wrong += len(verdict.wrong) + bool(is_double)
        sys.stdout.write(
            f"{'MISS' if verdict.wrong or is_double else 'ok  '} {name}, {what}: {verdict}"
            f" ({time.monotonic() - before:.0f} s)\n"
        )
        for each in verdict.wrong[:10]:
            sys.stdout.write(f"     {each}\n")
        sys.stdout.flush()
    return wrong


def _share(asked, part) -> dict:
    """So many kills among so many messages that some are due all the while: one kill after every few mails."""
    count, kills = int(asked.messages * part), int(asked.kills * part)
    return {"count": count, "kills": kills, "most": max(1, count // max(kills, 1))}


def _others(name):
    known = faults.EVERYWHERE if name == "files" else (*faults.EVERYWHERE, *faults.IN_PRODUCTION)
    return [fault for fault in known if fault not in (faults.killed_workers, faults.killed_children)]


if __name__ == "__main__":
    sys.exit(main())
