"""The checklist of a retro: planned by severity, done by itself, or left out for a reason."""

from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.transitions import NotPermitted, WrongState
from incidents.models import Incident, Severity
from retros import sweeps
from retros.checklist import CONDITIONS, checklist, done_kinds, known_kinds
from retros.models import Factor, Retrospective, Step, StepKind, StepRule
from retros.tasks import plan_steps
from tests.cases import assert_recorded, assert_refused, assert_refused_when_stale
from tests.conftest import PASSWORD, make_publishable
from tests.faults import is_whole_or_absent
from tests.pages import (
    assert_asking_changes_nothing,
    assert_done,
    assert_done_once,
    assert_not_offered,
    assert_offered,
)
from tests.pages import (
    assert_refused_when_stale as assert_page_refuses_when_stale,
)

pytestmark = pytest.mark.django_db
REASON = "Everybody who was there has left."
VERBS = {"leave_out": {"reason": REASON}, "take_up": {}}
each_verb = pytest.mark.parametrize("verb", VERBS)


def kinds_of(retro):
    return set(retro.steps.values_list("kind", flat=True))


@pytest.fixture
def ready(retro, ana):
    """A step on which a verb is possible."""

    def of(verb):
        step = retro.steps.get(kind="factors")
        if verb == "take_up":
            step.leave_out(by=ana, reason=REASON)
        return step

    return of


# --- Which steps, for whom, until when


def test_a_new_retro_has_the_steps_of_its_severity(retro):
    assert kinds_of(retro) == set(known_kinds())


def test_what_is_less_severe_needs_less(ravi):
    minor = Incident.objects.declare(by=ravi, title="A typo", severity=Severity.objects.get(rank=4))
    steps = kinds_of(Retrospective.objects.open_for(minor))
    assert steps == {"timeline", "impact", "factors", "action", "review", "published"}


def test_the_worst_of_several_incidents_decides(ravi, incident):
    minor = Incident.objects.declare(by=ravi, title="A typo", severity=Severity.objects.get(rank=4))
    assert "moments" in kinds_of(Retrospective.objects.open_for(minor, incident))


def test_rules_say_when_it_is_due_and_never_later_than_the_retro(ravi, severity):
    with time_machine.travel("2026-03-05 10:00Z", tick=False):  # a Thursday
        incident = Incident.objects.declare(by=ravi, title="Checkout fails", severity=severity)
        retro = Retrospective.objects.open_for(incident, due_on=date(2026, 3, 9))
    due = dict(retro.steps.values_list("kind", "due_on"))
    assert (due["timeline"], due["moments"], due["published"]) == (
        date(2026, 3, 6),
        date(2026, 3, 9),
        date(2026, 3, 9),
    )


def test_it_is_whoever_leads_unless_somebody_is_named(retro, ana, ravi):
    step = retro.steps.get(kind="factors")
    assert step.responsible == ana
    step.who, retro.sponsor = "sponsor", ravi
    step.retro = retro
    assert step.responsible == ravi
    step.owner = ana
    assert step.responsible == ana


def test_a_rule_that_is_added_reaches_open_retros_and_no_published_one(retro, ana, ravi, severity):
    Step.objects.all().delete()
    other = Incident.objects.declare(by=ravi, title="Search fails", severity=severity)
    published = Retrospective.objects.open_for(other)
    Step.objects.filter(retro=published).delete()
    make_publishable(published)
    published.send_for_review(by=ana)
    published.publish(by=ana)
    assert sweeps.plan_steps() == len(known_kinds())
    assert sweeps.plan_steps() == 0
    assert kinds_of(retro) == set(known_kinds())
    assert kinds_of(published) == set()
    plan_steps()


def test_an_incident_that_turned_out_worse_asks_for_more(ravi, severity):
    incident = Incident.objects.declare(by=ravi, title="A typo", severity=Severity.objects.get(rank=4))
    retro = Retrospective.objects.open_for(incident)
    incident.change_severity(by=ravi, severity=severity, reason="Nobody could pay.")
    sweeps.plan_steps()
    assert "moments" in kinds_of(retro)


def test_without_rules_there_is_no_checklist(retro):
    Step.objects.all().delete()
    StepRule.objects.all().delete()
    assert sweeps.plan_steps() == 0
    assert checklist(retro, date(2026, 3, 2)) == []


# --- Done by itself


def test_every_kind_of_step_has_a_condition():
    assert set(CONDITIONS) == set(StepKind.values)


def test_what_no_installed_app_can_answer_is_not_asked_for(retro, monkeypatch):
    kind = StepKind.ACTION
    monkeypatch.setitem(
        CONDITIONS, kind, type(CONDITIONS[kind])(CONDITIONS[kind].ask, needs=("no_such_relation",))
    )
    assert kind not in known_kinds()
    assert kind not in done_kinds(retro)


def test_the_first_step_is_done_where_the_incident_has_a_timeline(retro):
    assert done_kinds(retro) == {"timeline"}


def _mark(retro, ana):
    retro.marks.put(retro, retro.incidents.get().timeline.first(), by=ana, kind="detection")


def _write_impact(retro, ana):
    retro.sections.filter(topic="impact").update(text="One in five could not pay.")


def _name_factor(retro, ana):
    retro.retro_factors.create(factor=Factor.objects.first())


def _find(retro, ana):
    retro.findings.create(kind="went_well", text="The rollback took a minute.")


def _add_action(retro, ana):
    retro.action_items.create(title="Alert", why="Sooner.", owner=ana, due_on=timezone.now().date())


def _send(retro, ana):
    retro.send_for_review(by=ana)


def _publish(retro, ana):
    make_publishable(retro)
    retro.send_for_review(by=ana)
    retro.publish(by=ana)


@pytest.mark.parametrize(
    ("kind", "do"),
    [
        ("moments", _mark),
        ("impact", _write_impact),
        ("factors", _name_factor),
        ("findings", _find),
        ("action", _add_action),
        ("review", _send),
        ("published", _publish),
    ],
)
def test_a_step_is_done_as_soon_as_the_retro_says_so(retro, ana, kind, do):
    assert kind not in done_kinds(retro)
    do(retro, ana)
    assert kind in done_kinds(retro)


def test_a_star_alone_marks_no_moment(retro, ana):
    retro.marks.put(retro, retro.incidents.get().timeline.first(), by=ana, is_starred=True)
    assert "moments" not in done_kinds(retro)


def test_an_action_without_owner_or_day_is_not_one_yet(retro, ana):
    retro.action_items.create(title="Alert", why="Sooner.", owner=ana)
    assert "action" not in done_kinds(retro)


def test_a_finding_that_led_to_nothing_is_not_answered(retro, ana):
    # Of another number than its retro, or a question asked of the wrong one would be answered alike.
    finding = retro.findings.create(pk=retro.pk + 7, kind="detection", text="Customers noticed first.")
    assert "findings" not in done_kinds(retro)
    retro.action_items.create(title="Alert", why="Sooner.", finding=finding)
    assert "findings" in done_kinds(retro)


def test_a_line_is_late_only_while_it_is_open(retro, ana):
    today = retro.due_on + timedelta(days=1)
    late = {line.step.kind for line in checklist(retro, today) if line.is_late}
    assert late == set(known_kinds()) - {"timeline"}
    retro.steps.get(kind="factors").leave_out(by=ana, reason=REASON)
    [line] = [line for line in checklist(retro, today) if line.step.kind == "factors"]
    assert line.is_left_out
    assert not line.is_late


# --- Left out, and taken up again


def test_leaving_out_says_who_when_and_why_and_can_be_undone(ready, ana):
    step = ready("leave_out")
    step.leave_out(by=ana, reason=REASON)
    assert (step.status, step.left_out_because, step.left_out_by) == ("left_out", REASON, ana)
    assert_recorded(step, by=ana, reason=REASON)
    step.take_up(by=ana)
    assert (step.status, step.left_out_because, step.left_out_by, step.left_out_at) == (
        "planned",
        "",
        None,
        None,
    )


@each_verb
def test_it_is_refused_to_those_without_the_role(ready, verb, ravi, omar, aud, lena, stranger):
    step = ready(verb)
    for person in (ravi, omar, aud, lena, stranger):
        assert_refused(NotPermitted, step, verb, by=person, **VERBS[verb])


@each_verb
def test_it_is_not_done_twice(ready, verb, ana):
    step = ready(verb)
    getattr(step, verb)(by=ana, **VERBS[verb])
    assert_refused(WrongState, step, verb, by=ana, **VERBS[verb])


@each_verb
def test_it_is_refused_to_whoever_looked_at_an_older_version(ready, verb, ana):
    assert_refused_when_stale(ready(verb), verb, by=ana, **VERBS[verb])


@each_verb
def test_it_is_refused_once_the_retro_is_published(ready, verb, ana):
    step = ready(verb)
    _publish(step.retro, ana)
    assert_refused(WrongState, step, verb, by=ana, **VERBS[verb])


@each_verb
def test_it_is_whole_or_absent_wherever_it_breaks(ready, verb, ana):
    step = ready(verb)
    assert is_whole_or_absent(lambda: getattr(step, verb)(by=ana, **VERBS[verb]), Step) >= 3


def test_leaving_out_must_be_explained(ready, ana):
    assert_refused(ValidationError, ready("leave_out"), "leave_out", by=ana, reason=" ")


def test_the_database_knows_no_step_left_out_without_a_reason(ready, ana):
    for values in ({"status": "left_out"}, {"left_out_because": "x"}, {"left_out_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Step.objects.filter(pk=ready("leave_out").pk).update(**values)


@each_verb
def test_the_page_of_a_step_offers_asks_and_does(client, ready, verb, ana):
    client.login(username=ana.email, password=PASSWORD)
    step = ready(verb)
    assert_offered(client, step, verb)
    assert_asking_changes_nothing(client, step, verb)
    assert_page_refuses_when_stale(client, step, verb, VERBS[verb])
    assert_done(client, step, verb, VERBS[verb] | {"version": step.version}, by=ana)
    assert_not_offered(client, step, verb)


@each_verb
def test_the_page_of_a_step_does_it_once(client, ready, verb, ana):
    client.login(username=ana.email, password=PASSWORD)
    step = ready(verb)
    assert_done_once(client, step, verb, VERBS[verb] | {"version": step.version})
