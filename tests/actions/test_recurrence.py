"""It happened again: each done item that a later incident calls into question is asked about once, and no other."""

import random
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from actions import sweeps
from actions.models import ActionItem, EffectivenessCheck
from actions.sweeps import ask_about_recurrences
from config.reminding.models import Reminder, Watermark
from config.reminding.sweeps import remind
from incidents.models import Incident, Service, Severity
from retros.models import Factor, RetroFactor, Retrospective, RetrospectiveIncident
from tests.faults import each_break_of, snapshot

pytestmark = pytest.mark.django_db

SEED = 42
INCIDENTS = 200
SOON = timedelta(hours=1)  # by then no transaction is open any more


class World:
    """Makes incidents, retros and items a few months ago; days count back from now."""

    def __init__(self, owner=None, facilitator=None):
        self.now = timezone.now()
        self.owner, self.facilitator = owner, facilitator
        self.severity = Severity.objects.get(rank=2)

    def ago(self, days):
        return self.now - timedelta(days=days)

    def service(self, name):
        return Service.objects.get_or_create(slug=name, defaults={"name": name, "tier": 1})[0]

    def incident(self, title, *services, days, started=None, **fields):
        return Incident.objects.declare(
            by=None,
            title=title,
            severity=self.severity,
            services=[self.service(name) for name in services],
            at=self.ago(days),
            started_at=self.ago(started or days),
            detected_at=self.ago(days),
            **fields,
        )

    def retro(self, *incidents, factors=()):
        retro = Retrospective.objects.create(
            title=incidents[0].title, due_on=self.now.date(), facilitator=self.facilitator
        )
        for incident in incidents:
            RetrospectiveIncident.objects.create(retro=retro, incident=incident)
        self.contribute(retro, *factors)
        return retro

    def contribute(self, retro, *factors):
        for name in factors:
            factor, _ = Factor.objects.get_or_create(slug=name, defaults={"name": name})
            RetroFactor.objects.create(retro=retro, factor=factor)

    def item(self, title, retro, *, done=None, drop=None):
        item = ActionItem.objects.create(
            title=title, why="Customers waited.", retro=retro, owner=self.owner, created_at=self.ago(290)
        )
        if done:
            item.complete(by=None, evidence="Measured.", at=self.ago(done))
        if drop:
            item.drop(by=None, reason="Not needed.", at=self.ago(drop))
        return item


@pytest.fixture
def world(omar, ana):
    return World(omar, ana)


# --- A planted history -------------------------------------------------------------------------------------
# Each story has a service and a factor of its own. It is told in turns, between which the sweep may come;
# a story that begins with `planted` yields the pair that is to be asked about, every other yields none.


def planted(world, s, f, name):
    retro = world.retro(world.incident(name, s, days=280), factors=[f])
    item = world.item(name, retro, done=200)
    yield
    again = world.incident(f"{name} again", s, days=100)
    yield
    world.retro(again, factors=[f])
    yield item, again


def planted_among_others(world, s, f, name):
    """Several incidents behind the item's retro, and several factors and services in both."""
    old = [world.incident(name, f"{s}-a", days=280), world.incident(f"{name} too", s, f"{s}-b", days=279)]
    retro = world.retro(*old, factors=[f"{f}-a", f])
    item = world.item(name, retro, done=200)
    yield
    again = world.incident(f"{name} again", f"{s}-c", s, days=100)
    aside = world.incident(f"{name} aside", f"{s}-c", days=99)
    world.retro(again, aside, factors=[f"{f}-b", f])
    yield item, again


def planted_and_found_late(world, s, f, name):
    """Both incidents were there long before it was known what contributed to the first."""
    old, again = world.incident(name, s, days=280), world.incident(f"{name} again", s, days=100)
    retro = world.retro(old)
    world.retro(again, factors=[f])
    item = world.item(name, retro, done=200)
    yield
    world.contribute(retro, f)
    yield item, again


def planted_and_completed_late(world, s, f, name):
    """The item is entered as done long after it was."""
    retro = world.retro(world.incident(name, s, days=280), factors=[f])
    item = world.item(name, retro)
    again = world.incident(f"{name} again", s, days=100)
    world.retro(again, factors=[f])
    yield
    item.complete(by=None, evidence="Measured.", at=world.ago(200))
    yield item, again


def planted_and_no_drill_after_all(world, s, f, name):
    retro = world.retro(world.incident(name, s, days=280), factors=[f])
    item = world.item(name, retro, done=200)
    again = world.incident(f"{name} again", days=100, is_drill=True)
    world.retro(again, factors=[f])
    yield
    again.is_drill = False
    again.save()
    yield
    again.service_impacts.create(service=world.service(s))
    yield item, again


def control(world, s, f, name, *, service=None, factors=None, done=200, drop=None, days=100, **fields):
    retro = world.retro(world.incident(name, s, days=280), factors=[f])
    item = world.item(name, retro, done=done, drop=drop)
    yield
    again = world.incident(f"{name} again", service or s, days=days, **fields)
    yield
    world.retro(again, factors=[f] if factors is None else factors)
    yield item


def only_the_service(world, s, f, name):
    yield from control(world, s, f, name, factors=[f"{f}-other"])


def only_the_factor(world, s, f, name):
    yield from control(world, s, f, name, service=f"{s}-other")


def nothing_contributed(world, s, f, name):
    yield from control(world, s, f, name, factors=[])


def a_drill(world, s, f, name):
    yield from control(world, s, f, name, is_drill=True)


def before_it_was_done(world, s, f, name):
    yield from control(world, s, f, name, done=90)


def begun_before_it_was_done(world, s, f, name):
    yield from control(world, s, f, name, done=101, started=102)


def dropped(world, s, f, name):
    yield from control(world, s, f, name, done=None, drop=200)


def not_done(world, s, f, name):
    yield from control(world, s, f, name, done=None)


def years_ago(world, s, f, name):
    yield from control(world, s, f, name, done=500, days=370)


def in_one_retro(world, s, f, name):
    """Both incidents behind one retro: it was written knowing both."""
    old, again = world.incident(name, s, days=280), world.incident(f"{name} again", s, days=100)
    yield
    world.item(name, world.retro(old, again, factors=[f]), done=200)
    yield


def without_a_retro(world, s, f, name):
    world.item(name, world.retro(world.incident(name, s, days=280), factors=[f]), done=200)
    yield
    world.incident(f"{name} again", s, days=100)
    yield


def of_no_retro(world, s, f, name):
    world.item(name, None, done=200)
    yield
    world.retro(world.incident(f"{name} again", s, days=100), factors=[f])
    yield


def the_service_of_its_neighbour(world, s, f, name):
    """Its retro shares the factor, but the service was that of another incident of the same retro, a drill."""
    world.item(name, world.retro(world.incident(name, s, days=280), factors=[f]), done=200)
    yield
    drill = world.incident(f"{name} as a drill", s, days=100, is_drill=True)
    world.retro(world.incident(f"{name} again", f"{s}-other", days=100), drill, factors=[f])
    yield


def done_again_since(world, s, f, name):
    retro = world.retro(world.incident(name, s, days=280), factors=[f])
    item = world.item(name, retro, done=200)
    item.reopen(by=None, reason="One was missed.")
    item.complete(by=None, evidence="All of them.", at=world.ago(50))
    yield
    world.retro(world.incident(f"{name} again", s, days=100), factors=[f])
    yield


PLANTED = (
    planted,
    planted_among_others,
    planted_and_found_late,
    planted_and_completed_late,
    planted_and_no_drill_after_all,
)
CONTROLS = (
    *(only_the_service, only_the_factor, nothing_contributed, a_drill, before_it_was_done),
    *(begun_before_it_was_done, dropped, not_done, years_ago, in_one_retro, without_a_retro),
    *(of_no_retro, the_service_of_its_neighbour, done_again_since),
)


def stories(world, chance):
    """Stories of all kinds until there are enough incidents, each beginning when it is first asked."""
    kinds = [*PLANTED * 7, *CONTROLS * 5]
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds):
        yield kind, kind(world, f"service-{number}", f"factor-{number}", f"{kind.__name__} {number}")


def tell(world, chance, after_each_turn):
    """Tell all stories, a turn of any of them at a time; returns the pairs that were planted."""
    running, pairs = list(stories(world, chance)), set()
    while running:
        kind, story = chance.choice(running)
        try:
            told = next(story)
        except StopIteration:
            running.remove((kind, story))
            continue
        if told and kind in PLANTED:
            item, again = told
            pairs.add((item.pk, again.pk))
        after_each_turn()
    return pairs


def entangle(world):
    """Strangers of different stories share a service or a factor, but never both; never two of one story."""
    gateway = Service.objects.create(slug="gateway", name="Gateway", tier=1)
    haste = Factor.objects.create(slug="haste", name="Haste")
    for incident in Incident.objects.exclude(retro_links=None):
        number = int(re.search("[0-9]+", incident.title)[0])
        is_later = incident.declared_at > world.ago(150)
        if number % 2 == is_later:
            continue
        if number % 4 < 2:
            incident.service_impacts.create(service=gateway)
        else:
            RetroFactor.objects.get_or_create(retro=incident.retro_links.get().retro, factor=haste)


def asked():
    rows = EffectivenessCheck.objects.exclude(incident=None)
    return set(rows.values_list("item", "incident"))


@pytest.mark.slow
def test_every_recurrence_is_asked_about_and_nothing_else_however_late_the_sweep_comes(world, ana):
    chance, counts = random.Random(SEED), []

    def sweep_now_and_then():
        if chance.random() < 0.05:
            at = chance.choice([world.now, timezone.now() + SOON])
            counts.extend([ask_about_recurrences(at), ask_about_recurrences(at)])

    pairs = tell(world, chance, sweep_now_and_then)
    early = len(asked())
    entangle(world)
    counts.append(ask_about_recurrences(timezone.now() + SOON))
    assert Incident.objects.count() >= INCIDENTS
    assert len(pairs) == len(PLANTED) * 7 >= 30
    assert {_told(pair) for pair in asked()} == {_told(pair) for pair in pairs}
    assert 0 < early < len(pairs)  # some before, some after an outage
    assert sum(counts) == len(pairs)
    for check in EffectivenessCheck.objects.exclude(incident=None):
        assert (check.asked_of, check.done_at, check.status) == (ana, check.item.ended_at, "asked")
    nothing_more_comes_of_it()


def _told(pair):
    """In words: which story it is of, and which of its incidents."""
    return ActionItem.objects.get(pk=pair[0]).title, Incident.objects.get(pk=pair[1]).title


def nothing_more_comes_of_it():
    before = snapshot(EffectivenessCheck)
    assert ask_about_recurrences() == 0
    assert ask_about_recurrences(timezone.now() + SOON) == 0
    Watermark.objects.all().delete()
    assert ask_about_recurrences() == 0
    assert snapshot(EffectivenessCheck) == before


# --- One recurrence, closely -------------------------------------------------------------------------------


@pytest.fixture
def recurrence(world):
    """An item that was done, and an incident that is like the one it came from."""
    *_, pair = planted(world, "checkout", "config-change", "Checkout fails")
    return pair


def test_it_is_asked_at_once_and_whoever_is_asked_is_reminded(recurrence, ana):
    item, again = recurrence
    assert ask_about_recurrences() == 1
    check = again.recurrence_checks.get()
    assert (check.item, check.asked_of, check.due_on) == (item, ana, ana.today())
    moment = ana.calendar.next_working_moment(timezone.now())
    remind(moment)
    assert Reminder.objects.about("check", check.pk).get().recipient == ana


def test_an_item_that_is_open_again_is_not_asked_about(recurrence):
    recurrence[0].reopen(by=None, reason="One was missed.")
    assert ask_about_recurrences() == 0


def test_an_answered_question_is_not_asked_twice(recurrence, ana):
    ask_about_recurrences()
    recurrence[1].recurrence_checks.get().answer(by=ana, result="effective", note="Another reason this time.")
    recurrence[1].save()
    assert ask_about_recurrences() == 0


def test_two_sweeps_that_found_the_same_ask_once(recurrence):
    pairs = [(item.pk, again.pk) for item, again in [recurrence]]
    at = timezone.now()
    assert sweeps.ask(pairs, at) == 1
    assert sweeps.ask(pairs, at) == 0
    assert recurrence[1].recurrence_checks.count() == 1


def test_what_is_reopened_between_finding_and_asking_is_not_asked_about(recurrence):
    item, again = recurrence
    item.reopen(by=None, reason="One was missed.")
    assert sweeps.ask([(item.pk, again.pk)], timezone.now()) == 0


def test_wherever_a_sweep_breaks_the_next_has_asked_once(recurrence):
    item, again = recurrence
    for fault in each_break_of(lambda: ask_about_recurrences(timezone.now() + SOON)):
        ask_about_recurrences(timezone.now() + SOON)
        assert asked() == {(item.pk, again.pk)}
        broken = fault.seen
    assert broken >= 10


def test_what_one_batch_does_not_hold_the_next_does(world, monkeypatch):
    monkeypatch.setattr(sweeps, "CHANGES_AT_ONCE", 2)
    monkeypatch.setattr(sweeps, "QUESTIONS_AT_ONCE", 2)
    retro = world.retro(world.incident("Once", "checkout", days=280), factors=["config-change"])
    for number in range(5):
        world.item(f"Item {number}", retro, done=200)
    world.retro(world.incident("Again", "checkout", days=100), factors=["config-change"])
    assert ask_about_recurrences() == 5
    nothing_more_comes_of_it()


def test_a_change_whose_transaction_was_long_is_not_missed(world, recurrence):
    """What is committed after later changes were looked at has a number that lies before theirs."""
    ask_about_recurrences(timezone.now())
    marks = dict(Watermark.objects.values_list("table", "history_id"))
    assert not marks  # nothing is settled yet, so all of it will be looked at again
    ask_about_recurrences(timezone.now() + SOON)
    heads = dict(Watermark.objects.values_list("table", "history_id"))
    assert heads["recurrences: retros_historicalretrofactor"] == RetroFactor.history.latest("history_id").pk


def test_its_queries_do_not_grow(world, recurrence):
    ask_about_recurrences(timezone.now() + SOON)
    with CaptureQueriesContext(connection) as nothing:
        ask_about_recurrences(timezone.now() + SOON)
    assert len(nothing) == 2
    queries = []
    for count in (1, 12):
        for number in range(count):
            world.item(f"{count} {number}", recurrence[0].retro, done=200)
        with CaptureQueriesContext(connection) as few:
            assert ask_about_recurrences(timezone.now() + SOON) == count
        queries.append(len(few))
    assert queries[0] == queries[1] <= 16
