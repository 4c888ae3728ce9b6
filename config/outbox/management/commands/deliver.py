"""Does once what the workers do all the time: for cron, where no Celery runs."""

import logging
from collections import Counter

from django.core.management import CommandError

from config.audit.commands import AuditedCommand
from config.outbox import posting, sending, sweeps
from config.outbox.models import Heartbeat

log = logging.getLogger(__name__)


class Command(AuditedCommand):
    help = "Find what is due, queue its messages and send them, once. Safe to run often and at the same time."

    def handle(self, *args, verbosity, **options):
        Heartbeat.beat()  # cron is a schedule, too
        swept, failed = _sweep()
        sent = Counter(sending.deliver()) + Counter(sending.deliver(courier=posting.Poster))
        counts = [f"{name}: {count}" for name, count in (swept | sent).items()]
        if verbosity:
            self.stdout.write("; ".join(counts if sent else [*counts, "nothing to send"]) + ".")
        if failed:
            raise CommandError(f"These sweeps failed, the log says why: {', '.join(failed)}.")


def _sweep() -> tuple[dict[str, int], list[str]]:
    """Run every sweep; one that fails stops neither the others nor the sending."""
    counts, failed = {}, []
    for sweep in sweeps.SWEEPS:
        try:
            counts[sweeps.name_of(sweep)] = sweep()
        except Exception:
            log.exception("the sweep %r failed", sweeps.name_of(sweep))
            failed.append(sweeps.name_of(sweep))
    return counts, failed
