"""What the tests of the public pages share: how to have them written, how to read them, and a site that serves them."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from incidents.models import Incident, Maintenance
from incidents.status import publishing
from tests.stack import Stack, wait_for


def told(severity, title="Checkout fails for one in five", *, services=(), ago=60, **fields):
    """A public incident that began some minutes ago."""
    at = timezone.now() - timedelta(minutes=ago)
    fields = {"visibility": "public", **fields}
    return Incident.objects.declare(
        by=None, title=title, severity=severity, at=at, services=services, **fields
    )


def say(incident, text="We are looking into it.", status="investigating", ago=30, **fields):
    """A published update."""
    update = incident.updates.create(status=status, text=text, **fields)
    update.publish(by=None, at=timezone.now() - timedelta(minutes=ago))
    return update


def window(title="New disks", *, begins=60, lasts=60, services=(), announced=True):
    """A maintenance that begins in some minutes."""
    start = timezone.now() + timedelta(minutes=begins)
    row = Maintenance.objects.create(
        title=title,
        text="Saving takes longer.",
        scheduled_for=start,
        scheduled_until=start + timedelta(minutes=lasts),
    )
    for service in services:
        row.service_links.create(service=service)
    if announced:
        row.announce(by=None)
    return row


def written() -> dict[str, str]:
    """Every public file as it stands after a look at the history, by name."""
    publishing.follow()
    root = settings.STATUS_DIR
    names = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(root)): path.read_text() for path in names}


def index() -> str:
    """The first page, as text on one line."""
    return plain(written()["index.html"])


def plain(html) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace(" ,", ",")


def document(name) -> dict:
    """One document of the API."""
    return json.loads(written()[f"api/v2/{name}.json"])


class Site(Stack):
    """The product behind gunicorn, with the database it was given."""

    @contextmanager
    def serving(self, *arguments):
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}"]
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [*command, "--no-control-socket", "--threads", "4", *arguments],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self.is_up, seconds=60, why=f"gunicorn does not answer: {self.log.read_text()[-2000:]}")
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)

    def get(self, path, **headers):
        """Status and body of a GET."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def shell(self, code):
        """Run a few lines beside the site, as a worker or another machine would."""
        return self.manage("shell", "--no-imports", "-c", code).stdout


class Wire:
    """A road to a server that can be cut: connections die, and new ones are refused."""

    def __init__(self, host, port):
        self.target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass

    def cut(self):
        """From now on the server cannot be reached."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
