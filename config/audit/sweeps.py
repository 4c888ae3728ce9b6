"""What keeps the ledger: sealing each minute, an anchor each hour, a look at everything each day."""

from datetime import timedelta

from django.utils import timezone

from config.audit import anchors, emails, sealing, verify
from config.audit.filters import AuditExport
from config.audit.ledger import Anchor, Verification
from config.outbox.sweeps import sweep

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SLACK = timedelta(minutes=5)  # the schedule is not to the second
BY = "the schedule"


@sweep
def seal_history() -> int:
    """Seal what is not sealed; returns how many rows."""
    return sealing.seal()


@sweep
def anchor_history(at=None) -> int:
    """Anchor after each export, and when the last anchor is an hour old and something was sealed since."""
    at = at or timezone.now()
    sealing.seal()
    if anchors.sealed_since(AuditExport._meta.db_table).exists():
        return int(anchors.anchor(Anchor.Occasion.EXPORT) is not None)
    if Anchor.objects.filter(recorded_at__gt=at - HOUR + SLACK).exists():
        return 0
    return anchors.anchor_if_moved()


@sweep
def verify_history(at=None) -> int:
    """Verify once a day, and tell the auditors if anything is found; returns how many times."""
    at = at or timezone.now()
    if Verification.objects.filter(by=BY, recorded_at__gt=at - DAY + SLACK).exists():
        return 0
    result = verify.verify(by=BY)
    if not result.is_clean:
        emails.tell_of(result)
    return 1
