"""One click stops the mails: by the mail program or on a page, without signing in, for ever, and not by looking."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.utils import timezone

from config.people.models import User
from config.reminding import unsubscribing
from config.reminding.unsubscribing import unsubscribe_url
from tests.faults import every_row, is_whole_or_absent

pytestmark = pytest.mark.django_db

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"
FIELDS = {"reminders": "wants_reminders", "summary": "wants_summary"}
each_kind = pytest.mark.parametrize("what", FIELDS)


def path(person, what="reminders"):
    return urlsplit(unsubscribe_url(person, what)).path


def wants(person, what="reminders"):
    return User.objects.values_list(FIELDS[what], flat=True).get(pk=person.pk)


@each_kind
def test_a_plain_post_of_a_mail_program_stops_them_at_once(omar, what):
    bare = Client(enforce_csrf_checks=True)  # no cookie, no page before it, no referrer
    response = bare.post(path(omar, what), ONE_CLICK, content_type=FORM)
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert not wants(omar, what)
    other = "summary" if what == "reminders" else "reminders"
    assert wants(omar, other)
    entry = omar.history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("Omar", "mail link")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            id="in parts",
        ),
        pytest.param("", FORM, id="empty"),
        pytest.param("", "", id="of no type"),
        pytest.param("{}", "application/json", id="something else"),
    ],
)
def test_however_a_mail_program_writes_it(client, omar, body, content_type):
    assert client.post(path(omar), body, content_type=content_type).status_code == 200
    assert not wants(omar)


@each_kind
@pytest.mark.parametrize("how", ["get", "head", "options"])
def test_looking_stops_nothing(client, omar, what, how):
    before = every_row()
    response = getattr(client, how)(path(omar, what))
    assert response.status_code == 200
    if how == "get":
        assert "<button" in response.content.decode()
        assert "Set-Cookie" not in response.headers
    assert every_row() == before


def test_twice_is_the_same_as_once(client, omar):
    client.post(path(omar), ONE_CLICK, content_type=FORM)
    before = every_row()
    response = client.post(path(omar), ONE_CLICK, content_type=FORM)
    assert response.status_code == 200
    assert "You get no more reminders" in response.content.decode()
    assert every_row() == before


@each_kind
def test_they_are_switched_on_again_from_the_page(client, omar, what):
    page = client.post(path(omar, what), {"wants": "off"}).content.decode()
    assert re.search('name="wants" value="on"', page)
    page = client.post(path(omar, what), {"wants": "on"}).content.decode()
    assert wants(omar, what)
    assert "again" in page
    entries = [(e.history_actor_kind, getattr(e, FIELDS[what])) for e in omar.history.all()[:2]]
    assert entries == [("mail link", True), ("mail link", False)]


def test_it_says_what_is_still_sent(client, omar):
    for response in (client.get(path(omar)), client.post(path(omar))):
        page = response.content.decode()
        assert "your manager and whoever led the retrospective are told" in page
    assert "your manager" not in client.get(path(omar, "summary")).content.decode()


def test_it_works_for_years_and_is_the_same_in_every_mail(client, omar):
    where = path(omar)
    with time_machine.travel(timezone.now() + timedelta(days=3650), tick=False):
        assert path(omar) == where
        assert client.post(where).status_code == 200
    assert not wants(omar)


def test_it_works_for_those_who_have_left_and_whoever_is_signed_in(client, omar, ana):
    omar.is_active = False
    omar.save()
    client.force_login(ana)
    assert client.post(path(omar)).status_code == 200
    assert not wants(omar)
    assert wants(ana)


def test_what_is_not_ours_is_refused_with_what_to_do(client, omar):
    token = path(omar).split("/")[2]
    forged = signing.Signer(salt="another").sign_object([omar.pk, "reminders"])
    gone = signing.Signer(salt=unsubscribing.SALT).sign_object([10**9, "reminders"])
    before = every_row()
    for bad in (token[:-1], token[1:], token + "A", "x", "A" * 100_000, "ß", "%00", "a/b", forged, gone):
        for response in (client.get(f"/u/{bad}/"), client.post(f"/u/{bad}/")):
            assert response.status_code == 404
            page = response.content.decode()
            assert "This link is not complete" in page
            assert 'href="/admin/"' in page
            assert "Omar" not in page
    assert every_row() == before


def test_nobody_keeps_the_page_or_is_told_its_address(client, omar):
    headers = client.get(path(omar)).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in headers["Cache-Control"]
    assert "noindex" in headers["X-Robots-Tag"]


def test_the_address_is_short_and_plain(omar):
    url = unsubscribe_url(omar, "reminders")
    assert len(url) < 200
    assert not set(url) & set(" <>\"'()[]{}|\\^`%&;,")


def test_it_is_whole_or_absent_wherever_it_breaks(client, omar):
    is_whole_or_absent(lambda: client.post(path(omar)), User)
