"""The mails about the meeting: a file that calendars read, moved and cancelled under one identity."""

import email
import email.policy
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.urls import reverse
from icalendar import Calendar

from config.outbox.models import Delivery
from config.outbox.sending import deliver
from incidents.models import Incident
from retros.sweeps import tell_of_meetings
from tests.retros.asked import schedule, take_part

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
STARTS = datetime(2026, 3, 9, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_wednesday(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Aftercare <aftercare@example.com>"
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def kim(retro):
    return take_part(retro)


@pytest.fixture
def meeting(retro, ana, omar, kim):
    """Omar has an account, Kim of Acme has none, and Lee has no address."""
    retro.participants.create(user=omar, hat="product")
    retro.participants.create(name="Lee", hat="customer")
    return schedule(retro, by=ana, starts_at=STARTS)


def sent():
    """What goes out now, as a mail program reads it, by recipient."""
    mail.outbox.clear()
    deliver()
    return {
        one.to[0]: email.message_from_bytes(
            one.message().as_bytes(linesep="\r\n"), policy=email.policy.default
        )
        for one in mail.outbox
    }


def event_of(letter):
    [file] = list(letter.iter_attachments())
    calendar = Calendar.from_ical(file.get_payload(decode=True))
    [event] = calendar.walk("VEVENT")
    return file, calendar, event


def test_everybody_with_an_address_gets_a_file_for_their_calendar(meeting, retro):
    letters = sent()
    assert set(letters) == {"omar@example.com", "kim@acme.example"}
    for address, letter in letters.items():
        assert letter.get_content_type() == "multipart/mixed"
        body, html = letter.get_body(("plain",)), letter.get_body(("html",))
        for twin in (body.get_content(), html.get_content()):
            assert "Monday 9 March 2026, 10:00" in twin
            assert "https://meet.example/room" in twin
            assert "What it was like for customers" in twin
        file, calendar, event = event_of(letter)
        assert file.get_content_type() == "text/calendar"
        assert file["Content-Type"].params["method"] == "REQUEST"
        assert file.get_filename() == "meeting.ics"
        assert calendar["METHOD"] == "REQUEST"
        assert str(event["UID"]) == f"{meeting.uid}@example.com"
        assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")
        assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (STARTS, STARTS + timedelta(hours=1))
        assert str(event["ATTENDEE"]) == f"mailto:{address}"
        assert str(event["ORGANIZER"]) == "mailto:aftercare@example.com"


def test_only_whoever_may_know_is_told_what_it_is_about(meeting, retro):
    letters = sent()
    assert retro.title in str(event_of(letters["omar@example.com"])[2]["SUMMARY"])
    raw = letters["kim@acme.example"]
    text = raw.get_body(("plain",)).get_content() + raw["Subject"]
    for hidden in (retro.title, retro.reference, "Ana"):
        assert hidden not in text
        assert hidden not in event_of(raw)[2].to_ical().decode()


def test_of_a_restricted_one_nobody_is_told_who_may_not_see_it(meeting, retro):
    Incident.objects.update(visibility="restricted", declared_by=None, title="A key was public")
    type(retro).objects.update(title="A key was public")
    for letter in sent().values():
        assert "A key was public" not in letter.get_body(("plain",)).get_content()
        assert b"A key was public" not in event_of(letter)[2].to_ical()


def test_moving_it_is_the_same_meeting_with_a_higher_number(meeting, ana):
    sent()
    meeting.move(by=ana, starts_at=STARTS + timedelta(days=1))
    letter = sent()["kim@acme.example"]
    assert letter["Subject"].startswith("The meeting has changed: Tuesday 10 March")
    _, calendar, event = event_of(letter)
    assert (calendar["METHOD"], event["SEQUENCE"]) == ("REQUEST", 1)
    assert str(event["UID"]) == f"{meeting.uid}@example.com"


def test_cancelling_takes_it_out_of_calendars(meeting, ana):
    sent()
    meeting.cancel(by=ana)
    letter = sent()["omar@example.com"]
    assert letter["Subject"].startswith("The meeting is off")
    _, calendar, event = event_of(letter)
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)


def test_what_changed_before_it_was_told_is_told_once(meeting, ana):
    meeting.move(by=ana, starts_at=STARTS + timedelta(days=1))
    letters = sent()
    assert len(mail.outbox) == 2
    assert all(one["Subject"].startswith("A meeting to look back together") for one in letters.values())


def test_who_was_never_told_of_it_is_not_told_that_it_is_off(meeting, ana):
    meeting.cancel(by=ana)
    assert sent() == {}
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}


def test_whoever_joins_later_is_told_too_and_once(meeting, retro):
    sent()
    assert tell_of_meetings() == 0
    take_part(retro, "Sue", "support", "sue@example.com")
    assert tell_of_meetings() == 1
    assert tell_of_meetings() == 0
    assert set(sent()) == {"sue@example.com"}


def test_whoever_sees_the_retro_fetches_the_file(client, meeting, retro, ravi):
    client.force_login(ravi)
    response = client.get(reverse("admin:retros_retrospective_calendar", args=[retro.pk]))
    assert response["Content-Type"].startswith("text/calendar")
    calendar = Calendar.from_ical(response.content)
    [event] = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "PUBLISH"
    assert retro.title in str(event["SUMMARY"])
    assert "ATTENDEE" not in event


def test_hostile_places_break_neither_mail_nor_calendar(retro, ana, kim):
    place = "Room;1,\\n BEGIN:VALARM \u202e<b>"
    schedule(retro, by=ana, starts_at=STARTS, place=place)
    letter = sent()["kim@acme.example"]
    assert "<b>" not in letter.get_body(("html",)).get_content().replace("&lt;b&gt;", "")
    _, calendar, event = event_of(letter)
    assert len(calendar.walk("VALARM")) == 1
    assert "BEGIN:VALARM" in str(event["LOCATION"])
