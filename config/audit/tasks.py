from celery import Task
from django.db import close_old_connections

from config.audit.actor import TASK, acting


class ActorTask(Task):
    """A task that signs what it writes, and never works on a connection that has died meanwhile."""

    def __call__(self, *args, **kwargs):
        # Without it a worker whose database restarted keeps failing on the dead connection for ever.
        close_old_connections()
        with acting(kind=TASK, name=self.name.rpartition(".")[2].replace("_", " ")):
            return super().__call__(*args, **kwargs)
