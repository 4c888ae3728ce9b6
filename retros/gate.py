"""What a retrospective needs before everybody may learn from it, each thing in words. Reads, and decides nothing else.

for one in missing(retro):
    print(one.slug, one.what, one.where)
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from retros import neutrality
from retros.models import Finding, Topic

ANSWERED = (
    (Topic.DETECTION, "How did we know, and how could we have known earlier?"),
    (Topic.COMMUNICATION, "What were customers told, when, and did it help them?"),
    (Topic.REMEDIATION, "What was tried, what worked, and was the plan accurate?"),
)
# What went well and where we were lucky teach us something, but ask for nothing.
NEEDS_ANSWER = (
    Finding.Kind.DETECTION,
    Finding.Kind.COMMUNICATION,
    Finding.Kind.REMEDIATION,
    Finding.Kind.SURPRISE,
)


@dataclass(frozen=True)
class Missing:
    """One thing that is missing: its name, what it is in a sentence, and the part of the retro's page to mend it."""

    slug: str
    what: str
    where: str  # customer_impact, sections, factors, findings, actions, review, neutrality
    pk: int | None = None  # of the section or finding to mend


class NotReady(ValidationError):
    """It cannot be published, and what is missing for that: one entry a thing, under its name."""

    def __init__(self, missing):
        self.missing = missing
        found = {}
        for one in missing:
            found.setdefault(one.slug, []).append(one.what)
        super().__init__(found)


def missing(retro) -> list[Missing]:
    """All that stands between `retro` and its publication, in the order of its page."""
    return [*missing_in_text(retro), *_confirmation(retro), *_approval(retro)]


def missing_in_text(retro) -> list[Missing]:
    """What has still to be written, found or agreed; reviewers are asked all the same."""
    sections, findings = list(retro.sections.all()), list(retro.findings.all())
    return [
        *_impact(retro, sections),
        *_answers(sections, findings),
        *_factor(retro),
        *_action(retro),
        *_unanswered(retro, findings),
    ]


def _written(sections, topic) -> bool:
    return any(section.topic == topic and section.text.strip() for section in sections)


def _impact(retro, sections):
    if not retro.customer_impact.strip() and not _written(sections, Topic.IMPACT):
        yield Missing("customer_impact", "Say first what it was like for customers.", "customer_impact")


def _answers(sections, findings):
    for topic, question in ANSWERED:
        if _written(sections, topic) or any(one.kind == topic and one.text.strip() for one in findings):
            continue
        section = next((one for one in sections if one.topic == topic), None)
        what = f"{topic.label}: {question} Write the section, or add a finding."
        yield Missing(str(topic), what, "sections", section and section.pk)


def _factor(retro):
    if not retro.retro_factors.exists():
        yield Missing("factors", "Name at least one contributing factor; several is usual.", "factors")


def _action(retro):
    if retro.no_actions_because.strip():
        return
    items = retro.action_items
    agreed = items.exclude(status=items.model.Status.DROPPED)
    if not agreed.filter(owner__isnull=False, due_on__isnull=False).exists():
        what = "Agree on at least one action with an owner and a date, or say why none follows."
        yield Missing("actions", what, "actions")


def _unanswered(retro, findings):
    asking = [one for one in findings if one.kind in NEEDS_ANSWER]
    if not asking:
        return
    answered = set(retro.action_items.exclude(finding=None).values_list("finding", flat=True))
    for one in asking:
        if one.pk not in answered and not one.accepted_because.strip():
            what = f"Answer the finding “{one.text[:80]}” with an action, or say why it is accepted."
            yield Missing("findings", what, "findings", one.pk)


def _confirmation(retro):
    if neutrality.is_to_confirm(retro):
        yield Missing("neutrality", neutrality.in_words(retro), "neutrality")


def _approval(retro):
    if retro.needs_approval and not retro.reviews.approving(retro).exists():
        yield Missing("approval", _approval_in_words(retro), "review")


def _approval_in_words(retro) -> str:
    before = retro.reviews.current().filter(status="approved").exclude(reviewer=retro.facilitator_id)
    if before.exists():
        return "An earlier version was approved; ask a reviewer to approve what it says now."
    return "Somebody who does not lead it has to approve it."
