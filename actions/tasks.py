from actions import anniversaries, summaries, sweeps
from config.celery import app


@app.task
def ask_about_recurrences():
    sweeps.ask_about_recurrences()


@app.task
def queue_summaries():
    summaries.queue_summaries()


@app.task
def queue_anniversaries():
    anniversaries.queue_anniversaries()
