"""Takes a text out of the history by authority, and leaves a signed record that it was done."""

from config.audit import keys
from config.audit.ledger import Redaction


def leads(table: str, row: int, sealed: bytes, is_now: bytes) -> bool:
    """Whether signed redactions of the row lead from what was sealed to what it is now."""
    at = sealed.hex()
    for record in Redaction.objects.filter(table=table, row=row).order_by("pk"):
        if record.before == at and _is_signed(record):
            at = record.after
    return at == is_now.hex()


def _is_signed(record) -> bool:
    try:
        return keys.is_signed(record.signed_text(), record.key_id, bytes.fromhex(record.mac))
    except (keys.UnknownKey, ValueError):
        return False
