"""How those who were there saw it, in their own words, told before the meeting."""

import re

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.transitions import NotPermitted, WrongState, signed, verb
from retros.models.retrospective import FACILITATE, Participant, Retrospective
from retros.models.template import Topic

FEWEST, MOST = 3, 5  # questions: fewer say little, more are not answered
LATE_FOR = 14  # days after the day asked for, in which a late answer is still welcome
_ACCUSES = re.compile(r"\W*(why|who|whose|whom)\b", re.IGNORECASE)


def validate_how_or_what(text) -> None:
    """Refuse a question that asks for a justification or a person."""
    if match := _ACCUSES.match(text):
        raise ValidationError(
            f"“{match[1].capitalize()}” invites people to defend themselves. Ask “how” or “what”: "
            "“What made that the sensible thing to do?”",
            code="accuses",
        )


class Question(VersionedModel):
    """One question of the bank, for those who wear certain hats."""

    text = Line(max_length=300, validators=[validate_how_or_what], help_text="Begin with how or what.")
    topic = models.CharField("about", max_length=16, choices=Topic, default=Topic.OTHER)
    for_on_call = models.BooleanField("on call", default=True)
    for_product = models.BooleanField("product", default=True)
    for_support = models.BooleanField("support", default=True)
    for_customer = models.BooleanField("customers", default=False, help_text="In words customers use.")
    position = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField("in use", default=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["text"], name="question_asked_in_one_way")]

    def __str__(self):
        return self.text

    def is_for(self, hat) -> bool:
        """Whether it is meant for people who wear this hat."""
        return getattr(self, f"for_{hat}")


class PerspectiveQuerySet(models.QuerySet):
    """Invitations, by what a reader or a sweep asks for."""

    def answered(self):
        """Those that were sent in."""
        return self.filter(status=Perspective.Status.ANSWERED)

    def waiting(self):
        """Asked and not answered yet, while an answer can still be given."""
        return self.filter(status=Perspective.Status.INVITED, retro__status=Retrospective.Status.DRAFT)


class PerspectiveManager(models.Manager.from_queryset(PerspectiveQuerySet)):
    """Where invitations begin."""

    def invite(self, retro, participants, questions, *, by, due_on, text, at=None):
        """Ask each of `participants` these questions, by a link of their own; returns the invitations."""
        if by is not None and not by.has_perm(FACILITATE):
            raise NotPermitted(f"{by} may not ask for perspectives.")
        with transaction.atomic(), signed(by):
            retro.refresh_from_db(from_queryset=Retrospective._base_manager.select_for_update(of=("self",)))
            _refuse_invitations(retro, participants, questions)
            return [self._ask(retro, one, questions, due_on=due_on, text=text, at=at) for one in participants]

    def _ask(self, retro, participant, questions, *, due_on, text, at):
        row = self.model(
            retro=retro,
            participant=participant,
            text=text,
            due_on=due_on,
            invited_at=at or timezone.now(),
        )
        row.full_clean()
        row.save()
        for position, question in enumerate(questions, start=1):
            row.answers.create(
                question=question, asked=question.text, topic=question.topic, position=position
            )
        row.tell()
        return row


def _refuse_invitations(retro, participants, questions) -> None:
    if retro.status != Retrospective.Status.DRAFT:
        raise WrongState(f"{retro} is {retro.get_status_display().lower()}: it is too late for perspectives.")
    if not FEWEST <= len(questions) <= MOST:
        raise ValidationError({"questions": f"Choose {FEWEST} to {MOST} questions."})
    for one in participants:
        if one.retro_id != retro.pk:
            raise ValidationError({"participants": f"{one} does not take part in this retrospective."})
        if not one.address:
            raise ValidationError({"participants": f"There is no e-mail address of {one}."})
        if one.perspectives.exclude(status=Perspective.Status.WITHDRAWN).exists():
            raise ValidationError({"participants": f"{one} has been asked already."})


def _is_theirs(row, user) -> bool:
    return row.participant.user_id is not None and row.participant.user_id == user.pk


class Perspective(VersionedModel):
    """Somebody is asked how they saw it; they answer in their own words, or do not."""

    class Status(models.TextChoices):
        INVITED = "invited", "Invited"
        ANSWERED = "answered", "Answered"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    OPEN = (Status.INVITED, Status.ANSWERED, Status.DECLINED)

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="perspectives")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="perspectives")
    status = models.CharField(max_length=12, choices=Status, default=Status.INVITED, editable=False)
    text = Prose("invitation", max_length=2_000, blank=False)
    due_on = models.DateField("by which day")
    # Until they say otherwise nobody is named.
    is_attributed = models.BooleanField("with the name", default=False)
    invited_at = models.DateTimeField(default=timezone.now, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PerspectiveManager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant"], condition=~Q(status="withdrawn"), name="asked_once_per_participant"
            ),
            models.CheckConstraint(
                name="perspective_answered_with_moment",
                condition=Q(status="answered", answered_at__isnull=False)
                | (~Q(status="answered") & Q(answered_at=None)),
            ),
        ]

    def __str__(self):
        return f"Perspective {self.pk}"  # never who: it may be unattributed

    @property
    def is_open(self) -> bool:
        """Whether something can still be answered, as far as the invitation goes."""
        return self.status in self.OPEN

    @property
    def speaker(self) -> str:
        """Who is named beside the answers: the person, or only the side they saw it from."""
        return str(self.participant) if self.is_attributed else self.side

    @property
    def side(self) -> str:
        """From which side they saw it, in words that name nobody."""
        hat = Participant.Hat
        sides = {hat.CUSTOMER: "a customer", hat.ON_CALL: "somebody on call"}
        return sides.get(self.participant.hat, f"somebody from {self.participant.get_hat_display().lower()}")

    def refuse_answers(self):
        """Raise WrongState once others read the retro: what they review stays as it is."""
        retro = Retrospective._base_manager.select_for_update(of=("self",)).get(pk=self.retro_id)
        if retro.status != Retrospective.Status.DRAFT:
            raise WrongState("The review has begun, so answers stay as they are.")

    def tell(self):
        """Queue the invitation, in the transaction of whoever invites."""
        from retros.emails import queue_invitation

        queue_invitation(self)

    def _keep(self, is_attributed, texts):
        self.refuse_answers()
        if is_attributed is not None:
            self.is_attributed = is_attributed
        for answer in self.answers.all():
            text = texts.get(answer.name)
            if text is not None and text != answer.text:
                answer.text = text
                answer.full_clean()
                answer.save()

    # --- Verbs

    @verb("Save for later", *OPEN, permission=_is_theirs, form="retros.perspective_forms.Answering")
    def write(self, *, by, reason="", is_attributed=None, **texts):
        """They write, and nobody reads it before they send it in."""
        self._keep(is_attributed, texts)

    @verb("Send in", *OPEN, permission=_is_theirs, form="retros.perspective_forms.Answering")
    def submit(self, *, by, reason="", is_attributed=None, at=None, **texts):
        """They have told how they saw it; until the review begins they can still change it."""
        self._keep(is_attributed, texts)
        if not any(answer.text.strip() for answer in self.answers.all()):
            raise ValidationError("Answer at least one of the questions.", code="empty")
        self.answered_at = self.answered_at or at or timezone.now()
        self.status = self.Status.ANSWERED

    @verb("Rather not", Status.INVITED, Status.ANSWERED, permission=_is_theirs)
    def decline(self, *, by, reason=""):
        """They would rather not answer, which needs no reason; what they wrote is shown to nobody."""
        self.refuse_answers()
        self.status = self.Status.DECLINED
        self.answered_at = None

    @verb("Withdraw the invitation", *OPEN, permission=FACILITATE, form="config.forms.OptionalReason")
    def withdraw(self, *, by, reason=""):
        """It need not be answered any more; their link says so."""
        self.retro.refuse_edit()
        self.status = self.Status.WITHDRAWN
        self.answered_at = None


class Answer(TrackedModel):
    """What somebody said to one question, which is kept as it was asked."""

    perspective = models.ForeignKey(Perspective, on_delete=models.CASCADE, related_name="answers")
    question = models.ForeignKey(
        Question, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    position = models.PositiveIntegerField(editable=False)
    asked = Line(max_length=300, editable=False)
    topic = models.CharField(max_length=16, choices=Topic, default=Topic.OTHER, editable=False)
    text = Prose(max_length=5_000)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["perspective", "position"], name="question_once_per_perspective")
        ]

    def __str__(self):
        return self.asked

    @property
    def name(self) -> str:
        """What its field is called where it is answered."""
        return f"answer_{self.position}"

    @property
    def mark(self) -> str:
        """What names it in addresses: its number would tell who wrote it to whoever knows who was asked when."""
        return salted_hmac("aftercare.answer", str(self.pk)).hexdigest()[:20]
