from celery import Task
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
