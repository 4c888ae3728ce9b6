"""Whether publishing stays as quick with 20,000 subscribers as with 20, and what telling them costs.

    DATABASE_URL=postgres://… python -m tests.benchmarks.bench_subscribers

The database is a scratch one, made and dropped; without DATABASE_URL it is SQLite. A communicator publishes an update
by the workspace's own form, through the whole stack of middleware; medians of ROUNDS. Then the sweep queues the
messages, and as many of them as a worker takes at once are written and given to a mail server that is not there.
Exits 1 if a goal is missed.
"""

import statistics
import sys
import time

from tests.benchmarks.scratch import scratch

FEW, MANY, ROUNDS = 20, 20_000, 25
GOAL = 2.0  # × the time with FEW
MAILS = 2_000  # of MANY are written and sent


def main() -> int:
    with scratch("subscribers"):
        return _measure()


def _measure() -> int:
    from django.conf import settings
    from django.test.utils import setup_test_environment

    settings.STATUS_FOLLOW = 0  # the status page is written beside the request, and measured elsewhere
    settings.ALLOWED_HOSTS = ["testserver", *settings.ALLOWED_HOSTS]
    setup_test_environment()
    client, incident = _stage()
    _published(client, incident)  # what is done once in a process
    _told()
    found = {}
    for count in (FEW, MANY):
        _fill(count)
        times, statements = zip(*(_published(client, incident) for _ in range(ROUNDS)), strict=True)
        found[count] = statistics.median(times), max(statements), _told(), _right(count)
        _say(count, *found[count])
    ratio = found[MANY][0] / found[FEW][0]
    same = found[MANY][1] == found[FEW][1] and found[MANY][2][1] == found[FEW][2][1]
    is_right = all(each[3] for each in found.values())
    _send()
    is_good = ratio <= GOAL and same and is_right
    sys.stdout.write(
        f"{'ok  ' if is_good else 'MISS'} publishing with {MANY} takes {ratio:.2f} × as long as with {FEW}"
        f" (goal {GOAL}); statements {'equal' if same else 'differ'};"
        f" {'one message each' if is_right else 'messages are wrong'}\n"
    )
    return int(not is_good)


def _say(count, median, statements, told, _):
    seconds, queries, new = told
    sys.stdout.write(
        f"{count:>6} subscribers: request {median * 1000:.1f} ms, {statements} statements;"
        f" then one publication queued in {seconds:.2f} s, {queries} statements, {new} messages\n"
    )
    sys.stdout.flush()


def _stage():
    from django.test import Client

    from config.audit.actor import COMMAND, acting
    from config.people.models import User
    from incidents.models import Incident, Service, Severity

    with acting(kind=COMMAND, name="benchmark"):
        person = User.objects.create_superuser("lena@example.com", "a-long-password", name="Lena")
        service = Service.objects.create(slug="checkout", name="Checkout")
        incident = Incident.objects.declare(
            by=None,
            title="Checkout fails",
            severity=Severity.objects.first(),
            services=[service],
            visibility="public",
        )
    client = Client()
    client.force_login(person)
    return client, incident


def _fill(count):
    from django.utils import timezone

    from incidents.models import Subscriber
    from incidents.models.subscriber import fingerprint_of

    addresses = [f"reader{n}@customer.example" for n in range(Subscriber.objects.count(), count)]
    now = timezone.now()
    rows = [
        Subscriber(
            address=one, fingerprint=fingerprint_of("email", one), status="confirmed", confirmed_at=now
        )
        for one in addresses
    ]
    Subscriber.objects.bulk_create(rows, batch_size=500)


def _published(client, incident):
    """Publish one update by the form; the seconds that took, and the statements."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    update = incident.updates.create(text="We are looking into it.")
    page, sent = f"/admin/incidents/customerupdate/{update.pk}/do/publish/", {"version": update.version}
    with CaptureQueriesContext(connection) as queries:
        before = time.perf_counter()
        answer = client.post(page, sent)
        took = time.perf_counter() - before
    update.refresh_from_db()
    if answer.status_code != 302 or not update.is_published:
        raise SystemExit(f"It was not published: {answer.status_code}")
    return took, len(queries)


def _told():
    """Queue what waits; of the last publication, the seconds, the statements and the messages."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from incidents.models import Publication
    from incidents.subscribers import fanning

    newest = Publication.objects.order_by("-pk").values_list("pk", flat=True)[0]
    Publication.objects.exclude(pk=newest).filter(queued_at=None).delete()  # measured once, not ROUNDS times
    with CaptureQueriesContext(connection) as queries:
        before = time.perf_counter()
        new = fanning.tell()
        took = time.perf_counter() - before
    return took, len(queries), new


def _right(count) -> bool:
    from config.outbox.models import Delivery
    from incidents.models import Publication

    last = Publication.objects.order_by("-pk").first()
    mine = Delivery.objects.filter(context__publication=last.pk)
    return mine.count() == mine.values("address").distinct().count() == count


def _send():
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from config.audit.actor import TASK, acting
    from config.outbox import sending

    with acting(kind=TASK, name="benchmark"), CaptureQueriesContext(connection) as queries:
        before = time.perf_counter()
        sending.deliver(limit=MAILS)
        took = time.perf_counter() - before
    sys.stdout.write(
        f"       sending: {MAILS / took:.0f} mails/s written by one process,"
        f" {len(queries) / MAILS:.2f} statements a mail\n"
    )


if __name__ == "__main__":
    sys.exit(main())
