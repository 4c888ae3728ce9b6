"""Why somebody was reminded of something or was not, and what comes next; each situation told by its facts."""

from datetime import UTC, date, datetime, time, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils.html import escape

from actions.models import ActionItem, EffectivenessCheck, ReminderPolicy
from config.outbox import troubles
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding import sweeps
from config.reminding.admin import visible_reminders
from config.reminding.explaining import explain, step_in_words
from config.reminding.models import Reminder
from incidents.models import Incident, Milestone
from retros.models import Retrospective
from tests import pages
from tests.conftest import make_person
from tests.faults import snapshot

pytestmark = pytest.mark.django_db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NEVER = {"manager_after": None, "facilitator_after": None, "sponsor_after": None}


def monday() -> date:
    """A Monday ahead: the history is dated by the database, which no test can set back."""
    day = datetime.now(UTC).date() + 35 * DAY
    return day - day.weekday() * DAY


def moment(day, hour=9) -> datetime:
    return datetime.combine(day, time(hour), UTC)


@pytest.fixture(autouse=True)
def policy(db):
    """Two days before, on the day, every working day after it; the manager after two."""
    ReminderPolicy.objects.all().delete()
    return ReminderPolicy.objects.create(before="2", every=1, **NEVER | {"manager_after": 2})


@pytest.fixture
def mia(omar):
    """Omar's manager."""
    mia = make_person("mia@example.com")
    User.objects.filter(pk=omar.pk).update(manager=mia)
    return mia


@pytest.fixture
def due(item):
    """Omar's item, due on a Monday."""
    ActionItem.objects.filter(pk=item.pk).update(due_on=monday())
    item.refresh_from_db()
    return item


def sweep(at):
    with time_machine.travel(at, tick=False):
        return sweeps.remind()


def change(row, **fields):
    type(row).objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()


def why(about, step) -> str:
    """Why a step was not taken; fails if nothing is said of it."""
    return {passed.step: passed.because for passed in about.passed}[step]


BEFORE = "reminder 2 working days before the due day"
ON_THE_DAY = "reminder for the due day"
FIRST = "overdue reminder number 1"
MANAGER = "escalation to the manager"


# --- What was sent


def sent(at, **fields):
    Delivery.objects.update(**{"state": "sent", "sent_at": at, "attempts": 1, "message_id": "<d@x>"} | fields)


def test_what_was_sent_is_told_with_its_message(due, omar, mia):
    day = moment(monday())
    sweep(day)
    sent(day + MINUTE)
    about = explain("item", due.pk, at=day + 2 * MINUTE)
    [told] = about.told
    assert (told.step, told.to.name, told.because) == (ON_THE_DAY, "Omar", "you own it")
    assert (told.state, told.sent_at, told.tries, told.message_id) == ("Sent", day + MINUTE, 1, "<d@x>")
    assert told.delivery == Reminder.objects.get(subject_kind="item").delivery_id
    assert about.subject == str(due)


def test_a_possible_duplicate_is_said(due):
    sweep(moment(monday()))
    sent(moment(monday()), ambiguous=1)
    assert explain("item", due.pk).told[0].state == "Sent, perhaps twice"


def test_a_cancelled_message_says_why(due):
    sweep(moment(monday()))
    Delivery.objects.update(state="cancelled", error="Nothing of what it would say still holds.")
    assert (
        explain("item", due.pk).told[0].state == "Cancelled, because nothing of what it would say still holds"
    )


def test_a_message_given_up_keeps_its_error_and_tries(due):
    sweep(moment(monday()))
    Delivery.objects.update(state="dead", attempts=9, error="550 No such user")
    told = explain("item", due.pk).told[0]
    assert (told.state, told.tries, told.error) == ("Given up", 9, "550 No such user")


def test_outside_working_hours_a_message_waits(due, omar):
    sweep(moment(monday(), 9))
    late = moment(monday(), 17)
    about = explain("item", due.pk, at=late)
    assert (
        about.told[0].state
        == f"Waits until Tue {monday() + DAY:%-d %b %Y}, 09:00 UTC because Omar is not at work"
    )
    assert explain("item", due.pk, at=moment(monday(), 10)).told[0].state == "Waiting for a worker"


def test_what_changed_before_it_was_sent_was_left_out(due, omar):
    day = moment(monday())
    sweep(day)
    due.postpone(by=omar, due_on=monday() + 7 * DAY)
    sent(day + MINUTE)
    assert explain("item", due.pk, at=day + DAY).told[0].state.startswith("Left out of the message")


def test_a_step_in_no_message_yet_is_told_too(due):
    sweep(moment(monday()))
    Reminder.objects.update(delivery=None)
    assert explain("item", due.pk).told[0].state == "Goes into a message within a minute"


# --- What was not


def test_while_the_owner_is_away_the_manager_is_told_instead(due, omar, mia):
    change(omar, away_from=monday(), away_until=monday() + 2 * DAY)
    about = explain("item", due.pk, at=moment(monday() - DAY))
    because = why(about, ON_THE_DAY)
    assert "Omar is away until" in because
    assert "Mia, their manager, is told instead on Mon" in because
    assert about.coming.to.name == "Mia"
    assert about.coming.at == moment(monday())
    assert "Omar is away" in about.coming.because


def test_while_the_owner_is_away_and_nobody_stands_in_it_waits(due, omar):
    change(omar, away_from=monday(), away_until=monday() + 2 * DAY)
    about = explain("item", due.pk, at=moment(monday() - DAY))
    assert "Omar is away until" in why(about, ON_THE_DAY)
    assert (about.coming.to.name, about.coming.at) == ("Omar", moment(monday() + 3 * DAY))
    assert any("nobody stands in" in fact for fact in about.calendar)


def test_what_is_snoozed_says_until_when(due, omar):
    change(due, snoozed_until=monday() + 2 * DAY)
    about = explain("item", due.pk, at=moment(monday() - 4 * DAY, 6))
    assert "snoozed until Wed" in why(about, BEFORE)
    assert "snoozed until Wed" in why(about, ON_THE_DAY)
    assert MANAGER in [passed.step for passed in about.passed]  # nobody is the manager
    assert about.coming.at == moment(monday() + 2 * DAY)


def test_who_has_unsubscribed_is_told_nothing_but_the_ladder_goes_on(due, omar, mia):
    change(omar, wants_reminders=False)
    about = explain("item", due.pk, at=moment(monday() - 7 * DAY))
    assert any("Omar has unsubscribed" in line for line in about.silence)
    assert (about.coming.step, about.coming.to.name) == (MANAGER, "Mia")


def test_without_a_manager_the_rung_is_empty(due):
    assert why(explain("item", due.pk), MANAGER) == "Omar has no manager"


def test_a_manager_who_has_left_is_told_nothing(due, mia):
    change(mia, is_active=False)
    assert why(explain("item", due.pk), MANAGER) == "Mia no longer works here"


def test_who_stands_on_two_rungs_is_told_once(due, mia, policy):
    change(policy, facilitator_after=3)
    change(due.retro, facilitator=mia)
    assert (
        why(explain("item", due.pk), "escalation to the facilitator") == "Mia is told as the manager already"
    )


def test_steps_of_an_outage_are_superseded_by_a_later_one(due):
    thursday = moment(monday() + 3 * DAY)
    sweep(thursday)
    about = explain("item", due.pk, at=thursday + MINUTE)
    assert [told.step for told in about.told] == ["overdue reminder number 3"]
    for step in (BEFORE, ON_THE_DAY, FIRST):
        assert why(about, step) == (
            "superseded: nothing was sent at its time, and overdue reminder number 3 takes its place"
        )


def test_steps_of_a_day_it_was_not_due_on_then_were_never_missed(item):
    change(item, due_on=datetime.now(UTC).date() - 10 * DAY)
    about = explain("item", item.pk, at=datetime.now(UTC) + MINUTE)
    assert "only since" in why(about, ON_THE_DAY)


def test_what_is_closed_tells_nobody(due, omar):
    due.complete(by=omar, evidence="It rang.")
    about = explain("item", due.pk)
    assert (about.coming, about.passed) == (None, [])
    assert about.silence == ["It is closed: nobody is told any more."]


def test_what_nobody_owns_is_brought_before_the_facilitator(due, ana):
    change(due, owner=None)
    about = explain("item", due.pk)
    assert about.silence == ["Nobody owns it."]
    assert (about.coming.to.name, about.coming.because) == ("Ana", "nobody owns it")


def test_what_nobody_owns_and_nobody_leads_is_told_to_nobody(due, ana, policy):
    change(due, owner=None, retro=None)
    assert "There is neither a facilitator nor a sponsor to tell." in explain("item", due.pk).silence
    change(policy, owner_within=None)
    assert "Its policy tells nobody of that." in explain("item", due.pk).silence


def test_an_owner_who_has_left_is_named(due, omar):
    change(omar, is_active=False)
    assert explain("item", due.pk).silence[0] == "Omar, who owns it, no longer works here."


def test_what_has_no_due_day_is_asked_for_one_or_not(due, policy):
    change(due, due_on=None)
    about = explain("item", due.pk)
    assert about.silence == ["It has no due day: its owner is asked for one."]
    assert about.coming.step == "question number 1 for a due day"
    change(policy, date_within=None)
    about = explain("item", due.pk)
    assert about.silence == ["It has no due day: its policy does not ask for one."]
    assert about.coming is None


# --- What comes, and by what


def test_the_next_step_and_its_policy_are_told(due, policy):
    about = explain("item", due.pk, at=moment(monday() - 10 * DAY))
    thursday = monday() - 4 * DAY
    assert (about.coming.step, about.coming.at, about.coming.to.name) == (BEFORE, moment(thursday), "Omar")
    assert about.policy == "All other items"
    assert about.sentence.startswith("Two working days before, on the day, then every working day")


def test_explaining_agrees_with_what_the_sweep_plans(due, omar, mia):
    for at in (moment(monday() - 9 * DAY), moment(monday()), moment(monday() + 5 * DAY, 20)):
        sweep(at)
        due.refresh_from_db()
        coming = explain("item", due.pk, at=at).coming
        assert (coming.at, coming.to.id) == (due.next_reminder_at, due.next_recipient_id)
        assert coming.step == step_in_words(due.next_step.partition(":")[0])


def test_the_calendar_says_what_decides(due, omar):
    change(omar, time_zone="Asia/Tokyo", country="JP", quiet_from=time(12), quiet_until=time(13))
    at = datetime(2027, 1, 1, tzinfo=UTC)
    facts = " | ".join(explain("item", due.pk, at=at).calendar)
    assert "Omar is in Asia/Tokyo, where it is Fri 09:00 now" in facts
    assert "09:00–17:00, but for 12:00–13:00" in facts
    assert "Fri 1 Jan 2027" in facts.partition("holidays: ")[2]


def test_retros_milestones_and_checks_are_explained_too(retro, incident, item, omar, ana, ravi):
    change(retro, due_on=monday())
    milestone = incident.milestones.create(title="Refunds are out", owner=ravi, due_on=monday())
    check = EffectivenessCheck.objects.create(
        item=item, done_at=datetime.now(UTC), asked_of=ana, due_on=monday()
    )
    at = moment(monday() - 14 * DAY)
    for kind, row, told, policy in (
        ("retro", retro, "Ana", "All retrospectives"),
        ("milestone", milestone, "Ravi", "All milestones"),
        ("check", check, "Ana", "All effectiveness checks"),
    ):
        about = explain(kind, row.pk, at=at)
        assert (about.subject, about.policy) == (str(row), policy)
        assert about.coming.to.name == told
        assert about.coming.at > at
        assert about.silence == []


def test_explaining_changes_nothing_and_costs_the_same_however_much_was_sent(due, django_assert_num_queries):
    before = snapshot(ActionItem, Reminder, Delivery)
    queries = 6  # the item; its people, incidents and policies; its reminders; its history
    with django_assert_num_queries(queries):
        explain("item", due.pk)
    assert snapshot(ActionItem, Reminder, Delivery) == before
    for number in range(30):
        sweep(moment(monday() + number * DAY))
    with django_assert_num_queries(queries):
        assert len(explain("item", due.pk, at=moment(monday() + 30 * DAY)).told) > 20


# --- The command


def run(*what) -> str:
    out = StringIO()
    call_command("explain_reminder", *what, stdout=out)
    return out.getvalue()


def test_the_command_tells_the_same(due, mia):
    sweep(moment(monday()))
    printed = run(due.reference)
    assert printed.splitlines()[0] == str(due)
    for part in ("All other items", ON_THE_DAY, "Told:", "Not sent:", "Next:", "Calendar:", "Omar is in UTC"):
        assert part in printed
    assert f"{monday():%Y-%m-%d} 09:00 UTC" in printed
    assert run("act-7" if due.pk == 7 else f"act-{due.pk}") == printed


def test_the_command_knows_every_kind(retro, incident, item, ana):
    milestone = incident.milestones.create(title="Refunds are out")
    check = EffectivenessCheck.objects.create(
        item=item, done_at=datetime.now(UTC), asked_of=ana, due_on=monday()
    )
    assert run(retro.reference).startswith(str(retro))
    assert run("milestone", str(milestone.pk)).startswith("Refunds are out")
    assert run("check", str(check.pk)).startswith(str(check))


@pytest.mark.parametrize(
    "what", ["ACT-9999", "FOO-1", "milestone", "milestone x", "", "ACT-" + "9" * 30, "item; drop", "a\nb 3"]
)
def test_what_is_not_known_is_refused_in_one_line(what):
    with pytest.raises(CommandError) as refused:
        run(what)
    assert str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.returncode == 1


# --- The pages


def card_of(response):
    return next(card for card in response.context["cards"] if card.heading == "Reminders")


def text_of(card) -> str:
    return " | ".join(f"{label}: {value}" for label, value in card.facts)


def test_the_page_of_an_item_says_the_same(client, due, ana, mia):
    sweep(moment(monday()))
    client.force_login(ana)
    response = client.get(pages.page(due))
    text = text_of(card_of(response))
    about = explain("item", due.pk)
    assert about.sentence in text
    assert about.coming.step in text
    assert f"{ON_THE_DAY}, to Omar" in text
    address = pages.list_of(Reminder) + f"?about=item-{due.pk}"
    assert escape(address) in response.content.decode()
    assert [row.subject for row in client.get(address).context["cl"].result_list] == [due]


def test_who_may_not_list_reminders_is_offered_no_list(client, due, omar):
    client.force_login(omar)
    assert "All its reminders" not in text_of(card_of(client.get(pages.page(due))))
    assert client.get(pages.list_of(Reminder)).status_code == 403


def test_retros_and_milestones_have_the_card(client, retro, incident, ana):
    milestone = incident.milestones.create(title="Refunds are out", owner=ana, due_on=monday())
    client.force_login(ana)
    assert "Next" in text_of(card_of(client.get(pages.page(retro))))
    assert "to Ana" in text_of(card_of(client.get(pages.page(milestone))))


def test_the_page_of_an_item_costs_the_same_however_much_was_sent(client, due, ana):
    client.force_login(ana)
    few = costs(client, pages.page(due))
    for number in range(20):
        sweep(moment(monday() + number * DAY))
    assert costs(client, pages.page(due)) == few


def costs(client, url) -> int:
    troubles.forget()  # the banner asks anew every few seconds
    return len(pages.queries_of(client, url))


@pytest.mark.parametrize("who", ["ana", "aud"])
def test_the_list_of_reminders_is_cheap(client, due, retro, incident, ravi, request, who):
    change(retro, due_on=monday())
    incident.milestones.create(title="Refunds are out", owner=ravi, due_on=monday())
    for number in range(20):
        sweep(moment(monday() + number * DAY))
    client.force_login(request.getfixturevalue(who))
    pages.assert_cheap(client, pages.list_of(Reminder))
    for query in ("what=item", "step=overdue", "message=pending", "message=none", "about=item-x", "about=x"):
        pages.assert_cheap(client, f"{pages.list_of(Reminder)}?{query}")
    shown = client.get(f"{pages.list_of(Reminder)}?what=milestone").context["cl"].result_list
    assert {row.subject_kind for row in shown} == {"milestone"}


def test_reminders_of_what_is_hidden_are_hidden(ana, aud, omar, severity):
    secret = Incident.objects.create(title="A key was public", severity=severity, visibility="restricted")
    retro = Retrospective.objects.open_for(secret)
    item = ActionItem.objects.create(title="Rotate the key", why="Trust.", retro=retro)
    milestone = Milestone.objects.create(incident=secret, title="Rotated")
    for kind, row in (("item", item), ("retro", retro), ("milestone", milestone)):
        Reminder.objects.create(
            key=f"overdue 1:{kind} {row.pk}:-:-", subject_kind=kind, subject_id=row.pk, recipient=omar
        )
    assert visible_reminders(Reminder.objects.all(), aud).count() == 3
    assert visible_reminders(Reminder.objects.all(), ana).count() == 0


def test_a_reminder_of_what_is_gone_says_so(client, aud, omar):
    row = Reminder.objects.create(
        key="overdue 1:milestone 9:-:-", subject_kind="milestone", subject_id=9, recipient=omar
    )
    client.force_login(aud)
    assert b"milestone 9, which is gone" in client.get(pages.list_of(Reminder)).content
    assert b"milestone 9, which is gone" in client.get(pages.page(row)).content
