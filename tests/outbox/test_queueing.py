"""A key is queued once, whoever queues it and however many at once; and who was first is told so."""

import threading

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from config.outbox.models import AT_ONCE, Delivery
from tests.faults import is_whole_or_absent

pytestmark = pytest.mark.django_db
IS_SQLITE = "sqlite" in settings.DATABASES["default"]["ENGINE"]


def rows(*numbers, **fields):
    return [
        Delivery(key=f"note:{n}", kind="tests.note", **{"address": "omar@example.com", **fields})
        for n in numbers
    ]


def test_it_says_how_many_are_new_and_which(omar):
    assert Delivery.objects.queue(rows(1, 2)) == 2
    new = Delivery.objects.queue_new(rows(3, 2, 1, recipient=omar, context={"day": "2026-12-01"}))
    queued = Delivery.objects.get(key="note:3")
    assert new == {"note:3": queued.pk}
    assert (queued.recipient, queued.context, queued.state) == (omar, {"day": "2026-12-01"}, "pending")
    assert queued.history.count() == 1


def test_a_key_twice_in_one_go_is_queued_once():
    assert Delivery.objects.queue(rows(1, 1, 1)) == 1


def test_nothing_to_queue_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert Delivery.objects.queue([]) == 0


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_one_statement(django_assert_num_queries):
    numbers = range(AT_ONCE + 1)
    with django_assert_num_queries(4):  # BEGIN, two INSERTs, COMMIT
        assert Delivery.objects.queue(rows(*numbers)) == AT_ONCE + 1
    assert Delivery.objects.queue(rows(*numbers)) == 0


def test_only_a_known_key_is_passed_over():
    # A message that breaks another rule must not vanish: SQLite's INSERT OR IGNORE would let it.
    with pytest.raises(IntegrityError):
        Delivery.objects.queue(rows(1, state="sent"))


def test_queueing_is_whole_or_absent_wherever_it_breaks(monkeypatch):
    monkeypatch.setattr("config.outbox.models.AT_ONCE", 2)
    assert is_whole_or_absent(lambda: Delivery.objects.queue(rows(1, 2, 3)), Delivery) >= 2


# SQLite's database in memory has one lock for all threads, unlike its files; there IMMEDIATE is the lock.
@pytest.mark.skipif(IS_SQLITE, reason="needs PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_of_those_who_queue_the_same_at_once_each_key_is_new_to_one():
    start, told = threading.Barrier(4), []

    def sweep(turn):
        try:
            start.wait()
            for first in range(0, 400, 20):
                numbers = list(range(first, first + 20))
                told.append(Delivery.objects.queue_new(rows(*(numbers if turn else reversed(numbers)))))
        finally:
            connection.close()

    sweepers = [threading.Thread(target=sweep, args=[number % 2]) for number in range(4)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()
    keys = [key for new in told for key in new]
    assert len(told) == 80
    assert len(keys) == len(set(keys)) == Delivery.objects.count() == 400
