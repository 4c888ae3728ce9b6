from config.celery import app
from config.reminding import sweeps


@app.task
def remind():
    sweeps.remind()


@app.task
def follow_changes():
    sweeps.follow_changes()


@app.task
def plan_all_anew():
    sweeps.plan_all_anew()
