"""What the cadence is told of items and checks, and what mails tell of them; constant queries for both."""

from datetime import UTC, date, datetime, timedelta

import pytest

from actions.models import ActionItem, EffectivenessCheck, ReminderPolicy
from actions.reminders import CHECK_CADENCE, check_chases, check_entries, item_chases, item_entries
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding.cadence import Cadence, Rung
from config.reminding.models import Reminder
from tests.conftest import make_person
from tests.reminding.letters import at

pytestmark = pytest.mark.django_db

DUE = date(2026, 3, 2)  # a Monday
TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def an_item(owner=None, **fields):
    fields = {"title": "Alert on failed payments", "why": "Lost baskets.", "due_on": DUE, **fields}
    return ActionItem.objects.create(owner=owner, created_at=TUESDAY - 30 * DAY, **fields)


def a_check(item, asked_of, **fields):
    """The question whether a done item worked."""
    owner = item.owner
    item.complete(by=owner, evidence="It rang in the drill.")
    EffectivenessCheck.objects.filter(item=item).delete()
    fields = {"done_at": item.ended_at, "due_on": DUE, **fields}
    return EffectivenessCheck.objects.create(item=item, asked_of=asked_of, **fields)


def a_reminder(kind, row, recipient, owner, *, due_on=DUE, step="overdue 1", because="you own it"):
    return Reminder(
        key=f"{step}:{kind} {row.pk}:{due_on or '-'}:{owner.pk if owner else '-'}",
        subject_kind=kind,
        subject_id=row.pk,
        due_on=due_on,
        recipient=recipient,
        because=because,
    )


def entries(function, reminders, reader, moment=TUESDAY):
    delivery = Delivery(key=f"digest:person {reader.pk}:2026-03-03", recipient=reader, address=reader.email)
    with at(moment):
        return function(reminders, reader, delivery)


def told(item, reader, **options):
    """The one entry of what a mail tells `reader` of an item, or none."""
    reminder = a_reminder("item", item, reader, options.pop("owner", item.owner), **options)
    return next(iter(entries(item_entries, [reminder], reader)), None)


# --- What the cadence is told


def test_an_item_is_chased_as_its_people_and_its_policy_say(omar, ana, ravi, retro):
    User.objects.filter(pk=omar.pk).update(manager=ravi)
    omar.refresh_from_db()
    retro.sponsor = ana
    retro.save()
    item = an_item(omar, retro=retro)
    [(pk, chase)] = item_chases([item.pk])
    assert (pk, chase.subject, chase.due_on, chase.is_open) == (item.pk, f"item {item.pk}", DUE, True)
    assert chase.since == (TUESDAY - 30 * DAY).date()
    people = {rung: person.id for rung, person in chase.people.items()}
    assert (chase.owner.id, people) == (
        omar.pk,
        {Rung.MANAGER: ravi.pk, Rung.FACILITATOR: ana.pk, Rung.SPONSOR: ana.pk},
    )
    assert chase.cadence == item.policy().cadence


def test_without_an_owner_or_a_retro_there_is_nobody_on_those_rungs():
    [(_, chase)] = item_chases([an_item().pk])
    assert (chase.owner, set(chase.people.values())) == (None, {None})


def test_the_worst_incident_behind_its_retro_and_its_priority_choose_the_policy(omar, retro, severity):
    ReminderPolicy.objects.all().delete()
    for every, fields in {3: {}, 4: {"priority": 1}, 5: {"severity": severity}}.items():
        ReminderPolicy.objects.create(every=every, **fields)
    rows = [an_item(omar), an_item(omar, priority=1), an_item(omar, priority=1, retro=retro)]
    chases = dict(item_chases([row.pk for row in rows]))
    assert [chases[row.pk].cadence.every for row in rows] == [3, 4, 5]


def test_without_any_policy_items_are_chased_as_a_new_one_would(omar):
    ReminderPolicy.objects.all().delete()
    [(_, chase)] = item_chases([an_item(omar).pk])
    assert chase.cadence == ReminderPolicy().cadence != Cadence()


def test_many_items_are_read_in_three_queries(omar, ravi, retro, django_assert_num_queries):
    pks = [
        an_item([omar, ravi, None][number % 3], retro=retro, priority=number % 4 + 1).pk
        for number in range(30)
    ]
    with django_assert_num_queries(3):
        assert len(list(item_chases(pks))) == 30


def test_what_is_over_is_not_open_to_the_cadence(omar):
    item = an_item(omar)
    item.drop(by=omar, reason="The page goes away.")
    [(_, chase)] = item_chases([item.pk])
    assert not chase.is_open


def test_a_check_is_chased_with_whoever_is_asked_and_never_brought_before_the_owner(omar, ravi, ana, retro):
    retro.sponsor = omar
    retro.save()
    check = a_check(an_item(omar, retro=retro), ravi)
    [(pk, chase)] = check_chases([check.pk])
    assert (pk, chase.subject, chase.due_on, chase.owner.id) == (check.pk, f"check {check.pk}", DUE, ravi.pk)
    assert {rung: person.id for rung, person in chase.people.items()} == {Rung.FACILITATOR: ana.pk}
    assert chase.cadence == CHECK_CADENCE


def test_many_checks_are_read_in_one_query(omar, ravi, retro, django_assert_num_queries):
    pks = [a_check(an_item(omar, retro=retro), ravi).pk for _ in range(8)]
    with django_assert_num_queries(1):
        assert len(list(check_chases(pks))) == 8


# --- What a mail tells of an item


def test_an_owner_reads_what_it_is_why_and_how_late(omar, retro):
    item = an_item(omar, retro=retro, priority=2)
    entry = told(item, omar)
    assert (entry.title, entry.reference, entry.why) == (item.title, item.reference, "Lost baskets.")
    assert (entry.due_on, entry.days_late, entry.question, entry.because) == (DUE, 1, "", "")
    assert entry.group == str(retro)
    assert entry.facts == ["High", "Open", "agreed 30 days ago"]
    assert entry.buttons[0].label == "Done"


def test_what_was_promised_moved_blocked_and_offered_is_told_openly(omar, ravi):
    item = an_item(omar, due_on=DUE - 7 * DAY)
    with at(TUESDAY - 10 * DAY):
        item.postpone(by=omar, due_on=DUE - DAY)
        item.postpone(by=omar, due_on=DUE, reason="Waiting.")
        item.block(by=omar, waits_for="the provider", until=DUE - DAY)
        item.hand_over(by=omar, to=ravi)
    facts = told(item, omar).facts
    assert "first promised for 23 February 2026, moved 2 times" in facts
    assert "blocked by: the provider" in facts
    assert "offered to Ravi, who has not answered" in facts


@pytest.mark.parametrize(
    ("age", "said"), [(0, "agreed today"), (1, "agreed yesterday"), (2, "agreed 2 days ago")]
)
def test_how_long_ago_it_was_agreed(omar, age, said):
    item = an_item(omar)
    ActionItem.objects.filter(pk=item.pk).update(created_at=TUESDAY - age * DAY)
    assert said in told(item, omar).facts


def test_a_very_long_reason_is_cut(omar):
    item = an_item(omar)
    ActionItem.objects.filter(pk=item.pk).update(why="Baskets. " * 500)
    assert told(item, omar).why.endswith("…")
    assert len(told(item, omar).why) <= 500


@pytest.mark.parametrize(
    ("fields", "question"),
    [
        ({"due_on": None}, "It has no due day yet."),
        ({"owner": None}, "Nobody owns it yet."),
        ({"owner": None, "due_on": None}, "Nobody owns it yet."),
    ],
)
def test_what_is_missing_is_asked_for(omar, ana, fields, question):
    item = an_item(omar)
    ActionItem.objects.filter(pk=item.pk).update(**fields)
    item.refresh_from_db()
    assert told(item, item.owner or ana, due_on=item.due_on).question == question


@pytest.mark.parametrize("role", ["Omar’s manager", "its facilitator", "its sponsor"])
def test_whoever_it_is_brought_before_reads_why_and_answers_nothing(omar, ana, role):
    because = f"it is five working days overdue and you are {role}"
    entry = told(an_item(omar), ana, step="escalated manager", because=because)
    assert (entry.because, entry.buttons) == (because, [])
    assert "owned by Omar" in entry.facts


@pytest.mark.parametrize(
    "change",
    [
        {"status": "dropped", "ended_at": TUESDAY, "drop_reason": "No."},
        {"due_on": DUE + DAY},
        {"due_on": None},
        {"owner": None},
    ],
    ids=["over", "moved", "undated", "given up"],
)
def test_what_no_longer_holds_is_not_told(omar, change):
    item = an_item(omar)
    ActionItem.objects.filter(pk=item.pk).update(**change)
    assert told(item, omar, owner=omar) is None


def test_what_belongs_to_somebody_else_now_is_not_told(omar, ravi):
    item = an_item(omar)
    ActionItem.objects.filter(pk=item.pk).update(owner=ravi)
    assert told(item, omar, owner=omar) is None


def test_two_reminders_of_one_item_are_one_entry(omar):
    item = an_item(omar)
    reminders = [a_reminder("item", item, omar, omar, step=step) for step in ("due 0", "overdue 1")]
    assert len(entries(item_entries, reminders, omar)) == 1


def test_a_hidden_retro_is_not_named_to_the_owner_of_its_item(omar, aud, retro, resolved):
    type(resolved).objects.filter(pk=resolved.pk).update(visibility="restricted")
    item = an_item(omar, retro=retro)
    assert told(item, omar).group == ""
    assert told(item, aud, because="nobody owns it").group == str(retro)


def test_the_queries_of_a_mail_do_not_grow_with_its_items(omar, retro, django_assert_max_num_queries):
    items = [an_item(omar, retro=retro, title=f"Item {number}") for number in range(30)]
    reminders = [a_reminder("item", item, omar, omar) for item in items]
    with django_assert_max_num_queries(6):
        assert len(entries(item_entries, reminders, omar)) == 30


# --- What a mail asks of a check


def test_whoever_is_asked_reads_what_was_done_and_how_we_would_know(omar, ravi):
    check = a_check(an_item(omar, success_measure="No complaint for 60 days."), ravi)
    [entry] = entries(check_entries, [a_reminder("check", check, ravi, ravi)], ravi)
    assert (entry.question, entry.reference) == ("Did it work?", check.item.reference)
    assert entry.facts == [
        "done by Omar",
        "evidence: It rang in the drill.",
        "we said we would know by this: No complaint for 60 days.",
    ]
    assert len(entry.buttons) == 3


def test_a_check_that_was_answered_or_asked_of_somebody_else_is_not_told(omar, ravi, ana):
    check = a_check(an_item(omar), ravi)
    reminder = a_reminder("check", check, ravi, ravi)
    EffectivenessCheck.objects.filter(pk=check.pk).update(asked_of=ana)
    assert entries(check_entries, [reminder], ravi) == []
    EffectivenessCheck.objects.filter(pk=check.pk).update(asked_of=ravi, status="withdrawn")
    assert entries(check_entries, [reminder], ravi) == []


def test_the_incident_that_made_us_ask_is_named_to_whoever_may_see_it(omar, ravi, aud, incident):
    check = a_check(an_item(omar), ravi, incident=incident)
    type(incident).objects.filter(pk=incident.pk).update(visibility="restricted", declared_by=aud)
    stranger = make_person("sam@example.com", "Action owner")
    for reader, is_named in ((aud, True), (stranger, False)):
        [entry] = entries(check_entries, [a_reminder("check", check, reader, ravi)], reader)
        assert any(incident.title in fact for fact in entry.facts) is is_named
