"""What is due for incidents: promises to customers, and what crosses into the ledger. Running twice changes nothing."""

from django.conf import settings

from config.audit import anchors, sealing
from config.audit.ledger import Anchor
from config.outbox.sweeps import sweep
from incidents import emails
from incidents.models import Incident
from incidents.promises.nudging import nudges
from incidents.status import publishing
from incidents.subscribers import asking, fanning


@sweep
def anchor_closed_incidents() -> int:
    """Anchor when an incident was closed, or a closed one changed, since the last anchor; returns how many."""
    sealing.seal()
    new = anchors.sealed_since(Incident.history.model._meta.db_table).values("history_id")
    if not Incident.history.filter(history_id__in=new, status=Incident.Status.CLOSED).exists():
        return 0
    return int(anchors.anchor(Anchor.Occasion.CLOSED) is not None)


@sweep
def write_status_page() -> int:
    """Bring the public pages up to date, and the folder they are exported to; returns how many files changed."""
    written = publishing.follow()
    if settings.STATUS_EXPORT_DIR:
        publishing.export(settings.STATUS_EXPORT_DIR)
    return written


@sweep
def nudge_communicators() -> int:
    """Tell who writes to customers what they wait for; returns how many are told for the first time."""
    return emails.queue(nudges())


@sweep
def tell_subscribers() -> int:
    """Queue a message to each subscriber whom what was published concerns; returns how many messages."""
    return fanning.tell()


@sweep
def forget_unconfirmed() -> int:
    """Forget addresses that somebody typed and nobody confirmed; returns how many."""
    return asking.forget_unconfirmed()
