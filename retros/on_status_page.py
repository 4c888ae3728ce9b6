"""What the status page tells of what we learnt: the newest edition of each learning that everybody may read."""

from django.urls import reverse

from incidents.status.learnt import Learning as Told
from incidents.status.learnt import tells_learnings
from retros.models import Edition, Learning, RetrospectiveIncident


@tells_learnings(Learning, Edition, RetrospectiveIncident)
def published(incidents) -> dict[int, Told]:
    """The published learning of each of `incidents` that has one, by the incident's key."""
    links = dict(
        RetrospectiveIncident.objects.filter(incident__in=incidents).values_list("incident", "retro")
    )
    rows = Learning.objects.public().with_editions().filter(retro__in=set(links.values()))
    told = {row.retro_id: _told(row) for row in rows}
    return {incident: told[retro] for incident, retro in links.items() if retro in told}


def _told(row):
    edition = row.editions.all()[0]
    text = "\n\n".join(filter(None, [edition.what_happened, edition.what_we_learnt, edition.what_we_do]))
    return Told(edition.title, reverse("learning", args=[row.slug]), edition.published_at, text)
