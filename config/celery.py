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

app.conf.beat_schedule = {
    "open the retrospectives that are required": {
        "task": "retros.tasks.open_required_retros",
        "schedule": MINUTE,
        "options": {"expires": MINUTE},
    },
    "queue what is overdue": {
        "task": "actions.tasks.queue_overdue_reminders",
        "schedule": MINUTE,
        "options": {"expires": MINUTE},
    },
    "deliver what is queued": {
        "task": "config.outbox.tasks.deliver",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "put new history under seal": {
        "task": "config.audit.tasks.seal_history",
        "schedule": MINUTE,
        "options": {"expires": MINUTE},
    },
    "anchor it each hour, and after an export": {
        "task": "config.audit.tasks.anchor_history",
        "schedule": MINUTE,
        "options": {"expires": MINUTE},
    },
    "anchor what is closed": {
        "task": "incidents.tasks.anchor_closed_incidents",
        "schedule": MINUTE,
        "options": {"expires": MINUTE},
    },
    "verify all history each day": {
        "task": "config.audit.tasks.verify_history",
        "schedule": HOUR,
        "options": {"expires": HOUR},
    },
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
