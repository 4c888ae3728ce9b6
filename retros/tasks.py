from config.celery import app
from retros import sweeps


@app.task
def open_required_retros():
    sweeps.open_required_retros()
