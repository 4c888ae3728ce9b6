"""Whether a done item worked: asked of somebody else than its owner, when it can be seen."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from actions.models.item import MANAGE, ActionItem
from config.audit.models import VersionedModel
from config.fields import Prose
from config.reminding.models import Remindable, to_remind
from config.transitions import transition, verb
from incidents.models import Incident


def _may_say(check, user) -> bool:
    """Whoever is asked, or manages items; never the owner, who cannot judge their own work."""
    return _may_manage(check, user) or check.asked_of_id == user.pk != check.item.owner_id


def _may_manage(check, user) -> bool:
    """Whoever manages items, but for the owner."""
    return user.pk != check.item.owner_id and user.has_perm(MANAGE)


class CheckQuerySet(models.QuerySet):
    """Checks, by what a reader asks for."""

    def open(self):
        """Not answered yet."""
        return self.filter(status=EffectivenessCheck.Status.ASKED)

    def waiting_for(self, user, at=None):
        """What `user` is to answer by now; for who manages items, also what nobody else was asked."""
        nobody = Q(asked_of=None) if user.has_perm(MANAGE) else Q(pk__in=[])
        mine = self.open().filter(Q(asked_of=user.pk) | nobody, due_on__lte=user.today(at))
        return mine.exclude(item__owner=user.pk)

    def visible_to(self, user):
        """Those of items that `user` may see, and those they are asked themselves."""
        items = ActionItem.objects.all()
        seen = items.visible_to(user)
        return self if seen is items else self.filter(Q(item__in=seen) | Q(asked_of=user.pk))


class EffectivenessCheck(Remindable, VersionedModel):
    """The question whether a done item worked, on its day or because it happened again."""

    class Status(models.TextChoices):
        ASKED = "asked", "Asked"
        EFFECTIVE = "effective", "It worked"
        PARTLY = "partly", "It worked in part"
        NOT_EFFECTIVE = "not_effective", "It did not work"
        WITHDRAWN = "withdrawn", "Withdrawn"

    ANSWERS = (Status.EFFECTIVE, Status.PARTLY, Status.NOT_EFFECTIVE)

    item = models.ForeignKey(ActionItem, on_delete=models.CASCADE, related_name="checks")
    # Of which completion, so that an item that was reopened and done again is asked about again.
    done_at = models.DateTimeField(editable=False)
    incident = models.ForeignKey(
        Incident,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="recurrence_checks",
        editable=False,
        help_text="The later incident that made us ask.",
    )
    asked_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="checks"
    )
    due_on = models.DateField("due")
    status = models.CharField(max_length=16, choices=Status, default=Status.ASKED, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    answered_at = models.DateTimeField(null=True, editable=False)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    note = Prose("what we see", max_length=5_000, editable=False)

    objects = CheckQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        indexes = [to_remind()]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "done_at"], condition=Q(incident=None), name="one_check_per_completion"
            ),
            models.UniqueConstraint(
                fields=["item", "incident"],
                condition=Q(incident__isnull=False),
                name="one_check_per_item_and_incident",
            ),
            models.CheckConstraint(
                name="check_answered_with_moment",
                condition=Q(status__in=["asked", "withdrawn"], answered_at=None, answered_by=None)
                | Q(status__in=["effective", "partly", "not_effective"], answered_at__isnull=False),
            ),
        ]

    def __str__(self):
        return f"Did {self.item} work?"

    @property
    def is_open(self) -> bool:
        """Whether it is still to be answered."""
        return self.status == self.Status.ASKED

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("admin:actions_effectivenesscheck_change", args=[self.pk])

    def clean(self):
        if self.is_open and self.asked_of_id and self.asked_of_id == self.item.owner_id:
            raise ValidationError({"asked_of": "Its owner cannot say whether it worked: ask somebody else."})

    def _reopen_item(self, note):
        # By Aftercare, for whoever is asked need not manage items; the history names them all the same.
        why = f"did not work: {note}"
        with transition(self.item, ActionItem.Status.DONE, by=None, reason=why):
            self.item.open_again()
            self.item.due_on = None  # it has passed; its owner is asked for a new one
        for other in self.item.checks.open().exclude(pk=self.pk):
            other.withdraw(by=None, reason=why)

    # --- Verbs

    @verb("Answer", Status.ASKED, permission=_may_say, form="actions.forms.Answer")
    def answer(self, *, by, result, note="", reason="", at=None):
        """Say whether it worked: `result` is one of ANSWERS. If it did not, the item is open again."""
        if result not in self.ANSWERS:
            raise ValidationError({"result": "Say whether it worked, worked in part, or did not work."})
        if result != self.Status.EFFECTIVE and not note.strip():
            raise ValidationError({"note": "Say what you see."})
        self.status = result
        self.note = note
        self.answered_at = at or timezone.now()
        self.answered_by = by
        if result == self.Status.NOT_EFFECTIVE:
            self._reopen_item(note)

    @verb("Ask somebody else", Status.ASKED, permission=_may_say, form="actions.forms.AskSomebody")
    def ask(self, *, by, person, reason=""):
        """Somebody else can tell better whether it worked; the owner cannot."""
        if not person.is_active:
            raise ValidationError({"person": f"{person} does not work here any more."})
        if person.pk == self.item.owner_id:
            raise ValidationError({"person": f"{person} owns it and cannot say whether it worked."})
        if person.pk == self.asked_of_id:
            raise ValidationError({"person": f"{person} is asked already."})
        self.asked_of = person

    @verb("Withdraw", Status.ASKED, permission=_may_manage, form="config.forms.Reason", is_grave=True)
    def withdraw(self, *, by, reason):
        """There is nothing to ask any more, and why."""
        self.status = self.Status.WITHDRAWN
