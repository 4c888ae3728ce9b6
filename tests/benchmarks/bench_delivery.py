"""How quickly mail goes out, against one Celery task per mail and against what one process can write, in one run.

    DATABASE_URL=postgres://… REDIS_URL=redis://…/N python -m tests.benchmarks.bench_delivery

The database is a scratch one, made and dropped; the Redis database N is emptied. Two real workers of the prefork
pool, a mail server on a bare socket. One task per mail: EmailMultiAlternatives.send(), its own connection, the same
facts read and the same templates rendered, its row marked as sent. The limit: the same messages rendered and written
as bytes by one process that does nothing else. Medians of ROUNDS interleaved rounds. Exits 1 if a goal is missed.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.benchmarks.scratch import scratch
from tests.stack import free_port

ROUNDS, MAILS = 5, 1_000
POOL = [
    "--pool",
    "prefork",
    "--concurrency",
    "2",
    "--loglevel",
    "ERROR",
    "--without-gossip",
    "--without-mingle",
]


def main() -> int:
    if "--work" in sys.argv:
        return _work()
    with tempfile.TemporaryDirectory() as folder, _sink(Path(folder)) as port:
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        with scratch("delivery"):
            return _measure()


@contextmanager
def _sink(folder):
    port, script = free_port(), Path(__file__).parents[1] / "chaos" / "sink.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(port), str(folder / "log"), str(folder / "told")]
    )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


# --- In a worker -------------------------------------------------------------------------------------------


def _prepare():
    """What a worker and the measuring process know beside Aftercare: the kind, and the naive task."""
    from config.celery import app
    from tests.chaos import kinds

    kinds.register()

    @app.task(name="bench.one", ignore_result=True)
    def one(pk):
        from django.utils import timezone

        from config.outbox.models import Delivery

        delivery = Delivery.objects.get(pk=pk)
        _built(delivery).send()
        delivery.state, delivery.sent_at = "sent", timezone.now()
        delivery.save()

    return one


def _built(delivery):
    """The message as Django's own class writes it."""
    from django.core.mail import EmailMultiAlternatives

    from config.outbox.messages import KINDS, build

    letter = build(delivery, KINDS[delivery.kind](delivery))
    plain = EmailMultiAlternatives(
        letter.subject, letter.body, letter.from_email, letter.to, headers=letter.extra_headers
    )
    plain.attach_alternative(*letter.alternatives[0])
    return plain


def _work() -> int:
    with scratch("delivery", join=True):
        _prepare()
        from config.celery import app

        app.worker_main(["worker", *POOL])
    return 0


# --- Measuring ---------------------------------------------------------------------------------------------


@contextmanager
def _workers():
    from config.celery import app

    command = [sys.executable, "-m", "tests.benchmarks.bench_delivery", "--work"]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        while not app.control.ping(timeout=1.0):
            pass
        time.sleep(2)  # what a worker does first of all, it has done
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _measure() -> int:
    import redis

    redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    one = _prepare()
    ways = {"ours": _ours, "one a task": lambda run: _one_a_task(run, one), "limit": _limit}
    rates = {name: [] for name in ways}
    with _workers():
        for number in range(ROUNDS + 1):
            for name, way in ways.items():
                rate = way(f"{name[:3]}{number}")
                if number:  # the first round warms up
                    rates[name].append(rate)
    return _tell(rates)


def _tell(rates) -> int:
    missed = 0
    for name, goal in (("one a task", 3.0), ("limit", 0.8)):
        ratio = statistics.median(
            ours / other for ours, other in zip(rates["ours"], rates[name], strict=True)
        )
        missed += ratio < goal
        ours, other = (statistics.median(rates[which]) for which in ("ours", name))
        sys.stdout.write(
            f"{'MISS' if ratio < goal else 'ok  '} mail {ratio:.2f} × {name} (goal {goal}),"
            f" {ours:.0f} against {other:.0f} mails/s\n"
        )
    return int(missed > 0)


def _queued(run, in_days=0) -> list[int]:
    from django.utils import timezone

    from config.outbox.models import Delivery
    from tests.chaos import kinds

    kinds.queue(run, MAILS, due_at=timezone.now() + timedelta(days=in_days))
    return list(Delivery.objects.filter(key__startswith=f"chaos:{run}:").values_list("pk", flat=True))


def _until_sent(run):
    from config.outbox.models import Delivery

    waiting = Delivery.objects.filter(key__startswith=f"chaos:{run}:").exclude(state="sent")
    end = time.monotonic() + 120
    while waiting.exists():
        if time.monotonic() > end:
            raise SystemExit(f"{waiting.count()} of {run} never went out")
        time.sleep(0.02)


def _ours(run) -> float:
    from config.outbox.tasks import deliver

    _queued(run)
    before = time.perf_counter()
    deliver.delay()
    _until_sent(run)
    return MAILS / (time.perf_counter() - before)


def _one_a_task(run, one) -> float:
    pks = _queued(run, in_days=1)  # so that no worker takes them by itself
    before = time.perf_counter()
    for pk in pks:
        one.delay(pk)
    _until_sent(run)
    return MAILS / (time.perf_counter() - before)


def _limit(run) -> float:
    from config.outbox.models import Delivery

    _queued(run, in_days=1)
    rows = list(Delivery.objects.filter(key__startswith=f"chaos:{run}:").select_related("recipient"))
    before = time.perf_counter()
    for row in rows:
        _built(row).message().as_bytes(linesep="\r\n")
    return MAILS / (time.perf_counter() - before)


if __name__ == "__main__":
    sys.exit(main())
