"""Each verb of a retrospective: what it does together, and whom it refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.transitions import NotPermitted
from retros.models import Comment, Learning, Retrospective, Review, Step
from tests.cases import (
    Case,
    assert_recorded,
    assert_refused,
    assert_refused_in_other_states,
    assert_refused_when_stale,
    changes_of,
    each_verb,
    verbs_in,
)
from tests.conftest import make_publishable
from tests.faults import is_whole_or_absent
from tests.retros import test_asking_verbs as asking

pytestmark = pytest.mark.django_db

OPENED = datetime(2026, 3, 2, 10, tzinfo=UTC)
AT = OPENED + timedelta(days=2)
REASON = "Read together on Tuesday."

TABLES = {
    Retrospective: {
        "send_for_review": Case(start="draft", sets={"status": "in_review"}),
        "return_to_draft": Case(start="in_review", sets={"status": "draft"}),
        "publish": Case(
            start="in_review",
            ask={"at": AT},
            sets={"status": "published", "published_at": AT, "published_by_id": "ana"},
        ),
        "reopen": Case(
            start="published", sets={"status": "draft", "published_at": None, "published_by_id": None}
        ),
    },
}
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def make(ana):
    """A retrospective in a state."""

    def of(model, state):
        retro = model.objects.create(title="Checkout fails", due_on=AT.date(), opened_at=OPENED)
        make_publishable(retro)
        for step in ["send_for_review", "publish"][: ["draft", "in_review", "published"].index(state)]:
            getattr(retro, step)(by=ana)
        return retro

    return of


def asked(case):
    return {**case.ask, "reason": REASON}


def test_every_verb_of_this_app_is_in_the_table():
    verbs, tables = verbs_in("retros"), TABLES | asking.TABLES
    for model in (Review, Comment, Learning, Step):  # test_reviews.py, test_learning_verbs.py, test_steps.py
        verbs.pop(model)
    # What changes other rows, or asks for a facilitator who was part of it: test_reviews.py, test_neutrality.py.
    verbs[Retrospective] -= {"ask_reviewers", "confirm_facilitator"}
    assert verbs == {model: set(cases) for model, cases in tables.items()}


@verbs
def test_it_sets_everything_together_and_nothing_else(make, ana, model, verb, case):
    row = make(model, case.start)
    done = changes_of(row, lambda: getattr(row, verb)(by=ana, version=row.version, **asked(case)))
    done = {name: value for name, value in done.items() if name not in row.bookkeeping()}
    assert done == {name: ana.pk if value == "ana" else value for name, value in case.sets.items()}
    assert_recorded(row, by=ana, reason=REASON)


@verbs
def test_it_is_refused_to_those_without_the_role(make, model, verb, case, ravi, omar, aud, lena, stranger):
    row = make(model, case.start)
    for person in (ravi, omar, aud, lena, stranger):
        assert_refused(NotPermitted, row, verb, by=person, **asked(case))


@verbs
def test_it_is_refused_in_every_other_state(make, ana, model, verb, case):
    assert_refused_in_other_states(make, model, verb, by=ana, **asked(case))


@verbs
def test_it_is_not_done_twice(make, ana, model, verb, case):
    row = make(model, case.start)
    getattr(row, verb)(by=ana, **asked(case))
    assert_refused(case.twice, row, verb, by=ana, **asked(case))


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, ana, model, verb, case):
    assert_refused_when_stale(make(model, case.start), verb, by=ana, **asked(case))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, ana, model, verb, case):
    row = make(model, case.start)
    assert is_whole_or_absent(lambda: getattr(row, verb)(by=ana, **asked(case)), model) >= 3


@pytest.mark.parametrize("verb", ["return_to_draft", "reopen"])
def test_what_must_be_explained_is_refused_without_a_reason(make, ana, verb):
    row = make(Retrospective, TABLES[Retrospective][verb].start)
    assert_refused(ValidationError, row, verb, by=ana, reason=" ")


def test_it_is_not_published_before_it_was_opened(make, ana):
    before = OPENED - timedelta(seconds=1)
    retro = make(Retrospective, "in_review")
    assert_refused(ValidationError, retro, "publish", by=ana, at=before)
    retro = make(Retrospective, "published")
    with pytest.raises(IntegrityError), transaction.atomic():
        Retrospective.objects.filter(pk=retro.pk).update(published_at=before)


def test_published_goes_with_its_moment_in_the_database(make):
    for state, values in [
        ("draft", {"status": "published"}),
        ("draft", {"published_at": AT}),
        ("published", {"published_at": None}),
        ("published", {"status": "draft"}),
    ]:
        retro = make(Retrospective, state)
        with pytest.raises(IntegrityError), transaction.atomic():
            Retrospective.objects.filter(pk=retro.pk).update(**values)


def test_a_facilitator_may_publish_what_another_one_prepared(make, ana, publishable):
    retro = publishable
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    assert retro.is_published
    assert not retro.is_overdue(at=AT + timedelta(days=400))


def test_overdue_counts_days_in_utc_whatever_zone_the_moment_is_in(make):
    retro = make(Retrospective, "draft")
    late_evening = datetime.fromisoformat("2026-03-05T01:00+14:00")  # the 4th in UTC, its due day
    assert not retro.is_overdue(at=late_evening)
    assert not Retrospective.objects.overdue(at=late_evening).exists()
    assert retro.is_overdue(at=AT + timedelta(days=1))
    assert Retrospective.objects.overdue(at=AT + timedelta(days=1)).get() == retro


def test_overdue_in_the_past_includes_what_was_published_since(make, ana):
    retro = make(Retrospective, "in_review")
    retro.publish(by=ana, at=AT + timedelta(days=9))
    assert Retrospective.objects.overdue(at=AT + timedelta(days=3)).get() == retro
    assert not Retrospective.objects.overdue(at=AT + timedelta(days=10)).exists()
