"""The calendar of what is due: for programs that know a secret address, read by two independent parsers."""

import logging
from datetime import date, datetime, timedelta

import icalendar
import ics
import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from actions.feed import CANCELLED_FOR, calendar_of, clean
from actions.models import ActionItem, CalendarFeed, EffectivenessCheck
from incidents.models import Incident, Milestone
from retros.models import Retrospective
from tests.conftest import make_person
from tests.pages import stored

PREFERENCES, CALENDAR = "/my/preferences/", "/my/preferences/calendar/"
HOSTILE = [
    "Injected\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil",
    "Semicolon; comma, backslash \\ and \\n",
    "x" * 10_000_000,
    "🦄" * 500,
    "\u202eright to left\u2028line\u2029paragraph",
    'DTSTART;TZID="x":nonsense',
]


@pytest.fixture
def nina(db):
    return make_person("nina@example.com", "Action owner")


@pytest.fixture
def secret(omar):
    return CalendarFeed.issue(omar)[1]


def url(secret):
    return f"/calendar/{secret}.ics"


def day(days):
    return timezone.now().date() + timedelta(days=days)


def events(body):
    """The events by UID, as one program reads them; the other one must find the same."""
    found = {str(e["UID"]): e for e in icalendar.Calendar.from_ical(body).walk("VEVENT")}
    other = ics.Calendar(body.decode())
    assert {event.uid for event in other.events} == found.keys()
    for event in other.events:
        assert event.begin.date() == found[event.uid].decoded("DTSTART")
        assert event.all_day
        # `ics` reads an escaped backslash before an n as a line break; RFC 5545 does not.
        assert event.name.replace("\\\n", "\\n") == str(found[event.uid]["SUMMARY"])
    return found


def read(user):
    return events(calendar_of(user, timezone.now()))


def test_it_lists_what_is_due(client, secret, omar, item):
    response = client.get(url(secret))
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in response["Cache-Control"]
    [(uid, event)] = events(response.content).items()
    assert uid == f"item-{item.pk}@127.0.0.1"
    assert event["SUMMARY"] == str(item)
    assert event.decoded("DTSTART") == item.due_on
    assert event.decoded("DTEND") == item.due_on + timedelta(days=1)
    assert item.why in event["DESCRIPTION"]
    assert item.retro.title in event["DESCRIPTION"]
    assert event["URL"].endswith(item.get_absolute_url())
    assert event["SEQUENCE"] == item.version
    assert isinstance(event.decoded("DTSTAMP"), datetime)
    assert event.decoded("LAST-MODIFIED") == item.history.first().history_date.replace(microsecond=0)
    [alarm] = event.walk("VALARM")
    assert alarm.decoded("TRIGGER") == -timedelta(hours=15)  # nine in the morning of the day before


def test_programs_are_told_how_often_to_ask_and_its_name(client, secret, item):
    body = client.get(url(secret)).content.decode()
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in body
    assert "X-PUBLISHED-TTL:PT1H\r\n" in body
    assert "X-WR-CALNAME:Aftercare: what is due\r\n" in body
    assert all(len(line.encode()) <= 75 for line in body.split("\r\n"))


def test_khal_reads_it_too(client, secret, item, tmp_path):
    """A calendar program as people use it, with a configuration of its own."""
    import subprocess
    import sys
    from pathlib import Path

    folder = tmp_path / "calendar"
    folder.mkdir()
    file = tmp_path / "feed.ics"
    file.write_bytes(client.get(url(secret)).content)
    (tmp_path / "config").write_text(
        f"[calendars]\n[[due]]\npath = {folder}\n[locale]\nlocal_timezone = UTC\ndefault_timezone = UTC\n"
        "timeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n"
        "datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n"
        f"[sqlite]\npath = {tmp_path / 'khal.db'}\n"
    )
    khal = Path(sys.executable).with_name("khal")
    if not khal.exists():
        pytest.skip("khal is not installed")
    asked = [
        str(khal),
        "-c",
        str(tmp_path / "config"),
        "printics",
        str(file),
        "--format",
        "{title} {start-date}",
    ]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    assert f"{item} {item.due_on}" in told.stdout


def test_checks_and_milestones_are_in_it(omar, nina, incident):
    done = ActionItem.objects.create(title="Alert", why="x", owner=nina, due_on=day(1))
    done.complete(by=None, evidence="It rang")
    check, _ = EffectivenessCheck.objects.update_or_create(
        item=done, done_at=done.ended_at, defaults={"asked_of": omar, "due_on": day(9)}
    )
    milestone = Milestone.objects.create(incident=incident, title="Refunds paid", owner=omar, due_on=day(4))
    found = read(omar)
    assert {str(event["SUMMARY"]) for event in found.values()} == {f"Did it work? {done}", "Refunds paid"}
    assert found[f"check-{check.pk}@127.0.0.1"]["URL"].endswith(f"/my/checks/{check.pk}/")
    assert incident.reference in found[f"milestone-{milestone.pk}@127.0.0.1"]["DESCRIPTION"]


def test_what_others_own_and_what_has_no_day_is_not_in_it(omar, nina):
    ActionItem.objects.create(title="Hers", why="x", owner=nina, due_on=day(1))
    ActionItem.objects.create(title="Undated", why="x", owner=omar)
    assert read(omar) == {}


# --- What changes


def test_a_new_date_keeps_the_event_and_moves_it_on(omar, item):
    [(uid, before)] = read(omar).items()
    item.postpone(by=omar, due_on=day(30))
    [(after_uid, after)] = read(omar).items()
    assert after_uid == uid
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after.decoded("DTSTART") == day(30)
    assert "moved once" in after["DESCRIPTION"]


@pytest.mark.parametrize("how", ["complete", "drop", "reassign"])
def test_what_is_closed_or_given_away_is_cancelled_for_a_month(omar, nina, item, how):
    [(uid, before)] = read(omar).items()
    asked = {"complete": {"evidence": "x"}, "drop": {"reason": "x"}, "reassign": {"owner": nina}}[how]
    getattr(item, how)(by=None, **asked)
    [(after_uid, after)] = read(omar).items()
    assert (after_uid, after["STATUS"]) == (uid, "CANCELLED")
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after.decoded("DTSTART") == before.decoded("DTSTART")
    assert after.walk("VALARM") == []
    later = timezone.now() + CANCELLED_FOR + timedelta(hours=1)
    assert events(calendar_of(omar, later)) == {}


def test_what_comes_back_is_confirmed_again(omar, item):
    item.complete(by=omar, evidence="x")
    item.reopen(by=omar, reason="It came back")
    [event] = read(omar).values()
    assert event["STATUS"] == "CONFIRMED"


def test_what_was_given_away_long_ago_and_edited_since_is_not_in_it(omar, nina, item):
    item.reassign(by=None, owner=nina)
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        item.title = "Edited"
        item.save()
        found = read(omar)
    # The database dates history by its own clock, so the change is looked at from sixty days on.
    assert found == {}


def test_who_gave_it_away_reads_none_of_its_later_words(omar, nina, item):
    item.reassign(by=None, owner=nina)
    ActionItem.objects.update(title="Rotate the leaked key")
    body = calendar_of(omar, timezone.now()).decode()
    assert item.reference in body
    assert "leaked" not in body


def test_milestones_that_were_reached_are_cancelled(omar, incident):
    milestone = Milestone.objects.create(incident=incident, title="Refunds paid", owner=omar, due_on=day(4))
    milestone.reach(by=omar)
    [event] = read(omar).values()
    assert event["STATUS"] == "CANCELLED"


# --- What stays secret


def test_a_calendar_names_no_restricted_incident(omar, item, incident):
    Milestone.objects.create(incident=incident, title="Refunds paid", owner=omar, due_on=day(4))
    Incident.objects.update(visibility="restricted", title="Keys were leaked", declared_by=omar)
    Retrospective.objects.update(title="How keys were leaked", facilitator=omar)
    body = calendar_of(omar, timezone.now()).decode().replace("\r\n ", "")
    assert "Alert on failed payments" in body
    assert "leaked" not in body


@pytest.mark.parametrize("token", ["x", "aft_" + "A" * 43, "..", "%00", "%FF", "a" * 5_000, "aft_ü"])
def test_an_unknown_address_does_not_exist(client, secret, token):
    assert client.get(url(token)).status_code == 404


def test_a_changed_address_does_not_exist(client, secret, item):
    for wrong in (secret[:-1], secret + "A", secret.upper(), f" {secret}"):
        assert client.get(url(wrong)).status_code == 404


def test_a_revoked_address_does_not_exist(client, secret, omar):
    CalendarFeed.objects.get(user=omar).revoke()
    assert client.get(url(secret)).status_code == 404


@pytest.mark.parametrize("change", ["left", "lost the role"])
def test_who_may_see_no_items_any_more_has_no_calendar(client, secret, omar, change):
    if change == "left":
        type(omar).objects.filter(pk=omar.pk).update(is_active=False)
    else:
        omar.groups.clear()
    assert client.get(url(secret)).status_code == 404


def test_only_its_digest_is_kept(secret, omar):
    feed = CalendarFeed.objects.get(user=omar)
    assert secret not in str(CalendarFeed.objects.values().get())
    assert secret not in str(feed.history.values().first())


# --- Asking again


def test_what_has_not_changed_is_not_sent_again(client, secret, omar, item):
    first = client.get(url(secret))
    again = client.get(url(secret), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert client.get(url(secret), headers={"If-None-Match": f"W/{first['ETag']}"}).status_code == 304
    item.postpone(by=omar, due_on=day(30))
    assert client.get(url(secret), headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_reading_changes_nothing(client, secret, omar, item):
    feed = CalendarFeed.objects.get(user=omar)
    before = stored(item), stored(feed)
    with CaptureQueriesContext(connection) as queries:
        client.get(url(secret))
    assert (stored(item), stored(feed)) == before
    assert not [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_only_reading_is_possible(client, secret):
    assert client.post(url(secret)).status_code == 405


@pytest.mark.parametrize("many", [1, 120])
def test_it_costs_the_same_however_much_is_due(client, secret, omar, nina, many):
    rows = [ActionItem(title=f"Item {n}", why="x", owner=omar, due_on=day(n)) for n in range(many)]
    ActionItem.objects.bulk_create(rows)
    ActionItem.objects.order_by("pk").first().reassign(by=None, owner=nina)
    with CaptureQueriesContext(connection) as queries:
        client.get(url(secret))
    assert len(queries) <= 14, "\n".join(query["sql"][:150] for query in queries)


# --- Hostile text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_the_calendar(omar, item, text):
    plain = ActionItem.objects.create(title="Plain", why="x", owner=omar, due_on=day(1))
    if connection.vendor == "sqlite" or len(text) <= 255:
        ActionItem.objects.filter(pk=item.pk).update(
            title=text[:255] if connection.vendor != "sqlite" else text
        )
    ActionItem.objects.filter(pk=item.pk).update(why=text)
    body = calendar_of(omar, timezone.now())
    assert len(body) < 20_000
    found = events(body)
    assert found.keys() == {f"item-{one.pk}@127.0.0.1" for one in (item, plain)}
    assert str(found[f"item-{plain.pk}@127.0.0.1"]["SUMMARY"]) == str(plain)


@pytest.mark.parametrize("text", ["\x00null", "lone \ud800 surrogate", "bell\x07", "\ufeffmark", "a\r\nb\rc"])
def test_what_no_calendar_can_keep_is_cleaned(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not {"\x00", "\ud800", "\x07", "\ufeff", "\r"} & set(cleaned)


def test_a_row_that_cannot_be_written_is_left_out_and_logged(omar, item, monkeypatch, caplog):
    plain = ActionItem.objects.create(title="Plain", why="x", owner=omar, due_on=day(1))
    real = ActionItem.get_absolute_url

    def broken(self):
        if self.pk == item.pk:
            raise ValueError("no address")
        return real(self)

    monkeypatch.setattr(ActionItem, "get_absolute_url", broken)
    with caplog.at_level(logging.ERROR, logger="actions.feed"):
        found = read(omar)
    assert list(found) == [f"item-{plain.pk}@127.0.0.1"]
    assert f"item {item.pk} is not in the calendar" in caplog.text


@pytest.mark.parametrize("due", [date(2000, 1, 1), date(2199, 12, 31)])
def test_the_ends_of_time_are_days_too(omar, item, due):
    ActionItem.objects.update(due_on=due)
    [event] = read(omar).values()
    assert event.decoded("DTSTART") == due


# --- The address on the preferences page


def test_the_address_is_shown_once(client, omar, item):
    client.force_login(omar)
    assert "There is no address yet." in client.get(PREFERENCES).content.decode()
    response = client.post(CALENDAR, {"do": "renew"})
    address = response.context["address"]
    assert address in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert client.get(address.removeprefix("http://127.0.0.1:8000")).status_code == 200
    assert "/calendar/" not in client.get(PREFERENCES).content.decode().replace(CALENDAR, "")


def test_a_new_address_ends_the_one_before(client, omar, secret):
    client.force_login(omar)
    client.post(CALENDAR, {"do": "renew"})
    assert client.get(url(secret)).status_code == 404
    assert CalendarFeed.objects.filter(user=omar, revoked_at=None).count() == 1


def test_the_address_is_ended(client, omar, secret):
    client.force_login(omar)
    assert client.get(CALENDAR).status_code == 405
    assert client.post(CALENDAR, {"do": "revoke"}).status_code == 302
    assert client.get(url(secret)).status_code == 404


def test_who_may_see_no_items_gets_no_address(client, stranger):
    client.force_login(stranger)
    assert client.post(CALENDAR, {"do": "renew"}).status_code == 404
    assert not CalendarFeed.objects.exists()
