"""Claims what is due and sends it. Never lost; a crash may send one message twice, under one Message-ID."""

import logging
import smtplib
import uuid

from django.conf import settings
from django.core.mail import get_connection
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from config.outbox.messages import KINDS, NoLongerTrue, build
from config.outbox.models import Delivery

CHUNK = 20  # messages over one SMTP connection: all of the gain, and little to repeat after a crash
log = logging.getLogger(__name__)


def deliver(limit: int = 10_000) -> dict[str, int]:
    """Send what is due, at most `limit` messages; returns how many ended in each state."""
    counts: dict[str, int] = {}
    done = 0
    while done < limit and (claimed := claim(min(CHUNK, limit - done))):
        for state in _send_chunk(claimed):
            counts[state] = counts.get(state, 0) + 1
        done += len(claimed)
    return counts


def claim(count: int, at=None) -> list[Delivery]:
    """Take up to `count` due messages for this worker alone."""
    at = at or timezone.now()
    token = uuid.uuid4()
    with transaction.atomic():
        due = Delivery.objects.due(at).order_by("due_at", "pk")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due[:count])  # on SQLite the IMMEDIATE transaction is the lock
        for row in rows:
            # Held in `sending` when its lease ran out: the mail server may have it already.
            row.ambiguous += row.state == Delivery.State.SENDING
            row.state = Delivery.State.CLAIMED
            row.attempts += 1
            row.hold(seconds=settings.DELIVERY_LEASE, token=token, at=at)
        Delivery.objects.bulk_update(
            rows, ["state", "attempts", "ambiguous", "lease_until", "lease_token"], batch_size=100
        )
    return rows


def _send_chunk(rows):
    mailer = get_connection()
    try:
        for row in rows:
            yield _send_one(row, mailer)
    finally:
        try:
            mailer.close()
        except Exception:
            log.debug("closing the mail connection failed", exc_info=True)


def _send_one(row, mailer) -> str:
    """Send one message; whatever goes wrong with it stops no other."""
    try:
        # Opened here, or Django would close it after each message. Nothing was sent if it fails: neither
        # a possible duplicate nor, whatever the server says to us, a refusal of this message.
        mailer.open()
    except Exception as error:  # noqa: BLE001
        _drop_connection(mailer)
        return _retry(row, error)
    try:
        prepared = _prepare(row, mailer)
    except NoLongerTrue as why:
        return _let_go(row, Delivery.State.CANCELLED, "cancelled", error=str(why))
    except (OperationalError, InterfaceError):
        raise  # the database is gone: the lease brings every message of the chunk back
    except Exception as error:
        log.exception("message %s cannot be made", row.key)
        return _retry(row, error)
    if prepared is None:
        return "lost"
    try:
        mailer.send_messages([prepared])
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        _drop_connection(mailer)
        return _refused(row, error)
    except Exception as error:  # noqa: BLE001  a timeout or a lost reply: it may or may not have gone out
        _drop_connection(mailer)
        row.ambiguous += 1
        return _retry(row, error)
    return _let_go(row, Delivery.State.SENT, "sent", sent_at=timezone.now())


def _prepare(row, mailer):
    """Re-read what the message is about and mark it as being sent, in one transaction."""
    with transaction.atomic():
        held = Delivery.objects.filter(pk=row.pk, lease_token=row.lease_token, state=Delivery.State.CLAIMED)
        make = KINDS.get(row.kind)
        if make is None:
            raise LookupError(f"there is no message of the kind {row.kind!r}")
        prepared = build(row, make(row), connection=mailer)
        prepared.message().as_bytes()  # what cannot be written fails here, before the state says it was sent
        # The lease starts anew with each send: the last of a chunk must not be out of time before its turn.
        row.hold(seconds=settings.DELIVERY_LEASE, token=row.lease_token)
        changed = held.update(
            state=Delivery.State.SENDING,
            subject=row.subject,
            message_id=row.message_id,
            error="",
            lease_until=row.lease_until,
        )
        return prepared if changed else None


def _refused(row, error) -> str:
    """The server said no: 5xx is final, 4xx means later."""
    codes = (
        [error.smtp_code] if hasattr(error, "smtp_code") else [code for code, _ in error.recipients.values()]
    )
    if all(500 <= code < 600 for code in codes):
        log.error("message %s was refused for good: %s", row.key, error)
        return _let_go(row, Delivery.State.DEAD, "dead", error=str(error))
    return _retry(row, error)


def _retry(row, error) -> str:
    return _let_go(
        row,
        Delivery.State.PENDING,
        "retried",
        error=f"{type(error).__name__}: {error}",
        due_at=timezone.now() + row.pause(),
    )


def _let_go(row, state, outcome, **fields) -> str:
    """Release the message; what another worker has taken meanwhile is that worker's to decide."""
    if row.release(state, **fields):
        return outcome
    log.warning("message %s was taken by another worker before it was %s here", row.key, outcome)
    return "lost"


def _drop_connection(mailer):
    """After an error the connection's state is unknown; the next message opens a new one."""
    try:
        mailer.close()
    except Exception:  # noqa: BLE001
        mailer.connection = None


def waiting_since(at=None):
    """When the oldest message that is due fell due, or None when nothing waits."""
    return Delivery.objects.due(at).order_by("due_at").values_list("due_at", flat=True).first()
