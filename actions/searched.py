"""What of action items is searched: what was promised, why, and what showed that it is done."""

from django.db.models import Exists, F, OuterRef, Q

from actions.models import ActionItem, EffectivenessCheck
from config.dashboard import row_url
from config.search.alike import Note, tells
from config.search.kinds import Text, follows, searched

MOST = 40  # items told of beside five incidents


def read(pks):
    """Title, why, how we will know, and what showed it or why it was dropped."""
    for row in ActionItem.objects.filter(pk__in=pks).order_by("pk"):
        parts = [row.why, row.success_measure, row.evidence, row.drop_reason]
        yield Text(row.pk, row.title, "\n\n".join(filter(None, parts)), row.created_at)


searched("item", ActionItem, reads=read, prefix="ACT")
follows(ActionItem, "item")


# --- What is told of incidents that are like another


def unfinished(pks, user):
    """What was promised after these incidents and is not done, or not known to have worked."""
    if not user.has_perm("actions.view_actionitem"):
        return
    of_item = EffectivenessCheck.objects.filter(item=OuterRef("pk"))
    worked = of_item.filter(status=EffectivenessCheck.Status.EFFECTIVE)
    rows = (
        ActionItem.objects.visible_to(user)
        .filter(Q(status__in=ActionItem.OPEN) | Q(status=ActionItem.Status.DONE) & ~Exists(worked))
        .filter(retro__incident_links__incident__in=pks)
        .annotate(incident=F("retro__incident_links__incident"))
        .select_related("owner")
        .order_by("status", "due_on", "pk")
    )
    for item in rows[:MOST]:
        yield item.incident, Note(str(item), row_url(item), *_mark(item))


def _mark(item):
    if not item.is_open:
        return "Done, not known to have worked", "warning"
    return ("Overdue", "danger") if item.is_overdue() else ("Not done", "warning")


tells("incident", unfinished)
