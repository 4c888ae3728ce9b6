"""What a load balancer and a monitor ask: is it alive, and is it fit for work?"""

import logging

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.audit import triggers
from config.outbox import troubles
from config.outbox.sending import waiting_since

log = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request):
    """The process answers. Asks nothing of the database: restarting us would not mend it."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request):
    """Everything our work needs is in order, or 503 with what is wrong."""
    checks = _checks()
    is_ready = all(answer == "ok" for answer in checks.values())
    body = {"status": "ready" if is_ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if is_ready else 503)


def _checks() -> dict[str, str]:
    """One answer for each check, `ok` or what is wrong; without a database the others cannot be asked."""
    answers = {}
    for name, check in CHECKS.items():
        try:
            answers[name] = check() or "ok"
        except DatabaseError:
            # The reason may hold addresses and names, and anybody may ask: it goes to the log alone.
            log.exception("the readiness check %r failed", name)
            answers[name] = "the database does not answer"
        if name == "database" and answers[name] != "ok":
            break
    return answers


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(plan)} not applied: run manage.py migrate" if plan else ""


def _history() -> str:
    wrong = triggers.expected() ^ triggers.installed()
    return f"{len(wrong)} triggers are missing or left over: run manage.py migrate" if wrong else ""


def _schedule() -> str:
    # A new installation is not ready either: without a schedule no message will ever leave it.
    return troubles.of_the_schedule(troubles.last_beat())


def _messages() -> str:
    return troubles.of_messages(waiting_since())


CHECKS = {
    "database": _database,
    "migrations": _migrations,
    "history": _history,
    "schedule": _schedule,
    "messages": _messages,
}
