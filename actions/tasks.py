from actions import sweeps
from config.celery import app


@app.task
def queue_overdue_reminders():
    sweeps.queue_overdue_reminders()
