"""What everybody decides for themselves: plain fields, checked, never overwriting somebody else's change."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.utils import timezone

from config.people.models import User
from config.people.preferences import FIELDS, days_in_words, in_words
from tests.conftest import make_person

PAGE = "/my/preferences/"
TUESDAY = datetime(2026, 3, 3, 22, tzinfo=UTC)


@pytest.fixture
def as_omar(client, omar):
    client.force_login(omar)
    return client


def filled(user, **changes):
    """What the browser sends if the page is saved as it is, with `changes`."""
    user.refresh_from_db()
    sent = {"version": user.version, "working_days": list(user.working_days)}
    for name in FIELDS:
        value = getattr(user, name)
        if name == "working_days" or value is None or value is False:
            continue
        sent[name] = "on" if value is True else f"{value:%H:%M}" if isinstance(value, time) else str(value)
    return {name: value for name, value in (sent | changes).items() if value is not None}


def test_every_preference_is_saved_and_signed(as_omar, omar):
    asked = {
        "mail_style": "single",
        "wants_summary": None,
        "time_zone": "Europe/Berlin",
        "working_days": ["1", "2", "4"],
        "works_from": "08:30",
        "works_until": "16:00",
        "quiet_from": "12:00",
        "quiet_until": "13:00",
        "country": "DE",
        "subdivision": "BY",
        "away_from": "2030-08-01",
        "away_until": "2030-08-14",
    }
    assert as_omar.post(PAGE, filled(omar, **asked)).status_code == 302
    omar.refresh_from_db()
    assert (omar.mail_style, omar.wants_reminders, omar.wants_summary) == ("single", True, False)
    assert (omar.time_zone, omar.working_days, omar.works_from) == ("Europe/Berlin", "124", time(8, 30))
    assert (omar.quiet_until, omar.country, omar.subdivision) == (time(13), "DE", "BY")
    assert str(omar.away_until) == "2030-08-14"
    latest = omar.history.first()
    assert (latest.history_user_id, latest.history_actor_kind) == (omar.pk, "web")


def test_saving_it_as_it_is_changes_nothing(as_omar, omar):
    before = omar.history.count()
    assert as_omar.post(PAGE, filled(omar)).status_code == 302
    assert omar.history.count() == before


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"working_days": []}, "This field is required."),
        ({"working_days": ["8"]}, "Select a valid choice"),
        ({"works_from": "18:00"}, "Working hours end after they begin"),
        ({"quiet_from": "12:00"}, "Say when quiet hours begin and when they end"),
        ({"away_from": "2030-08-01"}, "Say both the first and the last day away"),
        ({"subdivision": "BY"}, "Name the country it is part of."),
        ({"country": "DE", "subdivision": "XX"}, "DE has the parts"),
        ({"mail_style": "pigeon"}, "Select a valid choice"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(as_omar, omar, asked, words):
    before = User.objects.filter(pk=omar.pk).values().get()
    response = as_omar.post(PAGE, filled(omar, **asked))
    assert response.status_code == 400
    assert words in response.content.decode()
    assert User.objects.filter(pk=omar.pk).values().get() == before | {"last_login": before["last_login"]}


def test_whoever_was_slower_is_told_and_nothing_is_lost(as_omar, omar):
    slow = filled(omar, works_from="08:00")
    as_omar.post(PAGE, filled(omar, time_zone="Europe/Berlin", works_from="10:00"))
    response = as_omar.post(PAGE, slow)
    text = response.content.decode()
    assert response.status_code == 409
    assert "You work from: stored is 10:00, you wrote 08:00" in text
    assert "stored is Europe/Berlin" in text
    omar.refresh_from_db()
    assert (omar.works_from, omar.time_zone) == (time(10), "Europe/Berlin")
    again = slow | {"version": omar.version}
    assert as_omar.post(PAGE, again).status_code == 302
    omar.refresh_from_db()
    assert omar.works_from == time(8)


def test_nothing_else_can_be_changed_here(as_omar, omar):
    as_omar.post(PAGE, filled(omar) | {"is_superuser": "on", "email": "boss@example.com", "name": "Boss"})
    omar.refresh_from_db()
    assert (omar.is_superuser, omar.email, omar.name) == (False, "omar@example.com", "Omar")


def test_everybody_has_preferences_but_a_calendar_only_who_has_actions(client, stranger):
    client.force_login(stranger)
    response = client.get(PAGE)
    assert response.status_code == 200
    assert "Your calendar" not in response.content.decode()


def test_the_page_says_in_words_what_follows(as_omar, omar):
    text = as_omar.get(PAGE).content.decode()
    assert "You get at most one mail a day, from 09:00 on Monday to Friday, UTC time." in text


def test_the_page_names_the_next_reminder(as_omar, omar, item):
    type(item).objects.update(
        next_recipient=omar, next_step="due 0:x", next_reminder_at=timezone.now() + timedelta(days=2)
    )
    assert f"about {item}" in as_omar.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Nothing is sent before Wednesday 4 March at 09:00."),
        ({"working_days": "15"}, "Nothing is sent before Friday 6 March at 09:00."),
        (
            {"time_zone": "Pacific/Auckland"},
            "You get at most one mail a day, from 09:00 on Monday to Friday, Pacific/Auckland time.",
        ),
        (
            {"mail_style": "single"},
            "You get one mail for each thing, from 09:00 on Monday to Friday, UTC time.",
        ),
        (
            {"wants_reminders": False},
            "You get no reminders. What is overdue for long is still brought before your "
            "manager and whoever led the retrospective.",
        ),
        ({"quiet_from": time(12), "quiet_until": time(13)}, "Nothing is sent from 12:00 to 13:00."),
        (
            {"away_from": date(2026, 3, 1), "away_until": date(2026, 3, 8)},
            "Until 8 March you are away: your reminders wait for you.",
        ),
        ({"wants_summary": False}, "No weekly summary comes."),
    ],
)
def test_each_preference_has_its_sentence(omar, fields, sentence):
    for name, value in fields.items():
        setattr(omar, name, value)
    assert sentence in in_words(omar, TUESDAY)


def test_whoever_is_away_reads_who_gets_their_reminders(omar, ana):
    omar.manager, omar.away_from, omar.away_until = ana, date(2026, 3, 6), date(2026, 3, 20)
    assert "From 6 March to 20 March you are away: Ana gets your reminders." in in_words(omar, TUESDAY)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ("12345", "Monday to Friday"),
        ("1", "Monday"),
        ("12", "Monday and Tuesday"),
        ("135", "Monday, Wednesday and Friday"),
        ("234", "Tuesday to Thursday"),
    ],
)
def test_days_are_said_as_people_say_them(days, words):
    assert days_in_words(days) == words


def test_a_zone_that_is_not_known_any_more_breaks_nothing(client, db):
    lost = make_person("lost@example.com", "Action owner")
    User.objects.filter(pk=lost.pk).update(time_zone="Atlantis/Deep")
    client.force_login(lost)
    assert "Atlantis/Deep (not known any more)" in client.get(PAGE).content.decode()
