"""Others read a retrospective before it is published: they are asked, say what they think, hear of its reopening."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.outbox.models import Delivery
from config.outbox.sending import deliver
from config.transitions import NotPermitted, WrongState
from incidents.models import Incident
from retros import reviewing
from retros.models import Comment, Retrospective, Review, Section
from tests.cases import assert_recorded, assert_refused, assert_refused_when_stale, verbs_in
from tests.conftest import make_publishable
from tests.faults import is_whole_or_absent

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_wednesday(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def asked(retro, ana, omar):
    """In review; Omar is asked to read it."""
    retro.send_for_review(by=ana, reviewers=[omar])
    return retro


@pytest.fixture
def review(asked):
    return asked.reviews.get()


@pytest.fixture
def comment(asked, omar):
    return reviewing.comment(asked, by=omar, text="How many were there?")


def test_every_verb_of_reviews_and_comments_is_looked_at_here():
    verbs = verbs_in("retros")
    assert verbs[Review] == {"approve", "request_changes", "withdraw"}
    assert verbs[Comment] == {"resolve", "reopen"}


# --- Asking


def test_whoever_is_asked_gets_one_mail_with_the_way_to_the_review(asked, omar):
    deliver()
    [letter] = mail.outbox
    assert letter.to == ["omar@example.com"]
    assert letter.subject == f"Please review {asked.reference} {asked.title}"
    for body in (letter.body, letter.alternatives[0].content):
        assert asked.get_review_url() in body
        assert "Ana asks you to read" in body


def test_more_people_are_asked_while_it_is_in_review(asked, ana, ravi):
    asked.ask_reviewers(by=ana, reviewers=[ravi])
    assert {one.reviewer.name for one in asked.reviews.current()} == {"Omar", "Ravi"}


def test_asking_is_whole_or_absent_wherever_it_breaks(retro, ana, omar, ravi):
    def act():
        Retrospective.objects.get(pk=retro.pk).send_for_review(by=ana, reviewers=[omar, ravi])

    assert is_whole_or_absent(act, Retrospective, Review, Delivery) >= 5


@pytest.mark.parametrize("why", ["leads", "left", "role", "already", "nobody"])
def test_who_cannot_be_asked_is_refused_in_words(asked, ana, omar, stranger, ravi, why):
    if why == "left":
        type(ravi).objects.filter(pk=ravi.pk).update(is_active=False)
        ravi.refresh_from_db()
    person, says = {
        "leads": (ana, "Ana leads it"),
        "left": (ravi, "does not work here any more"),
        "role": (stranger, "Stranger may not see it"),
        "already": (omar, "Omar is asked already"),
        "nobody": (None, "Choose at least one person"),
    }[why]
    people = [person] if person else []
    assert_refused(ValidationError, asked, "ask_reviewers", Review, Delivery, by=ana, reviewers=people)
    with pytest.raises(ValidationError, match=says):
        asked.ask_reviewers(by=ana, reviewers=people)


def test_who_may_not_see_the_incident_cannot_be_asked(asked, ana, lena):
    Incident.objects.update(visibility="restricted")
    assert_refused(ValidationError, asked, "ask_reviewers", Review, by=ana, reviewers=[lena])


def test_only_who_leads_retrospectives_asks(asked, ravi, omar, aud, lena):
    for person in (ravi, omar, aud):
        assert_refused(NotPermitted, asked, "ask_reviewers", Review, by=person, reviewers=[lena])


def test_a_mail_to_who_may_not_see_it_any_more_is_not_sent(asked):
    Incident.objects.update(visibility="restricted", declared_by=None)
    deliver()
    assert mail.outbox == []
    assert Delivery.objects.get(kind="retros.review_asked").state == "cancelled"


def test_a_mail_that_is_answered_already_is_not_sent(review, omar):
    review.approve(by=omar)
    deliver()
    assert mail.outbox == []


# --- Deciding


def test_an_approval_is_of_the_text_that_was_read(review, asked, omar):
    review.approve(by=omar, words="Clear.", text=asked.fingerprint())
    assert (review.status, review.words, review.decided_at) == ("approved", "Clear.", WEDNESDAY)
    assert_recorded(review, by=omar)
    assert list(asked.reviews.approving(asked)) == [review]


def test_an_approval_of_another_text_is_refused(review, asked, omar):
    read = asked.fingerprint()
    asked.findings.create(kind="luck", text="It was Sunday.")
    assert_refused(ValidationError, review, "approve", by=omar, text=read)
    assert_refused(ValidationError, review, "request_changes", by=omar, words="No.", text=read)


def test_text_that_changes_makes_it_an_approval_of_before_until_it_is_as_it_was(review, asked, omar):
    review.approve(by=omar)
    section = asked.sections.first()
    section.text = "More."
    section.save()
    assert not asked.reviews.approving(asked).exists()
    section.text = ""
    section.save()
    assert asked.reviews.approving(asked).exists()


def test_that_a_section_moves_is_no_other_text(review, asked, omar):
    review.approve(by=omar)
    Section.objects.update(position=7)
    assert asked.reviews.approving(asked).exists()


def test_who_approved_an_earlier_version_or_asked_for_changes_is_asked_again(asked, review, ana, omar, ravi):
    asked.ask_reviewers(by=ana, reviewers=[ravi])
    review.approve(by=omar)
    asked.reviews.get(reviewer=ravi).request_changes(by=ravi, words="Say how many.")
    asked.return_to_draft(by=ana, reason="Ravi asks for it.")
    asked.findings.create(kind="luck", text="It was Sunday.")
    asked.send_for_review(by=ana)
    now = asked.reviews.current()
    assert {(one.reviewer.name, one.status) for one in now} == {("Omar", "asked"), ("Ravi", "asked")}
    assert asked.reviews.exclude(pk__in=now).count() == 2  # what was said is still there


def test_who_approved_this_very_text_is_not_asked_again(asked, review, ana, omar):
    review.approve(by=omar)
    asked.return_to_draft(by=ana, reason="A date was wrong.")
    asked.send_for_review(by=ana)
    assert asked.reviews.approving(asked).get() == review


def test_changes_are_asked_for_in_words(review, omar):
    assert_refused(ValidationError, review, "request_changes", by=omar, words=" ")
    review.request_changes(by=omar, words="Say how many.")
    assert review.status == "changes_requested"


@pytest.mark.parametrize("verb", ["approve", "request_changes"])
def test_nobody_decides_for_somebody_else_nor_for_an_older_version(review, ana, aud, stranger, omar, verb):
    for person in (ana, aud, stranger):
        assert_refused(NotPermitted, review, verb, by=person, words="Mine.")
    assert_refused_when_stale(review, verb, by=omar, words="Mine.")


@pytest.mark.parametrize("verb", ["approve", "request_changes"])
def test_it_is_decided_only_while_it_is_in_review(review, asked, ana, omar, verb):
    asked.return_to_draft(by=ana, reason="Not yet.")
    assert_refused(WrongState, review, verb, by=omar, words="Good.")


def test_the_same_text_is_not_approved_twice(review, omar):
    review.approve(by=omar)
    assert_refused(WrongState, review, "approve", by=omar)


def test_deciding_is_whole_or_absent_wherever_it_breaks(review, omar):
    def act():
        Review.objects.get(pk=review.pk).approve(by=omar)

    assert is_whole_or_absent(act, Review) >= 3


def test_whoever_may_review_needs_no_invitation_and_others_do(asked, admin_user, ravi):
    reviewing.decide(asked, by=admin_user, verb="approve")
    assert asked.reviews.get(reviewer=admin_user).asked_by == admin_user
    with pytest.raises(NotPermitted, match="can ask them"):
        reviewing.decide(asked, by=ravi, verb="approve")
    assert not Delivery.objects.filter(recipient=admin_user).exists()  # who takes it up themselves knows


def test_who_leads_it_does_not_approve_it(asked, ana):
    with pytest.raises(NotPermitted):
        reviewing.decide(asked, by=ana, verb="approve")


def test_a_withdrawn_review_asks_nothing_and_gives_no_say(review, asked, ana, omar):
    assert_refused(ValidationError, review, "withdraw", by=ana, reason=" ")
    review.withdraw(by=ana, reason="On leave.")
    assert not reviewing.may_review(asked, omar)
    assert_refused(WrongState, review, "approve", by=omar)
    asked.ask_reviewers(by=ana, reviewers=[omar])  # but they can be asked again
    assert reviewing.may_review(asked, omar)


def test_the_database_knows_one_review_a_person_and_no_half_decision(review, asked, omar):
    for values in ({"status": "approved"}, {"decided_at": WEDNESDAY}, {"fingerprint": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.filter(pk=review.pk).update(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(retro=asked, reviewer=omar)


# --- Reopening


def test_reopening_tells_reviewers_and_whoever_published_it_and_ends_approvals(
    asked, review, ana, omar, admin_user
):
    make_publishable(asked, by=admin_user)
    Review.objects.get(pk=review.pk).approve(by=omar)
    asked.publish(by=admin_user)
    Delivery.objects.all().delete()
    asked.reopen(by=ana, reason="Two customers wrote.")
    assert not asked.reviews.current().exists()
    assert not asked.reviews.approving(asked).exists()
    deliver()
    assert sorted(letter.to[0] for letter in mail.outbox) == ["admin@example.com", "omar@example.com"]
    for body in (mail.outbox[0].body, mail.outbox[0].alternatives[0].content):
        assert "Two customers wrote." in body
        assert "Ana reopened" in body
    asked.send_for_review(by=ana)
    assert_refused(ValidationError, asked, "publish", by=ana)


# --- Comments


def test_a_comment_is_about_a_section_or_the_whole_and_is_answered_one_level_deep(asked, comment, omar, ana):
    section = asked.sections.first()
    about = reviewing.comment(asked, by=omar, text="Who told them?", section=section)
    answer = reviewing.comment(asked, by=ana, text="Lena did.", parent=about)
    assert (comment.section, about.section, answer.section) == (None, section, section)
    assert set(asked.comments.open()) == {comment, about}
    with pytest.raises(ValidationError, match="one level deep"):
        reviewing.comment(asked, by=omar, text="When?", parent=answer)


@pytest.mark.parametrize("text", ["", "  \n ", "\x00", "x" * 5_001])
def test_a_comment_says_something(asked, omar, text):
    with pytest.raises(ValidationError):
        reviewing.comment(asked, by=omar, text=text)
    assert not asked.comments.exists()


def test_a_comment_belongs_to_its_retro(asked, comment, omar, severity):
    other = Retrospective.objects.open_for(
        Incident.objects.declare(by=None, title="Other", severity=severity)
    )
    for about in ({"section": other.sections.first()}, {"parent": comment}):
        with pytest.raises(ValidationError):
            reviewing.comment(other if "parent" in about else asked, by=omar, text="Here?", **about)


def test_who_only_reads_does_not_comment(asked, aud, stranger):
    for person in (aud, stranger):
        with pytest.raises(NotPermitted):
            reviewing.comment(asked, by=person, text="Here?")


def test_whoever_said_it_or_leads_retrospectives_settles_it(comment, omar, ana, ravi, aud):
    for person in (ravi, aud):
        assert_refused(NotPermitted, comment, "resolve", by=person)
    comment.resolve(by=ana)
    assert (comment.resolved_by, comment.resolved_at) == (ana, WEDNESDAY)
    assert_refused(WrongState, comment, "resolve", by=ana)
    comment.reopen(by=omar)
    assert (comment.status, comment.resolved_by) == ("open", None)
    assert_refused(WrongState, comment, "reopen", by=omar)


def test_an_answer_is_settled_with_what_it_answers(asked, comment, ana):
    answer = reviewing.comment(asked, by=ana, text="Twelve.", parent=comment)
    assert_refused(WrongState, answer, "resolve", by=ana)


def test_comments_are_locked_with_what_is_published(asked, comment, ana, omar, admin_user):
    make_publishable(asked, by=admin_user).publish(by=ana)
    assert_refused(WrongState, comment, "resolve", by=omar)
    with pytest.raises(WrongState):
        reviewing.comment(asked, by=omar, text="Late thought.")


def test_a_section_that_goes_leaves_what_was_said_of_it(asked, omar):
    section = asked.sections.first()
    comment = reviewing.comment(asked, by=omar, text="Who told them?", section=section)
    section.delete()
    comment.refresh_from_db()
    assert comment.section is None


def test_reviews_and_comments_are_seen_by_whoever_sees_the_retro(review, comment, ravi, lena, aud):
    assert Review.objects.visible_to(lena).exists()
    Incident.objects.update(visibility="restricted", declared_by=None)
    for model in (Review, Comment):
        assert not model.objects.visible_to(lena).exists()
        assert model.objects.visible_to(aud).exists()
