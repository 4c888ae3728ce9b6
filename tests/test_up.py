"""`manage.py up`, in real processes: it serves, it heals, it refuses in one line, and it leaves nothing behind."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config.audit import append_only
from config.audit.triggers import tracked_models
from tests.stack import Stack, noon_zone, wait_for

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="needs /proc to find processes"
)
MANAGE = [sys.executable, "manage.py", "up"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Data of our own, migrated once for all tests of this file."""
    stack = Stack(tmp_path_factory.mktemp("up") / "var")
    stack.migrate()
    return stack


@pytest.fixture(scope="module")
def served(stack, tmp_path_factory):
    """A second one, served for all tests that do not end it."""
    var = tmp_path_factory.mktemp("served") / "var"
    shutil.copytree(stack.environment["VAR_DIR"], var)
    served = Stack(var)
    with running(served):
        yield served


@contextmanager
def running(stack):
    """`up` itself, for tests that end it in their own way; gone afterwards whatever happened."""
    with stack.log.open("w") as log:
        process = subprocess.Popen(
            MANAGE,
            cwd=settings.BASE_DIR,
            env=stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(stack.is_up, seconds=30, why="/healthz does not answer")
        wait_for(lambda: len(processes(stack)) >= 8, seconds=10, why="not everything was started")
        yield process
    finally:
        process.terminate()
        process.wait(30)


def processes(stack) -> dict[int, str]:
    """What works on the data of `stack`: command lines by process id, however far they are from `up`."""
    found = {}
    mark = f"VAR_DIR={stack.environment['VAR_DIR']}\0".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
    return found


def workers(stack) -> set[int]:
    return {
        pid for pid, line in processes(stack).items() if " worker --pool" in line and "guard.py" not in line
    }


def refused(*arguments, **environment) -> str:
    """Run `up` where it cannot start; returns what it says, which is one line."""
    ended = subprocess.run(
        [*MANAGE, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = ended.stderr.strip().splitlines()
    assert ended.returncode != 0
    assert len(lines) == 1, ended.stderr
    return lines[0]


def rows(stack) -> dict[str, int]:
    """How many rows each table holds, but for the ledger, which grows by itself."""
    ledger = {model._meta.db_table for model in append_only.models()} | {"sqlite_sequence"}
    with sqlite3.connect(Path(stack.environment["VAR_DIR"]) / "aftercare.sqlite3") as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
            if name not in ledger
        }


# --- It leaves nothing behind ------------------------------------------------------------------------------


@needs_proc
@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_no_process_is_left(stack, number):
    before = rows(stack)
    with running(stack) as process:
        process.send_signal(number)
        code = process.wait(15)
        wait_for(lambda: not processes(stack), seconds=10, why=f"left behind: {processes(stack)}")
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    assert rows(stack) == before, "a start on the same data adds nothing"
    assert "Traceback" not in stack.log.read_text()


# --- It heals ----------------------------------------------------------------------------------------------


OVERDUE = f"""
from datetime import date, timedelta
from actions.models import ActionItem
from config.people.models import User
omar = User.objects.create_user(
    "omar@example.com", "a password", name="Omar",
    time_zone={noon_zone()!r}, working_days="1234567", works_from="00:00", works_until="23:59",
)
ActionItem.objects.create(title="Alert on failed payments", owner=omar, due_on=date.today() - timedelta(days=9))
"""


@needs_proc
@pytest.mark.e2e
def test_a_guard_that_is_killed_takes_its_program_along_and_both_are_replaced(served):
    before = {pid for pid, line in processes(served).items() if "gunicorn" in line}
    guard = next(pid for pid in before if "guard.py" in processes(served)[pid])
    os.kill(guard, signal.SIGKILL)
    wait_for(lambda: not before & set(processes(served)), seconds=5, why="the old group lives on")
    wait_for(served.is_up, seconds=10, why="the site is not served again")


@needs_proc
@pytest.mark.e2e
def test_a_worker_that_is_killed_is_replaced_and_the_next_reminder_goes_out(served):
    (killed,) = wait_for(lambda: workers(served), seconds=5, why="there is no worker")
    os.kill(killed, signal.SIGKILL)
    served.manage("shell", "--verbosity", "0", "--command", OVERDUE)
    wait_for(lambda: workers(served) - {killed}, seconds=10, why="the worker was not replaced")
    # Two ticks: the sweep each minute, the sending each ten seconds.
    mail = Path(served.environment["VAR_DIR"]) / "mail"
    wait_for(lambda: list(mail.glob("*.eml")), seconds=80, why="no reminder went out")
    assert "worker | was killed by signal 9" in served.log.read_text()


# --- It refuses, each time in one line ---------------------------------------------------------------------


@pytest.mark.e2e
def test_data_in_use_are_told_in_one_line(served):
    assert "is in use by another" in refused(**served.environment)


@pytest.mark.e2e
def test_a_port_in_use_is_told_in_one_line(served, tmp_path):
    line = refused(**served.environment | {"VAR_DIR": str(tmp_path)})
    assert f"127.0.0.1:{served.port} is not free to listen on" in line


@pytest.mark.e2e
def test_a_folder_that_cannot_be_written_to_is_told_in_one_line(stack, tmp_path):
    (tmp_path / "file").write_text("a file, where a folder should be")
    environment = stack.environment | {"VAR_DIR": str(tmp_path / "file" / "var")}
    assert str(tmp_path / "file" / "var") in refused(**environment)
    assert str(tmp_path / "file" / "var") in refused(**environment, SECRET_KEY="x" * 50)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("file", "says"), [("nowhere/db.sqlite3", "cannot be written to"), ("bad.sqlite3", "not a database")]
)
def test_a_database_that_is_of_no_use_is_told_in_one_line(stack, tmp_path, file, says):
    (tmp_path / "bad.sqlite3").write_text("This is no database, but long enough to be read as one. " * 99)
    assert says in refused(**stack.environment, DATABASE_URL=f"sqlite:///{tmp_path / file}")


@pytest.mark.e2e
def test_a_database_that_does_not_answer_is_told_in_one_line(stack):
    line = refused(**stack.environment, DATABASE_URL="postgres://nobody@127.0.0.1:9/nothing")
    assert "The database is not usable" in line


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["django", "gunicorn", "celery", "nh3"])
def test_a_missing_module_is_told_in_one_line(stack, tmp_path, name):
    (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('not installed', name={name!r})")
    line = refused(**stack.environment | {"PYTHONPATH": str(tmp_path)})
    assert f"the Python module {name!r} is missing" in line
    assert "pip install" in line


@pytest.mark.e2e
def test_a_bad_setting_is_told_in_one_line(stack):
    assert "PORT='many' is not usable" in refused(**stack.environment | {"PORT": "many"})


@pytest.mark.e2e
def test_an_address_of_another_machine_is_told_in_one_line(stack):
    assert "192.0.2.1" in refused("--host", "192.0.2.1", **stack.environment)


@pytest.mark.parametrize("name", ["DEBUG", "DEMO"])
@pytest.mark.parametrize(
    ("host", "site"), [("0.0.0.0", "http://127.0.0.1:1"), ("127.0.0.1", "https://aftercare.example.com")]
)
def test_what_is_for_one_machine_is_not_shown_to_others(settings, tmp_path, name, host, site):
    settings.VAR_DIR, settings.SITE_URL = tmp_path, site
    settings.ALLOWED_HOSTS = ["localhost"]
    setattr(settings, name, True)
    with pytest.raises(CommandError, match=f"{name} is for this machine alone"):
        call_command("up", host=host)


def test_the_demo_that_starts_it_counts_as_the_demo(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setenv("DEMO", "true")
    with pytest.raises(CommandError, match="DEMO is for this machine alone"):
        call_command("up", host="0.0.0.0")


@pytest.mark.django_db(transaction=True)
def test_people_of_the_demo_are_not_shown_to_others(settings, tmp_path):
    from config.demo.people import PASSWORD
    from config.people.models import User

    User.objects.create_user("ana@example.com", PASSWORD, name="Ana")
    settings.VAR_DIR, settings.PORT = tmp_path, Stack(tmp_path).port
    settings.ALLOWED_HOSTS = ["aftercare.example.com"]
    with pytest.raises(CommandError, match=r"ana@example\.com has the demo.s password"):
        call_command("up", stdout=StringIO())


# --- A second start ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_migrating_again_writes_no_history_and_changes_no_row(item, omar):
    def everything():
        models = [model for t in tracked_models() for model in (t.model, t.model.history.model)]
        return {m._meta.label: list(m._base_manager.order_by("pk").values_list()) for m in models}

    before = everything()
    for _ in range(2):
        call_command("migrate", verbosity=0)
        assert everything() == before
