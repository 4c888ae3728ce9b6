"""Anchors: how far the chain had come, written down where the database cannot reach.

A key protects what was sealed from somebody who has only the database. An anchor protects it from everybody,
as far as the anchor reaches: so anchors leave hourly, with every export and with every closed incident.
"""

import logging
import os
from collections.abc import Iterable

from django.conf import settings

from config.audit import sealing
from config.audit.ledger import Anchor, SealedRow

logger = logging.getLogger("aftercare.anchors")
# Sending an anchor by mail is history, too; alone it is no reason for the next anchor.
OUR_OWN_MAIL = "outbox_historicaldelivery"


def anchor(occasion: str) -> Anchor | None:
    """Seal, and write down how far the chain has come: database, file, log and mail. None if there is no chain."""
    sealing.seal()
    head = SealedRow.objects.order_by("-sequence").first()
    if head is None:
        return None
    made = Anchor.objects.create(sequence=head.sequence, link=bytes(head.link), occasion=occasion)
    logger.info("anchor %s", made.line, extra={"sequence": made.sequence, "link": bytes(made.link).hex()})
    _write(made.line)
    _mail(made)
    return made


def anchor_if_moved() -> int:
    """The hourly anchor: only when something was sealed since the last one. Returns how many were made."""
    sealing.seal()
    moved = sealed_since().exclude(shape__table=OUR_OWN_MAIL).exists()
    return int(moved and anchor(Anchor.Occasion.HOUR) is not None)


def sealed_since(table: str = ""):
    """What was sealed since the last anchor, of all tables or of one."""
    last = Anchor.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    rows = SealedRow.objects.filter(sequence__gt=last)
    return rows.filter(shape__table=table) if table else rows


def _write(line) -> None:
    path = settings.AUDIT_ANCHORS
    path.parent.mkdir(parents=True, exist_ok=True)
    # One write of a short line to a file opened for appending is whole, whoever else writes.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640), "w") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _mail(made) -> None:
    from config.outbox.models import Delivery

    Delivery.objects.queue(
        [
            Delivery(
                key=f"anchor:{made.sequence}:{made.pk}:{address}"[:200],
                kind="audit.anchor",
                address=address,
                context={"anchor": made.pk},
            )
            for address in settings.AUDIT_EMAILS
        ]
    )


def kept_lines() -> Iterable[tuple[str, str]]:
    """The lines of the anchors' file, each with the file's name."""
    path = settings.AUDIT_ANCHORS
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            if line.strip():
                yield path.name, line


def parse(line: str) -> tuple[int, bytes]:
    """The row and the link of an anchor's line; raises ValueError."""
    parts = line.split()
    if len(parts) < 3:
        raise ValueError(line)
    link = bytes.fromhex(parts[2])
    if len(link) != 32:
        raise ValueError(line)
    return int(parts[1]), link


def links_at(sequences) -> dict[int, bytes]:
    """The chain's links at these rows, as far as they exist."""
    found, wanted = {}, sorted(sequences)
    for at in range(0, len(wanted), 500):
        rows = SealedRow.objects.filter(sequence__in=wanted[at : at + 500])
        found |= {sequence: bytes(link) for sequence, link in rows.values_list("sequence", "link")}
    return found
