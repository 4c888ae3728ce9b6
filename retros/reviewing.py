"""Asking people to read a retrospective, asking them anew when it has changed, and what a reopening ends."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from config.transitions import NotPermitted, signed
from retros import emails
from retros.models import Comment, Retrospective, Review
from retros.models.review import REVIEW

# --- Asking


def ask(retro, people, *, by, at=None) -> list[Review]:
    """Ask each of `people`, or none of them; whoever decided before is asked anew."""
    people = list(people)
    current = {review.reviewer_id: review for review in retro.reviews.current()}
    for person in people:
        if problem := why_not(retro, person, current.get(person.pk)):
            raise ValidationError({"reviewers": problem}, code="reviewer")
    retro.reviews.filter(reviewer__in=[person.pk for person in people]).end(at)
    return [_ask(retro, person, by=by, at=at) for person in people]


def why_not(retro, person, review=None) -> str:
    """Why this person cannot be asked, or nothing."""
    if not person.is_active:
        return f"{person} does not work here any more."
    if person.pk == retro.facilitator_id:
        return f"{person} leads it; ask somebody else."
    if not may_read(retro, person):
        return f"{person} may not see it, so they cannot review it."
    if review is not None and review.status == Review.Status.ASKED:
        return f"{person} is asked already."
    return ""


def may_read(retro, person) -> bool:
    """Whether `person` may see this retro and open its page."""
    may_see = person.has_perm("retros.view_retrospective") and person.has_perm("retros.view_review")
    return may_see and Retrospective.objects.visible_to(person).filter(pk=retro.pk).exists()


def ask_again(retro, people, *, by, at=None) -> list[Review]:
    """Ask `people`, and those again who asked for changes, or approved a text that it is no longer."""
    people, text = list(people), retro.fingerprint()
    for review in retro.reviews.current().filter(status__in=Review.DECIDED).select_related("reviewer"):
        is_stale = review.status == Review.Status.CHANGES_REQUESTED or review.fingerprint != text
        if is_stale and review.reviewer not in people and not why_not(retro, review.reviewer):
            people.append(review.reviewer)
    return ask(retro, people, by=by, at=at)


def end(retro, *, by, reason) -> None:
    """It is reopened: what was approved counts no more; reviewers, and whoever published it, are told."""
    current = retro.reviews.current().exclude(status=Review.Status.WITHDRAWN).select_related("reviewer")
    told = {review.reviewer for review in current} | {retro.published_by, retro.facilitator}
    retro.reviews.end()
    emails.tell_of_reopening(retro, told - {None, by}, by=by, reason=reason)


def _ask(retro, person, *, by, at=None):
    review = Review.objects.create(retro=retro, reviewer=person, asked_by=by, asked_at=at or timezone.now())
    # What is entered afterwards was asked by another road, and whoever takes it up themselves knows.
    if at is None and (by is None or by.pk != person.pk):
        emails.tell_of_review(review)
    return review


# --- Saying something


def may_review(retro, user) -> bool:
    """Whoever was asked, and whoever may review unasked; nobody approves what they lead."""
    if not user.is_active or user.pk == retro.facilitator_id:
        return False
    return user.has_perm(REVIEW) or _review_that_counts(retro, user) is not None


def review_of(retro, user) -> Review:
    """The review in which `user` decides: the one they were asked for, or one they take up themselves."""
    if (current := _review_that_counts(retro, user)) is not None:
        return current
    if not may_review(retro, user):
        raise NotPermitted(f"{user} may not review {retro}: somebody who leads retrospectives can ask them.")
    # Pressed twice at once, the second finds what the first took up.
    Retrospective._base_manager.select_for_update(of=("self",)).get(pk=retro.pk)
    return _review_that_counts(retro, user) or ask(retro, [user], by=user)[0]


def _review_that_counts(retro, user):
    counting = retro.reviews.current().exclude(status=Review.Status.WITHDRAWN)
    return counting.filter(reviewer=user.pk).first()


def decide(retro, *, by, verb, words="", text="", at=None) -> Review:
    """Approve or ask for changes, whether one was asked or not."""
    with transaction.atomic():
        review = review_of(retro, by)
        getattr(review, verb)(by=by, words=words, text=text, at=at)
    return review


def may_comment(retro, user) -> bool:
    """Whoever works here, and of course whoever was asked to review it."""
    return user.is_active and (user.has_perm("retros.add_comment") or may_review(retro, user))


def comment(retro, *, by, text, section=None, parent=None, at=None) -> Comment:
    """Say something of a section or of the whole, or answer a comment."""
    if not may_comment(retro, by):
        raise NotPermitted(f"{by} may not comment on {retro}.")
    with transaction.atomic(), signed(by):
        # Locked, so that it is not published between our look and our word.
        held = Retrospective._base_manager.select_for_update(of=("self",)).get(pk=retro.pk)
        held.refuse_edit()
        section = parent.section if parent is not None else section
        row = Comment(retro=held, section=section, parent=parent, author=by, text=text)
        row.written_at = at or row.written_at
        row.full_clean()
        row.save()
    return row
