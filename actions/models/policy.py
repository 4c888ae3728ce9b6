"""How an action item is chased: which reminders, when its ladder is climbed, when we look whether it worked."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce

from config.audit.models import VersionedModel
from config.fields import Line
from config.reminding.cadence import Cadence, Rung, in_words
from incidents.models import Severity

LADDER = {Rung.MANAGER: "manager_after", Rung.FACILITATOR: "facilitator_after", Rung.SPONSOR: "sponsor_after"}
ANY = 0


def _days(text, *, optional=True, **options):
    return models.PositiveSmallIntegerField(
        text, null=optional, blank=optional, validators=[MaxValueValidator(250)], **options
    )


class ReminderPolicyQuerySet(models.QuerySet):
    """Policies; the one that says most about an item is the one in force."""

    def choose(self, priority, rank) -> "ReminderPolicy":
        """The policy for a priority and a severity's rank: severity weighs more than priority."""
        return pick(self.select_related("severity"), priority, rank)


def pick(policies, priority, rank) -> "ReminderPolicy":
    """Of these policies the one that fits best; without any, what a new one would say."""
    fitting = [
        policy
        for policy in policies
        if policy.priority in (None, priority)
        and (policy.severity_id is None or policy.severity.rank == rank)
    ]
    return max(fitting, key=ReminderPolicy.weight, default=ReminderPolicy())


class ReminderPolicy(VersionedModel):
    """What happens around the due day of the items it applies to. All days are the owner's working days."""

    priority = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        choices=[(1, "Urgent"), (2, "High"), (3, "Normal"), (4, "Low")],
        help_text="Left empty: of every priority.",
    )
    severity = models.ForeignKey(
        Severity,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="reminder_policies",
        help_text="Of the incident that the item comes from. Left empty: of every severity.",
    )
    before = Line(
        "days before",
        max_length=40,
        blank=True,
        default="2",
        help_text="Working days before the due day, by commas: 5, 1. Left empty: none.",
    )
    on_the_day = models.BooleanField("on the day", default=True)
    every = models.PositiveSmallIntegerField(
        "then every … working days while overdue",
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
    )
    manager_after = _days("tell the owner’s manager after", default=5)
    facilitator_after = _days("tell the retro’s facilitator after", default=10)
    sponsor_after = _days("tell the retro’s sponsor after", default=20)
    owner_within = _days("must have an owner within", default=2)
    date_within = _days("must have a due day within", default=5)
    check_after = _days(
        "look whether it worked after (days)",
        optional=False,
        default=60,
        help_text="Days after it is done, of the calendar. Whoever owned it is not asked.",
    )

    objects = ReminderPolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "reminder policies"
        ordering = ["severity__rank", "priority", "pk"]
        constraints = [
            models.UniqueConstraint(
                Coalesce("priority", Value(ANY)),
                Coalesce("severity", Value(ANY)),
                name="one_policy_per_priority_and_severity",
                violation_error_message="There is a policy for this priority and severity already.",
            ),
            models.CheckConstraint(name="policy_every_at_least_1", condition=models.Q(every__gte=1)),
        ]

    def __str__(self):
        what = f"{self.get_priority_display()} items" if self.priority else "Items"
        if self.severity_id:
            return f"{what} from {self.severity}"
        return what if self.priority else "All other items"

    @property
    def is_for_all_other(self) -> bool:
        """Whether it is the one for what no other policy fits: it stays, and stays that."""
        return self.priority is None and self.severity_id is None

    def weight(self) -> tuple[bool, bool]:
        """How much it says: a policy for a severity beats one for a priority, both together beat either."""
        return self.severity_id is not None, self.priority is not None

    @property
    def cadence(self) -> Cadence:
        """The same as plain numbers, for the pure policy. A 0 that came past the form stops no sweep: it is never."""
        rungs = [(rung, getattr(self, name)) for rung, name in LADDER.items()]
        return Cadence(
            before=tuple(day for day in days_before(self.before) if day),
            on_the_day=self.on_the_day,
            every=max(self.every, 1),
            ladder=tuple(sorted(((r, n) for r, n in rungs if n), key=lambda step: step[1])),
            owner_within=self.owner_within or None,
            date_within=self.date_within or None,
        )

    def in_words(self) -> str:
        """One sentence that says what it does."""
        return f"{in_words(self.cadence)} {self.check_after} days after it is done we look whether it worked."

    def clean(self):
        self._stay_for_all_other()
        if any(day < 1 or day > 60 for day in days_before(self.before)):
            raise ValidationError({"before": "Write working days from 1 to 60, by commas: 5, 1."})
        for name in (*LADDER.values(), "owner_within", "date_within"):
            if getattr(self, name) == 0:
                raise ValidationError({name: "Write at least 1; left empty, nobody is told."})

    def _stay_for_all_other(self):
        there = type(self).objects.filter(pk=self.pk).first() if self.pk else None
        if there and there.is_for_all_other and not self.is_for_all_other:
            raise ValidationError(
                "This policy is for all other items and stays so. Add another one for a priority or a severity."
            )


def days_before(text: str) -> tuple[int, ...]:
    """`5, 1` as numbers, the most days first; refuses what is no list of numbers."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if any(not re.fullmatch("[0-9]{1,3}", part) for part in parts):
        raise ValidationError({"before": "Write working days as numbers, by commas: 5, 1."})
    return tuple(sorted({int(part) for part in parts}, reverse=True))
