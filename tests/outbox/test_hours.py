"""A message may wait for the hours of the person it is for; waiting is no try, and never a busy loop."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from config.outbox import messages, sending
from config.outbox.models import Delivery
from tests.outbox.test_sending import _notes, a_delivery, note  # noqa: F401  fixtures

pytestmark = pytest.mark.django_db
SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def considerate(monkeypatch):
    """The note again, told to keep to working hours."""
    monkeypatch.setitem(messages.KINDS, "tests.note", note)  # so that what follows is undone
    messages.message("tests.note", in_working_hours=True)(note)


def test_it_waits_until_the_person_works_and_that_is_no_try(considerate, omar, mailoutbox):
    with time_machine.travel(SUNDAY, tick=False):
        delivery = a_delivery(recipient=omar)
        assert sending.deliver() == {"put off": 1}
        delivery.refresh_from_db()
        monday = omar.calendar.next_working_moment(SUNDAY)
        assert monday > SUNDAY
        assert (delivery.state, delivery.due_at, delivery.attempts) == ("pending", monday, 0)
        assert sending.deliver() == {}
        assert sending.waiting_since() is None
    with time_machine.travel(monday, tick=False):
        assert sending.deliver() == {"sent": 1}
    assert len(mailoutbox) == 1


def test_an_address_of_nobody_we_know_has_no_hours(considerate, mailoutbox):
    with time_machine.travel(SUNDAY, tick=False):
        a_delivery()
        assert sending.deliver() == {"sent": 1}


@pytest.mark.parametrize("until", [None, timezone.now() - timedelta(days=1)], ids=["never", "past"])
def test_who_asks_for_a_moment_that_is_none_is_asked_again_later(monkeypatch, until):
    def later(delivery):
        raise messages.NotNow(until, "Not at this hour.")

    monkeypatch.setitem(messages.KINDS, "tests.note", later)
    a_delivery("note:1")
    a_delivery("note:2", ambiguous=1)
    assert sending.deliver() == {"put off": 2}
    for delivery in Delivery.objects.all():
        assert delivery.due_at > timezone.now() + timedelta(seconds=50)
        assert (delivery.attempts, delivery.error) == (0, "Not at this hour.")
    assert Delivery.objects.filter(ambiguous=1).count() == 1, "a doubt stays a doubt"
