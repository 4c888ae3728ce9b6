"""Messages are never lost, never silent, and never sent twice on purpose."""

import itertools
import smtplib
import socket
import threading
import uuid
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from config.outbox import messages, sending
from config.outbox.models import LONGEST_PAUSE, Delivery
from config.transitions import NotPermitted, WrongState
from incidents.models import Incident
from tests.cases import assert_recorded, assert_refused
from tests.faults import failing_at, is_whole_or_absent

pytestmark = pytest.mark.django_db
TEMPLATES = {
    "emails/note.subject.txt": "{% autoescape off %}A note: {{ title }}{% endautoescape %}",
    "emails/note.txt": "{% autoescape off %}{{ title }} at {{ site_url }}{% endautoescape %}",
    "emails/note.html": "<p>{{ title }}</p>",
}


def note(delivery):
    if delivery.context.get("is_over"):
        raise messages.NoLongerTrue("It is over.")
    return messages.Mail(template="note", context={"title": delivery.context["title"]}, thread="item 7")


@pytest.fixture(autouse=True)
def _notes(settings, monkeypatch):
    """A kind of message of our own, sent nowhere unless a test starts a server."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Aftercare <aftercare@example.com>"
    loader = ("django.template.loaders.locmem.Loader", TEMPLATES)
    engine = {**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False, "OPTIONS": {"loaders": [loader]}}
    settings.TEMPLATES = [engine]
    monkeypatch.setitem(messages.KINDS, "tests.note", note)


def a_delivery(key="note:1", **fields):
    context = {"title": fields.pop("title", "Checkout fails")}
    fields = {"kind": "tests.note", "address": "omar@example.com", "context": context, **fields}
    return Delivery.objects.create(key=key, **fields)


def let_the_lease_run_out(**of):
    Delivery.objects.filter(**of).update(lease_until=timezone.now() - timedelta(seconds=1))


def let_the_pause_end():
    Delivery.objects.update(due_at=timezone.now())


class Server:
    """A mail server that keeps what it accepts, and answers as it is told."""

    def __init__(self):
        self.mails, self.peers, self.answers = [], set(), []

    async def handle_DATA(self, server, session, envelope):
        self.peers.add(session.peer)
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if callable(answer):
            answer = answer(server)
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer

    def parsed(self, number=-1):
        return message_from_bytes(self.mails[number].original_content, policy=policy.default)

    def subject(self, number=-1):
        return self.parsed(number)["Subject"].strip()  # what is left of the folding of a long one


@pytest.fixture
def smtp(settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=port, decode_data=False)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield server
    controller.stop()


# --- Rows first


def test_a_key_is_queued_once(django_assert_num_queries):
    rows = [Delivery(key=f"note:{n}", kind="tests.note", address="omar@example.com") for n in range(3)]
    assert Delivery.objects.queue(rows[:2]) == 2
    assert Delivery.objects.queue(rows) == 1
    assert Delivery.objects.count() == 3
    with pytest.raises(IntegrityError), transaction.atomic():
        a_delivery("note:1")


def test_the_database_refuses_half_a_state():
    delivery = a_delivery()
    for values in [{"state": "sent"}, {"sent_at": timezone.now()}, {"state": "claimed"}]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(pk=delivery.pk).update(**values)


def test_what_is_not_due_yet_waits():
    a_delivery(due_at=timezone.now() + timedelta(minutes=1))
    assert sending.claim(10) == []
    assert len(sending.claim(10, at=timezone.now() + timedelta(minutes=2))) == 1


# --- Claiming


def test_what_one_worker_holds_no_other_gets():
    for number in range(5):
        a_delivery(f"note:{number}")
    first, second, third = sending.claim(2), sending.claim(10), sending.claim(10)
    assert [len(rows) for rows in (first, second, third)] == [2, 3, 0]
    assert not {row.pk for row in first} & {row.pk for row in second}


# SQLite's database in memory has one lock for all threads, unlike its files; there IMMEDIATE is the lock.
@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="needs PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_never_get_the_same_message():
    for number in range(40):
        a_delivery(f"note:{number}")
    got, start = [], threading.Barrier(4)

    def work():
        try:
            start.wait()
            while rows := sending.claim(3):
                got.extend(row.pk for row in rows)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got) == sorted(Delivery.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(("died_while", "ambiguous"), [("claimed", 0), ("sending", 1)])
def test_when_a_lease_runs_out_the_message_is_taken_again(died_while, ambiguous):
    a_delivery()
    [row] = sending.claim(1)
    Delivery.objects.update(state=died_while)
    assert sending.claim(1) == []
    let_the_lease_run_out()
    [again] = sending.claim(1)
    assert (again.pk, again.ambiguous, again.attempts) == (row.pk, ambiguous, 2)
    assert again.lease_token != row.lease_token


def test_claiming_is_whole_or_absent_wherever_it_breaks():
    for number in range(3):
        a_delivery(f"note:{number}")
    assert is_whole_or_absent(lambda: sending.claim(3), Delivery) >= 3


# --- Sending


def test_a_message_goes_out_with_the_headers_that_mail_programs_expect(smtp):
    a_delivery("overdue:person 12:2026-12-01", title="Zahlung schlägt fehl – für jeden fünften")
    assert sending.deliver() == {"sent": 1}
    sent, delivery = smtp.parsed(), Delivery.objects.get()
    assert sent["Message-ID"] == "<overdue-person-12-2026-12-01@example.com>" == delivery.message_id
    assert sent["In-Reply-To"] == sent["References"] == "<item-7@example.com>"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["X-Auto-Response-Suppress"] == "All"
    assert sent["Precedence"] == "bulk"
    assert sent["List-Id"] == "<aftercare.example.com>"
    assert sent["X-Aftercare-Reason"] == "owner"
    assert smtp.subject() == "A note: Zahlung schlägt fehl – für jeden fünften" == delivery.subject
    assert [part.get_content_type() for part in sent.iter_parts()] == ["text/plain", "text/html"]
    assert smtp.mails[0].rcpt_tos == ["omar@example.com"]
    assert len(sent.get_all("Message-ID")) == len(sent.get_all("Subject")) == 1
    assert (delivery.state, delivery.lease_until, delivery.error) == ("sent", None, "")


def test_one_connection_carries_a_chunk(smtp, monkeypatch):
    monkeypatch.setattr(sending, "CHUNK", 4)
    for number in range(8):
        a_delivery(f"note:{number}")
    assert sending.deliver() == {"sent": 8}
    assert len(smtp.peers) == 2


def test_no_more_is_sent_than_asked_for():
    for number in range(5):
        a_delivery(f"note:{number}")
    assert sending.deliver(limit=3) == {"sent": 3}
    assert Delivery.objects.unfinished().count() == 2


def test_what_is_no_longer_true_is_cancelled():
    delivery = a_delivery()
    Delivery.objects.update(context={"is_over": True})
    assert sending.deliver() == {"cancelled": 1}
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error, delivery.sent_at) == ("cancelled", "It is over.", None)


POISON = {
    "a line break": "x\r\nBcc: spy@example.com",
    "a vertical tab": "x\x0bBcc: spy@example.com",
    "a form feed": "x\x0cBcc: spy@example.com",
    "an escape": "\x1b[31mx",
    "a direction mark": "safe\u202egpj.exe",
    "nothing": "",
    "very much": "x" * 100_000,
    "ten thousand accents": "e" + "\u0301" * 10_000,
    "an encoded word": "=?utf-8?b?Qmlu?=",
}


@pytest.mark.parametrize("title", POISON.values(), ids=POISON)
def test_a_poisonous_title_is_sent_clean_and_stops_no_other_mail(smtp, title):
    for number, text in enumerate(["before", title, "after"]):
        a_delivery(f"note:{number}", title=text)
    assert sending.deliver() == {"sent": 3}
    subjects = [smtp.subject(number) for number in range(3)]
    assert (subjects[0], subjects[2]) == ("A note: before", "A note: after")
    assert smtp.parsed(1)["Bcc"] is None
    assert len(subjects[1]) <= 200
    assert subjects[1].isprintable()


def unmakeable(delivery):
    title = delivery.context["title"]
    if title == "unknown":
        return messages.Mail(template="there is none", context={})
    if title == "database":
        raise DataError("a title with \x00 in it")
    return messages.Mail(template="note", context={"title": "x"}, headers={"X-Note": "x\x0bBcc: a@b.c"})


@pytest.mark.parametrize("title", ["unknown", "database", "header"])
def test_a_message_that_cannot_be_made_stops_no_other_and_tells_why(smtp, monkeypatch, title):
    monkeypatch.setitem(messages.KINDS, "tests.unmakeable", unmakeable)
    a_delivery("note:1")
    bad = a_delivery("note:2", kind="tests.unmakeable", title=title)
    a_delivery("note:3")
    assert sending.deliver() == {"sent": 2, "retried": 1}
    bad.refresh_from_db()
    assert (bad.state, bad.attempts, bad.ambiguous) == ("pending", 1, 0)
    assert bad.error
    assert bad.due_at > timezone.now()


def test_a_kind_nobody_registered_is_kept_and_told():
    a_delivery(kind="tests.gone")
    assert sending.deliver() == {"retried": 1}
    assert "tests.gone" in Delivery.objects.get().error


HOPELESS = {
    "ten megabytes": "x" * 10_000_000,
    "ten megabytes of accents": "é" * 10_000_000,
    "zero width only": "\u200b\u2060",
    "a letter that is blank": "\u3164",
    "directions only": "\u202e\u2066",
    "a null": "\x00",
}


@pytest.mark.parametrize("title", HOPELESS.values(), ids=HOPELESS)
def test_a_title_no_mail_could_carry_is_refused_before(severity, title):
    with pytest.raises(ValidationError) as refused:
        Incident(title=title, severity=severity).full_clean()
    assert "title" in refused.value.error_dict


# --- What servers say


def test_later_means_later(smtp):
    smtp.answers = ["451 Try again later"]
    a_delivery()
    assert sending.deliver() == {"retried": 1}
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.ambiguous) == ("pending", 0)
    assert "451" in delivery.error
    assert delivery.due_at > timezone.now() + timedelta(seconds=25)
    let_the_pause_end()
    assert sending.deliver() == {"sent": 1}
    assert Delivery.objects.get().attempts == 2


def test_pauses_double_up_to_an_hour():
    pauses = [Delivery(attempts=n).pause().total_seconds() for n in range(1, 60)]
    assert pauses[:4] == [30, 60, 120, 240]
    assert max(pauses) == LONGEST_PAUSE
    assert pauses == sorted(pauses)


def test_never_means_never_and_is_visible(smtp):
    smtp.answers = ["550 No such person"]
    a_delivery("note:1")
    a_delivery("note:2")
    assert sending.deliver() == {"dead": 1, "sent": 1}
    dead = Delivery.objects.get(key="note:1")
    assert (dead.state, dead.is_dead, dead.ambiguous) == ("dead", True, 0)
    assert "No such person" in dead.error
    let_the_pause_end()
    assert sending.deliver() == {}


class Program:
    """A mail program that fails in one way."""

    def __init__(self, *, opening=None, sending=None):
        self.opening, self.sending = opening, sending

    def open(self):
        if self.opening:
            raise self.opening

    def close(self): ...

    def send_messages(self, _):
        raise self.sending


@pytest.mark.parametrize(
    ("error", "outcome", "ambiguous"),
    [
        (smtplib.SMTPRecipientsRefused({"omar@example.com": (550, b"no")}), "dead", 0),
        (smtplib.SMTPRecipientsRefused({"omar@example.com": (450, b"full")}), "retried", 0),
        (smtplib.SMTPSenderRefused(553, b"no", "aftercare@example.com"), "dead", 0),
        (smtplib.SMTPDataError(554, b"spam"), "dead", 0),
        (smtplib.SMTPDataError(452, b"full"), "retried", 0),
        (smtplib.SMTPServerDisconnected("gone"), "retried", 1),
        (TimeoutError("no answer"), "retried", 1),
        (ConnectionResetError("reset"), "retried", 1),
    ],
)
def test_what_a_failure_means(monkeypatch, error, outcome, ambiguous):
    a_delivery()
    monkeypatch.setattr(sending, "get_connection", lambda: Program(sending=error))
    assert sending.deliver() == {outcome: 1}
    delivery = Delivery.objects.get()
    assert (delivery.ambiguous, delivery.lease_until) == (ambiguous, None)
    assert delivery.error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        TimeoutError("no answer"),
        socket.gaierror("no such host"),
        smtplib.SMTPAuthenticationError(535, b"wrong password"),
        smtplib.SMTPConnectError(554, b"not now"),
    ],
)
def test_a_server_that_lets_nobody_in_costs_no_message(monkeypatch, error):
    a_delivery()
    monkeypatch.setattr(sending, "get_connection", lambda: Program(opening=error))
    assert sending.deliver() == {"retried": 1}
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.ambiguous) == ("pending", 0)


def test_a_server_that_hangs_leaves_a_flag_and_the_same_message_id(smtp, settings):
    settings.EMAIL_TIMEOUT = 1
    silence = threading.Event()
    a_delivery()

    def hang(server):
        smtp.mails.append(server.envelope)  # it was taken, only the answer never came
        silence.wait(1.5)
        return "451 too late"

    smtp.answers = [hang]
    assert sending.deliver() == {"retried": 1}
    assert Delivery.objects.get().ambiguous == 1
    silence.set()
    let_the_pause_end()
    assert sending.deliver() == {"sent": 1}
    assert smtp.parsed(0)["Message-ID"] == smtp.parsed(1)["Message-ID"]
    assert (Delivery.objects.get().state, Delivery.objects.get().ambiguous) == ("sent", 1)


def test_a_server_that_drops_the_line_after_one_refusal_gets_a_new_connection(smtp):
    smtp.answers = ["451 Not now"]
    a_delivery("note:1")
    a_delivery("note:2")
    assert sending.deliver() == {"retried": 1, "sent": 1}
    assert len(smtp.peers) == 2


# --- Workers that are too late


def test_a_worker_whose_lease_was_taken_before_it_sends_does_not_send(smtp):
    a_delivery()
    late = sending.claim(1)
    let_the_lease_run_out()
    [other] = sending.claim(1)
    assert sending.Courier(late).run() == {"lost": 1}
    assert smtp.mails == []
    assert Delivery.objects.get().lease_token == other.lease_token


def test_a_worker_whose_lease_runs_out_while_it_sends_leaves_the_row_to_the_other(smtp):
    a_delivery()
    [row] = sending.claim(1)
    courier = sending.Courier([row])
    letter = courier._write(row)
    assert courier._mark(row)
    let_the_lease_run_out()
    [other] = sending.claim(1)
    assert other.ambiguous == 1
    courier.mailer.send_messages([letter])
    courier.gone = row
    courier._remember()
    assert courier.counts == {"lost": 1}
    assert Delivery.objects.get().state == "claimed"
    assert sending.Courier([other]).run() == {"sent": 1}
    assert smtp.parsed(0)["Message-ID"] == smtp.parsed(1)["Message-ID"]


def test_a_worker_that_is_late_but_alone_still_finishes(smtp):
    a_delivery()
    rows = sending.claim(1)
    let_the_lease_run_out()
    assert sending.Courier(rows).run() == {"sent": 1}


def test_letting_go_needs_the_lease():
    delivery = a_delivery()
    [row] = sending.claim(1)
    Delivery.objects.update(lease_token=uuid.uuid4())
    for state in ("sent", "dead", "cancelled", "pending"):
        assert row.release(state, sent_at=timezone.now() if state == "sent" else None) is False
    delivery.refresh_from_db()
    assert delivery.state == "claimed"


def test_each_send_starts_the_lease_anew():
    a_delivery()
    [row] = sending.claim(1)
    Delivery.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    row.subject = row.message_id = "x"
    assert sending._turn(row, None) == {row.pk}
    assert Delivery.objects.get().lease_until > timezone.now() + timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)  # so that what a worker has committed stays, as in real life
def test_wherever_the_database_fails_nothing_is_lost_and_what_may_be_double_is_flagged(mailoutbox):
    for number in itertools.count(1):
        Delivery.objects.all().delete()
        mailoutbox.clear()
        keys = [a_delivery(f"note:{number}:{n}").key for n in range(2)]
        with failing_at(number) as fault:
            sending.deliver()
        let_the_lease_run_out(state__in=["claimed", "sending"])
        let_the_pause_end()
        sending.deliver()
        sent = Counter(message.extra_headers["Message-ID"] for message in mailoutbox)
        assert set(sent) == {messages.message_id(key) for key in keys}
        flagged = Delivery.objects.filter(state="sent", ambiguous__gte=1).values_list("message_id", flat=True)
        assert {key for key, times in sent.items() if times > 1} <= set(flagged)
        if not fault.has_struck:
            return


def test_a_database_that_is_gone_stops_the_worker_not_the_message(monkeypatch):
    a_delivery()

    def gone(delivery):
        raise OperationalError("server closed the connection")

    monkeypatch.setitem(messages.KINDS, "tests.note", gone)
    with pytest.raises(OperationalError):
        sending.deliver()
    let_the_lease_run_out()
    assert Delivery.objects.due().count() == 1


# --- What people see and do


def test_only_what_was_given_up_is_sent_again(admin_user):
    delivery = a_delivery()
    assert_refused(WrongState, delivery, "requeue", by=admin_user)
    Delivery.objects.update(state="dead", error="550", attempts=7)
    delivery.requeue(by=admin_user, reason="The address works again.")
    assert (delivery.state, delivery.error, delivery.attempts) == ("pending", "", 0)
    assert_recorded(delivery, by=admin_user, reason="The address works again.")
    assert sending.deliver() == {"sent": 1}
    assert_refused(WrongState, delivery, "requeue", by=admin_user)


def test_only_an_administrator_sends_again(omar, aud, ravi, ana):
    delivery = a_delivery(state="dead")
    for person in (omar, aud, ravi, ana):
        assert_refused(NotPermitted, delivery, "requeue", by=person)


def test_sending_again_is_whole_or_absent(admin_user):
    delivery = a_delivery(state="dead")
    assert is_whole_or_absent(lambda: delivery.requeue(by=admin_user), Delivery) >= 3


def test_the_history_tells_how_far_a_message_came(smtp):
    smtp.answers = ["451 Later"]
    delivery = a_delivery()
    sending.deliver()
    let_the_pause_end()
    sending.deliver()
    states = [entry.state for entry in delivery.history.order_by("history_id")]
    assert states == ["pending", "claimed", "sending", "pending", "pending", "claimed", "sending", "sent"]


def test_how_long_the_oldest_waits_can_be_asked():
    assert sending.waiting_since() is None
    first = timezone.now() - timedelta(minutes=20)
    a_delivery("note:1", due_at=first)
    a_delivery("note:2")
    assert sending.waiting_since() == first
    sending.deliver()
    assert sending.waiting_since() is None


@pytest.mark.parametrize(("lease", "found"), [(29, ["outbox.E001"]), (30, [])])
def test_a_lease_shorter_than_a_slow_server_is_refused(settings, lease, found):
    settings.EMAIL_TIMEOUT, settings.DELIVERY_LEASE = 10, lease
    assert [error.id for error in run_checks() if error.id.startswith("outbox")] == found
