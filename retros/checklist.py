"""The checklist of a retro. A step is done when the retro says so: computed each time, never stored.

Each kind of step has a condition: a question that the database answers of a retro. What needs a relation that no
installed app brings is not asked for, and comes by itself once one does.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from incidents.models import TimelineEntry
from retros.gate import NEEDS_ANSWER
from retros.models import Finding, Retrospective, Section, Step, StepKind, Topic

Status = Retrospective.Status


@dataclass(frozen=True)
class Condition:
    """When a step is done: a condition on the rows of retros. `needs` names relations it cannot be asked without."""

    ask: Callable[[], Q | Exists]
    needs: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the relations it asks through are there."""
        return all(_related(name) is not None for name in self.needs)


@dataclass(frozen=True)
class Line:
    """One line of the checklist, as the page shows it."""

    step: Step
    is_done: bool
    today: object

    @property
    def is_left_out(self):
        return self.step.is_left_out and not self.is_done

    @property
    def is_open(self):
        return not self.is_done and not self.step.is_left_out

    @property
    def is_late(self):
        return self.is_open and self.step.due_on < self.today


def _related(name):
    """The model behind a reverse relation of retros, or None where no app brings it."""
    try:
        return Retrospective._meta.get_field(name).related_model
    except FieldDoesNotExist:
        return None


def _has(name, **where):
    """Whether a retro has rows in the relation `name`; of several apps, so asked by the relation alone."""
    model = _related(name)
    link = Retrospective._meta.get_field(name).remote_field.name
    return Exists(model._base_manager.filter(**{link: OuterRef("pk")}, **where))


def _timeline():
    return Exists(TimelineEntry.objects.filter(incident__retro_links__retro=OuterRef("pk")))


def _impact():
    told = Section.objects.filter(retro=OuterRef("pk"), topic=Topic.IMPACT).exclude(text="")
    return ~Q(customer_impact="") | Exists(told)


def _perspectives():
    asked_elsewhere = {"kind": StepKind.PERSPECTIVES, "is_done_elsewhere": True}
    return Q(_has("perspectives")) | Q(_has("steps", **asked_elsewhere))


def _findings():
    """There are some, and each has led to an action or says why to none."""
    findings = Finding.objects.filter(retro=OuterRef("pk"))
    led_to = Finding._meta.get_field("action_items")
    items = led_to.related_model._base_manager.filter(**{led_to.remote_field.name: OuterRef("pk")})
    # Not by a list of those that are answered: in it, OuterRef would mean the finding and not the retro.
    unanswered = findings.filter(~Exists(items), kind__in=NEEDS_ANSWER, accepted_because="")
    return Q(Exists(findings)) & ~Q(Exists(unanswered))


CONDITIONS: dict[str, Condition] = {
    StepKind.TIMELINE: Condition(_timeline),
    StepKind.MOMENTS: Condition(lambda: _has("marks", kind__gt="")),
    StepKind.IMPACT: Condition(_impact),
    StepKind.PERSPECTIVES: Condition(_perspectives, needs=("perspectives",)),
    StepKind.FACTORS: Condition(lambda: _has("retro_factors")),
    StepKind.FINDINGS: Condition(_findings, needs=("action_items",)),
    StepKind.ACTION: Condition(
        lambda: _has("action_items", owner__isnull=False, due_on__isnull=False), needs=("action_items",)
    ),
    StepKind.MEETING: Condition(lambda: _has("meeting", starts_at__isnull=False), needs=("meeting",)),
    StepKind.LEARNING: Condition(lambda: _has("learning"), needs=("learning",)),
    StepKind.REVIEW: Condition(lambda: Q(status__in=[Status.IN_REVIEW, Status.PUBLISHED])),
    StepKind.PUBLISHED: Condition(lambda: Q(status=Status.PUBLISHED)),
}


def known_kinds() -> list[str]:
    """The steps whose condition can be asked here."""
    return [kind for kind, condition in CONDITIONS.items() if condition.is_known]


def done_kinds(retro) -> set[str]:
    """Which steps of `retro` are done, in one query."""
    return done_kinds_of([retro.pk]).get(retro.pk, set())


def done_kinds_of(pks) -> dict[int, set[str]]:
    """Which steps of each of these retros are done, in one query for all of them."""
    asked = flags("is_")
    rows = Retrospective._base_manager.filter(pk__in=pks).annotate(**asked).values("pk", *asked)
    return {row["pk"]: {name.removeprefix("is_") for name in asked if row[name]} for row in rows}


def flags(prefix) -> dict:
    """Whether each step is done, as annotations of retros that are called after it."""
    return {f"{prefix}{kind}": _as_flag(CONDITIONS[kind].ask()) for kind in known_kinds()}


def next_steps(retros) -> dict[int, Step]:
    """The first step of each of `retros` that is neither done nor left out. Two queries, however many retros."""
    by_pk = {retro.pk: retro for retro in retros}
    done, found = done_kinds_of(by_pk), {}
    for step in (
        Step.objects.planned().filter(retro__in=by_pk).select_related("owner").order_by("position", "pk")
    ):
        if step.kind not in done[step.retro_id]:
            step.retro = by_pk[step.retro_id]  # whose people are known already
            found.setdefault(step.retro_id, step)
    return found


def _as_flag(question):
    return Case(When(question, then=Value(True)), default=Value(False), output_field=BooleanField())


def checklist(retro, today) -> list[Line]:
    """The steps of `retro` in their order, each with whether it is done. Two queries, however many steps."""
    done = done_kinds(retro)
    steps: QuerySet[Step] = retro.steps.select_related("owner", "left_out_by").order_by("position", "pk")
    lines = []
    for step in steps:
        step.retro = retro  # whose people are known already
        lines.append(Line(step, step.kind in done, today))
    return lines
