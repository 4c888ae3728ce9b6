"""Two questions after the meeting: asked once, answered once by a link, and only the tally is shown."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.urls import reverse

from config.outbox.models import Delivery
from config.outbox.sending import deliver
from retros import links
from retros.models import Impression
from retros.sweeps import ask_for_impressions
from tests.faults import every_row
from tests.pages import page
from tests.retros.asked import path, schedule, take_part

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
ANSWERS = {"learned": "yes", "would_attend": "partly", "words": "CANARY: shorter, please."}


@pytest.fixture(autouse=True)
def _on_a_wednesday(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def kim(retro):
    return take_part(retro)


@pytest.fixture
def meeting(retro, ana, omar, kim):
    retro.participants.create(user=omar, hat="product")
    retro.participants.create(name="Lee", hat="customer")  # who has no address
    meeting = schedule(retro, by=ana)
    Delivery.objects.all().delete()
    return meeting


@pytest.fixture
def over(meeting, ana):
    meeting.start(by=ana)
    meeting.end(by=ana)
    return meeting


@pytest.fixture
def asked(over, kim):
    """What Kim is asked."""
    ask_for_impressions()
    return Impression.objects.get(participant=kim)


def where(row):
    return path(row, links.IMPRESSION)


def test_everybody_is_asked_once_when_it_is_over(over):
    assert ask_for_impressions() == 2
    assert ask_for_impressions() == 0
    deliver()
    assert sorted(letter.to[0] for letter in mail.outbox) == ["kim@acme.example", "omar@example.com"]
    for letter in mail.outbox:
        for twin in (letter.body, letter.alternatives[0].content):
            assert "Did you learn something that will change how you work?" in twin
            assert "Would you attend another?" in twin
        assert re.search(r"^http\S+/impression/\S+$", letter.body, re.MULTILINE)


def test_nobody_is_asked_of_a_meeting_that_is_not_over_or_long_over(meeting, ana):
    assert ask_for_impressions() == 0
    meeting.start(by=ana)
    assert ask_for_impressions() == 0
    meeting.end(by=ana)
    with time_machine.travel(WEDNESDAY + timedelta(days=8)):
        assert ask_for_impressions() == 0


def test_a_customer_is_not_told_what_it_was_about(over, retro, client, asked):
    deliver()
    [letter] = [one for one in mail.outbox if one.to == ["kim@acme.example"]]
    for text in (letter.message().as_bytes().decode(), client.get(where(asked)).content.decode()):
        assert retro.title not in text
        assert retro.reference not in text


def test_it_is_answered_once(client, asked):
    before = every_row()
    assert client.get(where(asked)).status_code == 200
    assert every_row() == before
    assert "Your answer is counted" in client.post(where(asked), ANSWERS).content.decode()
    asked.refresh_from_db()
    assert (asked.learned, asked.would_attend) == ("yes", "partly")
    again = client.post(where(asked), ANSWERS | {"learned": "no"})
    assert again.status_code == 410
    assert "Thank you, you have answered" in again.content.decode()
    asked.refresh_from_db()
    assert asked.learned == "yes"
    assert asked.history.first().history_user_name == "Kim of Acme"


@pytest.mark.parametrize("wrong", [{"learned": ""}, {"would_attend": "maybe"}, {"words": "\x00"}])
def test_what_is_not_right_is_refused_in_words(client, asked, wrong):
    response = client.post(where(asked), ANSWERS | wrong)
    assert response.status_code == 400
    assert "Nothing was sent yet" in response.content.decode()
    asked.refresh_from_db()
    assert asked.status == "asked"


def test_a_link_for_something_else_or_too_old_is_refused(client, asked):
    address = where(asked)
    token = address.removeprefix("/impression/").strip("/")
    assert client.get(f"/perspective/{token}/").status_code == 404
    assert client.get(f"/impression/{token[:-3]}/").status_code == 404
    with time_machine.travel(WEDNESDAY + timedelta(days=31)):
        assert client.get(address).status_code == 410


def test_nobody_is_mailed_who_answered_already(asked, client):
    client.post(where(asked), ANSWERS)
    deliver()
    assert [letter.to for letter in mail.outbox] == [["omar@example.com"]]


def test_the_tally_is_shown_without_names_and_words_only_to_those_who_lead(client, asked, retro, ana, ravi):
    client.post(where(asked), ANSWERS)
    meeting_page = reverse("admin:retros_retrospective_meeting", args=[retro.pk])
    for person, reads in ((ana, True), (ravi, False)):
        client.force_login(person)
        text = client.get(meeting_page).content.decode()
        assert "1 of 2" in text
        assert "yes 1, partly 0, no 0" in text
        assert ("CANARY" in text) == reads
        assert "yes 1, partly 0, no 0" in client.get(page(retro)).content.decode()
        history = client.get(page(retro, "history")).content.decode()
        assert "CANARY" not in history
