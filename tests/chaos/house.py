"""A house to break: real workers, a real scheduler, a real broker, a real database and a mail server that notes all."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.stack import PATIENCE, copy_migrated, free_port

ROOT = Path(__file__).parents[2]
QUEUE = "tests.chaos.kinds:queue"
TABLE = "outbox_delivery"


class House:
    """One installation on data of its own. `database` is its URL, `redis` its broker; empty for files."""

    def __init__(self, folder: Path, database: str = "", redis: str = "", queue: str = QUEUE):
        self.folder, self.database, self.redis, self.queue_function = folder, database, redis, queue
        self.port, self.log, self.told = free_port(), folder / "accepted", folder / "told"
        self.workers, self.schedulers, self.others = [], [], []
        self.is_supervised = True
        kept = {
            k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL", "DEMO", "DEBUG"}
        }
        self.environment = {
            **kept,
            **({"DATABASE_URL": database} if database else {}),
            **({"REDIS_URL": redis} if redis else {}),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "VAR_DIR": str(folder / "var"),
            "SITE_URL": "http://127.0.0.1:8000",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.port}",
            "EMAIL_TIMEOUT": "1",
            "DELIVERY_LEASE": "3",
            "LOG_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
        }

    # --- Its processes

    @contextmanager
    def open(self):
        """Migrate, and serve mail until the block ends; no process is left."""
        (self.folder / "var").mkdir(parents=True)
        self.log.touch()
        if self.database:
            self.run("manage.py", "migrate", "--verbosity", "0")
        else:
            copy_migrated(self.folder / "var")
        sink = [str(ROOT / "tests/chaos/sink.py"), str(self.port), str(self.log), str(self.told)]
        self.others.append(self._start(*sink))
        try:
            yield self
        finally:
            self.stop()
            for process in self.others:
                end(process)

    def run(self, *arguments) -> str:
        """Run Python to its end."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            raise AssertionError(f"{arguments}: {done.stderr[-2000:]}")
        return done.stdout

    def _start(self, *arguments):
        with (self.folder / "processes.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_worker(self):
        """One worker of two pool processes, in a process group of its own."""
        name = f"chaos{len(self.workers)}-{time.monotonic_ns()}@localhost"
        self.workers.append(self._start("-m", "tests.chaos.inside", "worker", name))

    def start_scheduler(self):
        """The schedule, with a tick of half a second."""
        file = self.folder / f"schedule{len(self.schedulers)}-{time.monotonic_ns()}"
        self.schedulers.append(self._start("-m", "tests.chaos.inside", "scheduler", str(file)))

    def start(self, workers=1, schedulers=1):
        """Start so many of each."""
        for _ in range(workers):
            self.start_worker()
        for _ in range(schedulers):
            self.start_scheduler()

    def stop(self):
        """End all workers and schedulers, at once."""
        for process in [*self.workers, *self.schedulers]:
            end(process)
        self.workers, self.schedulers = [], []

    def supervise(self):
        """Start again what has died, as whatever supervises it would."""
        for processes, start in ((self.workers, self.start_worker), (self.schedulers, self.start_scheduler)):
            for process in [each for each in processes if each.poll() is not None]:
                end(process)
                processes.remove(process)
                start()

    # --- What it knows

    def queue(self, run, count=100, people=20) -> int:
        """Have so many messages queued by the queue function, under keys and addresses of one run."""
        said = self.run(
            "-m", "tests.chaos.inside", "queue", self.queue_function, run, str(count), str(people)
        )
        return int(said.splitlines()[-1])

    def sql(self, statement):
        """Ask the database without Django; its answer as tuples, or [] while it is away."""
        if self.database:
            import psycopg

            try:
                with psycopg.connect(self.database, autocommit=True, connect_timeout=5) as connection:
                    cursor = connection.execute(statement)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                return []
        import sqlite3

        with sqlite3.connect(self.folder / "var" / "aftercare.sqlite3", timeout=20) as connection:
            # Our triggers ask who writes; nobody, who writes to a bookkeeping column.
            connection.create_function("aftercare_actor", 1, lambda part: "" if part else None)
            return connection.execute(statement).fetchall()

    def accepted(self, run) -> list[tuple[float, str, str]]:
        """What the mail server took of one run: the moment, the Message-ID, the address."""
        lines = (line.split("\t") for line in self.log.read_text().splitlines())
        return [(float(at), key, to) for at, key, to in lines if to.startswith(f"{run}-")]

    def unfinished(self, run) -> int | None:
        """How many of a run are neither sent nor cancelled nor given up; None while nobody can say."""
        found = self.sql(
            f"SELECT count(*) FROM {TABLE} WHERE address LIKE '{run}-%' "
            "AND state IN ('pending', 'claimed', 'sending')"
        )
        return found[0][0] if found else None

    def tell_the_server(self, **told):
        """How the mail server is to behave from now on."""
        draft = self.told.with_suffix(".new")
        draft.write_text(json.dumps(told))
        draft.replace(self.told)

    def hurry(self):
        """Let the pauses before the next tries end: half a minute and more, too long to wait for in a test."""
        moment = "now()" if self.database else "strftime('%Y-%m-%d %H:%M:%f', 'now')"
        with suppress(Exception):  # locked or away just now: the next time will do
            self.sql(f"UPDATE {TABLE} SET due_at = {moment} WHERE state = 'pending' AND due_at > {moment}")

    def wait_until_done(self, run, seconds=60.0):
        """Wait until every message of a run has ended, with whatever dies started again."""
        stop = time.monotonic() + seconds * PATIENCE
        while self.unfinished(run) != 0:
            if time.monotonic() > stop:
                raise AssertionError(f"{self.unfinished(run)} of {run} have not ended: {self.tail()}")
            if self.is_supervised:
                self.supervise()
            self.hurry()
            time.sleep(0.2)

    def wait_for_mail(self, run, count, seconds=30.0):
        """Wait until the server has taken so many of a run."""
        stop = time.monotonic() + seconds * PATIENCE
        while len(self.accepted(run)) < count:
            if time.monotonic() > stop:
                raise AssertionError(f"{len(self.accepted(run))} of {count} mails: {self.tail()}")
            time.sleep(0.01)

    def tail(self) -> str:
        """The end of what the processes said."""
        return (self.folder / "processes.log").read_text()[-3000:]

    # --- What is done to it

    def kill_worker(self):
        """Kill a worker and its pool at once, as a machine that loses power does."""
        worker = random.choice(self.workers)
        end(worker)
        self.workers.remove(worker)

    def kill_child(self) -> bool:
        """Kill one process of a pool, as the kernel does when memory runs out."""
        children = [pid for worker in self.workers for pid in children_of(worker.pid)]
        if children:
            with suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)
        return bool(children)

    def ask_worker_to_stop(self, seconds=15.0):
        """Ask a worker and all its processes to end, as systemd does; it has to by itself."""
        worker = random.choice(self.workers)
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(seconds * PATIENCE)
        self.workers.remove(worker)

    def empty_broker(self):
        """Take all messages out of the Redis database of the tests."""
        import redis

        redis.Redis.from_url(self.redis).flushdb()

    def cut_database(self, seconds=2.0):
        """End every connection to the database, and let nobody in for a while."""
        import psycopg

        before, _, name = self.database.rpartition("/")
        with psycopg.connect(f"{before}/postgres", autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            time.sleep(seconds)
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def end(process):
    """Kill a process with its whole group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def children_of(pid) -> list[int]:
    """The processes a process has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


# --- What must hold ----------------------------------------------------------------------------------------


@dataclass
class Verdict:
    """What became of the messages of one run."""

    messages: int = 0
    accepted: int = 0
    cancelled: int = 0
    flagged: int = 0
    duplicates: int = 0
    most_copies: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self):
        return (
            f"{self.messages} messages, {self.accepted} mails, {self.cancelled} cancelled, {self.flagged} flagged,"
            f" {self.duplicates} sent twice (at most {self.most_copies} copies), {len(self.wrong)} wrong"
        )


def judge(house, run, *, changed=None) -> Verdict:
    """Compare what the database says of a run with what the mail server took.

    `changed` names addresses whose fact changed, each with the moment: nothing may go there afterwards.
    """
    mails = defaultdict(list)
    for at, key, to in house.accepted(run):
        mails[to].append((at, key))
    rows = house.sql(
        f"SELECT address, state, ambiguous, message_id FROM {TABLE} WHERE address LIKE '{run}-%'"
    )
    verdict = Verdict(messages=len(rows), accepted=sum(map(len, mails.values())))
    for address, state, ambiguous, message_id in rows:
        got = mails.pop(address, [])
        verdict.cancelled += state == "cancelled"
        verdict.flagged += ambiguous > 0
        verdict.duplicates += max(len(got) - 1, 0)
        verdict.most_copies = max(verdict.most_copies, len(got))
        wrong = _wrong_with(state, ambiguous, message_id, got, (changed or {}).get(address))
        verdict.wrong += [f"{address}: {what}" for what in wrong]
    verdict.wrong += [f"{address}: has no row" for address in mails]
    return verdict


def _wrong_with(state, ambiguous, message_id, got, changed_at):
    if state == "sent" and not got:
        yield "is said to be sent, and was not"
    if state not in ("sent", "cancelled"):
        yield f"is {state}"
    if len(got) > 1 and len(got) - 1 > ambiguous:
        yield f"came {len(got)} times, and {ambiguous} were flagged"
    if {key for _, key in got} - {message_id} and got:
        yield f"came as {got}, not as {message_id}"
    if changed_at and any(at > changed_at for at, _ in got):
        yield "was sent after its fact had changed"
