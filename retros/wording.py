"""What the language coach says of all the texts of a retrospective: before it is published, why they stay is asked."""

from dataclasses import dataclass

from config.coach import TEAM, Mark, look
from incidents.models import Incident

AROUND = 60  # characters of a text that are shown on either side of a mark


@dataclass(frozen=True)
class Marked:
    """Words the coach marked, where they are, and what stands around them."""

    part: str
    mark: Mark
    before: str
    after: str


def open_marks(retro) -> list[Marked]:
    """Every mark in its texts, in the order in which they are read."""
    people = names_of(retro)
    found = []
    for part, text in texts_of(retro):
        for mark in look(text, audience=TEAM, people=people):
            before = text[max(mark.start - AROUND, 0) : mark.start]
            found.append(Marked(part, mark, before, text[mark.end : mark.end + AROUND]))
    return found


def texts_of(retro):
    """Pairs of what a text is called and the text."""
    yield "Title", retro.title
    yield "Customer impact", retro.customer_impact
    for section in retro.sections.all():
        yield section.heading, section.text
    for factor in retro.retro_factors.select_related("factor"):
        yield f"Contributing factor: {factor}", factor.note
    for finding in retro.findings.all():
        yield f"Finding: {finding.get_kind_display()}", finding.text
    yield "Why no action follows", retro.no_actions_because


def names_of(retro) -> list[str]:
    """Who took part in what happened or in telling it; the coach looks for them as a cause."""
    people = {one.user.name if one.user else one.name for one in retro.participants.select_related("user")}
    incidents = Incident.objects.filter(retro_links__retro=retro.pk).select_related("declared_by")
    for incident in incidents.prefetch_related("assignments__user"):
        people |= {one.user.name for one in incident.assignments.all()}
        people |= {incident.declared_by.name} if incident.declared_by else set()
    return sorted(name for name in people if name)


def why_they_stay(marks) -> str:
    """What is asked before it is published with these marks."""
    count = f"{len(marks)} wording" + ("s" if len(marks) > 1 else "")
    return (
        f"The language coach marked {count}. Put them in other words, or say why they stay: it is recorded."
    )
