"""Somebody types an address: what they are asked, what nobody learns from it, and how it ends."""

from datetime import timedelta

import pytest
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from config.outbox import sending
from config.outbox.models import Delivery
from incidents.models import Region, Service, Subscriber
from incidents.subscribers import asking, links
from tests.incidents.public import say, told
from tests.incidents.readers import link_in, path, reader, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(time_machine):
    """One that is set forward."""
    time_machine.move_to(timezone.now())
    return time_machine


KIM = "kim@customer.example"


@pytest.fixture(autouse=True)
def _nobody_asked_before():
    cache.clear()


@pytest.fixture
def catalogue(service):
    Service.objects.create(slug="search", name="Search")
    Service.objects.create(slug="billing", name="Billing, inside", is_public=False)
    Region.objects.create(slug="eu", name="Europe")


def ask(client, address=KIM, **fields):
    return client.post("/subscribe/", {"address": address, **fields})


def letters():
    mail.outbox.clear()
    sending.deliver()
    return list(mail.outbox)


# --- The road of one address


def test_an_address_is_told_only_after_a_link_in_its_mail_was_confirmed(client, catalogue, severity):
    answer = ask(client, services=["search"], regions=["eu"])
    assert answer.status_code == 200
    assert b"Look into your mail" in answer.content
    row = Subscriber.objects.get()
    assert (row.status, row.address, row.source) == ("pending", KIM, "status page")
    [letter] = letters()
    assert letter.to == [KIM]
    say(told(severity))
    assert sent() == []

    link = link_in(letter, "confirm")
    assert b"Yes, send me updates" in client.get(link).content
    row.refresh_from_db()
    assert row.status == "pending"  # mail scanners follow every link
    assert b"You will get our updates" in client.post(link).content
    row.refresh_from_db()
    assert (row.status, bool(row.confirmed_at)) == ("confirmed", True)
    assert [one.slug for one in row.services.all()] == ["search"]
    assert [one.slug for one in row.regions.all()] == ["eu"]
    assert b"You will get our updates" in client.post(link).content


def test_one_click_in_a_mail_program_ends_it_and_forgets_the_address(client, severity):
    row = reader()
    say(told(severity))
    [letter] = sent()
    address = letter.extra_headers["List-Unsubscribe"].strip("<>")
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    strict = Client(enforce_csrf_checks=True)
    link = address.removeprefix("http://127.0.0.1:8000")
    assert strict.get(link).status_code == 200
    row.refresh_from_db()
    assert row.is_confirmed
    assert strict.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    row.refresh_from_db()
    assert (row.status, row.address) == ("unsubscribed", "")
    assert strict.post(link).status_code == 200  # as often as it is sent
    assert KIM not in str(list(Delivery.objects.values())) + str(list(Delivery.history.values()))
    assert KIM not in str(list(Subscriber.objects.values())) + str(list(Subscriber.history.values()))
    assert row.history.first().history_user_name == row.name


def test_who_has_unsubscribed_may_come_back(client):
    row = reader()
    row.unsubscribe(by=None)
    ask(client, KIM.upper())
    row.refresh_from_db()
    assert (row.status, row.address) == ("pending", KIM)
    [letter] = letters()
    client.post(link_in(letter, "confirm"))
    row.refresh_from_db()
    assert row.is_confirmed
    assert Subscriber.objects.count() == 1


def test_who_manages_it_changes_what_they_hear_of(client, catalogue):
    row = reader(services=[Service.objects.get(slug="checkout")])
    page = client.get(path(row)).content.decode()
    assert 'value="checkout" checked' in page
    assert "Billing" not in page
    answer = client.post(path(row), {"services": ["search"], "regions": ["eu"]})
    assert b"Saved." in answer.content
    assert [one.slug for one in row.services.all()] == ["search"]
    assert client.post(path(row), {"services": ["billing"]}).status_code == 400
    assert client.post(path(row), {"services": ["\x00"]}).status_code == 400
    assert [one.slug for one in row.services.all()] == ["search"]


# --- What nobody learns


def test_the_answer_is_the_same_whether_the_address_is_known_or_not(client):
    reader("known@customer.example")
    reader("gone@customer.example").unsubscribe(by=None)
    answers = [
        ask(client, f"{name}@customer.example").content for name in ("known", "gone", "new", "new", "known")
    ]
    assert len(set(answers)) == 1
    assert sorted(letter.to[0] for letter in letters()) == [
        "gone@customer.example",
        "known@customer.example",
        "new@customer.example",
    ]


def test_who_types_somebody_elses_address_changes_nothing_of_theirs(client, catalogue):
    row = reader()
    ask(client, services=["search"])
    row.refresh_from_db()
    assert row.is_confirmed
    assert not row.services.exists()
    [letter] = letters()
    assert "already" in letter.subject


def test_an_address_is_asked_again_only_after_a_while(client):
    for _ in range(3):
        ask(client)
    assert len(letters()) == 1
    asking.ask(KIM, at=timezone.now() + timedelta(minutes=11))
    assert len(letters()) == 1


def test_who_types_many_addresses_is_asked_to_come_back_later(client):
    answers = [ask(client, f"n{number}@customer.example").status_code for number in range(22)]
    assert answers == [200] * 20 + [429] * 2
    assert Subscriber.objects.count() == 20
    assert ask(Client(REMOTE_ADDR="192.0.2.7")).status_code == 200


def test_no_cookie_no_session_and_the_same_page_for_everybody(client, admin_client):
    row = reader()
    row.asked_at = timezone.now()
    for link in ("/subscribe/", path(row), path(row, "stop"), "/subscribe/manage/x/"):
        plain, known = Client().get(link), admin_client.get(link)
        assert plain.content == known.content
        for answer in (plain, known):
            assert not answer.cookies
            assert "Cookie" not in answer.headers.get("Vary", "")
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "private, no-store"


# --- What is refused

HOSTILE = [
    *("", " ", "kim", "kim@", "@customer.example", "kim@customer", "a b@customer.example"),
    *(
        "kim@customer.example\r\nBcc: all@customer.example",
        "kim@customer.example\n",
        "kim\x00@customer.example",
    ),
    *(
        "kim@customer.example,lee@customer.example",
        "Kim <kim@customer.example>",
        '"k\x0bim"@customer.example',
    ),
    *(
        "kim@[127.0.0.1]",
        "kim@customer.example\u202e",
        "k\ud800m@customer.example",
        "k" * 65 + "@customer.example",
    ),
    "k@" + "a" * 300 + ".example",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_what_is_no_address_is_refused_and_nothing_is_kept(client, address):
    data = f"address={_quoted(address)}"
    answer = client.post("/subscribe/", data, content_type="application/x-www-form-urlencoded")
    # A line break at the end is what a phone's keyboard leaves; what is kept has none.
    if address == "kim@customer.example\n":
        assert Subscriber.objects.get().address == KIM
        return
    assert answer.status_code == 400
    assert not Subscriber.objects.exists()
    assert not Delivery.objects.exists()


def _quoted(text):
    from urllib.parse import quote

    return quote(text, errors="surrogatepass")


def test_ten_megabytes_are_refused(client):
    assert client.post("/subscribe/", {"address": "a" * 10_000_000}).status_code == 400
    assert not Subscriber.objects.exists()


def test_a_foreign_method_is_refused(client):
    assert client.put("/subscribe/").status_code == 405


# --- The signed links


@pytest.mark.parametrize("purpose", ["confirm", "manage", "stop"])
def test_a_link_serves_its_purpose_its_owner_and_nothing_else(client, purpose):
    row = reader()
    other = {"confirm": "stop", "manage": "confirm", "stop": "manage"}[purpose]
    good = links.token(row, purpose)
    forged = [
        *(good[:-1], good[:20], good + "x", good.replace(good[3], "_", 1), "x", "a" * 400, "ä", "a:b:c"),
        links.token(row, other),
        signing.Signer(salt=f"aftercare.subscriber.{purpose}").sign_object([row.public_id, 0]),
        signing.TimestampSigner(key="another", salt=f"aftercare.subscriber.{purpose}").sign_object(["x", 0]),
    ]
    for token in forged:
        for method in (client.get, client.post):
            assert method(f"/subscribe/{purpose}/{token}/").status_code == 404, token
    row.refresh_from_db()
    assert row.is_confirmed


def test_a_confirmation_ends_after_a_week_and_with_a_newer_mail(client, clock):
    ask(client)
    [letter] = letters()
    first = link_in(letter, "confirm")
    clock.shift(timedelta(minutes=11))
    ask(client)
    [letter] = letters()
    newest = link_in(letter, "confirm")
    assert client.post(first).status_code == 404
    clock.shift(timedelta(days=7, minutes=1))
    assert client.post(newest).status_code == 404
    assert Subscriber.objects.get().status == "pending"


def test_the_link_to_end_it_works_for_years(client, clock):
    row = reader()
    link = path(row, "stop")
    clock.shift(timedelta(days=4_000))
    assert client.post(link).status_code == 200
    row.refresh_from_db()
    assert row.status == "unsubscribed"


def test_who_never_confirms_is_forgotten(client):
    ask(client)
    reader("lee@customer.example")
    assert asking.forget_unconfirmed() == 0
    assert asking.forget_unconfirmed(at=timezone.now() + timedelta(days=8)) == 1
    assert [row.address for row in Subscriber.objects.all()] == ["lee@customer.example"]


def test_looking_at_every_page_changes_nothing(client):
    ask(client)
    row = Subscriber.objects.get()
    before = Subscriber.history.count()
    for purpose in ("confirm", "manage", "stop"):
        assert client.get(path(row, purpose)).status_code == 200
        assert client.head(path(row, purpose)).status_code == 200
    row.refresh_from_db()
    assert (row.status, Subscriber.history.count()) == ("pending", before)
