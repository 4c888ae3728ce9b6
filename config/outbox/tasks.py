from config.celery import app
from config.outbox import sending


@app.task
def deliver():
    sending.deliver()
