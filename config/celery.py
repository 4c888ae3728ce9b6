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
app.autodiscover_tasks(
    ["config.audit", "config.outbox", "config.reminding", "config.search", "incidents", "retros", "actions"]
)

MINUTE = 60.0  # seconds
HOUR = 60 * MINUTE


def every(seconds: float, task: str) -> dict:
    """A task at an interval; a message that waited longer than that is dropped, for the next one asks the same."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    "open the retrospectives that are required": every(MINUTE, "retros.tasks.open_required_retros"),
    "tell of meetings whoever joined since": every(MINUTE, "retros.tasks.tell_of_meetings"),
    "ask what a meeting was worth": every(MINUTE, "retros.tasks.ask_for_impressions"),
    "remind of perspectives": every(MINUTE, "retros.tasks.remind_of_perspectives"),
    "plan the steps that retrospectives lack": every(MINUTE, "retros.tasks.plan_steps"),
    "ask whether what happened again was mended": every(MINUTE, "actions.tasks.ask_about_recurrences"),
    "remind of what is due": every(MINUTE, "config.reminding.tasks.remind"),
    "plan anew what changed": every(MINUTE, "config.reminding.tasks.follow_changes"),
    "plan everything anew each day": every(HOUR, "config.reminding.tasks.plan_all_anew"),
    "index what changed": every(MINUTE, "config.search.tasks.follow_what_is_searched"),
    "compare the index each day": every(HOUR, "config.search.tasks.compare_index"),
    "sum up the week": every(10 * MINUTE, "actions.tasks.queue_summaries"),
    "remember what was over a year ago": every(HOUR, "actions.tasks.queue_anniversaries"),
    "remind of what customers wait for": every(MINUTE / 2, "incidents.tasks.nudge_communicators"),
    "deliver what is queued": every(10.0, "config.outbox.tasks.deliver"),
    "post what is queued for other systems": every(10.0, "config.outbox.tasks.post"),
    "tell subscribers what was published": every(5.0, "incidents.tasks.tell_subscribers"),
    "forget who did not confirm": every(HOUR, "incidents.tasks.forget_unconfirmed"),
    "notice that the schedule runs": every(15.0, "config.outbox.tasks.beat"),
    "put new history under seal": every(MINUTE, "config.audit.tasks.seal_history"),
    "anchor it each hour, and after an export": every(MINUTE, "config.audit.tasks.anchor_history"),
    "anchor what is closed": every(MINUTE, "incidents.tasks.anchor_closed_incidents"),
    "bring the status page up to date": every(MINUTE, "incidents.tasks.write_status_page"),
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
