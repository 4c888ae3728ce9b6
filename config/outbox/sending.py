"""Claims what is due and sends it. Never lost; a crash may send one message twice, under one Message-ID.

Of each message the database hears before and after it is given to the mail server: `sending`, then `sent`. That
the last one is sent and that the next is being sent is one statement, so a worker that is killed leaves one
message in doubt, at most.
"""

import logging
import signal
import smtplib
import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.core.mail import get_connection
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Case, F, When, prefetch_related_objects
from django.utils import timezone

from config.outbox import emails
from config.outbox.messages import KINDS, READ, REFUSED, SENT, NoLongerTrue, NotNow, build
from config.outbox.models import Delivery

CHUNK = 20  # messages over one SMTP connection: all of the gain, and little to repeat after a crash
PATIENCE = (0.1, 0.4, 1.0, 2.0)  # seconds between tries to write down what the mail server has taken
SOONEST = timedelta(minutes=1)  # that a message which asked to wait is asked again
FRESH = 0.25  # seconds that recipients read for a whole chunk are good for
STOP = (signal.SIGTERM, signal.SIGINT)
State = Delivery.State
log = logging.getLogger(__name__)


def deliver(limit: int = 10_000, seconds: float | None = None, invite=None, courier=None) -> dict[str, int]:
    """Send what is due, at most `limit` messages and for about `seconds`; returns how many ended how.

    `courier` is who takes them, each those of its channel: mail, unless another is named.

    Whoever asks this process to stop meanwhile waits for one message, not for all. `invite` is called when more
    is due than one chunk, and when more is left than there was time for, so that another worker helps.
    """
    courier, counts, done = courier or Courier, Counter(), 0
    end = float("inf") if seconds is None else time.monotonic() + seconds
    with _in_peace() as is_asked_to_stop:

        def is_over():
            return time.monotonic() > end or is_asked_to_stop()

        size = courier.chunk or CHUNK
        while done < limit and (claimed := claim(min(size, limit - done), channel=courier.channel)):
            if not done and len(claimed) == size:
                _ask(invite)
            counts += courier(claimed, is_over).run()
            done += len(claimed)
            if is_over():
                _ask(invite)  # to go on with what is left
                break
    return dict(counts)


@contextmanager
def _in_peace():
    """A signal to stop is heard between two messages: not while the mail server has one and we do not know.

    Celery's own graceful stop waits as well, but systemd sends the signal to the pool's processes, too. The signal
    is noted and raised again afterwards; blocking it would not do, for another thread would still take it.
    """
    noted = []
    # Python runs handlers in the main thread only, so that another thread of ours is not interrupted anyhow.
    is_main = threading.current_thread() is threading.main_thread()
    before = {each: signal.signal(each, lambda number, _: noted.append(number)) for each in STOP if is_main}
    try:
        yield lambda: bool(noted)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in noted[:1]:
            signal.raise_signal(number)


def _ask(invite):
    try:
        if invite is not None:
            invite()
    except Exception as error:  # noqa: BLE001  no broker: then there is no help, and the mail still goes out
        log.warning("no other worker could be asked to help: %s", error)


def claim(count: int, at=None, channel=Delivery.Channel.EMAIL) -> list[Delivery]:
    """Take up to `count` due messages of one channel for this worker alone."""
    at = at or timezone.now()
    token = uuid.uuid4()
    with transaction.atomic():
        due = Delivery.objects.due(at).filter(channel=channel).order_by("due_at", "pk")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        rows = list(due[:count])  # on SQLite the IMMEDIATE transaction is the lock
        for row in rows:
            # Held in `sending` when its lease ran out: the mail server may have it already.
            row.ambiguous += row.state == State.SENDING
            row.state = State.CLAIMED
            row.attempts += 1
            row.hold(seconds=settings.DELIVERY_LEASE, token=token, at=at)
        if rows:
            Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
                ambiguous=F("ambiguous") + Case(When(state=State.SENDING, then=1), default=0),
                state=State.CLAIMED,
                attempts=F("attempts") + 1,
                lease_until=rows[0].lease_until,
                lease_token=token,
            )
    return rows


class Courier:
    """Takes claimed messages to the mail server, one after the other over one connection."""

    channel = Delivery.Channel.EMAIL
    chunk = 0  # messages at a time; as many as CHUNK says, unless a channel knows better

    def __init__(self, rows, is_over=lambda: False):
        self.rows, self.is_over = rows, is_over
        self.mailer = get_connection()
        self.read_at = float("-inf")  # when the recipients were read
        self.gone = None  # the message the server has taken, while the database does not know it yet
        self.counts = Counter()

    def run(self) -> Counter:
        """Send them; returns how many ended how."""
        try:
            for number, row in enumerate(self.rows):
                if self.is_over():
                    self._give_back(self.rows[number:])
                    break
                self._take(row)
        finally:
            try:
                self._remember()
            finally:
                self._drop_connection()
        return self.counts

    def _take(self, row):
        """Send one message; whatever goes wrong with it stops no other."""
        try:
            # Opened here, or Django would close it after each message. Nothing was sent if it fails: neither
            # a possible duplicate nor, whatever the server says to us, a refusal of this message.
            self.mailer.open()
        except Exception as error:  # noqa: BLE001
            self._drop_connection()
            return self._retry(row, error)
        letter = self._write(row)
        if letter is None:
            return None
        if not self._mark(row):
            return self._count(row, "sent", is_held=False)
        try:
            self.mailer.send_messages([letter])
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            self._drop_connection()
            return self._refused(row, error)
        except Exception as error:  # noqa: BLE001  a timeout or a lost reply: it may or may not have gone out
            self._drop_connection()
            row.ambiguous += 1
            return self._retry(row, error)
        self.gone = row
        return None

    def _write(self, row):
        """The message as it reads now, from facts read now; None if there is nothing to send."""
        try:
            make = KINDS.get(row.kind)
            if make is None:
                raise LookupError(f"there is no message of the kind {row.kind!r}")
            self._read_recipients(row)
            return self._built(row, make(row))
        except NoLongerTrue as why:
            self._let_go(row, State.CANCELLED, "cancelled", error=str(why))
        except NotNow as later:
            self._put_off(row, later)
        except (OperationalError, InterfaceError):
            raise  # the database is gone: the lease brings every message of the chunk back
        except Exception as error:
            log.exception("message %s cannot be made", row.key)
            self._retry(row, error)
        return None

    def _built(self, row, mail):
        letter = build(row, mail, connection=self.mailer)
        letter.message()  # what cannot be written fails here, before the state says it was sent
        return letter

    def _read_recipients(self, row):
        """Who it is for, as they are now: read for all that are left at once, if that is not a moment ago."""
        if time.monotonic() - self.read_at < FRESH:
            return
        self.read_at = time.monotonic()
        left = self.rows[self.rows.index(row) :]
        for each in left:
            each._state.fields_cache.pop("recipient", None)
        prefetch_related_objects(left, "recipient")
        for kind in {each.kind for each in left} & READ.keys():
            READ[kind]([each for each in left if each.kind == kind])

    # --- What the database is told

    def _mark(self, row) -> bool:
        """Mark this message as being sent and the one before as sent; False if another worker has it now."""
        # The lease starts anew with each send: the last of a chunk must not be out of time before its turn.
        row.hold(seconds=settings.DELIVERY_LEASE, token=row.lease_token)
        changed = stubbornly(_turn, row, self.gone)
        self._count_gone(changed)
        return row.pk in changed

    def _remember(self):
        """Mark the last message as sent, when no next one does."""
        if self.gone is not None:
            self._count_gone(stubbornly(_turn, None, self.gone))

    def _count_gone(self, changed):
        if self.gone is not None:
            self._count(self.gone, "sent", is_held=self.gone.pk in changed)
            tell(SENT, self.gone)
            self.gone = None

    def _let_go(self, row, state, outcome, **fields):
        """Release the message; what another worker has taken meanwhile is that worker's to decide."""
        self._count(row, outcome, is_held=stubbornly(row.release, state, **fields))

    def _count(self, row, outcome, *, is_held):
        if not is_held:
            log.warning("message %s was taken by another worker before it was %s here", row.key, outcome)
        self.counts[outcome if is_held else "lost"] += 1

    def _put_off(self, row, later):
        row.attempts -= 1
        # Whoever has no working hours ahead is asked again tomorrow; a moment in the past would never rest.
        until = later.until or timezone.now() + timedelta(days=1)
        due_at = max(until, timezone.now() + SOONEST)
        self._let_go(row, State.PENDING, "put off", error=str(later), due_at=due_at)

    def _retry(self, row, error):
        text, due_at = without_address(row, f"{type(error).__name__}: {error}"), timezone.now() + row.pause()
        self._let_go(row, State.PENDING, "retried", error=text, due_at=due_at)

    def _refused(self, row, error):
        """The server said no: 5xx is final, and somebody is told; 4xx means later."""
        answers = getattr(error, "recipients", None) or {"": (getattr(error, "smtp_code", 0), b"")}
        is_final = all(500 <= code < 600 for code, _ in answers.values())
        if not is_final:
            return self._retry(row, error)
        text = without_address(row, str(error))
        log.error("message %s was refused for good: %s", row.key, text)
        return self._count(row, "dead", is_held=stubbornly(give_up, row, text))

    def _give_back(self, rows):
        """What was claimed and not begun is anybody's again, at once."""
        held = Delivery.objects.filter(
            pk__in=[row.pk for row in rows], lease_token=rows[0].lease_token, state=State.CLAIMED
        )
        held.update(state=State.PENDING, attempts=F("attempts") - 1, lease_until=None, lease_token=None)

    def _drop_connection(self):
        """After an error the connection's state is unknown; the next message opens a new one."""
        try:
            self.mailer.close()
        except Exception:  # noqa: BLE001
            self.mailer.connection = None


def give_up(row, error) -> bool:
    with transaction.atomic():
        is_held = row.release(State.DEAD, error=error)
        if is_held and row.kind in REFUSED:
            REFUSED[row.kind](row, error)
        elif is_held:
            emails.tell_of_refused(row)
        return is_held


def tell(hooks, row, *about):
    """What a kind wants to know of its message; it has gone, whatever becomes of that."""
    try:
        return hooks[row.kind](row, *about) if row.kind in hooks else None
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("what message %s was to be followed by went wrong", row.key)
        return None


def without_address(row, text) -> str:
    """What a mail server said, without the address that the row itself does not keep."""
    for address in getattr(row, "kept_out", ()):
        text = text.replace(address, row.address)
    return text


def _turn(row, gone) -> set[int]:
    """One statement: `row` is being sent, `gone` is sent; returns the keys of which that is so."""
    table, token = Delivery._meta.db_table, Delivery._meta.get_field("lease_token")
    now = timezone.now()
    now, until = (
        connection.ops.adapt_datetimefield_value(moment) for moment in (now, row.lease_until if row else now)
    )
    values = {
        "row": row.pk if row else 0,
        "gone": gone.pk if gone else 0,
        "token": token.get_db_prep_value((row or gone).lease_token, connection),
        "now": now,
        "until": until,
        "subject": row.subject if row else "",
        "message_id": row.message_id if row else "",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET error = '', "  # noqa: S608  our own table
            "state = CASE WHEN id = %(gone)s THEN 'sent' ELSE 'sending' END, "
            "sent_at = CASE WHEN id = %(gone)s THEN %(now)s ELSE NULL END, "
            "lease_until = CASE WHEN id = %(gone)s THEN NULL ELSE %(until)s END, "
            "lease_token = CASE WHEN id = %(gone)s THEN NULL ELSE lease_token END, "
            "subject = CASE WHEN id = %(gone)s THEN subject ELSE %(subject)s END, "
            "message_id = CASE WHEN id = %(gone)s THEN message_id ELSE %(message_id)s END "
            "WHERE lease_token = %(token)s AND id IN (%(row)s, %(gone)s) "
            # `sending` for both: the answer to an earlier try may have been lost, and the row is still ours.
            "AND state IN ('claimed', 'sending') RETURNING id",
            values,
        )
        return {pk for (pk,) in cursor.fetchall()}


def stubbornly(write, *args, **options):
    """Write also if the database is away for a moment: what the mail server has taken is worth a wait."""
    for pause in (*PATIENCE, None):
        try:
            return write(*args, **options)
        except (OperationalError, InterfaceError):
            if pause is None or connection.in_atomic_block:
                raise
            connection.close()
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def waiting_since(at=None):
    """When the oldest message that is due fell due, or None when nothing waits."""
    return Delivery.objects.due(at).order_by("due_at").values_list("due_at", flat=True).first()
