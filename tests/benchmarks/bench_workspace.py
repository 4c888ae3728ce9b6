"""The workspace of a retro with 2,000 timeline entries and 100 kB of narrative, against one with 20 entries.

    python -m tests.benchmarks.bench_workspace              SQLite, in a scratch file
    DATABASE_URL=postgres://… python -m …                   PostgreSQL, in a scratch database made and dropped

Whole pages as a signed-in facilitator gets them, in interleaved rounds. Exits 1 if the long one takes more than
twice as long as the short one, or any more queries.
"""

import argparse
import statistics
import sys
import time
from datetime import timedelta

from tests.benchmarks.scratch import scratch

MOST = 2.0  # times the short one
SHORT, LONG = 20, 2_000
NARRATIVE = 100_000  # characters, over all sections


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=25)
    asked = options.parse_args()
    with scratch("workspace"):
        from django.conf import settings

        settings.ALLOWED_HOSTS = ["testserver"]
        return _measure(asked.rounds)


def _measure(rounds) -> int:
    from django.db import connection
    from django.test import Client
    from django.utils import timezone

    ana, began = _ana(), timezone.now() - timedelta(days=2)
    pages = {
        "short": _retro(ana, began, SHORT, 0).workspace_url,
        "long": _retro(ana, began, LONG, NARRATIVE).workspace_url,
    }
    client = Client()
    client.force_login(ana)
    queries = {name: _queries(client, url) for name, url in pages.items()}
    times = {name: [] for name in pages}
    for _ in range(rounds):
        for name, url in pages.items():
            times[name].append(_timed(client, url))
    medians = {name: statistics.median(found) for name, found in times.items()}
    ratio = medians["long"] / medians["short"]
    sys.stdout.write(
        f"{connection.vendor}, medians of {rounds} interleaved rounds:\n"
        f"  {SHORT:>5} entries, no narrative      {medians['short']:7.1f} ms, {queries['short']} queries\n"
        f"  {LONG:>5} entries, {NARRATIVE // 1000} kB narrative {medians['long']:7.1f} ms, {queries['long']} queries\n"
        f"  {ratio:.2f} × (at most {MOST} ×)\n"
    )
    return int(ratio > MOST or queries["long"] > queries["short"])


def _ana():
    from django.contrib.auth.models import Group

    from config.people.models import User

    ana = User.objects.create_user("ana@example.com", "not-used-here", name="Ana")
    ana.groups.add(Group.objects.get(name="Facilitator"))
    return ana


def _retro(ana, began, entries, characters):
    from incidents.models import Incident, Severity, TimelineEntry
    from retros.models import Retrospective

    incident = Incident.objects.create(
        title=f"Checkout fails, {entries} lines",
        severity=Severity.objects.get(rank=1),
        status="resolved",
        started_at=began,
        detected_at=began,
        declared_at=began,
        acknowledged_at=began + timedelta(minutes=4),
        resolved_at=began + timedelta(minutes=entries),
    )
    kinds = ["alert", "note", "note", "state", "update"]
    TimelineEntry.objects.bulk_create(
        TimelineEntry(
            incident=incident,
            at=began + timedelta(minutes=n),
            kind=kinds[n % 5] if n % 40 else "update",
            text=f"Error rate {n % 100} %, queue {n} deep, and what people made of it then.",
        )
        for n in range(entries)
    )
    retro = Retrospective.objects.open_for(incident, facilitator=ana)
    for entry in incident.timeline.all()[: entries // 10]:
        retro.marks.put(retro, entry, by=ana, is_starred=True)
    _write(retro, characters)
    return retro


def _write(retro, characters):
    sections = list(retro.sections.all())
    sentence = "Customers saw an <error> at the last step, and **nobody** knew “why” yet. "
    for section in sections if characters else []:
        share = characters // len(sections)
        section.text = (sentence * (share // len(sentence) + 1))[:share]
        section.save()


def _queries(client, url) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def _timed(client, url) -> float:
    begun = time.perf_counter()
    response = client.get(url)
    taken = (time.perf_counter() - begun) * 1_000
    assert response.status_code == 200
    return taken


if __name__ == "__main__":
    sys.exit(main())
