"""The sweep for overdue action items, and what becomes of its messages."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from actions import sweeps
from actions.models import ActionItem
from actions.tasks import queue_overdue_reminders
from config.outbox import sending
from config.outbox.models import Delivery
from tests.conftest import make_person
from tests.faults import each_break_of, snapshot

pytestmark = pytest.mark.django_db

DUE = date(2026, 3, 2)  # a Monday
MORNING = datetime(2026, 3, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _mail_stays_here(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def item(omar):
    return an_item(omar)


def an_item(owner, **fields):
    fields = {"title": "Alert on failed payments", "why": "Lost baskets.", "due_on": DUE, **fields}
    return ActionItem.objects.create(owner=owner, **fields)


def at(moment):
    return time_machine.travel(moment, tick=False)


def sweep(moment=MORNING):
    with at(moment):
        return sweeps.queue_overdue_reminders()


def deliver(moment=MORNING):
    with at(moment):
        return sending.deliver()


def test_an_overdue_item_gives_its_owner_one_message_that_is_delivered(item, omar):
    assert sweep() == 1
    delivery = Delivery.objects.get()
    assert (delivery.recipient, delivery.address, delivery.state) == (omar, omar.email, "pending")
    assert delivery.key == f"overdue:person {omar.pk}:2026-03-03"
    assert deliver() == {"sent": 1}
    [message] = mail.outbox
    html, kind = message.alternatives[0]
    assert (message.to, kind) == ([omar.email], "text/html")
    for body in (message.body, html):
        assert item.reference in body
        assert item.title in body
        assert item.why in body
        assert "2 March 2026" in body
        assert item.get_absolute_url() in body


@pytest.mark.parametrize("moment", [MORNING - timedelta(seconds=1), MORNING - DAY])
def test_nobody_is_reminded_before_nine_on_the_day_after(item, moment):
    assert sweep(moment) == 0


def test_a_second_sweep_on_the_same_day_adds_nothing(item):
    assert sweep() == 1
    before = snapshot(Delivery, ActionItem)
    assert [sweep(MORNING + timedelta(minutes=minutes)) for minutes in (0, 1, 600)] == [0, 0, 0]
    assert snapshot(Delivery, ActionItem) == before


def test_a_save_on_the_same_day_does_not_remind_again(item, omar):
    sweep()
    with at(MORNING + timedelta(hours=1)):
        item.refresh_from_db()
        item.start(by=omar)
    assert sweep(MORNING + timedelta(hours=2)) == 0
    assert Delivery.objects.count() == 1


def test_the_next_working_day_reminds_again(item):
    moments = [MORNING + DAY * number for number in range(7)]  # Tuesday to Monday
    assert [sweep(moment) for moment in moments] == [1, 1, 1, 1, 0, 0, 1]


def test_one_message_names_all_that_one_owner_is_late_with(item, omar, ravi):
    an_item(omar, title="Write the runbook", due_on=DUE - DAY)
    an_item(omar, title="Not yet", due_on=DUE + DAY)
    an_item(ravi, title="Somebody else's")
    assert sweep() == 2
    deliver()
    [body] = [message.body for message in mail.outbox if message.to == [omar.email]]
    assert body.index("Write the runbook") < body.index("Alert on failed payments")
    assert "Not yet" not in body
    assert "Somebody else" not in body


def test_each_owner_is_reminded_in_their_own_morning(omar):
    early = make_person("kiri@example.com", "Action owner", time_zone="Pacific/Kiritimati")
    for owner in (omar, early):
        an_item(owner)
    assert sweep(datetime(2026, 3, 2, 19, tzinfo=UTC)) == 1
    assert Delivery.objects.get().recipient == early
    assert sweep() == 1


@pytest.mark.parametrize(
    "what",
    [
        lambda item, omar, ravi: item.complete(by=omar),
        lambda item, omar, ravi: item.drop(by=omar, reason="The page goes away."),
        lambda item, omar, ravi: item.postpone(by=omar, due_on=DUE + DAY * 9, reason="Waiting."),
        lambda item, omar, ravi: item.reassign(by=omar, owner=ravi),
        lambda item, omar, ravi: type(omar).objects.filter(pk=omar.pk).update(is_active=False),
        lambda item, omar, ravi: type(omar).objects.filter(pk=omar.pk).update(email="new@example.com"),
    ],
    ids=["done", "dropped", "postponed", "handed over", "owner left", "address changed"],
)
def test_what_is_no_longer_true_is_cancelled_instead_of_sent(item, omar, ravi, what):
    sweep()
    what(item, omar, ravi)
    assert deliver() == {"cancelled": 1}
    delivery = Delivery.objects.get()
    assert (delivery.state, mail.outbox) == ("cancelled", [])
    assert delivery.error


def test_what_changed_meanwhile_is_read_anew(item, omar):
    done = an_item(omar, title="Write the runbook")
    sweep()
    done.complete(by=omar)
    item.refresh_from_db()
    item.title = "Alert on declined payments"
    item.save()
    deliver()
    assert "Alert on declined payments" in mail.outbox[0].body
    assert "Write the runbook" not in mail.outbox[0].body


def test_the_new_owner_of_an_overdue_item_is_reminded(item, omar, ravi):
    sweep()
    item.reassign(by=omar, owner=ravi)
    assert sweep(MORNING + timedelta(minutes=1)) == 1
    assert Delivery.objects.latest("pk").recipient == ravi


@pytest.mark.parametrize(
    ("calendar", "waits_until"),
    [
        ({"away_from": MORNING.date(), "away_until": MORNING.date() + DAY}, MORNING + DAY * 2),
        ({"working_days": "5"}, MORNING + DAY * 3),
    ],
)
def test_whoever_went_away_meanwhile_is_reminded_when_back(item, omar, calendar, waits_until):
    type(omar).objects.filter(pk=omar.pk).update(**calendar)
    assert sweep() == 0
    assert sweep(waits_until - timedelta(seconds=1)) == 0
    assert sweep(waits_until) == 1


def test_whoever_comes_back_to_work_is_reminded_again(item, omar):
    omar.is_active = False
    omar.save()
    assert sweep() == 0
    assert ActionItem.objects.get().next_reminder_at is None
    omar.is_active = True
    omar.save()
    assert sweep(MORNING + DAY) == 1


def test_items_loaded_in_bulk_are_reminded_of_too(omar):
    ActionItem.objects.bulk_create([ActionItem(title="Loaded", why="Baskets.", owner=omar, due_on=DUE)])
    assert sweep() == 1


def test_a_worker_that_was_down_for_days_sends_one_message_not_many(item):
    assert sweep(MORNING + DAY * 20) == 1
    assert deliver(MORNING + DAY * 20) == {"sent": 1}
    assert "21 days ago" in mail.outbox[0].body


def sweep_queries(moment=MORNING):
    with CaptureQueriesContext(connection) as queries:
        sweep(moment)
    return len(queries)


def test_the_number_of_queries_does_not_grow_with_the_items(omar, ravi):
    an_item(omar)
    one = sweep_queries()
    for number in range(40):
        an_item(omar if number % 2 else ravi, title=f"Item {number}")
    assert sweep_queries(MORNING + DAY) == one


def test_more_owners_than_fit_one_batch_are_all_reminded(monkeypatch):
    monkeypatch.setattr(sweeps, "OWNERS_AT_ONCE", 2)
    for number in range(5):
        an_item(make_person(f"owner{number}@example.com"))
    assert sweep() == 5
    assert sweep() == 0


def test_wherever_it_breaks_the_next_sweep_reminds_everybody_once(item, ravi):
    an_item(ravi)
    for _ in each_break_of(sweep):
        queued = set(Delivery.objects.values_list("recipient", flat=True))
        moved = set(ActionItem.objects.filter(next_reminder_at__gt=MORNING).values_list("owner", flat=True))
        assert queued == moved
        sweep()
        assert Delivery.objects.count() == 2


def test_when_it_is_due_is_bookkeeping_and_leaves_no_history(item):
    before = item.history.count()
    sweep()
    assert item.history.count() == before


def test_the_task_signs_what_it_queues(item):
    with at(MORNING):
        queue_overdue_reminders()
    entry = Delivery.objects.get().history.get()
    assert (entry.history_actor_kind, entry.history_user_name) == ("task", "queue overdue reminders")


def test_overdue_can_be_asked_about_any_moment_of_the_past(omar):
    item = an_item(omar)
    item.complete(by=omar, at=MORNING + DAY * 4)
    an_item(omar, due_on=None)

    def late(days):
        return list(ActionItem.objects.overdue(at=MORNING + DAY * days))

    assert (late(-1), late(0), late(3), late(4), late(90)) == ([], [item], [item], [], [])


def test_restricted_titles_stay_out_of_the_mail_of_an_owner_who_may_not_see_them(item, retro, resolved):
    type(resolved).objects.filter(pk=resolved.pk).update(visibility="restricted")
    ActionItem.objects.filter(pk=item.pk).update(retro=retro)
    sweep()
    deliver()
    html = mail.outbox[0].alternatives[0][0]
    assert item.title in mail.outbox[0].body
    assert retro.title not in mail.outbox[0].body + html
