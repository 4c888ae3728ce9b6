"""Improvement actions: what we do so that customers do not go through it again."""

from datetime import UTC, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from actions.checks import when_to_ask, whom_to_ask
from actions.models.policy import ReminderPolicy
from config.audit.actor import MAIL_LINK
from config.audit.models import StaleVersion, VersionedModel
from config.fields import Line, Prose
from config.reminding.models import Remindable, to_remind
from config.transitions import WrongState, transition, verb
from retros.models import Finding, Retrospective

MANAGE = "actions.manage_actionitem"
MOST_SNOOZES = 3  # until it has a new due day
LONGEST_SNOOZE, LONGEST_BLOCK = timedelta(days=7), timedelta(days=30)
# What answers change, so what an undo puts back.
ANSWERED = (
    *("status", "ended_at", "ended_by_id", "evidence", "drop_reason", "owner_id", "due_on"),
    *(
        "promised_on",
        "slips",
        "snoozed_until",
        "snoozes",
        "waits_for",
        "offered_to_id",
        "offered_at",
        "offered_by_id",
        "offer_note",
    ),
)


def _may_answer(item, user) -> bool:
    """Owners answer for their own items; whoever manages actions answers for all."""
    if user.has_perm(MANAGE):
        return True
    return item.owner_id == user.pk and user.has_perm("actions.change_actionitem")


def _may_take(item, user) -> bool:
    """Whoever it was offered to says whether they take it."""
    return item.offered_to_id is not None and item.offered_to_id == user.pk


class ActionItemQuerySet(models.QuerySet):
    """Action items, by what a reader asks for."""

    def open(self):
        """Neither done nor dropped."""
        return self.filter(status__in=ActionItem.OPEN)

    def overdue(self, at=None):
        """Open at `at` though due before that day (UTC; an owner's own day decides about reminders)."""
        at = at or timezone.now()
        still_open = Q(ended_at=None) | Q(ended_at__gt=at)
        return self.filter(still_open, due_on__lt=at.astimezone(UTC).date())

    def open_for(self, user):
        """What `user` has still to do, the most urgent first."""
        return self.open().filter(owner=user).order_by("due_on", "pk")

    def offered_to(self, user):
        """What somebody else would like `user` to take over."""
        return self.open().filter(offered_to=user)

    def visible_to(self, user):
        """What `user` may see: no item of a retro that is hidden from them, but always their own."""
        if user.has_perm("incidents.view_restricted_incident"):
            return self
        seen = Retrospective.objects.filter(pk=OuterRef("retro")).visible_to(user)
        return self.filter(Q(retro=None) | Exists(seen) | Q(owner=user.pk) | Q(offered_to=user.pk))


class ActionItem(Remindable, VersionedModel):
    """One improvement, with an owner and a day."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        IN_PROGRESS = "in_progress", "In progress"
        DONE = "done", "Done"
        DROPPED = "dropped", "Dropped"

    class Kind(models.TextChoices):
        PREVENT = "prevent", "Prevent"
        DETECT = "detect", "Detect"
        MITIGATE = "mitigate", "Mitigate"
        COMMUNICATE = "communicate", "Communicate"
        PROCESS = "process", "Process"
        PLAYBOOK = "playbook", "Playbook"
        RUNBOOK = "runbook", "Runbook"
        MONITORING = "monitoring", "Monitoring"
        ALERT_ROUTING = "alert_routing", "Alert routing"
        ESCALATION = "escalation", "Escalation"
        TRAINING = "training", "Training"

    class Priority(models.IntegerChoices):
        URGENT = 1, "Urgent"
        HIGH = 2, "High"
        NORMAL = 3, "Normal"
        LOW = 4, "Low"

    OPEN = (Status.OPEN, Status.IN_PROGRESS)
    ENDED = (Status.DONE, Status.DROPPED)

    title = Line(max_length=255)
    why = Prose("why it matters to customers", max_length=5_000, blank=False)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PREVENT)
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL)
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="action_items"
    )
    due_on = models.DateField("due", null=True, blank=True)
    retro = models.ForeignKey(
        Retrospective, null=True, blank=True, on_delete=models.PROTECT, related_name="action_items"
    )
    finding = models.ForeignKey(
        Finding, null=True, blank=True, on_delete=models.SET_NULL, related_name="action_items"
    )
    external_url = models.URLField("link in another tracker", max_length=1_000, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    evidence = Prose("what shows that it is done", max_length=5_000, editable=False)
    drop_reason = Prose(max_length=5_000, editable=False)

    success_measure = Prose("how we will know that it worked", max_length=2_000)
    check_on = models.DateField(
        "look whether it worked on",
        null=True,
        blank=True,
        help_text="Left empty: 30, 60 or 90 days after it is done, as the reminder policy says.",
    )

    # What was promised, and how often it slipped: counted openly.
    promised_on = models.DateField("first promised for", null=True, editable=False)
    slips = models.PositiveSmallIntegerField("times it slipped", default=0, editable=False)
    snoozed_until = models.DateField(null=True, editable=False)
    snoozes = models.PositiveSmallIntegerField(default=0, editable=False)
    waits_for = Line("blocked by", max_length=500, blank=True, default="", editable=False)
    offered_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="offered_items",
        editable=False,
    )
    offered_at = models.DateTimeField(null=True, editable=False)
    offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    offer_note = Prose("what the other should know", max_length=2_000, editable=False)

    objects = ActionItemQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        permissions = [("manage_actionitem", "Can answer for other people's action items")]
        indexes = [
            to_remind(),
            models.Index(
                fields=["due_on", "id"], name="item_open_due", condition=Q(status__in=["open", "in_progress"])
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="item_ended_with_moment",
                condition=Q(status__in=["done", "dropped"], ended_at__isnull=False)
                | (~Q(status__in=["done", "dropped"]) & Q(ended_at=None, ended_by=None)),
            ),
            models.CheckConstraint(
                name="item_dropped_with_reason",
                condition=(Q(status="dropped") & ~Q(drop_reason=""))
                | (~Q(status="dropped") & Q(drop_reason="")),
            ),
            models.CheckConstraint(
                name="item_evidence_when_done", condition=Q(status="done") | Q(evidence="")
            ),
            models.CheckConstraint(
                name="item_offered_whole",
                condition=Q(offered_to=None, offered_at=None, offered_by=None, offer_note="")
                | Q(offered_to__isnull=False, offered_at__isnull=False, offered_by__isnull=False),
            ),
            models.CheckConstraint(
                name="item_waits_until_a_day",
                condition=Q(waits_for="") | Q(snoozed_until__isnull=False),
            ),
        ]

    def __str__(self):
        return f"{self.reference} {self.title}" if self.pk else self.title

    @property
    def reference(self) -> str:
        """How people name it: ACT-0007."""
        return f"ACT-{self.pk:04d}" if self.pk else "ACT-new"

    @property
    def is_open(self) -> bool:
        """Whether it has still to be done."""
        return self.status in self.OPEN

    def is_overdue(self, at=None) -> bool:
        """Whether the owner's day is past the due day; without an owner, UTC's day."""
        if not self.is_open or self.due_on is None:
            return False
        at = at or timezone.now()
        today = self.owner.today(at) if self.owner else at.astimezone(UTC).date()
        return self.due_on < today

    def can_be_edited_by(self, user) -> bool:
        """Whether `user` answers for it: its owner, or whoever manages action items."""
        return _may_answer(self, user)

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("admin:actions_actionitem_change", args=[self.pk])

    def clean(self):
        if self.finding_id and self.finding.retro_id != self.retro_id:
            raise ValidationError({"finding": "This finding belongs to another retrospective."})
        for name in ("due_on", "check_on"):
            day = getattr(self, name)
            if day and not 2000 <= day.year < 2200:
                raise ValidationError({name: "That is not a day anybody means."})

    def save(self, *args, update_fields=None, **kwargs):
        if self.promised_on is None and self.due_on is not None:
            self.promised_on = self.due_on
            update_fields = update_fields and {*update_fields, "promised_on"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def policy(self):
        """The reminder policy that it is chased by."""
        return ReminderPolicy.objects.choose(self.priority, self.severity_rank())

    def severity_rank(self) -> int | None:
        """The worst severity among the incidents it comes from, 1 is worst; None without one."""
        return self.retro and self.retro.incidents.aggregate(worst=models.Min("severity__rank"))["worst"]

    def _end(self, status, by, at):
        self.status = status
        self.ended_at = at or timezone.now()
        self.ended_by = by
        self._withdraw_offer()
        self._wake()

    def _ask_whether_it_worked(self):
        person = whom_to_ask(self)
        day = when_to_ask(self.check_on, self.ended_at, self.policy().check_after, person)
        self.checks.create(done_at=self.ended_at, created_at=self.ended_at, asked_of=person, due_on=day)

    def open_again(self):
        """Take back its end; only within a transition."""
        self.status = self.Status.OPEN
        self.ended_at = self.ended_by = None
        self.evidence = self.drop_reason = ""

    def _wake(self):
        self.snoozed_until, self.snoozes, self.waits_for = None, 0, ""

    def _withdraw_offer(self):
        self.offered_to = self.offered_at = self.offered_by = None
        self.offer_note = ""

    def _wait_until(self, day, longest):
        today = self.owner.today() if self.owner else timezone.now().date()
        if not today < day <= today + longest:
            last = today + longest
            raise ValidationError({"until": f"Choose a day from tomorrow to {last:%d %B %Y}."})
        self.snoozed_until = day

    # --- Verbs

    @verb("Complete", *OPEN, permission=_may_answer, form="actions.forms.Complete")
    def complete(self, *, by, evidence="", reason="", at=None):
        """It is done; `evidence`, a link or a sentence, says what shows it."""
        if not evidence.strip():
            raise ValidationError({"evidence": "Say what shows that it is done: a link or a sentence."})
        self._end(self.Status.DONE, by, at)
        self.evidence = evidence
        self._ask_whether_it_worked()

    @verb("Start", Status.OPEN, permission=_may_answer)
    def start(self, *, by, reason=""):
        """The owner is working on it."""
        self.status = self.Status.IN_PROGRESS

    @verb("New date", *OPEN, permission=_may_answer, form="actions.forms.Postpone")
    def postpone(self, *, by, due_on, reason=""):
        """It takes until a later day; from the second time on, and why."""
        if self.due_on and due_on <= self.due_on:
            raise ValidationError({"due_on": f"Choose a day after {self.due_on:%d %B %Y}."})
        if self.slips and not reason.strip():
            raise ValidationError({"reason": "It slipped before: say why it takes longer."})
        self.slips += self.due_on is not None
        self.due_on = due_on
        self._wake()

    @verb("Hand over", *OPEN, permission=_may_answer, form="actions.forms.HandOver")
    def hand_over(self, *, by, to, note="", reason="", at=None):
        """Ask somebody else to take it. Until they accept it stays where it is."""
        if not to.is_active:
            raise ValidationError({"to": f"{to} does not work here any more."})
        if to.pk == self.owner_id:
            raise ValidationError({"to": f"{to} owns it already."})
        if to.pk == self.offered_to_id:
            raise WrongState(f"{self} is offered to {to} already.")
        self.offered_to, self.offered_by = to, by or self.owner
        self.offered_at = at or timezone.now()
        self.offer_note = note
        _emails().tell_of_offer(self)

    @verb("Accept", *OPEN, permission=_may_take, form="config.forms.OptionalReason")
    def accept(self, *, by, reason=""):
        """Whoever was asked takes it: it is theirs from now on."""
        _emails().tell_of_answer(self, "accepted", by=by, reason=reason)
        self.owner = self.offered_to
        self._withdraw_offer()
        self._wake()

    @verb("Decline", *OPEN, permission=_may_take, form="config.forms.Reason")
    def decline(self, *, by, reason):
        """Whoever was asked does not take it, and says why: it stays with its owner."""
        _emails().tell_of_answer(self, "declined", by=by, reason=reason)
        self._withdraw_offer()

    @verb("Keep", *OPEN, permission=_may_answer, form="config.forms.OptionalReason")
    def keep(self, *, by, reason=""):
        """Take an offer back: it stays with its owner."""
        if self.offered_to is None:
            raise WrongState(f"{self} is not offered to anybody.")
        _emails().tell_of_keeping(self, by=by, reason=reason)
        self._withdraw_offer()

    @verb("Snooze", *OPEN, permission=_may_answer, form="actions.forms.Snooze")
    def snooze(self, *, by, until, reason=""):
        """No reminder before that day; the due day stays, and so does what follows from missing it."""
        if self.snoozes >= MOST_SNOOZES:
            raise ValidationError(f"It was snoozed {MOST_SNOOZES} times already: choose a new date instead.")
        if until == self.snoozed_until:
            raise WrongState(f"{self} is quiet until then already.")  # a double click counts once
        self._wait_until(until, LONGEST_SNOOZE)
        self.snoozes += 1

    @verb("Blocked by…", *OPEN, permission=_may_answer, form="actions.forms.Block")
    def block(self, *, by, waits_for, until, reason=""):
        """It waits for somebody or something; on the day we look again. Who led the retro is told."""
        if not waits_for.strip():
            raise ValidationError({"waits_for": "Say what it waits for."})
        if (waits_for, until) == (self.waits_for, self.snoozed_until):
            raise WrongState(f"{self} waits for that until then already.")
        self._wait_until(until, LONGEST_BLOCK)
        self.waits_for = waits_for
        _emails().tell_who_led(self, "blocked", by=by, reason=reason)

    @verb("Unblock", *OPEN, permission=_may_answer)
    def unblock(self, *, by, reason=""):
        """What it waited for is there."""
        if not self.waits_for:
            raise WrongState(f"{self} does not wait for anything.")
        self._wake()

    @verb("Reassign", *OPEN, permission=MANAGE, form="actions.forms.Reassign")
    def reassign(self, *, by, owner, reason=""):
        """Somebody else does it, as decided by whoever manages actions."""
        if not owner.is_active:
            raise ValidationError({"owner": f"{owner} does not work here any more."})
        if owner.pk == self.owner_id:
            raise ValidationError({"owner": f"{owner} owns it already."})
        self.owner = owner
        self._withdraw_offer()
        self._wake()

    @verb("Not doing", *OPEN, permission=_may_answer, form="config.forms.Reason", is_grave=True)
    def drop(self, *, by, reason, at=None):
        """We decide against it, and say why. Who led the retro is told."""
        self._end(self.Status.DROPPED, by, at)
        self.drop_reason = reason
        _emails().tell_who_led(self, "dropped", by=by, reason=reason)

    @verb("Reopen", *ENDED, permission=_may_answer, form="config.forms.Reason", is_grave=True)
    def reopen(self, *, by, reason):
        """It was not done after all, or is wanted again. Nobody is asked any more whether it worked."""
        self.open_again()
        for check in self.checks.open():
            check.withdraw(by=None, reason=reason)

    def undo_answer(self, *, by, version, road=MAIL_LINK):
        """Take back what `by` has just answered by that road: all is as it was, if nothing has changed since.

        No verb, so no form or endpoint offers it: only the page that said what was done.
        """
        with transition(self, *self.Status.values, by=by, reason="undone", version=version):
            last, before = [*self.history.order_by("-history_id")[:2], None, None][:2]
            is_theirs = last is not None and last.history_user_id == by.pk
            if before is None or not is_theirs or last.history_actor_kind != road:
                raise StaleVersion(f"{self} was changed by somebody else meanwhile.")
            if self.offered_to_id and before.offered_at != self.offered_at:
                _emails().tell_of_keeping(self, by=by, reason="undone")
            for name in ANSWERED:
                setattr(self, name, getattr(before, name))
            for check in self.checks.open():
                check.withdraw(by=None, reason="undone")


def _emails():
    from actions import emails  # here, because what it says is read from items

    return emails
