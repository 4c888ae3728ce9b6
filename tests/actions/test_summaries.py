"""The weekly summary: once a week, at the first working moment, with numbers that can be checked."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from actions import summaries
from actions.models import ActionItem, EffectivenessCheck
from actions.tasks import queue_summaries
from config.audit import triggers
from config.outbox import sending
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding.unsubscribing import unsubscribe_url
from retros.models import Retrospective
from tests.conftest import make_person
from tests.reminding.letters import Postbox, as_read, at, flat, twins

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 9, 9, tzinfo=UTC)  # the week 2026-W11
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LAST_WEEK = MONDAY - 6 * DAY  # its Tuesday
LONG_AGO = MONDAY - 40 * DAY
LATE = date(2026, 2, 20)


@pytest.fixture
def box(settings):
    with Postbox() as box:
        box.use(settings)
        yield box


def an_item(owner, *, agreed=LONG_AGO, **fields):
    fields = {"title": "Alert on failed payments", "why": "Lost baskets.", "due_on": LATE, **fields}
    with at(agreed):
        return ActionItem.objects.create(owner=owner, created_at=agreed, **fields)


def sweep(moment=MONDAY):
    with at(moment):
        return summaries.queue_summaries()


def send(moment=MONDAY):
    with at(moment):
        return sending.deliver()


def letters_to(box, person):
    """The summaries among what a person was sent."""
    return [letter for letter in box.to(person.email) if letter["X-Aftercare-Reason"] == "summary"]


def bodies_to(box, person):
    [letter] = letters_to(box, person)
    text, html = twins(letter)
    return flat(text), as_read(html)


def backdate(item, *moments):
    """The database dates the history itself; here its versions, oldest first, were written then."""
    versions = item.history.order_by("history_id").values_list("history_id", flat=True)
    triggers.drop()
    for pk, moment in zip(versions, moments, strict=True):
        ActionItem.history.model.objects.filter(pk=pk).update(history_date=moment)
    triggers.install()


@pytest.fixture
def led(retro, omar):
    """Ana's retro, not due yet, with one overdue item of Omar's."""
    with at(LONG_AGO):
        Retrospective.objects.filter(pk=retro.pk).update(due_on=date(2026, 4, 1))
    an_item(omar, retro=retro)
    retro.refresh_from_db()
    return retro


@pytest.fixture
def boss(omar):
    """Omar's manager."""
    boss = make_person("mia@example.com", "Facilitator", name="Mia")
    User.objects.filter(pk=omar.pk).update(manager=boss)
    return boss


# --- Who, and when


def test_it_comes_at_the_first_working_moment_of_the_week_and_once(led, ana):
    assert [sweep(MONDAY - MINUTE), sweep(), sweep(MONDAY + MINUTE), sweep(MONDAY + 3 * DAY)] == [0, 1, 0, 0]
    delivery = Delivery.objects.get()
    assert delivery.key == f"summary:person {ana.pk}:2026-W11"
    assert (delivery.kind, delivery.recipient, delivery.due_at) == ("actions.summary", ana, MONDAY)
    assert sweep(MONDAY + 7 * DAY) == 1


@pytest.mark.parametrize(
    ("calendar", "moment"),
    [
        ({"time_zone": "America/Los_Angeles"}, MONDAY + timedelta(hours=7)),  # clocks have gone forward there
        ({"time_zone": "Pacific/Kiritimati"}, MONDAY - timedelta(hours=14)),
        ({"working_days": "34"}, MONDAY + 2 * DAY),
        ({"works_from": "11:00"}, MONDAY + timedelta(hours=2)),
        ({"away_from": date(2026, 3, 6), "away_until": date(2026, 3, 10)}, MONDAY + 2 * DAY),
        ({"quiet_from": "08:00", "quiet_until": "10:00"}, MONDAY + timedelta(hours=1)),
    ],
)
def test_the_week_begins_when_its_reader_begins_to_work(led, ana, calendar, moment):
    User.objects.filter(pk=ana.pk).update(**calendar)
    assert [sweep(moment - MINUTE), sweep(moment)] == [0, 1]
    assert Delivery.objects.get().key.endswith("2026-W11")


def test_whoever_is_away_all_week_gets_none(led, ana):
    User.objects.filter(pk=ana.pk).update(away_from=date(2026, 3, 9), away_until=date(2026, 3, 13))
    assert [sweep(MONDAY + n * DAY) for n in range(7)] == [0] * 7
    assert sweep(MONDAY + 7 * DAY) == 1


def test_after_an_outage_it_comes_late_in_its_week_or_not_at_all(led, ana):
    assert sweep(MONDAY + 5 * DAY) == 0  # Saturday: the next working moment is of another week
    assert sweep(MONDAY + 4 * DAY + timedelta(hours=12)) == 0
    assert sweep(MONDAY + 4 * DAY) == 1


@pytest.mark.parametrize("field", [{"wants_summary": False}, {"is_active": False}])
def test_whoever_does_not_want_it_or_has_left_gets_none(led, ana, field):
    User.objects.filter(pk=ana.pk).update(**field)
    assert sweep() == 0


def test_whoever_leads_or_manages_nothing_that_is_open_gets_none(led, omar, ravi, boss, ana):
    assert sweep() == 2
    assert set(Delivery.objects.values_list("recipient", flat=True)) == {ana.pk, boss.pk}


def test_nobody_due_costs_two_queries_however_many_read_it(led, ana, omar):
    for number in range(8):
        lead = make_person(f"lead{number}@example.com")
        an_item(make_person(f"owner{number}@example.com", manager=lead))
    assert sweep() == 9
    for moment in (MONDAY - MINUTE, MONDAY + MINUTE):
        with CaptureQueriesContext(connection) as queries:
            assert sweep(moment) == 0
        assert len(queries) <= 2


# --- What it says


def test_it_tells_a_facilitator_of_each_retro(box, led, ana, omar, ravi):
    an_item(omar, retro=led, title="Newly late", due_on=date(2026, 3, 4))
    an_item(omar, retro=led, title="Not late", due_on=date(2026, 3, 20))
    done = an_item(omar, retro=led, title="Done last week")
    moved = an_item(omar, retro=led, title="Moved", due_on=date(2026, 3, 3))
    blocked = an_item(ravi, retro=led, title="Stuck", due_on=date(2026, 3, 30))
    with at(LAST_WEEK):
        done.complete(by=omar, evidence="It rang.")
        moved.postpone(by=omar, due_on=date(2026, 3, 19))
        blocked.block(by=ravi, waits_for="the provider", until=date(2026, 3, 20))
    EffectivenessCheck.objects.all().delete()
    EffectivenessCheck.objects.create(
        item=done, done_at=done.ended_at, asked_of=ravi, due_on=date(2026, 3, 9)
    )
    sweep()
    send()
    for body in bodies_to(box, ana):
        assert "2 overdue now, 1 of them newly. 1 done since Monday 2 March. 1 blocked." in body
        for said in ("2 overdue", "1 newly overdue", "1 done", "1 moved to a later day"):
            assert said in body
        assert f"{moved}: Due Thursday 19 March 2026, in 10 days; moved once in all" in body
        assert "1 blocked" in body
        assert f"{blocked} waits for: the provider" in body
        assert "1 to be answered" in body
        assert f"Did {done} work?" in body
        assert str(led) in body
        assert "Not late" not in body


def test_it_tells_a_manager_of_each_person(box, boss, omar, ravi):
    User.objects.filter(pk=ravi.pk).update(manager=boss)
    for owner, count in ((omar, 1), (ravi, 3)):
        for number in range(count):
            an_item(owner, title=f"Item {number}")
    sweep()
    send()
    for body in bodies_to(box, boss):
        assert "4 overdue now" in body
        assert body.index("Ravi") < body.index("Omar")
        assert "3 overdue" in body
        assert "1 overdue" in body


def test_it_tells_of_retros_that_are_late(box, ana, retro):
    Retrospective.objects.filter(pk=retro.pk).update(due_on=date(2026, 3, 4))
    sweep()
    send()
    for body in bodies_to(box, ana):
        assert "Still not published. Due Wednesday 4 March 2026, 5 days ago" in body


def test_a_slip_of_before_is_not_told_again(box, led, ana, omar):
    item = an_item(omar, retro=led, title="Moved long ago")
    with at(LONG_AGO + 5 * DAY):
        item.postpone(by=omar, due_on=date(2026, 3, 20))
    backdate(item, LONG_AGO, LONG_AGO + 5 * DAY)
    sweep()
    send()
    assert "moved to a later day" not in bodies_to(box, ana)[0]
    with at(LAST_WEEK + 7 * DAY):
        item.postpone(by=omar, due_on=date(2026, 3, 25), reason="Waiting.")
    backdate(item, LONG_AGO, LONG_AGO + 5 * DAY, LAST_WEEK + 7 * DAY)
    sweep(MONDAY + 7 * DAY)
    send(MONDAY + 7 * DAY)
    text = flat(twins(letters_to(box, ana)[-1])[0])
    assert "1 moved to a later day" in text
    assert "moved 2 times in all" in text


def test_every_number_is_how_many_its_list_shows(box, client, led, ana, omar):
    for number in range(3):
        an_item(omar, retro=led, title=f"New {number}", due_on=date(2026, 3, 4))
    for number in range(2):
        done = an_item(omar, retro=led, title=f"Done {number}")
        with at(LAST_WEEK):
            done.complete(by=omar, evidence="It rang.")
    blocked = an_item(omar, retro=led, title="Stuck")
    with at(LAST_WEEK):
        blocked.block(by=omar, waits_for="the provider", until=date(2026, 3, 20))
    sweep()
    send()
    text = twins(letters_to(box, ana)[0])[0]
    numbers = re.findall(r"- (\d+) (overdue|newly overdue|done|blocked)[^:]*:\n +(http\S+)", text)
    assert [(int(number), word) for number, word, _ in numbers] == [
        (5, "overdue"),
        (3, "newly overdue"),
        (2, "done"),
        (1, "blocked"),
    ]
    client.force_login(ana)
    with at(MONDAY):
        for number, word, url in numbers:
            response = client.get(re.sub(r"^https?://[^/]+", "", url))
            assert response.status_code == 200, (word, url)
            assert response.context["cl"].result_count == int(number), (word, url)


def test_all_links_are_in_both_twins(box, led, ana):
    sweep()
    send()
    text, html = bodies_to(box, ana)
    assert set(re.findall(r"http\S+", text)) == set(re.findall(r"http\S+", html))
    assert unsubscribe_url(ana, "summary") in text


def test_its_headers(box, led, ana):
    sweep()
    send()
    [letter] = box.to(ana.email)
    assert letter["Subject"] == "Your weekly summary of improvement actions"
    assert letter["X-Aftercare-Reason"] == "summary"
    assert letter["Message-ID"] == f"<summary-person-{ana.pk}-2026-W11@example.com>"
    assert letter["References"] == f"<summary-person-{ana.pk}@example.com>"
    assert letter["List-Unsubscribe"] == f"<{unsubscribe_url(ana, 'summary')}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_its_reader_may_not_see_is_neither_told_nor_counted(box, boss, led, omar, resolved):
    User.objects.filter(pk=boss.pk).update(name="Mia")
    an_item(omar, title="In the open")
    type(resolved).objects.filter(pk=resolved.pk).update(visibility="restricted")
    sweep()
    send()
    for body in bodies_to(box, boss):
        assert "1 overdue now" in body
        assert "Alert on failed payments" not in body
        assert led.title not in body


# --- What no longer holds


@pytest.mark.parametrize(
    "change",
    [
        lambda ana: ActionItem.objects.all().delete(),
        lambda ana: ActionItem.objects.update(due_on=date(2027, 1, 1)),
        lambda ana: User.objects.filter(pk=ana.pk).update(wants_summary=False),
        lambda ana: User.objects.filter(pk=ana.pk).update(is_active=False),
        lambda ana: User.objects.filter(pk=ana.pk).update(email="new@example.com"),
    ],
    ids=["gone", "not late", "unsubscribed", "left", "new address"],
)
def test_what_no_longer_holds_is_cancelled(box, led, ana, change):
    sweep()
    change(ana)
    assert send() == {"cancelled": 1}
    assert box.received == []
    assert Delivery.objects.get().error


def test_a_summary_of_a_week_that_is_over_is_cancelled(box, led, ana):
    sweep()
    assert send(MONDAY + 7 * DAY) == {"cancelled": 1}


def test_the_number_of_queries_does_not_grow_with_what_there_is_to_say(led, ana, omar):
    sweep()
    delivery = Delivery.objects.get()

    def cost():
        fresh = Delivery.objects.select_related("recipient").get(pk=delivery.pk)
        with at(MONDAY), CaptureQueriesContext(connection) as queries:
            summaries.summary(fresh)
        return len(queries)

    one = cost()
    for number in range(12):
        item = an_item(
            make_person(f"o{number}@example.com", "Action owner", manager=ana),
            retro=led,
            title=f"Item {number}",
        )
        with at(LAST_WEEK):
            item.postpone(by=item.owner, due_on=date(2026, 3, 12))
            item.block(by=item.owner, waits_for="somebody", until=date(2026, 3, 10))
    assert cost() <= one + 2
    assert cost() <= 20


def test_the_task_does_it(led):
    with at(MONDAY):
        queue_summaries()
    assert Delivery.objects.get().history.get().history_user_name == "queue summaries"
