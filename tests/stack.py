"""A whole Aftercare in processes of its own, for the tests that leave nothing out: web, worker, scheduler, mail."""

import email
import email.policy
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

HOUSE = Path(__file__).parents[1]  # not from the settings: the chaos runs and benchmarks start without them
PATIENCE = 3
BROWSER_TIMEOUT = 60_000  # milliseconds; ended by failures only
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, *, seconds, why):
    """Ask `what` until it says something true; fail with `why` when the time is over.

    `seconds` is what a quiet machine needs at most; one that runs other things beside is given `PATIENCE` times that.
    """
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := what():
            return answer
        time.sleep(0.2)
    pytest.fail(f"{why} (waited {seconds} s)")


def postgres_url() -> str:
    """Where a PostgreSQL is to be found for tests; skips where there is none."""
    url = os.environ.get("TEST_DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at TEST_DATABASE_URL or 127.0.0.1:5432: {error}")
    return url


@contextmanager
def scratch_redis():
    """A Redis database nobody else of this run uses, empty before and after; yields its URL, skips without a Redis.

    Two installations on one database would take each other's ticks, and one would wait for a minute that never comes.
    """
    import redis

    server = (os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/9").rpartition("/")[0]
    try:
        redis.Redis.from_url(f"{server}/0", socket_connect_timeout=2).ping()
    except redis.exceptions.RedisError as error:
        pytest.skip(f"no Redis at TEST_REDIS_URL or 127.0.0.1:6379: {error}")
    for number in range(15, 0, -1):  # a Redis has sixteen unless told otherwise; the first is whoever else's
        with (Path(tempfile.gettempdir()) / f"aftercare-redis-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            database = redis.Redis.from_url(f"{server}/{number}")
            database.flushdb()
            try:
                yield f"{server}/{number}"
            finally:
                database.flushdb()
            return
    pytest.skip("every Redis database is in use by another test")


def noon_zone() -> str:
    """A time zone in which it is about noon now: the day does not end while a story is told in it."""
    hours = datetime.now(UTC).hour - 12
    return f"Etc/GMT{hours:+d}" if hours else "Etc/GMT"


@contextmanager
def scratch_postgres():
    """A database of its own on the PostgreSQL of the tests, gone afterwards; yields its URL."""
    import psycopg

    url = postgres_url()
    name = f"aftercare_stack_{os.getpid()}_{time.monotonic_ns() % 10**6}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class MailSink:
    """A real SMTP server that keeps what it is sent, as bytes."""

    def __init__(self):
        self.received: list[tuple[str, bytes]] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, server, session, envelope):
        self.received += [(recipient, envelope.content) for recipient in envelope.rcpt_tos]
        return "250 kept"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    def to(self, address) -> list[email.message.EmailMessage]:
        """What `address` was sent, parsed as a mail program would."""
        return [
            email.message_from_bytes(content, policy=email.policy.default)
            for recipient, content in self.received
            if recipient == address
        ]

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()


def copy_migrated(var: Path) -> None:
    """Put a migrated SQLite database into `var`; migrating takes the best part of a minute, so a run does it once."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    made = Path(tempfile.gettempdir()) / f"aftercare-migrated-{run}"
    made.mkdir(exist_ok=True)
    with (made / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of one run make it together
        if not (made / "done").exists():
            first = Stack(made / "var")
            first.manage("migrate", "-v0", timeout=600)
            (made / "done").touch()
    var.mkdir(parents=True, exist_ok=True)
    for file in (made / "var").glob("*.sqlite3*"):
        shutil.copy(file, var)


class Stack:
    """`manage.py up` on data of its own."""

    def __init__(self, var: Path, **environment):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {
            k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "DEMO"}
        }
        self.environment = {
            **kept,
            "VAR_DIR": str(var),
            "PORT": str(self.port),
            "SITE_URL": self.url,
            "PYTHONWARNINGS": "",
            **environment,
        }
        self.log = var.parent / f"{var.name}.log"

    def manage(self, *arguments, timeout=120, **options):
        """Run a command of manage.py to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=HOUSE,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=timeout,
            **options,
        )

    def migrate(self):
        """An empty database with all its tables; on SQLite a copy of one that was migrated for the whole run."""
        if "DATABASE_URL" in self.environment:
            self.manage("migrate", "-v0", timeout=600)
        else:
            copy_migrated(Path(self.environment["VAR_DIR"]))

    @contextmanager
    def up(self):
        """Serve until the block ends; fails if it does not get ready."""
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=HOUSE,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self.is_up, seconds=60, why=f"/healthz does not answer: {self.log.read_text()[-2000:]}")
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


@contextmanager
def browser_page(playwright, *, width=1280, height=900):
    """A page of a real Chromium in a fresh profile; skips where no Chromium is installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
    try:
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(BROWSER_TIMEOUT)
        yield page
    finally:
        browser.close()
