from config.celery import app
from config.search import sweeps


@app.task
def follow_what_is_searched():
    sweeps.follow_what_is_searched()


@app.task
def compare_index():
    sweeps.compare_index()
