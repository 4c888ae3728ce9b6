"""The meeting as a file that calendars read: the same identity however often it is moved, and a number that grows."""

import re
from datetime import UTC
from email.utils import parseaddr

from django.conf import settings
from icalendar import Alarm, Calendar, Event, vCalAddress

from config.outbox.messages import Attachment, host
from retros.models import Meeting

TEXT = 2_000  # characters that a calendar is given
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufeff\ufffe\uffff]")


def calendar_of(meeting, *, title, attendee="") -> bytes:
    """The meeting as iCalendar, to whoever may know `title` of it; `attendee` is whom the file is sent to."""
    is_off = meeting.status == Meeting.Status.CANCELLED
    calendar = Calendar()
    calendar.add("prodid", "-//Aftercare//Meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    # Fetched by oneself it asks nobody to come.
    calendar.add("method", "CANCEL" if is_off else "REQUEST" if attendee else "PUBLISH")
    calendar.add_component(_event(meeting, title, attendee, is_off))
    return calendar.to_ical()


def file_of(meeting, *, title, attendee="") -> Attachment:
    """The same as a file of a mail."""
    method = "CANCEL" if meeting.status == Meeting.Status.CANCELLED else "REQUEST"
    kind = f"text/calendar; method={method}; charset=utf-8"
    return Attachment("meeting.ics", kind, calendar_of(meeting, title=title, attendee=attendee))


def _event(meeting, title, attendee, is_off):
    event = Event()
    event.add("uid", f"{meeting.uid}@{host()}")
    event.add("sequence", meeting.sequence)
    # When this version was made, not when it is read: the same version is the same file.
    event.add("dtstamp", _changed_at(meeting))
    event.add("dtstart", meeting.starts_at.astimezone(UTC))
    event.add("dtend", meeting.ends_at.astimezone(UTC))
    event.add("summary", clean(f"Looking back together: {title}" if title else "Looking back together"))
    event.add("description", clean("\n".join(f"{m} min  {part}" for part, m in meeting.parts())))
    if meeting.place:
        event.add("location", clean(meeting.place))
    event.add("status", "CANCELLED" if is_off else "CONFIRMED")
    event.add("organizer", _address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], settings.SITE_NAME))
    if attendee:
        event.add("attendee", _address(attendee))
    if not is_off:
        event.add_component(_alarm())
    return event


def _changed_at(meeting):
    latest = meeting.history.order_by("-history_id").values_list("history_date", flat=True).first()
    return (latest or meeting.starts_at).astimezone(UTC)


def _alarm():
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", "Looking back together")
    alarm["trigger"] = "-PT10M"
    return alarm


def _address(email, name=""):
    address = vCalAddress(f"mailto:{email}")
    if name:
        address.params["CN"] = clean(name, 100).replace('"', "'")
    return address


def clean(text, most=TEXT) -> str:
    """What of a text a calendar program can keep: no controls, no surrogates, not without end."""
    text = _UNSEEN.sub(" ", str(text)[: most * 2].replace("\r\n", "\n").replace("\r", "\n"))
    return text if len(text) <= most else f"{text[: most - 1]}…"
