from celery import Task, shared_task
from django.db import connections

from config.audit.actor import TASK, acting


class ActorTask(Task):
    """A task that signs what it writes, and never works on a connection that has died meanwhile."""

    def __call__(self, *args, **kwargs):
        # Without it a worker whose database restarted keeps failing on the dead connection for ever.
        # Not within a transaction: who calls a task there still needs the connection.
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
        with acting(kind=TASK, name=self.name.rpartition(".")[2].replace("_", " ")):
            return super().__call__(*args, **kwargs)


@shared_task
def seal_history():
    sweeps().seal_history()


@shared_task
def anchor_history():
    sweeps().anchor_history()


@shared_task
def verify_history():
    sweeps().verify_history()


def sweeps():
    # Not at the top: Celery imports this module for its task class, before Django has any models.
    from config.audit import sweeps

    return sweeps
