from config.celery import app
from config.outbox import posting, sending
from config.outbox.models import Heartbeat

TURN = 4.0  # seconds: a worker that is asked to stop waits no longer, and other tasks get their turn


@app.task
def deliver():
    sending.deliver(seconds=TURN, invite=lambda: deliver.apply_async(expires=10.0, retry=False))


@app.task
def post():
    sending.deliver(
        seconds=TURN,
        invite=lambda: post.apply_async(expires=10.0, retry=False),
        courier=posting.Poster,
    )


@app.task
def beat():
    Heartbeat.beat()
