"""From what is due to what is in the mailbox, end to end in one process."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from actions.models import ActionItem
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding import digests
from tests.conftest import make_person
from tests.reminding.letters import DAY, DUE, MINUTE, TUESDAY, an_item, at, flat, one_policy, send, sweep

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _mail_stays_here(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    one_policy(before="", on_the_day=False)


@pytest.fixture
def late(omar):
    return an_item(omar)


def body_to(person):
    [body] = [message.body for message in mail.outbox if message.to == [person.email]]
    return body


def test_what_is_overdue_reaches_its_owner_the_morning_after(late, omar):
    assert (sweep(TUESDAY - MINUTE), send(TUESDAY - MINUTE)) == (0, {})
    assert (sweep(), send()) == (1, {"sent": 1})
    [message] = mail.outbox
    html, kind = message.alternatives[0]
    assert (message.to, kind) == ([omar.email], "text/html")
    for body in (message.body, html):
        for said in (late.reference, late.title, "Due yesterday, Monday 2 March 2026", "Normal", "Open"):
            assert said in body
    assert (sweep(TUESDAY + HOUR), send(TUESDAY + HOUR)) == (0, {})


def test_one_message_a_day_for_each_working_day(late):
    sent = []
    for number in range(7):  # Tuesday to Monday
        sweep(TUESDAY + number * DAY)
        sent.append(send(TUESDAY + number * DAY).get("sent", 0))
    assert sent == [1, 1, 1, 1, 0, 0, 1]


def test_each_reads_of_their_own_alone(late, omar, ravi):
    an_item(ravi, title="Somebody else’s")
    an_item(omar, title="Not yet", due_on=DUE + 9 * DAY)
    sweep()
    assert send() == {"sent": 2}
    assert "Somebody else’s" not in body_to(omar)
    assert "Not yet" not in body_to(omar)
    assert "Somebody else’s" in body_to(ravi)


@pytest.mark.parametrize(
    "what",
    [
        lambda item, omar, ravi: item.complete(by=omar, evidence="It rang."),
        lambda item, omar, ravi: item.drop(by=omar, reason="The page goes away."),
        lambda item, omar, ravi: item.postpone(by=omar, due_on=DUE + 9 * DAY, reason="Waiting."),
        lambda item, omar, ravi: item.reassign(by=None, owner=ravi),
        lambda item, omar, ravi: ActionItem.objects.filter(pk=item.pk).update(due_on=None),
        lambda item, omar, ravi: ActionItem.objects.filter(pk=item.pk).update(owner=None),
        lambda item, omar, ravi: ActionItem.objects.filter(pk=item.pk).delete(),
        lambda item, omar, ravi: User.objects.filter(pk=omar.pk).update(is_active=False),
        lambda item, omar, ravi: User.objects.filter(pk=omar.pk).update(email="new@example.com"),
        lambda item, omar, ravi: User.objects.filter(pk=omar.pk).update(wants_reminders=False),
    ],
    ids=["done", "dropped", "moved", "handed over", "undated", "given up", "gone", "left", "address", "unsubscribed"],
)  # fmt: skip
@pytest.mark.parametrize("style", ["digest", "single"])
def test_what_is_no_longer_true_is_cancelled_instead_of_sent(late, omar, ravi, what, style):
    User.objects.filter(pk=omar.pk).update(mail_style=style)
    sweep()
    with at(TUESDAY):
        what(late, omar, ravi)
    assert send()["cancelled"] == 1
    delivery = Delivery.objects.get(recipient=omar, kind__startswith="reminding.")
    assert delivery.state == "cancelled"
    assert delivery.error
    assert not [message for message in mail.outbox if message.to == [omar.email]]


def test_what_changed_meanwhile_is_read_anew(late, omar):
    done = an_item(omar, title="Write the runbook")
    sweep()
    with at(TUESDAY):
        done.complete(by=omar, evidence="It rang.")
    ActionItem.objects.filter(pk=late.pk).update(title="Alert on declined payments")
    send()
    assert "Alert on declined payments" in body_to(omar)
    assert "Write the runbook" not in body_to(omar)


def test_the_new_owner_is_reminded_of_what_is_overdue(late, ravi):
    sweep()
    with at(TUESDAY):
        late.reassign(by=None, owner=ravi)
    assert sweep(TUESDAY + MINUTE) == 1
    send(TUESDAY + MINUTE)
    assert late.title in body_to(ravi)


@pytest.mark.parametrize(
    ("calendar", "at_work_again"),
    [
        ({"works_from": "10:00"}, TUESDAY + HOUR),
        ({"away_from": TUESDAY.date(), "away_until": TUESDAY.date()}, TUESDAY + DAY),
        ({"quiet_from": "08:00", "quiet_until": "12:00"}, TUESDAY + 3 * HOUR),
        ({"time_zone": "America/Lima"}, TUESDAY + 5 * HOUR),
    ],
    ids=["later hours", "away", "quiet", "elsewhere"],
)
def test_whoever_stopped_working_meanwhile_is_not_written_to_before_they_do(
    late, omar, calendar, at_work_again
):
    sweep()
    User.objects.filter(pk=omar.pk).update(**calendar)
    assert send() == {"put off": 1}
    assert send(at_work_again - MINUTE) == {}
    assert send(at_work_again) == {"sent": 1}
    assert Delivery.objects.get().attempts == 1


def test_a_worker_that_was_down_for_days_sends_one_message_not_many(late, omar):
    moment = TUESDAY + 20 * DAY
    assert (sweep(moment), send(moment)) == (1, {"sent": 1})
    assert "21 days ago" in body_to(omar)


def test_a_mail_for_each_thing_tells_of_that_alone(late, omar):
    User.objects.filter(pk=omar.pk).update(mail_style="single")
    other = an_item(omar, title="Write the runbook")
    sweep()
    assert send() == {"sent": 2}
    assert {message.subject for message in mail.outbox} == {
        f"[{late.reference}] {late.title}",
        f"[{other.reference}] Write the runbook",
    }
    for message in mail.outbox:
        assert (late.title in message.body) != (other.title in message.body)


def test_whoever_wants_no_reminders_of_their_own_is_still_told_when_a_promise_slips(late, omar):
    boss = make_person("mia@example.com", name="Mia", wants_reminders=False)
    User.objects.filter(pk=omar.pk).update(manager=boss, wants_reminders=False)
    one_policy(before="", on_the_day=False, manager_after=1)
    sweep()
    assert send() == {"sent": 1}
    assert "You are told because it is one working day overdue and you are Omar’s manager." in flat(
        body_to(boss)
    )


def test_the_queries_of_a_digest_do_not_grow_with_what_it_tells(omar, retro):
    def cost(moment):
        sweep(moment)
        delivery = Delivery.objects.select_related("recipient").latest("pk")
        with at(moment), CaptureQueriesContext(connection) as queries:
            digests.digest(delivery)
        return len(queries)

    an_item(omar, retro=retro)
    one = cost(TUESDAY)
    send()
    for number in range(40):
        an_item(omar, title=f"Item {number}", retro=retro)
    assert cost(TUESDAY + DAY) <= one + 1
    assert one <= 12
