"""What goes over the wire, looked at as bytes: nothing folded where it must not be, nothing smuggled in."""

from email import message_from_bytes, policy

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import BadHeaderError
from django.test import override_settings

from config.outbox import messages, sending
from config.outbox.letters import Letter
from config.outbox.models import Delivery
from tests.outbox.test_sending import _notes, a_delivery, smtp  # noqa: F401  fixtures

TOKEN = "eyJ" + "x" * 300


def letter(cls=Letter, *, subject="What waits for you", text="Hello\n", html="<p>Hello</p>", **options):
    headers = {"Message-ID": f"<{'k' * 180}@example.com>", "X-Note": "a b"} | options.pop("headers", {})
    made = cls(subject, text, "Aftercare <aftercare@example.com>", ["omar@example.com"], headers=headers)
    made.attach_alternative(html, "text/html")
    return made


def parsed(made):
    return message_from_bytes(made.message().as_bytes(linesep="\r\n"), policy=policy.default)


BODIES = {
    "plain": "Hello\n",
    "no line break at its end": "Hello",
    "empty": "\n",
    "accents": "Zahlung schlägt fehl – für jeden fünften 👍\n",
    "lines as long as lines may be": "x" * 998 + "\n",
    "lines too long for mail": "x" * 5000 + "\n" + "é" * 3000 + " = \n",
    "dots at the start": ".\n..\n.hidden\n",
    "a boundary": "--\n--=_x--\n",
    "spaces at the end": "to be continued   \n\t\n" + "y" * 1200 + "  \n",
}


@pytest.mark.parametrize("text", BODIES.values(), ids=BODIES)
def test_it_reads_as_what_django_writes(text):
    ours, theirs = parsed(letter(text=text)), parsed(letter(EmailMultiAlternatives, text=text))
    assert [part.get_content_type() for part in ours.walk()] == [
        part.get_content_type() for part in theirs.walk()
    ]
    for kind in ("plain", "html"):
        mine, django = (mail.get_body((kind,)).get_content() for mail in (ours, theirs))
        assert mine.rstrip("\n") == django.rstrip("\n")
    assert {k.lower() for k in ours.keys()} == {k.lower() for k in theirs.keys()}  # noqa: SIM118
    for name in ("Subject", "From", "To", "Message-ID", "X-Note"):
        assert str(ours[name]).strip() == str(theirs[name]).strip(), name
    assert ours.defects == []


@pytest.mark.parametrize("text", BODIES.values(), ids=BODIES)
def test_no_line_is_longer_than_mail_allows_and_every_line_ends_as_mail_wants(text):
    raw = letter(text=text, headers={"List-Unsubscribe": f"<https://example.com/{TOKEN}>"}).message()
    lines = raw.as_bytes(linesep="\r\n").split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert raw.as_bytes() == b"\n".join(lines)


def test_an_address_or_a_key_in_a_header_is_never_folded():
    head = letter(headers={"List-Unsubscribe": f"<https://example.com/u/{TOKEN}/>"}).message().as_bytes()
    assert f"\nList-Unsubscribe: <https://example.com/u/{TOKEN}/>\n".encode() in head
    assert b"\nMessage-ID: <" + b"k" * 180 + b"@example.com>\n" in head


def test_it_is_written_once():
    made = letter()
    assert made.message() is made.message()
    assert made.message()["Subject"] == "What waits for you"  # what it does not know itself, Django's does


@pytest.mark.parametrize(
    "bad", ["x\r\nBcc: a@b.c", "x\nBcc: a@b.c", "x\x0bBcc: a@b.c", "x\u2028y", "x\x00", "\ud800"]
)
def test_a_header_that_would_be_two_is_refused(bad):
    with pytest.raises(BadHeaderError):
        letter(headers={"X-Note": bad}).message()


def test_a_name_with_accents_and_an_address_of_many_words_arrive():
    made = letter()
    made.from_email, made.to = "Ärger Dienst <aftercare@example.com>", ['"Omar, S." <omar@example.com>']
    found = parsed(made)
    assert found["From"].addresses[0].display_name == "Ärger Dienst"
    assert found["To"].addresses[0].addr_spec == "omar@example.com"


# --- Through the whole of it, as a mail server receives it -------------------------------------------------


def leaving(delivery):
    return messages.Mail("note", {"title": delivery.context["title"]}, unsubscribe=delivery.context["to"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "written"),
    [
        (f"/go/{TOKEN}/", f"https://aftercare.example.com/go/{TOKEN}/"),
        ("https://elsewhere.example.com/u?a=1&b=2", "https://elsewhere.example.com/u?a=1&b=2"),
        (
            "/go/ä b>\r\nBcc: spy@example.com",
            "https://aftercare.example.com/go/%C3%A4%20b%3EBcc:%20spy@example.com",
        ),
    ],
)
@override_settings(SITE_URL="https://aftercare.example.com")
def test_one_click_ends_such_mails(smtp, monkeypatch, given, written):  # noqa: F811
    monkeypatch.setitem(messages.KINDS, "tests.leaving", leaving)
    delivery = a_delivery(kind="tests.leaving")
    Delivery.objects.update(context={"title": "x", "to": given})
    assert sending.deliver() == {"sent": 1}
    head = smtp.mails[0].original_content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert f"List-Unsubscribe: <{written}>".encode() in head
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert not any(line.startswith(b"Bcc") for line in head)
    assert delivery.address.encode() in b"".join(line for line in head if line.startswith(b"To:"))


@pytest.mark.django_db
def test_mail_that_nobody_can_leave_says_nothing_of_it(smtp):  # noqa: F811
    a_delivery()
    sending.deliver()
    assert smtp.parsed()["List-Unsubscribe"] is None


HOSTILE = {
    "line breaks": "x\r\nBcc: spy@example.com\r\n\r\nInstead of the text",
    "lone line ends": "x\ry\nz",
    "a dot alone": "x\r\n.\r\nMAIL FROM:<spy@example.com>",
    "a null": "x\x00y",
    "a lone surrogate": "x\ud800y",
    "ten megabytes": "x" * 10_000_000,
    "a million accents": "é" * 1_000_000,
}


@pytest.mark.django_db
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_title_holds_it_is_sent_and_stops_no_other_mail(smtp, monkeypatch, title):  # noqa: F811
    smtp.answers = []
    for number in (1, 2, 3):
        a_delivery(f"note:{number}")

    def note(delivery):
        return messages.Mail("note", {"title": title if delivery.key == "note:2" else "fine"})

    monkeypatch.setitem(messages.KINDS, "tests.note", note)
    assert sending.deliver() == {"sent": 3}
    assert [smtp.subject(number) for number in (0, 2)] == ["A note: fine"] * 2
    bad = smtp.parsed(1)
    assert bad["Bcc"] is None
    assert bad["To"] == "omar@example.com"
    assert len(smtp.subject(1)) <= 200
    assert b"\x00" not in smtp.mails[1].original_content
    assert len(bad.get_body(("plain",)).get_content()) >= min(len(title), 100_000) - 2


def test_a_file_goes_beside_both_twins():
    made = letter(text="Zahlung schlägt fehl\n")
    made.attach("meeting.ics", b"BEGIN:VCALENDAR\r\n\xc3\xa4\r\n" * 40, "text/calendar; method=REQUEST")
    ours = parsed(made)
    assert ours.get_content_type() == "multipart/mixed"
    assert ours.get_body(("plain",)).get_content().strip() == "Zahlung schlägt fehl"
    assert ours.get_body(("html",)).get_content().strip() == "<p>Hello</p>"
    [file] = list(ours.iter_attachments())
    assert (file.get_filename(), file["Content-Type"].params["method"]) == ("meeting.ics", "REQUEST")
    assert file.get_payload(decode=True) == b"BEGIN:VCALENDAR\r\n\xc3\xa4\r\n" * 40
    assert [part.defects for part in ours.walk()] == [[]] * 5
    raw = made.message().as_bytes(linesep="\r\n")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
