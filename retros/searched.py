"""What of retrospectives is searched: all that was learnt, in the words it was written in."""

from config.search.kinds import Text, follows, searched
from config.search.similarity import Trait, shares
from retros.models import (
    Factor,
    Finding,
    Learning,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
)


def read(pks):
    """Impact, narrative, findings, and what contributed how."""
    parts = {pk: [] for pk in pks}
    for section in Section.objects.filter(retro__in=pks).exclude(text=""):
        parts[section.retro_id].append(f"{section.heading}\n{section.text}")
    for finding in Finding.objects.filter(retro__in=pks):
        parts[finding.retro_id].append(finding.text)
    for here in RetroFactor.objects.filter(retro__in=pks).select_related("factor"):
        parts[here.retro_id].append(f"{here.factor.name}\n{here.note}".strip())
    for row in Retrospective.objects.filter(pk__in=pks).order_by("pk"):
        body = "\n\n".join(filter(None, [row.customer_impact, *parts[row.pk]]))
        yield Text(row.pk, row.title, body, row.opened_at)


def with_factors(ids):
    """A factor that is called otherwise is called so in every retro it is in."""
    return RetroFactor.objects.filter(factor__in=ids).values_list("retro", flat=True)


searched(
    "retro",
    Retrospective,
    reads=read,
    prefix="RETRO",
    needs=("retros.view_section", "retros.view_finding", "retros.view_retrofactor"),
)
follows(Retrospective, "retro")
for part in (Section, Finding, RetroFactor):
    follows(part, "retro", of="retro_id")
follows(Factor, "retro", of=with_factors)


def factors_of_incidents(pks, user):
    """What contributed, as far as `user` may read the retro that says so."""
    retros = Retrospective.objects.visible_to(user)
    links = RetrospectiveIncident.objects.filter(incident__in=pks, retro__in=retros).order_by()
    uses = links.filter(retro__retro_factors__isnull=False)
    for incident, key, name in uses.values_list(
        "incident", "retro__retro_factors__factor", "retro__retro_factors__factor__name"
    ):
        yield incident, Trait("factor", key, name)


shares("incident", factors_of_incidents)


def read_learnings(pks):
    """What customers read, or will."""
    for row in Learning.objects.filter(pk__in=pks).order_by("pk"):
        body = "\n\n".join(filter(None, [row.what_happened, row.what_we_learnt, row.what_we_do]))
        yield Text(row.pk, row.title, body, row.published_at or row.retro.opened_at)


searched("learning", Learning, reads=read_learnings, prefix="LRN")
follows(Learning, "learning")
