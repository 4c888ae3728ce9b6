"""The first draft of a learning: what of a retro customers may read, said in their language.

It is made of what was written for customers or may be: the public title and words of the incidents, the updates
they have read already, what was found out, and why each action matters to them. The timeline and the narrative
are ours and are never quoted. Names become roles; a sentence that holds something else that must not be public
is left out. A person writes on from here, and another one reads it before anybody else does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils import timezone

from config.display import duration
from config.redaction import Found, without
from retros.models.edition import TEXTS
from retros.models.learning import Finding

LONGEST = 15_000  # of each part; room is left to write on
MOST = 50  # updates, findings and actions that are told
TITLE = "What we learnt from an interruption"
KINDS = {
    Finding.Kind.DETECTION: "How we noticed",
    Finding.Kind.COMMUNICATION: "How we kept you informed",
    Finding.Kind.REMEDIATION: "How we put it right",
    Finding.Kind.SURPRISE: "What surprised us",
    Finding.Kind.WENT_WELL: "What went well",
    Finding.Kind.LUCK: "Where we were lucky",
}


@dataclass
class Material:
    """What a draft is made of: words of ours that customers may read, once they are looked through."""

    title: str = ""
    duration: str = ""
    impact: list[str] = field(default_factory=list)
    updates: list[tuple[str, str]] = field(default_factory=list)  # when, and what customers were told
    findings: list[tuple[str, str]] = field(default_factory=list)  # kind, and what we found
    factors: list[str] = field(default_factory=list)
    actions: list[tuple[bool, str]] = field(default_factory=list)  # whether it is done, and why it matters


@dataclass(frozen=True)
class Draft:
    """The texts of a learning, as they were drafted."""

    title: str
    what_happened: str
    what_we_learnt: str
    what_we_do: str

    @property
    def texts(self) -> dict[str, str]:
        """By field."""
        return {name: getattr(self, name) for name in TEXTS}

    def in_full(self) -> str:
        """All of it in one text, as reviewers compare it."""
        return in_full(self.texts)


def in_full(texts: dict[str, str]) -> str:
    """The texts of a learning, draft or edition, one after the other."""
    return "\n\n".join(texts[name] for name in TEXTS)


def draft(retro) -> Draft:
    """The draft of this retro's learning."""
    from retros.redacting import names_of

    return drafted(material_of(retro), names_of(retro).check)


def drafted(material: Material, check: Callable[[str], list[Found]]) -> Draft:
    """The draft made of `material`, in which `check` finds nothing."""

    def clean(text):
        return without(text.strip(), check)

    happened = [clean(text) for text in material.impact]
    happened += [f"It lasted {material.duration}."] if material.duration else []
    told = [f"* {at}: {_one_line(text)}" for at, one in material.updates if (text := clean(one))]
    happened += ["What we told you at the time:\n\n" + "\n".join(told)] if told else []
    title = _one_line(clean(material.title))[:200].strip() or TITLE
    return Draft(
        title=title,
        what_happened=_joined(happened),
        what_we_learnt=_joined(_learnt(material, clean)),
        what_we_do=_joined(_done(material, clean)),
    )


def _learnt(material, clean):
    for kind, heading in KINDS.items():
        found = [_one_line(text) for of, one in material.findings if of == kind and (text := clean(one))]
        if found:
            yield f"**{heading}**\n\n" + "\n".join(f"* {text}" for text in found)
    if factors := [text for one in material.factors if (text := clean(one))]:
        yield "What contributed: " + ", ".join(factors) + "."


def _done(material, clean):
    for is_done, heading in ((True, "Done already"), (False, "Under way")):
        whys = [_one_line(text) for done, one in material.actions if done == is_done and (text := clean(one))]
        if whys:
            yield f"**{heading}**\n\n" + "\n".join(f"* {why}" for why in dict.fromkeys(whys))


def _joined(parts) -> str:
    text = "\n\n".join(part for part in parts if part)
    return text if len(text) <= LONGEST else text[:LONGEST].rpartition("\n")[0]


def _one_line(text) -> str:
    return " ".join(text.split())


def material_of(retro) -> Material:
    """What of `retro` may be told at all."""
    incidents = list(retro.incidents.order_by("retro_links__pk"))
    items = retro.action_items.exclude(status="dropped").order_by("pk")[:MOST]
    return Material(
        title=incidents[0].title if incidents else "",
        duration=_duration(incidents),
        impact=[
            text
            for incident in incidents
            for text in (incident.summary, incident.customers_affected_note, incident.data_safety)
        ]
        + [retro.customer_impact],
        updates=_updates(incidents),
        findings=[(one.kind, one.text) for one in retro.findings.all()[:MOST]],
        factors=[one.factor.name.lower() for one in retro.retro_factors.select_related("factor")[:MOST]],
        actions=[(item.status == "done", item.why) for item in items],
    )


def _duration(incidents):
    moments = [(one.started_at, one.resolved_at) for one in incidents if one.started_at and one.resolved_at]
    if not moments:
        return ""
    return duration(max(end for _, end in moments) - min(start for start, _ in moments))


def _updates(incidents):
    told = [update for incident in incidents for update in incident.updates.published()]
    told.sort(key=lambda update: update.published_at)
    return [
        (f"{timezone.localtime(one.published_at, timezone.get_default_timezone()):%H:%M}", one.text)
        for one in told[:MOST]
    ]
