"""Finds what is due to be reminded of and plans what comes next.

Runs every minute; running twice, at once, late or half changes nothing: a step is a row with a unique key, and
what comes next is derived from the rows that are there. No step is lost with a message, a task or a worker.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from config.outbox.sweeps import sweep
from config.reminding import digests, following
from config.reminding.bulk import update_each
from config.reminding.cadence import plan
from config.reminding.chasing import CHASED, Chased
from config.reminding.models import Reminder

BATCH = 1_000  # rows a transaction takes: long enough to be quick, short enough to hold nobody up
LOCK = 7_206_341_904  # any number, as long as it is always the same


@sweep
def remind(at=None) -> int:
    """Take every step that is due, put each into a message, plan the next; returns how many steps."""
    at = at or timezone.now()
    taken = 0
    for kind in _kinds_due(at):
        taken += work_off(CHASED[kind], at)
    digests.gather(at)
    return taken


@sweep
def follow_changes() -> int:
    """Plan anew whatever a change of calendars, policies or people concerns; returns how many rows."""
    return following.follow()


@sweep
def plan_all_anew() -> int:
    """Plan anew what was planned more than a day ago, which heals whatever was missed; returns how many rows."""
    return following.plan_all_anew()


def work_off(chased: Chased, at: datetime) -> int:
    """Take the due steps of one kind, a batch a transaction; returns how many were taken."""
    taken = 0
    while True:
        with transaction.atomic():
            if not _alone():
                return taken  # somebody else is at it
            taken += take_steps(chased, at)
            if not plan_next(chased, at):
                return taken


def _kinds_due(at) -> list[str]:
    """The kinds of which at least one row is due, in one query."""
    asked = " UNION ALL ".join(
        f"SELECT '{kind}' WHERE EXISTS (SELECT 1 FROM {_table(chased)} WHERE next_reminder_at <= %s)"  # noqa: S608
        for kind, chased in CHASED.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(asked, [_moment(at)] * len(CHASED))
        return [kind for (kind,) in cursor.fetchall()]


def _alone() -> bool:
    """Whether no other sweep is in a batch. On SQLite the IMMEDIATE transaction has seen to it."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return cursor.fetchone()[0]


def take_steps(chased: Chased, at: datetime) -> int:
    """Write down the planned steps that are due, a batch of them, in one statement; returns how many are new."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Reminder._meta.db_table}
                (key, subject_kind, subject_id, due_on, recipient_id, because, made_at)
            SELECT next_step, %s, id, due_on, next_recipient_id, next_because, %s
            FROM {_table(chased)}
            WHERE next_reminder_at <= %s AND next_step <> ''
            ORDER BY next_reminder_at, id
            LIMIT {BATCH}
            ON CONFLICT (key) DO NOTHING
            RETURNING subject_id
            """,  # noqa: S608  made of our own models' names
            [chased.kind, _moment(at), _moment(at)],
        )
        return len(cursor.fetchall())


def plan_next(chased: Chased, at: datetime) -> int:
    """Plan a batch of the rows whose moment has come; returns how many there were."""
    due = chased.model.objects.filter(next_reminder_at__lte=at).order_by("next_reminder_at", "pk")
    rows = list(due.values_list("pk", "next_reminder_at", "next_step")[:BATCH])
    if not rows:
        return 0
    pks = [pk for pk, _, _ in rows]
    made = set(
        Reminder.objects.filter(subject_kind=chased.kind, subject_id__in=pks).values_list("key", flat=True)
    )
    plans = {pk: plan(chase, made, at) for pk, chase in chased.chases(pks)}
    _store(chased, [(pk, before, step, plans.get(pk)) for pk, before, step in rows], at)
    return len(rows)


def _store(chased, planned: Iterable, at) -> None:
    """Write the plans, each only where its row is as it was read: who saved it meanwhile wants a new one."""
    update_each(_table(chased), _SET, _WHERE, _COLUMNS, [_values(*row, at) for row in planned])


def _values(pk, before, step_before, found, at):
    as_it_was = pk, _moment(before), step_before
    if found is None:
        return *as_it_was, None, "", None, "", _moment(at)
    moment, step = found
    return *as_it_was, _moment(moment), step.key, step.recipient.id, step.because[:200], _moment(at)


_SET = (
    "next_reminder_at = new.moment, next_step = new.step, next_recipient_id = new.recipient, "
    "next_because = new.because, planned_at = new.planned"
)
_WHERE = "target.id = new.id AND target.next_reminder_at = new.moment_before AND target.next_step = new.step_before"
_COLUMNS = {
    "id": "bigint",
    "moment_before": "timestamptz",
    "step_before": "text",
    "moment": "timestamptz",
    "step": "text",
    "recipient": "bigint",
    "because": "text",
    "planned": "timestamptz",
}


def _table(chased) -> str:
    return f'"{chased.model._meta.db_table}"'


def _moment(moment):
    """A moment as the database compares it: SQLite keeps text."""
    return connection.ops.adapt_datetimefield_value(moment)
