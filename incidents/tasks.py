from config.celery import app
from incidents import sweeps


@app.task
def anchor_closed_incidents():
    sweeps.anchor_closed_incidents()
