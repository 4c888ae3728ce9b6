"""A worker sends for a while, asks others to help, and stops between two messages when it is told to."""

import os
import signal

import pytest

from config.outbox import sending
from config.outbox.models import Delivery
from config.outbox.tasks import TURN, deliver
from tests.outbox.test_sending import _notes, a_delivery  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(monkeypatch):
    monkeypatch.setattr(sending, "CHUNK", 4)
    for number in range(10):
        a_delivery(f"note:{number}")


def states():
    found = Delivery.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


def test_another_worker_is_asked_to_help_once_if_more_than_a_chunk_is_due(due):
    asked = []
    assert sending.deliver(invite=lambda: asked.append(1)) == {"sent": 10}
    assert asked == [1]
    a_delivery("note:alone")
    assert sending.deliver(invite=lambda: asked.append(1)) == {"sent": 1}
    assert asked == [1]


def test_without_a_broker_to_ask_the_mail_still_goes_out(due, caplog):
    def no_broker():
        raise ConnectionError("no broker")

    assert sending.deliver(invite=no_broker) == {"sent": 10}
    assert "no broker" in caplog.text


def test_when_its_time_is_over_it_gives_back_the_rest_and_asks_another_to_go_on(due, mailoutbox):
    asked = []
    assert sending.deliver(seconds=-1, invite=lambda: asked.append(1)) == {}
    assert asked == [1, 1]
    assert states() == {"pending": 10}
    assert set(Delivery.objects.values_list("attempts", "lease_until", "lease_token")) == {(0, None, None)}
    assert sending.deliver() == {"sent": 10}


def test_asked_to_stop_it_finishes_the_message_it_is_at(due, mailoutbox, monkeypatch):
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append(states()))
    send = sending.Courier._take

    def then_be_asked(courier, row):
        send(courier, row)
        if len(mailoutbox) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sending.Courier, "_take", then_be_asked)
    try:
        assert sending.deliver() == {"sent": 3}
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [{"sent": 3, "pending": 7}], "heard when all is written down, not before"
    assert len(mailoutbox) == 3


def test_the_task_is_short_enough_for_a_supervisor_that_waits():
    from config.guard import GRACE

    assert TURN + 1 < GRACE
    assert deliver.name == "config.outbox.tasks.deliver"
