"""Serves Aftercare from one machine: the site, a worker and the schedule, until Ctrl-C."""

import http.client
import importlib
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections

from config.audit.commands import AuditedCommand
from config.supervisor import AlreadyRunning, Program, Supervisor, only_one

THREADS = 8
RUNNING_AS_ROOT = "You're running the worker with superuser privileges"


class Command(AuditedCommand):
    help = "Serve Aftercare from this machine: web, worker and scheduler. Ctrl-C stops everything."
    # Text to show once the site answers, for a command that calls this one.
    stealth_options = ("announcement",)

    def add_arguments(self, parser):
        parser.add_argument(
            "--host", default="127.0.0.1", help="the address to listen on (PORT says the port)"
        )

    def handle(self, *args, host, announcement="", **options):
        _refuse_missing_modules()
        _refuse_what_cannot_be_written()
        strangers = _reached_as(host)
        if strangers:
            _refuse_settings_for_one_machine(strangers[0])
        try:
            with only_one(settings.VAR_DIR) as lock, _listen_on(host) as listener:
                self._migrate()
                if strangers:
                    _refuse_demo_people(strangers[0])
                connections.close_all()
                self._serve(host, listener, lock, announcement)
        except AlreadyRunning as error:
            raise CommandError(f"{settings.VAR_DIR} is in use by another `up` (process {error}).") from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _migrate(self):
        self.stdout.write("Preparing the database …")
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            raise CommandError(f"The database is not usable: {_first_line(error)}") from error

    def _serve(self, host, listener, lock, announcement):
        ready = announcement or f"Aftercare is ready: open http://{_in_url(host)}:{settings.PORT}/"
        supervisor = Supervisor(_programs(listener), settings.BASE_DIR, lock, self._say)
        wait = threading.Thread(target=self._announce, args=(host, ready, supervisor), daemon=True)
        wait.start()
        supervisor.run()
        wait.join(3)
        self._write(self.stdout, "Stopped.")

    def _announce(self, host, text, supervisor):
        pause = threading.Event()
        while not supervisor.is_stopping:
            if _answers(host):
                return self._write(self.stdout, f"{text}\n(Ctrl-C stops it.)")
            pause.wait(0.2)

    def _say(self, name, line):
        self._write(self.stderr, f"{name:6} | {line}")

    def _write(self, stream, text):
        try:
            # Red is for what went wrong; most of what children say did not.
            stream.write(text, style_func=str)
            stream.flush()
        except OSError:  # nobody reads any more; that is no reason to stop serving
            pass


# --- What is started ---------------------------------------------------------------------------------------


def _programs(listener) -> list[Program]:
    environment = _environment()
    level = environment["LOG_LEVEL"].lower()
    python = [sys.executable, "-W", f"ignore:{RUNNING_AS_ROOT}", "-m"]
    celery = [*python, "celery", "-A", "config", "--quiet", "--no-color"]
    web = [
        *(*python, "gunicorn", "config.wsgi", "--bind", f"fd://{listener.fileno()}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS)),
        *("--graceful-timeout", "5", "--log-level", level, "--no-control-socket"),
    ]
    # Threads, not processes: a worker killed outright leaves nothing behind, and SQLite has one writer anyway.
    # Two, so that a slow mail server does not hold up the sweeps.
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", level]
    if not settings.REDIS_URL:  # each of these leaves a file in the queue folder that nobody takes away
        worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    beat = [*celery, "beat", "--schedule", str(settings.VAR_DIR.absolute() / "schedule"), "--loglevel", level]
    return [
        Program("web", web, environment, (listener.fileno(),)),
        Program("worker", worker, environment),
        Program("beat", beat, environment),
    ]


def _environment() -> dict[str, str]:
    """This environment, made independent of the folder we were started in."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        "VAR_DIR": str(settings.VAR_DIR.absolute()),
        "DEMO": "true" if _is_demo() else "",
    }
    if settings.IS_SQLITE and os.environ.get("DATABASE_URL"):
        environment["DATABASE_URL"] = "sqlite:///" + quote(str(_database_file()))
    environment.setdefault("LOG_LEVEL", "WARNING")
    return environment


def _answers(host) -> bool:
    # The name a request must carry is the operator's choice, and need not be the address we listen on.
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if name.strip(".*")]
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(target, settings.PORT, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": names[0] if names else target})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _in_url(host) -> str:
    return f"[{host}]" if ":" in host else host


# --- What is refused, each in one line -----------------------------------------------------------------------


def _refuse_missing_modules():
    """What this process does not need, but its children do."""
    for name in ("gunicorn.app.wsgiapp", "celery.bin.celery", "config.celery", "config.markdown"):
        importlib.import_module(name)  # manage.py tells which module is missing


def _refuse_what_cannot_be_written():
    try:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"VAR_DIR={settings.VAR_DIR} cannot be made: {error.strerror}.") from error
    _refuse_unless_writable(settings.VAR_DIR, "VAR_DIR")
    if settings.IS_SQLITE:
        file = _database_file()
        _refuse_unless_writable(file.parent, "The folder of the database")
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            raise CommandError(f"The database {file} cannot be written to.")


def _refuse_unless_writable(folder, what):
    try:
        # A real file: to the superuser os.access says yes even on a disk that is mounted read-only.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"Aftercare")
    except OSError as error:
        raise CommandError(f"{what}, {folder}, cannot be written to: {error.strerror}.") from error


def _database_file() -> Path:
    return Path(settings.DATABASES["default"]["NAME"]).absolute()


def _reached_as(host) -> list[str]:
    """The names under which other machines may reach us: where we listen, or what a proxy serves us as."""
    from config.demo.guard import is_loopback

    names = [host, urlsplit(settings.SITE_URL).hostname or "", *settings.ALLOWED_HOSTS]
    return [name for name in names if not is_loopback(name)]


def _is_demo() -> bool:
    # `demo` sets the environment after our settings were read.
    return settings.DEMO or os.environ.get("DEMO", "").lower() in {"1", "true", "yes", "on"}


def _refuse_settings_for_one_machine(name):
    for setting, is_on in (("DEBUG", settings.DEBUG), ("DEMO", _is_demo())):
        if is_on:
            raise CommandError(f"{setting} is for this machine alone, and others may reach it as {name}.")


def _refuse_demo_people(name):
    """The password of the demo is in its source; whoever serves those data to others has made a mistake."""
    from config.demo.people import PASSWORD, PEOPLE
    from config.people.models import User

    for user in User.objects.filter(email__in=[person.email for person in PEOPLE], is_active=True):
        if user.check_password(PASSWORD):
            raise CommandError(f"{user.email} has the demo's password, and others may reach us as {name}.")


def _listen_on(host) -> socket.socket:
    where = f"{_in_url(host)}:{settings.PORT}"
    try:
        family = socket.getaddrinfo(host, settings.PORT, type=socket.SOCK_STREAM)[0][0]
        # Held here for the children: visitors wait a moment when the web process is replaced.
        return socket.create_server((host, settings.PORT), family=family, backlog=2048)
    except OSError as error:
        raise CommandError(
            f"{where} is not free to listen on: {error.strerror}. Set PORT to another."
        ) from error


def _first_line(error) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
