"""What others say of a retrospective before everybody reads it: reviews, comments, and how far each has read."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.models import VersionedModel
from config.fields import Prose
from config.transitions import WrongState, verb
from retros.models.retrospective import FACILITATE, Retrospective, Section

REVIEW = "retros.review_retrospective"
IN_REVIEW = Retrospective.Status.IN_REVIEW


class OfVisibleRetro(models.QuerySet):
    """Rows of a retro are seen by whoever sees the retro."""

    def visible_to(self, user):
        """Those of retros that `user` may see."""
        retros = Retrospective.objects.all()
        seen = retros.visible_to(user)
        return self if seen is retros else self.filter(retro__in=seen)


# --- Reviews -----------------------------------------------------------------------------------------------


class ReviewQuerySet(OfVisibleRetro):
    """Reviews, by what a reader asks for."""

    def current(self):
        """Those that still count: nobody was asked anew since, and the retro was not reopened."""
        return self.filter(ended_at=None)

    def brought(self):
        """Those that counted where an import brought them from: to be read, the first one first."""
        return self.filter(counts_elsewhere=True).order_by("asked_at", "pk")

    def waiting_for(self, user):
        """What `user` is asked to read and has not answered."""
        return self.current().filter(
            reviewer=user.pk, status=Review.Status.ASKED, retro__status=Retrospective.Status.IN_REVIEW
        )

    def approving(self, retro):
        """The approvals of this very text by somebody who does not lead it."""
        approved = self.current().filter(retro=retro, status=Review.Status.APPROVED)
        return approved.filter(fingerprint=retro.fingerprint()).exclude(reviewer=retro.facilitator_id)

    def end(self, at=None) -> int:
        """They do not count any more; what was said stays, here and in the history."""
        ended = 0
        for review in self.current():
            review.ended_at = at or timezone.now()
            review.save()
            ended += 1
        return ended


def _is_reviewer(review, user) -> bool:
    """Nobody decides for somebody else; who may not sign in any more decides nothing."""
    return user.is_active and review.reviewer_id is not None and review.reviewer_id == user.pk


def _may_withdraw(review, user) -> bool:
    return user.is_active and (_is_reviewer(review, user) or user.has_perm(FACILITATE))


class Review(VersionedModel):
    """Somebody is asked to read a retro, and says whether it may be published."""

    class Status(models.TextChoices):
        ASKED = "asked", "Asked"
        APPROVED = "approved", "Approved"
        CHANGES_REQUESTED = "changes_requested", "Asks for changes"
        WITHDRAWN = "withdrawn", "Withdrawn"

    DECIDED = (Status.APPROVED, Status.CHANGES_REQUESTED)

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="retro_reviews"
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.ASKED, editable=False)
    asked_at = models.DateTimeField("asked", default=timezone.now, editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    decided_at = models.DateTimeField("decided", null=True, editable=False)
    words = Prose("what they say", max_length=5_000, editable=False)
    # Of the text that was read, so that a text that was changed and changed back is approved all the same.
    fingerprint = models.CharField("text read", max_length=64, default="", editable=False)
    ended_at = models.DateTimeField("no longer counts since", null=True, editable=False)
    # Brought by an import from where it still counted. What is published here was approved here.
    counts_elsewhere = models.BooleanField(default=False, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["retro", "reviewer"],
                condition=Q(ended_at=None),
                name="one_review_per_person",
                violation_error_message="They are asked already.",
            ),
            models.CheckConstraint(
                name="review_decided_with_moment",
                condition=Q(status__in=["asked", "withdrawn"], decided_at=None, fingerprint="")
                | (
                    Q(status__in=["approved", "changes_requested"], decided_at__isnull=False)
                    & ~Q(fingerprint="")
                ),
            ),
            models.CheckConstraint(
                name="review_counts_in_one_place",
                condition=Q(counts_elsewhere=False) | Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self):
        return f"Review of {self.retro} by {self.reviewer}"

    @property
    def is_open(self) -> bool:
        """Whether it is still to be answered."""
        return self.status == self.Status.ASKED and self.ended_at is None

    def get_absolute_url(self):
        return self.retro.get_review_url()

    def _decide(self, status, words, text, at):
        self._refuse_unless_in_review()
        read = self.retro.fingerprint()
        if text and text != read:
            raise ValidationError(
                "The text has changed since you opened it: read what is new, then say so again.",
                code="changed",
            )
        self.status = status
        self.words = words
        self.fingerprint = read
        self.decided_at = at or timezone.now()

    def _refuse_unless_in_review(self):
        # Not locked: who approves does not wait for whoever writes. A decision in the very moment of
        # publishing is kept, and changes nothing.
        self.retro.refresh_from_db()
        if self.ended_at is not None:
            raise WrongState("This review does not count any more: somebody asked anew, or it was reopened.")
        if self.retro.status != IN_REVIEW:
            state = self.retro.get_status_display().lower()
            raise WrongState(f"{self.retro} is {state}: it is reviewed while it is in review.")

    # --- Verbs

    @verb(
        "Approve",
        Status.ASKED,
        Status.CHANGES_REQUESTED,
        Status.APPROVED,
        permission=_is_reviewer,
        form="retros.forms.Approval",
    )
    def approve(self, *, by, words="", text="", reason="", at=None):
        """It may be published as it is. `text` is the fingerprint of what was read, if it is to be checked."""
        if self.status == self.Status.APPROVED and self.fingerprint == self.retro.fingerprint():
            raise WrongState(f"{self.reviewer} has approved this text already.")
        self._decide(self.Status.APPROVED, words, text, at)

    @verb(
        "Request changes",
        Status.ASKED,
        Status.APPROVED,
        permission=_is_reviewer,
        form="retros.forms.RequestChanges",
    )
    def request_changes(self, *, by, words, text="", reason="", at=None):
        """Something should be different before everybody reads it."""
        if not words.strip():
            raise ValidationError({"words": "Say what should be different."}, code="required")
        self._decide(self.Status.CHANGES_REQUESTED, words, text, at)

    @verb("Withdraw", Status.ASKED, permission=_may_withdraw, form="config.forms.Reason", is_grave=True)
    def withdraw(self, *, by, reason):
        """They need not read it, and why."""
        self._refuse_unless_in_review()
        self.status = self.Status.WITHDRAWN


# --- Comments ----------------------------------------------------------------------------------------------


def _may_settle(comment, user) -> bool:
    """Whoever said it, and whoever may lead retrospectives."""
    if not user.is_active or comment.author_id is None:
        return False
    return comment.author_id == user.pk or user.has_perm(FACILITATE)


class CommentQuerySet(OfVisibleRetro):
    """Comments, by what a reader asks for."""

    def open(self):
        """What is still to be settled; answers are part of what they answer."""
        return self.filter(status=Comment.Status.OPEN, parent=None)


class Comment(VersionedModel):
    """Somebody says something of a section, or of the whole; others answer it, until it is settled."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="comments")
    section = models.ForeignKey(
        Section,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="comments",
        help_text="Without one, it is about the whole.",
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replies",
        verbose_name="answers",
    )
    text = Prose(max_length=5_000, blank=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="retro_comments", editable=False
    )
    written_at = models.DateTimeField("written", default=timezone.now, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN, editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["written_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="comment_resolved_with_moment",
                condition=Q(status="open", resolved_at=None, resolved_by=None)
                | Q(status="resolved", resolved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="comment_answer_stays_open",
                condition=Q(parent=None) | Q(status="open"),
            ),
        ]

    def __str__(self):
        return f"{self.author}: {self.text[:80]}"

    def get_absolute_url(self):
        return f"{self.retro.get_review_url()}#comment-{self.parent_id or self.pk}"

    def clean(self):
        if not self.text.strip():
            raise ValidationError({"text": "Say something."})
        if self.section_id and self.section.retro_id != self.retro_id:
            raise ValidationError({"section": "That section belongs to another retrospective."})
        if self.parent_id is None:
            return
        if self.parent.retro_id != self.retro_id:
            raise ValidationError({"parent": "That comment belongs to another retrospective."})
        if self.parent.parent_id:
            raise ValidationError({"parent": "Answer the comment itself: answers are one level deep."})

    def _refuse_if_locked(self):
        if self.parent_id:
            raise WrongState("This is an answer: settle the comment it answers.")
        Retrospective.objects.get(pk=self.retro_id).refuse_edit()

    # --- Verbs

    @verb("Resolve", Status.OPEN, permission=_may_settle, form="config.forms.OptionalReason")
    def resolve(self, *, by, reason=""):
        """It is settled."""
        self._refuse_if_locked()
        self.status = self.Status.RESOLVED
        self.resolved_at = timezone.now()
        self.resolved_by = by

    @verb("Reopen", Status.RESOLVED, permission=_may_settle, form="config.forms.OptionalReason")
    def reopen(self, *, by, reason=""):
        """It is not settled after all."""
        self._refuse_if_locked()
        self.status = self.Status.OPEN
        self.resolved_at = self.resolved_by = None


# --- How far somebody has read -----------------------------------------------------------------------------


class ReadMark(models.Model):
    """Up to where somebody has read a retro, so that the next time they see what is new.

    Not tracked: what somebody thinks of a text is a review, which is; when they read it is theirs alone.
    """

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="read_marks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="read_marks")
    read_at = models.DateTimeField(default=timezone.now)
    # The number of the history row of each part as it was read: exact, whatever the clock does.
    seen = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["retro", "user"], name="one_read_mark_per_person")]

    def __str__(self):
        return f"{self.user} has read {self.retro}"
