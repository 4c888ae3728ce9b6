"""The sweep: every step that is due becomes one row and goes into one message, whatever happens meanwhile."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from actions.models import ActionItem, ReminderPolicy
from actions.reminders import item_chases
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding import digests, sweeps
from config.reminding.cadence import plan
from config.reminding.chasing import CHASED
from config.reminding.models import Reminder
from incidents.models import Milestone
from retros.models import Retrospective
from tests.conftest import make_person
from tests.faults import each_break_of

pytestmark = pytest.mark.django_db

DUE = date(2026, 3, 2)  # a Monday
TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _one_policy():
    """Every working day while overdue, and nobody else is told."""
    ReminderPolicy.objects.all().delete()
    ReminderPolicy.objects.create(
        before="", on_the_day=False, every=1, manager_after=None, facilitator_after=None, sponsor_after=None
    )


def at(moment):
    return time_machine.travel(moment, tick=False)


def an_item(owner, **fields):
    fields = {"title": "Alert on failed payments", "why": "Lost baskets.", "due_on": DUE, **fields}
    with at(TUESDAY - 7 * DAY):
        return ActionItem.objects.create(owner=owner, **fields)


def sweep(moment=TUESDAY):
    with at(moment):
        return sweeps.remind()


def follow(moment=TUESDAY):
    with at(moment):
        return sweeps.follow_changes()


def kept() -> list[tuple[str, str]]:
    return list(Reminder.objects.order_by("pk").values_list("key", "recipient__name"))


# --- One row per step


def test_a_step_that_is_due_is_taken_once_and_put_into_a_message(omar):
    item = an_item(omar)
    assert sweep(TUESDAY - DAY) == 0
    assert sweep(TUESDAY - MINUTE) == 0
    assert sweep() == 1
    assert kept() == [(f"overdue 1:item {item.pk}:{DUE}:{omar.pk}", "Omar")]
    delivery = Delivery.objects.get()
    assert (delivery.key, delivery.kind) == (f"digest:person {omar.pk}:2026-03-03", "reminding.digest")
    assert list(delivery.reminders.all()) == list(Reminder.objects.all())
    assert [sweep(TUESDAY + MINUTE * n) for n in (0, 1, 400)] == [0, 0, 0]
    assert sweep(TUESDAY + DAY) == 1
    assert Delivery.objects.count() == 2


def test_what_comes_next_is_planned_in_the_same_breath(omar):
    item = an_item(omar)
    sweep()
    item.refresh_from_db()
    assert item.next_reminder_at == TUESDAY + DAY
    assert item.next_step == f"overdue 2:item {item.pk}:{DUE}:{omar.pk}"
    assert item.next_recipient == omar
    assert item.history.count() == 1


@pytest.mark.parametrize(
    "ends",
    [
        lambda item, omar: item.complete(by=omar, evidence="It rang."),
        lambda item, omar: item.drop(by=omar, reason="The page goes away."),
    ],
)
def test_what_is_over_wants_no_reminder(item, omar, ends):
    ends(item, omar)
    sweep(TUESDAY + 3_650 * DAY)
    item.refresh_from_db()
    assert item.next_reminder_at is None
    assert not Reminder.objects.filter(subject_kind="item").exists()


def test_retros_and_milestones_are_chased_by_the_same_sweep(retro, incident, ana, ravi):
    with at(TUESDAY - 30 * DAY):
        Retrospective.objects.filter(pk=retro.pk).update(due_on=DUE)
        milestone = Milestone.objects.create(incident=incident, title="Refunds", owner=ravi, due_on=DUE)
        follow(TUESDAY - 30 * DAY)
        retro.refresh_from_db()
        retro.save()
    sweep()
    assert kept() == [
        (f"overdue 1:milestone {milestone.pk}:{DUE}:{ravi.pk}", "Ravi"),
        (f"overdue 1:retro {retro.pk}:{DUE}:{ana.pk}", "Ana"),
    ]


def test_a_worker_that_was_down_for_days_takes_the_last_step_only(omar):
    item = an_item(omar)
    assert sweep(TUESDAY + 20 * DAY) == 1
    assert kept() == [(f"overdue 15:item {item.pk}:{DUE}:{omar.pk}", "Omar")]


def test_the_ladder_is_climbed_beside_the_owner(omar, ravi, item):
    ReminderPolicy.objects.update(manager_after=1, facilitator_after=1)
    User.objects.filter(pk=omar.pk).update(manager=ravi)
    ActionItem.objects.filter(pk=item.pk).update(due_on=DUE)
    with at(TUESDAY - 5 * DAY):
        ActionItem.objects.get(pk=item.pk).save()
    assert sweep() == 3
    assert [name for _, name in kept()] == ["Omar", "Ravi", "Ana"]
    assert Delivery.objects.count() == 3


# --- Messages


def test_one_person_gets_one_message_a_day(omar, ravi):
    for number in range(3):
        an_item(omar, title=f"Item {number}")
    an_item(ravi)
    assert sweep() == 4
    assert sorted(Delivery.objects.values_list("recipient__name", flat=True)) == ["Omar", "Ravi"]
    assert Delivery.objects.get(recipient=omar).reminders.count() == 3


def test_whoever_wants_a_mail_for_each_thing_gets_it(omar):
    User.objects.filter(pk=omar.pk).update(mail_style="single")
    an_item(omar)
    an_item(omar, title="Write the runbook")
    sweep()
    assert sorted(Delivery.objects.values_list("key", flat=True)) == sorted(
        f"reminder:{key}" for key, _ in kept()
    )


def test_what_falls_due_before_the_digest_is_sent_joins_it(omar):
    an_item(omar)
    sweep()
    an_item(omar, title="Write the runbook")
    assert sweep(TUESDAY + MINUTE) == 1
    assert Delivery.objects.get().reminders.count() == 2


@pytest.mark.parametrize("state", ["sent", "cancelled", "dead", "claimed"])
def test_what_falls_due_after_it_waits_for_the_next_working_day(omar, state):
    an_item(omar)
    friday = TUESDAY + 3 * DAY
    sweep(friday)
    lease = {"sent_at": friday} if state == "sent" else {}
    lease |= {"lease_until": friday + DAY} if state == "claimed" else {}
    Delivery.objects.update(state=state, **lease)
    an_item(omar, title="Write the runbook")
    assert sweep(friday + MINUTE) == 1
    late = Delivery.objects.latest("pk")
    assert late.key == f"digest:person {omar.pk}:2026-03-09"
    assert late.due_at == datetime(2026, 3, 9, 9, tzinfo=UTC)
    assert sweep(late.due_at) == 2
    assert late.reminders.count() == 3


# --- Plans follow what they are made of


def test_items_of_every_road_are_planned(omar):
    with at(TUESDAY - DAY):
        ActionItem.objects.bulk_create([ActionItem(title="Loaded", why="Baskets.", owner=omar, due_on=DUE)])
    assert sweep() == 1


def move_by_sql(item, omar):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE actions_actionitem SET due_on = %s WHERE id = %s", [DUE + 7 * DAY, item.pk])


@pytest.mark.parametrize(
    "change",
    [
        move_by_sql,
        lambda item, omar: ActionItem.objects.filter(pk=item.pk).update(due_on=DUE + 7 * DAY),
        lambda item, omar: User.objects.filter(pk=omar.pk).update(works_from="10:00"),
        lambda item, omar: User.objects.filter(pk=omar.pk).update(time_zone="America/Lima"),
        lambda item, omar: User.objects.filter(pk=omar.pk).update(
            away_from=TUESDAY.date(), away_until=TUESDAY.date()
        ),
        lambda item, omar: User.objects.filter(pk=omar.pk).update(wants_reminders=False),
        lambda item, omar: User.objects.filter(pk=omar.pk).update(is_active=False),
        lambda item, omar: User.objects.filter(pk=omar.pk).update(country="DE"),
        lambda item, omar: ReminderPolicy.objects.update(on_the_day=True),
        lambda item, omar: ReminderPolicy.objects.all().delete(),
    ],
    ids=["sql", "update", "hours", "zone", "away", "unsubscribed", "left", "country", "policy", "no policy"],
)
def test_a_change_of_what_a_plan_is_made_of_plans_anew(omar, change):
    early = TUESDAY - 4 * DAY
    item = an_item(omar)
    follow(early)
    sweep(early)
    change(item, omar)
    with at(early + MINUTE):
        assert sweeps.follow_changes() >= 1
        sweeps.remind()
        found = dict(item_chases([item.pk]))
        wanted = plan(found[item.pk], {key for key, _ in kept()}, early + MINUTE)
    item.refresh_from_db()
    assert item.next_reminder_at == (wanted[0] if wanted else None)
    assert item.next_step == (wanted[1].key if wanted else "")


def test_the_same_change_is_not_followed_for_ever(omar):
    an_item(omar)
    sweep()
    follow()
    User.objects.filter(pk=omar.pk).update(works_from="10:00")
    late = datetime.now(UTC)
    assert follow(late) >= 1
    with at(late):
        sweeps.remind()
    follow(late + 10 * MINUTE)  # once more, for what was committed late
    assert follow(late + 11 * MINUTE) == 0


def test_a_row_saved_while_it_is_planned_is_planned_again(omar, monkeypatch):
    item = an_item(omar)
    store, was_saved = sweeps._store, []

    def save_in_between(*args):
        if not was_saved:
            was_saved.append(True)
            with at(TUESDAY + MINUTE):
                row = ActionItem.objects.get(pk=item.pk)
                row.due_on = DUE + 7 * DAY
                row.save()
        store(*args)

    monkeypatch.setattr(sweeps, "_store", save_in_between)
    sweep()
    assert sweep(TUESDAY + MINUTE) == 0
    item.refresh_from_db()
    assert item.next_step.startswith(f"overdue 1:item {item.pk}:{DUE + 7 * DAY}")


def test_old_plans_are_made_anew_each_day(omar):
    item = an_item(omar)
    sweep(TUESDAY - 5 * DAY)
    ActionItem.objects.filter(pk=item.pk).update(next_reminder_at=TUESDAY + 900 * DAY)
    with at(TUESDAY):
        assert sweeps.plan_all_anew() == 1
    assert sweep() == 1


# --- Cost, faults, company


def queries_of(act):
    with CaptureQueriesContext(connection) as queries:
        act()
    return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]


def test_nothing_due_costs_three_queries_at_most(omar):
    an_item(omar)
    sweep()
    follow()
    assert len(queries_of(lambda: sweep(TUESDAY + MINUTE))) <= 3
    assert len(queries_of(lambda: follow(TUESDAY + 10 * MINUTE))) <= 3


def test_the_number_of_queries_does_not_grow_with_the_items(omar, ravi):
    an_item(omar)
    one = len(queries_of(sweep))
    for number in range(60):
        an_item(omar if number % 2 else ravi, title=f"Item {number}")
    assert len(queries_of(lambda: sweep(TUESDAY + DAY))) <= one + 4


def test_more_than_a_batch_is_worked_off(omar, monkeypatch):
    monkeypatch.setattr(sweeps, "BATCH", 2)
    monkeypatch.setattr(digests, "AT_ONCE", 2)
    for number in range(5):
        an_item(omar, title=f"Item {number}")
    assert sweep() == 5
    assert Delivery.objects.get().reminders.count() == 5


def test_wherever_it_breaks_the_next_sweep_takes_every_step_once(omar, ravi):
    for owner in (omar, ravi):
        an_item(owner)
    for _ in each_break_of(sweep):
        sweep()
        assert Reminder.objects.count() == 2
        assert not Reminder.objects.waiting().exists()
        assert Delivery.objects.count() == 2


@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="needs PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_four_sweeps_at_once_take_every_step_once(omar, ravi):
    ReminderPolicy.objects.all().delete()
    ReminderPolicy.objects.create(before="", on_the_day=False, every=1, manager_after=None)
    people = [omar, ravi, *(make_person(f"p{n}@example.com") for n in range(8))]
    ActionItem.objects.bulk_create(
        ActionItem(
            title=f"Item {n}", why="Baskets.", owner=people[n % 10], due_on=DUE, next_reminder_at=TUESDAY
        )
        for n in range(400)
    )
    monday = TUESDAY + 6 * DAY
    start, taken = threading.Barrier(4), []

    def work():
        try:
            start.wait()
            for _ in range(20):
                taken.append(sweeps.remind(at=monday))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sweeps.remind(at=monday)
    assert Reminder.objects.count() == 400
    assert sum(taken) <= 400
    assert Delivery.objects.count() == 10
    assert not Reminder.objects.waiting().exists()


def test_every_kind_that_is_chased_says_what_it_is():
    assert set(CHASED) == {"item", "check", "retro", "milestone"}
