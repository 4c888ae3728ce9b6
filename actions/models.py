"""Improvement actions: what we do so that customers do not go through it again."""

from datetime import UTC

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from actions.reminders import next_reminder
from config.audit.models import VersionedModel
from config.fields import Line, Prose
from config.transitions import verb
from retros.models import Finding, Retrospective


def _may_answer(item, user) -> bool:
    """Owners answer for their own items; whoever manages actions answers for all."""
    if user.has_perm("actions.manage_actionitem"):
        return True
    return item.owner_id == user.pk and user.has_perm("actions.change_actionitem")


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

    def wanting_reminder(self, at=None):
        """Open, owned and due for a reminder."""
        return self.open().filter(next_reminder_at__lte=at or timezone.now())

    def visible_to(self, user):
        """What `user` may see: no item of a retro that is hidden from them, but always their own."""
        if user.has_perm("incidents.view_restricted_incident"):
            return self
        seen = Retrospective.objects.filter(pk=OuterRef("retro")).visible_to(user)
        return self.filter(Q(retro=None) | Exists(seen) | Q(owner=user.pk))


class ActionItem(VersionedModel):
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

    untracked_fields = ("next_reminder_at",)

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
    next_reminder_at = models.DateTimeField(null=True, editable=False)

    objects = ActionItemQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        permissions = [("manage_actionitem", "Can answer for other people's action items")]
        indexes = [
            models.Index(
                fields=["next_reminder_at"],
                name="item_reminder",
                condition=Q(status__in=["open", "in_progress"]),
            ),
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
        if self.due_on and not 2000 <= self.due_on.year < 2200:
            raise ValidationError({"due_on": "That is not a day anybody means."})

    def save(self, *args, update_fields=None, **kwargs):
        # Whatever changed (owner, day, state), the next reminder follows in the same breath.
        self.next_reminder_at = next_reminder(self)
        if update_fields is not None:
            update_fields = {*update_fields, "next_reminder_at"}
        super().save(*args, update_fields=update_fields, **kwargs)

    # --- Verbs

    @verb("Start", Status.OPEN, permission=_may_answer)
    def start(self, *, by, reason=""):
        """The owner is working on it."""
        self.status = self.Status.IN_PROGRESS

    @verb("Complete", *OPEN, permission=_may_answer, form="actions.forms.Complete")
    def complete(self, *, by, evidence="", reason="", at=None):
        """It is done; `evidence` says what shows it."""
        self.status = self.Status.DONE
        self.ended_at = at or timezone.now()
        self.ended_by = by
        self.evidence = evidence

    @verb("Postpone", *OPEN, permission=_may_answer, form="actions.forms.Postpone")
    def postpone(self, *, by, due_on, reason):
        """It takes until a later day, and why."""
        if self.due_on and due_on <= self.due_on:
            raise ValidationError({"due_on": f"Choose a day after {self.due_on:%d %B %Y}."})
        self.due_on = due_on

    @verb("Reassign", *OPEN, permission=_may_answer, form="actions.forms.Reassign")
    def reassign(self, *, by, owner, reason=""):
        """Somebody else does it."""
        if not owner.is_active:
            raise ValidationError({"owner": f"{owner} does not work here any more."})
        if owner.pk == self.owner_id:
            raise ValidationError({"owner": f"{owner} owns it already."})
        self.owner = owner

    @verb("Drop", *OPEN, permission=_may_answer, form="config.forms.Reason", is_grave=True)
    def drop(self, *, by, reason, at=None):
        """We decide against it, and say why."""
        if not reason.strip():
            raise ValidationError({"reason": "Say why it is dropped."})
        self.status = self.Status.DROPPED
        self.ended_at = at or timezone.now()
        self.ended_by = by
        self.drop_reason = reason

    @verb("Reopen", *ENDED, permission=_may_answer, form="config.forms.Reason", is_grave=True)
    def reopen(self, *, by, reason):
        """It was not done after all, or is wanted again."""
        self.status = self.Status.OPEN
        self.ended_at = self.ended_by = None
        self.evidence = self.drop_reason = ""
