"""What finding and inserting reminders costs with 1,000,000 items of which 100,000 are overdue, in one run.

    DATABASE_URL=postgres://… python -m tests.benchmarks.bench_reminders     a scratch database made and dropped
    python -m tests.benchmarks.bench_reminders                               SQLite, in a scratch file

By hand: the one statement anybody would write, INSERT … SELECT … ON CONFLICT DO NOTHING RETURNING, for all that is
due. Ours: the same rows in batches, each a transaction. Planning what comes next and putting the reminders into
messages is told beside it. Medians of interleaved rounds, each from the same start. Exits 1 if a goal is missed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

from tests.benchmarks.scratch import scratch

ROUNDS = 5
OWNERS = 2_000
DUE = date(2026, 3, 2)
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
GOAL_TIME, GOAL_QUERIES, GOAL_NOTHING = 1.5, 0.05, 3


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--items", type=int, default=1_000_000)
    options.add_argument("--overdue", type=int, default=100_000)
    options.add_argument("--sweep", action="store_true", help="be one of four sweepers")
    asked = options.parse_args()
    if asked.sweep:
        return _be_a_sweeper()
    with scratch("reminders"):
        return _measure(asked.items, asked.overdue)


def _measure(items, overdue) -> int:
    from django.db import connection

    missed = 0
    _fill(items, overdue)
    for is_met, text in [*_claiming(overdue), *_whole_sweep(overdue), *_nothing_due(), *_together(overdue)]:
        missed += not is_met
        sys.stdout.write(f"{'ok  ' if is_met else 'MISS'} {connection.vendor}: {text}\n")
        sys.stdout.flush()
    return int(missed > 0)


# --- The stage


def _fill(items, overdue) -> None:
    """A million items of two thousand people; one in ten is a day overdue, the rest is done or due in a year."""
    from django.contrib.auth.hashers import make_password

    from actions.models import ActionItem, ReminderPolicy
    from config.audit import triggers
    from config.people.models import User

    ReminderPolicy.objects.all().delete()
    ReminderPolicy.objects.create(before="", every=1, on_the_day=False, manager_after=None)
    password = make_password(None)
    User.objects.bulk_create(
        User(email=f"p{n}@example.com", name=f"Person {n}", password=password) for n in range(OWNERS)
    )
    owners = list(User.objects.values_list("pk", flat=True))
    triggers.drop()  # what was loaded has no past; the reminders themselves have no triggers
    step = items // overdue
    for start in range(0, items, 20_000):
        ActionItem.objects.bulk_create(
            (_item(n, owners, step) for n in range(start, min(start + 20_000, items))), batch_size=2_000
        )
    triggers.install()
    _plan_overdue()
    _analyse()


def _item(n, owners, step):
    from actions.models import ActionItem

    is_late, is_done = n % step == 0, n % 10 >= 4
    return ActionItem(
        title=f"Item {n}",
        why="Customers lost their baskets.",
        owner_id=owners[(n // step) % len(owners)],
        due_on=DUE if is_late else DUE + timedelta(days=365),
        promised_on=DUE,
        status="done" if is_done and not is_late else "open",
        ended_at=NOW if is_done and not is_late else None,
        next_reminder_at=None if is_done and not is_late else NOW + timedelta(days=300),
        next_step="" if not is_late else "planned",
    )


def _plan_overdue() -> None:
    """As a sweep left them the day before: planned for nine this morning."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE actions_actionitem SET next_reminder_at = %s, next_recipient_id = owner_id, "
            "next_step = 'overdue 1:item ' || id || ':2026-03-02:' || owner_id WHERE due_on = %s",
            [_moment(NOW), DUE],
        )


def _again() -> None:
    """Back to the start of a round."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reminding_reminder")
    _plan_overdue()
    _analyse()


def _analyse():
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE actions_actionitem, reminding_reminder")
        else:
            cursor.execute("ANALYZE")


def _moment(moment):
    from django.db import connection

    return connection.ops.adapt_datetimefield_value(moment)


# --- What is measured


def _by_hand() -> int:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reminding_reminder (key, subject_kind, subject_id, due_on, recipient_id, because, made_at)"
            " SELECT next_step, 'item', id, due_on, next_recipient_id, next_because, %s FROM actions_actionitem"
            " WHERE next_reminder_at <= %s AND next_step <> '' ON CONFLICT DO NOTHING RETURNING id",
            [_moment(NOW), _moment(NOW)],
        )
        return len(cursor.fetchall())


def _ours() -> float:
    """The whole of work_off; the time of finding and inserting alone is what is returned."""
    from config.reminding import sweeps
    from config.reminding.chasing import CHASED

    spent, take = [0.0], sweeps.take_steps

    def timed(*args):
        before = time.perf_counter()
        taken = take(*args)
        spent[0] += time.perf_counter() - before
        return taken

    sweeps.take_steps = timed
    try:
        sweeps.work_off(CHASED["item"], NOW)
    finally:
        sweeps.take_steps = take
    return spent[0]


def _claiming(overdue):
    from config.reminding.models import Reminder

    hand, ours, whole = [], [], []
    for at in range(ROUNDS + 1):
        _again()
        before = time.perf_counter()
        _by_hand()
        hand.append(time.perf_counter() - before)
        assert Reminder.objects.count() == overdue
        _again()
        before = time.perf_counter()
        ours.append(_ours())
        whole.append(time.perf_counter() - before)
        assert Reminder.objects.count() == overdue
        if not at:  # the first round warms up
            hand, ours, whole = [], [], []
    hand, ours, whole = (statistics.median(times) for times in (hand, ours, whole))
    yield (
        ours <= GOAL_TIME * hand,
        f"finding and inserting {ours / hand:.2f} × one statement by hand (goal {GOAL_TIME}), "
        f"{hand:.2f} s by hand; with planning what comes next {whole:.1f} s",
    )


def _whole_sweep(overdue):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from config.outbox.models import Delivery
    from config.reminding import sweeps

    _again()
    connection.queries_limit = 10**6
    connection.queries_log = type(connection.queries_log)(maxlen=10**6)
    before = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        taken = sweeps.remind(at=NOW)
    seconds, each = time.perf_counter() - before, len(queries) / overdue
    messages = Delivery.objects.count()
    yield (
        taken == overdue and each <= GOAL_QUERIES,
        f"{taken} reminders into {messages} digests in {seconds:.1f} s with {len(queries)} queries: "
        f"{each:.4f} per reminder (goal {GOAL_QUERIES})",
    )


def _nothing_due():
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from config.reminding import sweeps

    before = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        taken = sweeps.remind(at=NOW)
    seconds = time.perf_counter() - before
    yield (
        not taken and len(queries) <= GOAL_NOTHING,
        f"nothing due: {len(queries)} queries (goal {GOAL_NOTHING}), {seconds * 1000:.1f} ms",
    )


def _together(overdue):
    """Four sweepers in processes of their own, begun at once."""
    from django.db import connection

    from config.reminding.models import Reminder

    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reminding_reminder SET delivery_id = NULL")
    _again()
    connection.close()
    command = [sys.executable, "-m", "tests.benchmarks.bench_reminders", "--sweep"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(4)]
    taken = [int(process.communicate(timeout=600)[0]) for process in running]
    rows = Reminder.objects.count()
    once = Reminder.objects.values("key").distinct().count() == rows
    yield (
        rows == overdue == sum(taken) and once,
        f"four sweepers at once: {rows} reminders, {sum(taken)} claims, shares {sorted(taken)}",
    )


def _be_a_sweeper() -> int:
    with scratch("reminders", join=True):
        from config.reminding import sweeps
        from config.reminding.chasing import CHASED
        from config.reminding.models import Reminder

        taken, quiet = 0, 0
        while quiet < 3:
            found = sweeps.work_off(CHASED["item"], NOW)
            taken += found
            waits = CHASED["item"].model.objects.filter(next_reminder_at__lte=NOW).exists()
            quiet = 0 if found or waits else quiet + 1
            time.sleep(0.01)
        assert Reminder.objects.exists()
        sys.stdout.write(f"{taken}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
