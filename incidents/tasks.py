from config.celery import app
from incidents import sweeps


@app.task
def anchor_closed_incidents():
    sweeps.anchor_closed_incidents()


@app.task
def write_status_page():
    sweeps.write_status_page()


@app.task
def nudge_communicators():
    sweeps.nudge_communicators()


@app.task
def tell_subscribers():
    sweeps.tell_subscribers()


@app.task
def forget_unconfirmed():
    sweeps.forget_unconfirmed()
