"""The status page against an empty Django view, behind the same gunicorn, in one run.

    python -m tests.benchmarks.bench_status                 SQLite, in a scratch file
    DATABASE_URL=postgres://… python -m …                   PostgreSQL, in a scratch database made and dropped

Twelve services, 760 incidents, three of them open. Both are asked in turns, by wrk where it is installed. Then
something is published from another process while the page is read. Exits 1 if the page makes less than SHARE of the
requests per second of the empty view, has more than SLOWER times its p99, or is not true within SOON seconds.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager

from tests.benchmarks.scratch import scratch

SHARE, SLOWER, SOON = 0.70, 2.0, 2.0
ROUNDS, SECONDS, CONNECTIONS = 7, 3, 8
INCIDENTS, UPDATES, SERVICES, OPEN = 760, 4, 12, 3
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def main() -> int:
    with scratch("status"):
        from django.conf import settings
        from django.db import connection

        _fill()
        environment = os.environ | {
            "VAR_DIR": str(settings.VAR_DIR),
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.empty",
        }
        if connection.vendor == "postgresql":
            url = os.environ["DATABASE_URL"].rpartition("/")[0]
            environment["DATABASE_URL"] = f"{url}/{connection.settings_dict['NAME']}"
        with _serving(environment) as url:
            return _measure(url)


def _fill():
    from datetime import timedelta

    from django.utils import timezone

    from incidents.models import CustomerUpdate, Incident, IncidentService, Service, Severity

    now = timezone.now()
    services = [
        Service.objects.create(slug=f"s{n}", name=f"Service {n}", group=f"Group {n // 4}", position=n)
        for n in range(SERVICES)
    ]
    severity = Severity.objects.get(rank=3)
    rows = []
    for number in range(INCIDENTS):
        at = now - timedelta(hours=26 * number, minutes=30)
        over = {} if number < OPEN else {"status": "resolved", "resolved_at": at + timedelta(minutes=90)}
        title = f"Requests to service {number % SERVICES} are slow"
        rows.append(
            Incident(
                title=title, severity=severity, visibility="public", declared_at=at, started_at=at, **over
            )
        )
    rows = Incident.objects.bulk_create(rows)
    IncidentService.objects.bulk_create(
        IncidentService(incident=row, service=services[n % SERVICES]) for n, row in enumerate(rows)
    )
    text = "We are seeing slow answers for some of you, and are looking into it. Nothing is lost. " * 3
    CustomerUpdate.objects.bulk_create(
        CustomerUpdate(
            incident=row,
            text=text,
            status="investigating",
            state="published",
            published_at=row.declared_at + timedelta(minutes=5 * n),
        )
        for row in rows
        for n in range(UPDATES)
    )


@contextmanager
def _serving(environment):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
    ]
    process = subprocess.Popen([*command, "--no-control-socket", "--log-level", "warning"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/", timeout=60).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def _say(line):
    sys.stdout.write(f"{line}\n")


def _measure(url) -> int:
    asked = {"empty": f"{url}/empty", "page": f"{url}/", "json": f"{url}/api/v2/summary.json"}
    found = {name: [] for name in asked}
    for address in asked.values():
        _load(address, 1)
    for _ in range(ROUNDS):
        for name, address in asked.items():
            found[name].append(_load(address, SECONDS))
    rate = {name: statistics.median(one[0] for one in rounds) for name, rounds in found.items()}
    p99 = {name: statistics.median(one[1] for one in rounds) for name, rounds in found.items()}
    size = len(urllib.request.urlopen(asked["page"]).read())
    for name in asked:
        _say(f"{name:6} {rate[name]:9.0f} requests/s   p99 {p99[name]:7.2f} ms")
    share, slower, took = rate["page"] / rate["empty"], p99["page"] / p99["empty"], _until_true(url)
    _say(
        f"The page ({size / 1000:.0f} kB) makes {share:.2f} of the requests of the empty view (goal {SHARE} or more),"
    )
    _say(f"its p99 is {slower:.2f} times as long (goal under {SLOWER}), and it was true {took:.2f} s after a")
    _say(f"publication (goal {SOON}).")
    return int(share < SHARE or slower >= SLOWER or took > SOON)


def _load(address, seconds) -> tuple[float, float]:
    """Requests per second, and the p99 in milliseconds."""
    if shutil.which("wrk") is None:
        return _load_by_threads(address, seconds)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", address]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(f"{address} does not answer well:\n{said}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), float(number) * UNITS[unit]


def _load_by_threads(address, seconds):
    times, end = [], time.monotonic() + seconds

    def ask():
        while time.monotonic() < end:
            before = time.perf_counter()
            urllib.request.urlopen(address, timeout=10).read()
            times.append(time.perf_counter() - before)

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / seconds, sorted(times)[int(len(times) * 0.99)] * 1000


def _until_true(url) -> float:
    """From a publication by another process until a reader has it, the slowest of three."""
    from incidents.models import Incident

    incident = Incident.objects.open().first()
    slowest = 0.0
    for number in range(3):
        word = f"said-{number}-{time.time_ns()}"
        urllib.request.urlopen(url).read()
        incident.updates.create(text=f"We know more: {word}").publish(by=None)
        start = time.monotonic()
        while word.encode() not in urllib.request.urlopen(url).read():
            if time.monotonic() - start > 10 * SOON:
                break
            time.sleep(0.02)
        slowest = max(slowest, time.monotonic() - start)
    return slowest


if __name__ == "__main__":
    sys.exit(main())
