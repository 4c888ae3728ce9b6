from config.celery import app
from retros import sweeps


@app.task
def open_required_retros():
    sweeps.open_required_retros()


@app.task
def remind_of_perspectives():
    sweeps.remind_of_perspectives()


@app.task
def tell_of_meetings():
    sweeps.tell_of_meetings()


@app.task
def ask_for_impressions():
    sweeps.ask_for_impressions()


@app.task
def plan_steps():
    sweeps.plan_steps()
