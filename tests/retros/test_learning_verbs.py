"""Each verb of a learning: what it does together, whom it refuses, and what is never published."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.audit.actor import acting
from config.people.models import PrivateName
from config.transitions import NotPermitted, WrongState
from incidents.models import Incident
from retros.models import Confirmation, Edition, Learning
from retros.redacting import open_findings, suspects
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
from tests.faults import is_whole_or_absent
from tests.retros.learnings import AT, TEXTS, corrected, draft, make_public, published

pytestmark = pytest.mark.django_db

REASON = "Read together on Tuesday."
NOTE = "It was one in four."
HARMLESS = "We asked Marco Polo."
TABLES = {
    Learning: {
        "send_for_review": Case(start="draft", sets={"status": "in_review"}),
        "return_to_draft": Case(start="in_review", sets={"status": "draft"}),
        "publish": Case(
            start="in_review",
            ask={"at": AT},
            sets={"status": "published", "published_at": AT, "published_by_id": "lena"},
        ),
        "correct": Case(
            start="published",
            ask={"note": NOTE, "earlier": "hidden"},
            sets={"status": "draft", "correction": NOTE, "hides_earlier": True},
        ),
        "leave_as_published": Case(start="correcting", sets={"status": "published", "correction": ""}),
        "withdraw": Case(
            start="published",
            ask={"told": "It was wrong.", "at": AT + timedelta(days=1)},
            sets={
                "status": "withdrawn",
                "withdrawal": "It was wrong.",
                "withdrawn_at": AT + timedelta(days=1),
                "withdrawn_by_id": "lena",
            },
        ),
        "take_up": Case(start="withdrawn", ask={"note": NOTE}, sets={"status": "draft", "correction": NOTE}),
        "confirm": Case(start="suspicious", ask={"found": "the mark"}, sets={}, twice=ValidationError),
    },
}
verbs = pytest.mark.parametrize(("model", "verb", "case"), each_verb(TABLES))


@pytest.fixture
def make(retro, ana, lena):
    """A learning in a state, written by Ana and read by Lena."""

    def of(model, state):
        Learning.objects.all().delete()
        text = {"what_we_do": HARMLESS} if state == "suspicious" else {}
        if state == "suspicious":
            PrivateName.objects.get_or_create(name="Polo")
        learning = draft(retro, by=ana, **text)
        if state in ("in_review", "published", "withdrawn", "correcting"):
            learning.send_for_review(by=ana)
        if state in ("published", "withdrawn", "correcting"):
            learning.publish(by=lena, at=AT)
        if state == "withdrawn":
            learning.withdraw(by=lena, reason="x", told="Wrong.", at=AT + timedelta(hours=1))
        if state == "correcting":
            learning.correct(by=ana, note=NOTE)
        return learning

    return of


def asked(case, row):
    told = {**case.ask, "reason": REASON}
    if "found" in told:
        told["found"] = open_findings(row)[0].mark if open_findings(row) else "gone"
    return told


def test_every_verb_of_learnings_is_in_the_table():
    assert verbs_in("retros")[Learning] == set(TABLES[Learning])


@verbs
def test_it_sets_everything_together_and_nothing_else(make, lena, model, verb, case):
    row = make(model, case.start)
    done = changes_of(row, lambda: getattr(row, verb)(by=lena, version=row.version, **asked(case, row)))
    assert done == {name: lena.pk if value == "lena" else value for name, value in case.sets.items()}
    if done:
        assert_recorded(row, by=lena, reason=REASON)


@verbs
def test_it_is_refused_to_those_without_the_role(make, model, verb, case, ravi, omar, aud, stranger):
    row = make(model, case.start)
    for person in (ravi, omar, aud, stranger):
        assert_refused(NotPermitted, row, verb, Edition, Confirmation, by=person, **asked(case, row))


@pytest.mark.parametrize(
    "verb", [verb for verb in TABLES[Learning] if verb not in ("leave_as_published", "withdraw")]
)
def test_it_is_refused_in_every_other_state(make, lena, verb):
    case = TABLES[Learning][verb]
    assert_refused_in_other_states(make, Learning, verb, Edition, by=lena, **case.ask | {"reason": REASON})


@pytest.mark.parametrize("verb", ["leave_as_published", "withdraw"])
def test_what_was_never_public_is_neither_withdrawn_nor_left_as_it_was(make, lena, verb):
    for state in ("draft", "in_review"):
        row = make(Learning, state)
        assert_refused(NotPermitted, row, verb, Edition, by=lena, **TABLES[Learning][verb].ask, reason="x")
    row = make(Learning, "withdrawn")
    assert_refused(NotPermitted, row, verb, Edition, by=lena, **TABLES[Learning][verb].ask, reason="x")


@verbs
def test_it_is_not_done_twice(make, lena, model, verb, case):
    row = make(model, case.start)
    told = asked(case, row)
    getattr(row, verb)(by=lena, **told)
    twice = NotPermitted if verb == "withdraw" else case.twice
    assert_refused(twice, row, verb, Edition, Confirmation, by=lena, **told)


@verbs
def test_it_is_refused_to_whoever_looked_at_an_older_version(make, lena, model, verb, case):
    row = make(model, case.start)
    assert_refused_when_stale(row, verb, Edition, by=lena, **asked(case, row))


@verbs
def test_it_is_whole_or_absent_wherever_it_breaks(make, lena, model, verb, case):
    row = make(model, case.start)
    told = asked(case, row)
    act = lambda: getattr(row, verb)(by=lena, **told)  # noqa: E731
    assert is_whole_or_absent(act, Learning, Edition, Confirmation) >= 3


@pytest.mark.parametrize("verb", ["return_to_draft", "withdraw", "confirm"])
def test_what_must_be_explained_is_refused_without_a_reason(make, lena, verb):
    case = TABLES[Learning][verb]
    row = make(Learning, case.start)
    assert_refused(ValidationError, row, verb, by=lena, **asked(case, row) | {"reason": " "})


# --- Drafting


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"visibility": "internal"}, "is internal: customers must not read of it"),
        ({"visibility": "restricted"}, "is restricted"),
        ({"visibility": "public", "is_drill": True}, "is a drill"),
    ],
)
def test_what_customers_may_not_know_of_is_not_drafted(retro, ana, state, words):
    Incident.objects.update(**state)
    with pytest.raises(WrongState, match=words):
        Learning.objects.draft_from(retro, by=ana)
    assert not Learning.objects.exists()


def test_one_hidden_incident_of_several_is_enough(retro, ana, resolved, severity):
    make_public(retro)
    other = Incident.objects.create(title="Another", severity=severity)
    retro.incident_links.create(incident=other)
    with pytest.raises(WrongState, match="is internal"):
        Learning.objects.draft_from(retro, by=ana)


def test_a_retro_of_nothing_has_nothing_to_tell(retro, ana):
    retro.incident_links.all().delete()
    with pytest.raises(WrongState, match="about no incident"):
        Learning.objects.draft_from(retro, by=ana)


def test_a_retro_has_one_learning(retro, ana, lena):
    draft(retro, by=ana)
    with pytest.raises(WrongState, match="has a learning already"):
        Learning.objects.draft_from(retro, by=lena)


def test_who_has_no_part_in_it_drafts_none(retro, ravi, aud):
    for person in (ravi, aud):
        with pytest.raises(NotPermitted):
            Learning.objects.draft_from(make_public(retro), by=person)


def test_addresses_are_made_of_titles_and_taken_once(retro, ana):
    slugs = [Learning.objects._free_slug(title) for title in ("Paying failed!", "INC 42 1", "…")]
    assert slugs == ["paying-failed", "inc", "learning"]
    draft(retro, by=ana)
    first = Learning.objects.get()
    assert Learning.objects._free_slug(first.slug) != first.slug


# --- Publishing


def test_whoever_wrote_it_does_not_publish_it(make, ana, lena):
    row = make(Learning, "in_review")
    assert_refused(NotPermitted, row, "publish", Edition, by=ana)
    row.publish(by=lena)
    assert row.is_published


def test_whoever_changed_a_word_of_it_wrote_it_too(make, ana, lena, admin_user):
    row = make(Learning, "draft")
    with acting(lena, kind="web"):
        row.what_we_do = "We test each release."
        row.save()
    row.send_for_review(by=ana)
    assert row.writers() == {ana.pk, lena.pk}
    for person in (ana, lena):
        assert_refused(NotPermitted, row, "publish", Edition, by=person)
    row.publish(by=admin_user)


def test_a_task_publishes_nothing(make):
    assert_refused(NotPermitted, make(Learning, "in_review"), "publish", Edition, by=None)


def test_what_is_not_written_is_not_sent_for_review(make, ana):
    row = make(Learning, "draft")
    row.what_we_learnt = " "
    row.save()
    with pytest.raises(ValidationError, match="what we learnt"):
        row.send_for_review(by=ana)


def test_it_is_not_published_once_an_incident_is_no_longer_public(make, lena):
    row = make(Learning, "in_review")
    Incident.objects.update(visibility="internal")
    assert_refused(WrongState, row, "publish", Edition, by=lena)


@pytest.mark.parametrize("name", ["title", "what_happened", "what_we_learnt", "what_we_do", "slug"])
def test_nothing_that_must_not_be_public_is_published_in_any_field(retro, ana, lena, name):
    row = draft(retro, by=ana, **{name: "ravi" if name == "slug" else "Then Ravi restarted it."})
    Learning.objects.filter(pk=row.pk).update()
    make_ravi = type(ana).objects.create_user("ravi.k@example.com", name="Ravi Kumar")
    row.send_for_review(by=ana)
    with pytest.raises(ValidationError, match="works here or took part"):
        row.publish(by=lena)
    row.refresh_from_db()
    assert (row.status, Edition.objects.count(), make_ravi.name) == ("in_review", 0, "Ravi Kumar")


def test_what_only_the_finished_page_shows_is_refused_as_well(retro, ana, lena):
    # The link splits the name in the text, and a browser joins it again.
    type(ana).objects.create_user("x@example.com", name="Zebulon")
    row = draft(retro, by=ana, what_we_do="Then Zeb[ul](https://example.com/)on restarted it.")
    assert open_findings(row) == []
    row.send_for_review(by=ana)
    with pytest.raises(ValidationError, match="The page as readers see it: “Zebulon”"):
        row.publish(by=lena)


# --- What is harmless


def test_what_is_confirmed_with_a_reason_may_be_published(make, ana, lena):
    row = make(Learning, "suspicious")
    row.confirm(by=ana, found=open_findings(row)[0].mark, reason="Marco Polo is our product.")
    assert [one.confirmed.reason for one in suspects(row)] == ["Marco Polo is our product."]
    row.send_for_review(by=ana)
    row.publish(by=lena)


def test_a_confirmation_is_for_these_words_in_this_passage(make, ana):
    row = make(Learning, "suspicious")
    row.confirm(by=ana, found=open_findings(row)[0].mark, reason="Our product.")
    row.what_we_do = f"{HARMLESS}\n\nMarco Polo called us."
    row.save()
    assert [one.passage for one in open_findings(row)] == ["Marco Polo called us."]
    row.what_we_do = f"{HARMLESS} He said no."
    assert len(open_findings(row)) == 1


@pytest.mark.parametrize("text", ["password=hunter2", "ops@example.com"])
def test_secrets_and_mailboxes_are_confirmed_by_nobody(retro, ana, text):
    row = draft(retro, by=ana, what_we_do=f"We saw {text} there.")
    found = open_findings(row)
    assert_refused(ValidationError, row, "confirm", Confirmation, by=ana, found=found[0].mark, reason="Old.")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.confirmations.create(mark="m", kind=found[0].kind, text=text, passage=text, reason="Old.")


def test_what_the_check_does_not_find_is_not_confirmed(make, ana):
    row = make(Learning, "draft")
    assert_refused(ValidationError, row, "confirm", Confirmation, by=ana, found="0" * 64, reason="x")


# --- Correcting and withdrawing


def test_a_correction_is_a_new_edition_and_the_old_one_stays(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    corrected(row, writer=ana, reviewer=lena, what_happened="One in four payments failed.")
    new, old = row.editions.order_by("-number")
    assert (old.what_happened, old.is_shown, old.note) == (TEXTS["what_happened"], True, "")
    assert (new.what_happened, new.note) == (
        "One in four payments failed.",
        "It was one in four, not in five.",
    )
    assert (row.published_at, new.published_at) == (AT, AT + timedelta(days=1))


def test_a_correction_is_read_by_somebody_else_too(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    row.correct(by=lena, note=NOTE)
    with acting(lena, kind="web"):
        row.what_happened = "One in four payments failed."
        row.save()
    row.send_for_review(by=lena)
    assert_refused(NotPermitted, row, "publish", Edition, by=lena)
    row.publish(by=ana)


def test_the_note_of_a_correction_is_checked_like_the_text(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    row.correct(by=ana, note="Lena had it wrong.")
    row.send_for_review(by=ana)
    assert_refused(ValidationError, row, "publish", Edition, by=lena)


def test_an_earlier_text_that_may_not_be_seen_any_more_must_be_taken_down(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena, what_we_do="Fabrikam helps us.")
    PrivateName.objects.create(name="Fabrikam")
    row.correct(by=ana, note=NOTE)
    row.what_we_do = "A partner helps us."
    row.save()
    row.send_for_review(by=ana)
    with pytest.raises(ValidationError, match="An earlier text"):
        row.publish(by=lena)
    row.leave_as_published(by=ana)
    row.correct(by=ana, note=NOTE, earlier="hidden")
    row.what_we_do = "A partner helps us."
    row.save()
    row.send_for_review(by=ana)
    row.publish(by=lena)
    assert [one.is_shown for one in row.editions.order_by("number")] == [False, True]


def test_leaving_it_as_published_brings_back_what_readers_see(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    row.correct(by=ana, note=NOTE)
    row.what_happened = "Never mind."
    row.save()
    row.leave_as_published(by=ana)
    assert row.what_happened == TEXTS["what_happened"]
    assert row.editions.count() == 1


def test_what_readers_are_told_of_a_withdrawal_is_checked(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    assert_refused(ValidationError, row, "withdraw", by=lena, reason="x", told="Ana got it wrong.")
    row.withdraw(by=lena, reason="Ana got it wrong.", told="It was wrong.")


def test_a_withdrawn_one_is_published_again_by_two_as_well(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    row.withdraw(by=lena, reason="x", told="It was wrong.")
    row.take_up(by=ana, note=NOTE)
    assert row.withdrawn_at is not None
    with acting(ana, kind="web"):
        row.what_happened = "One in four payments failed."
        row.save()
    row.send_for_review(by=ana)
    row.publish(by=lena)
    assert (row.status, row.withdrawn_at, row.withdrawal) == ("published", None, "")


def test_the_address_stays_once_it_was_published(retro, ana, lena):
    row = published(retro, writer=ana, reviewer=lena)
    row.correct(by=ana, note=NOTE)
    row.slug = "elsewhere"
    with pytest.raises(ValidationError):
        row.full_clean()


def test_states_go_with_their_moments_in_the_database(make):
    for state, values in [
        ("draft", {"status": "published"}),
        ("draft", {"published_at": AT}),
        ("published", {"published_by": None}),
        ("published", {"status": "withdrawn"}),
        ("published", {"withdrawn_at": AT}),
        ("withdrawn", {"withdrawn_at": None}),
        ("withdrawn", {"status": "published"}),
    ]:
        row = make(Learning, state)
        with pytest.raises(IntegrityError), transaction.atomic():
            Learning.objects.filter(pk=row.pk).update(**values)
