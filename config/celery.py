"""The Celery app and the whole schedule: what runs when, on one screen.

No task carries work in its message: each asks the database what is due. So a lost or doubled message,
a second scheduler or an hour of outage costs nothing but time.
"""

import os

from celery import Celery
from celery.signals import beat_init, worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("aftercare", task_cls="config.audit.tasks:ActorTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["config.audit", "config.outbox", "incidents", "retros", "actions"])

MINUTE = 60.0  # seconds
HOUR = 60 * MINUTE


def every(seconds: float, task: str) -> dict:
    """A task at an interval; a message that waited longer than that is dropped, for the next one asks the same."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    "open the retrospectives that are required": every(MINUTE, "retros.tasks.open_required_retros"),
    "queue what is overdue": every(MINUTE, "actions.tasks.queue_overdue_reminders"),
    "deliver what is queued": every(10.0, "config.outbox.tasks.deliver"),
    "put new history under seal": every(MINUTE, "config.audit.tasks.seal_history"),
    "anchor it each hour, and after an export": every(MINUTE, "config.audit.tasks.anchor_history"),
    "anchor what is closed": every(MINUTE, "incidents.tasks.anchor_closed_incidents"),
    "verify all history each day": every(HOUR, "config.audit.tasks.verify_history"),
}


@beat_init.connect
@worker_init.connect
def make_broker_folders(**_):
    """The filesystem transport uses folders that it does not make; the scheduler may be the first to want them."""
    from django.conf import settings

    if not settings.REDIS_URL:
        for name in ("queue", "control"):
            (settings.BROKER_DIR / name).mkdir(parents=True, exist_ok=True)


@worker_ready.connect
def catch_up(**_):
    """Do at once what fell due while no worker ran, instead of waiting for the next tick."""
    for entry in app.conf.beat_schedule.values():
        app.send_task(entry["task"], **entry["options"])
