"""What crosses from incidents into the ledger. Runs every minute; running twice changes nothing."""

from config.audit import anchors, sealing
from config.audit.ledger import Anchor
from config.outbox.sweeps import sweep
from incidents.models import Incident


@sweep
def anchor_closed_incidents() -> int:
    """Anchor when an incident was closed, or a closed one changed, since the last anchor; returns how many."""
    sealing.seal()
    new = anchors.sealed_since(Incident.history.model._meta.db_table).values("history_id")
    if not Incident.history.filter(history_id__in=new, status=Incident.Status.CLOSED).exists():
        return 0
    return int(anchors.anchor(Anchor.Occasion.CLOSED) is not None)
