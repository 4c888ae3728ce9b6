"""The facilitator's checklist. What was done is asked of the retro, never ticked: see retros/checklist.py."""

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from config.audit.models import VersionedModel
from config.fields import Prose
from config.people.calendar import add_working_days
from config.transitions import verb


class StepKind(models.TextChoices):
    """What preparing a retro may ask for, in the order in which it is usually done."""

    TIMELINE = "timeline", "Timeline imported"
    MOMENTS = "moments", "Key moments marked"
    IMPACT = "impact", "Customer impact written"
    PERSPECTIVES = "perspectives", "Perspectives asked for"
    FACTORS = "factors", "Contributing factors named"
    FINDINGS = "findings", "Findings answered"
    ACTION = "action", "Action added, with owner and day"
    MEETING = "meeting", "Review scheduled"
    LEARNING = "learning", "Public learning previewed"
    REVIEW = "review", "Sent for review"
    PUBLISHED = "published", "Published"


class Who(models.TextChoices):
    """Whose a step is while nobody is named."""

    FACILITATOR = "facilitator", "The facilitator"
    SPONSOR = "sponsor", "The sponsor"


class StepRule(VersionedModel):
    """Which retros have this step, when it is due, and whose it is."""

    kind = models.CharField("step", max_length=16, choices=StepKind, unique=True)
    least_severe_rank = models.PositiveSmallIntegerField(
        "for severities up to rank",
        default=4,
        help_text="1 is the worst severity alone. Retros of what was less severe do without this step.",
    )
    within_days = models.PositiveSmallIntegerField(
        "due within (working days)",
        default=3,
        help_text="After the retro was opened; never later than the retro itself.",
    )
    who = models.CharField("whose it is", max_length=12, choices=Who, default=Who.FACILITATOR)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order on the checklist, lowest first.")

    class Meta:
        verbose_name = "rule of the checklist"
        verbose_name_plural = "rules of the checklist"
        ordering = ["position", "pk"]

    def __str__(self):
        return self.get_kind_display()


class StepQuerySet(models.QuerySet):
    """Steps, by what a reader asks for."""

    def planned(self):
        """Without those that somebody decided against."""
        return self.filter(status=Step.Status.PLANNED)


class StepManager(models.Manager.from_queryset(StepQuerySet)):
    """Where steps come from: the rules."""

    def plan(self, retro, kinds) -> list["Step"]:
        """Give `retro` the steps that its severity asks for and it has not, of those `kinds` that can be seen."""
        rank = retro.incident_links.aggregate(worst=models.Min("incident__severity__rank"))["worst"]
        rules = StepRule.objects.filter(kind__in=kinds).exclude(kind__in=retro.steps.values("kind"))
        if rank is not None:
            rules = rules.filter(least_severe_rank__gte=rank)
        return self.bulk_create(
            [_step(retro, rule) for rule in rules],
            ignore_conflicts=True,  # two sweeps at once: what one has planned the other need not
        )


def _step(retro, rule):
    due_on = min(add_working_days(retro.opened_at.date(), rule.within_days), retro.due_on)
    return Step(retro=retro, kind=rule.kind, who=rule.who, position=rule.position, due_on=due_on)


class Step(VersionedModel):
    """One step of one retro: planned, or left out for a reason. Whether it is done nobody stores."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        LEFT_OUT = "left_out", "Not doing"

    retro = models.ForeignKey("Retrospective", on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField("step", max_length=16, choices=StepKind, editable=False)
    status = models.CharField(max_length=12, choices=Status, default=Status.PLANNED, editable=False)
    who = models.CharField("whose it is", max_length=12, choices=Who, default=Who.FACILITATOR)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="retro_steps",
        help_text="Somebody in particular; else whoever leads, or sponsors, the retro.",
    )
    due_on = models.DateField("due")
    position = models.PositiveSmallIntegerField(default=0, editable=False)
    # Of what an import brought: a file tells that people were asked, and not whom.
    is_done_elsewhere = models.BooleanField(default=False, editable=False)
    left_out_because = Prose(max_length=2_000, editable=False)
    left_out_at = models.DateTimeField(null=True, blank=True, editable=False)
    left_out_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    objects = StepManager()

    class Meta:
        verbose_name = "step of a retrospective"
        verbose_name_plural = "steps of retrospectives"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["retro", "kind"], name="step_once_per_retro"),
            models.CheckConstraint(
                name="step_left_out_with_moment_and_reason",
                condition=Q(status="planned", left_out_at=None, left_out_by=None, left_out_because="")
                | (Q(status="left_out", left_out_at__isnull=False) & ~Q(left_out_because="")),
            ),
        ]

    def __str__(self):
        return self.get_kind_display()

    @property
    def responsible(self):
        """Who sees to it: somebody in particular, else whoever leads or sponsors the retro."""
        if self.owner:
            return self.owner
        return self.retro.sponsor if self.who == Who.SPONSOR else self.retro.facilitator

    @property
    def is_left_out(self) -> bool:
        """Whether somebody decided against it."""
        return self.status == self.Status.LEFT_OUT

    def refuse_edit(self):
        """Raise WrongState once the retro is published."""
        self.retro.refuse_edit()

    # --- Verbs

    @verb(
        "Not doing",
        Status.PLANNED,
        permission="retros.facilitate_retrospective",
        form="config.forms.Reason",
        is_grave=True,
    )
    def leave_out(self, *, by, reason, at=None):
        """This retro does without it, because…"""
        self.refuse_edit()
        self.status = self.Status.LEFT_OUT
        self.left_out_because, self.left_out_by = reason, by
        self.left_out_at = at or timezone.now()

    @verb("Do it after all", Status.LEFT_OUT, permission="retros.facilitate_retrospective")
    def take_up(self, *, by, reason=""):
        """It is a step of this retro again."""
        self.refuse_edit()
        self.status = self.Status.PLANNED
        self.left_out_because, self.left_out_by, self.left_out_at = "", None, None


def lacking_steps(retros, kinds):
    """Those of `retros` whose severity asks for a step that they have not."""
    from retros.models.retrospective import RetrospectiveIncident

    worst = RetrospectiveIncident.objects.filter(retro=OuterRef("pk")).order_by("incident__severity__rank")
    has = Step.objects.filter(retro=OuterRef(OuterRef("pk")), kind=OuterRef("kind"))
    wanted = StepRule.objects.filter(kind__in=kinds, least_severe_rank__gte=OuterRef("worst_rank"))
    return retros.annotate(worst_rank=Subquery(worst.values("incident__severity__rank")[:1])).filter(
        models.Exists(wanted.filter(~models.Exists(has)))
    )
