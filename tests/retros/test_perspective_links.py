"""How somebody saw it, told by a link: kept as it is written, sent in when they say so, and refused politely."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core import signing
from django.db import connection
from django.test import Client
from django.utils import timezone

from incidents.models import Incident
from retros import links
from retros.models import Answer, Perspective
from tests.faults import every_row
from tests.retros.asked import TEXT, invite, path, take_part

pytestmark = pytest.mark.django_db

SAID = {"answer_1": "The page stayed white.", "answer_2": "", "answer_3": "A colleague told me."}


@pytest.fixture
def kim(retro):
    """A customer without an account."""
    return take_part(retro)


@pytest.fixture
def asked(retro, kim):
    return invite(retro, kim)


def send(client, row, do="save", **sent):
    sent = {"version": row.version, "do": do, **SAID, **sent}
    return client.post(path(row), sent)


def told(row):
    row.refresh_from_db()
    return list(row.answers.values_list("text", flat=True))


# --- Looking


def test_the_page_says_what_it_is_for_and_asks_what_was_asked(client, asked):
    text = client.get(path(asked)).content.decode()
    for said in (TEXT, "Kim of Acme", "Show my name", "auditors and administrators", "I would rather not"):
        assert said in text
    for answer in asked.answers.all():
        assert answer.asked in text


def test_looking_changes_nothing(client, asked):
    before = every_row()
    for method in (client.get, client.head, client.options):
        assert method(path(asked)).status_code == 200
    assert client.put(path(asked)).status_code == 405
    assert every_row() == before


def test_whoever_has_no_account_is_told_the_invitation_and_no_more(client, asked, retro, resolved):
    text = client.get(path(asked)).content.decode()
    for hidden in (retro.title, retro.reference, resolved.reference, "Ana", "/admin/"):
        assert hidden not in text


def test_whoever_sees_the_retro_is_told_which_it_is(client, retro, omar):
    row = invite(retro, retro.participants.create(user=omar, hat="product"))
    assert retro.title in client.get(path(row)).content.decode()


def test_whoever_may_not_see_a_restricted_one_is_told_the_invitation_only(client, retro, omar):
    row = invite(retro, retro.participants.create(user=omar, hat="product"))
    Incident.objects.update(visibility="restricted", declared_by=None, title="A key was public")
    type(retro).objects.update(title="A key was public")
    text = client.get(path(row)).content.decode()
    assert TEXT in text
    assert "A key was public" not in text


def test_the_page_keeps_to_the_strict_policy_and_is_kept_by_nobody(client, asked):
    response = client.get(path(asked))
    assert "unsafe-inline" not in response["Content-Security-Policy"].partition("script-src")[2].split(";")[0]
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]


# --- Writing


def test_what_is_saved_is_read_by_nobody_yet(client, asked):
    response = send(client, asked)
    assert response.status_code == 303
    assert "Saved." in client.get(response.url).content.decode()
    assert told(asked) == ["The page stayed white.", "", "A colleague told me."]
    assert asked.status == "invited"
    assert not Perspective.objects.answered().exists()


def test_it_is_sent_in_with_or_without_the_name(client, asked):
    response = send(client, asked, "send", is_attributed="yes")
    assert "Sent in. Thank you" in client.get(response.url).content.decode()
    asked.refresh_from_db()
    assert (asked.status, asked.is_attributed, asked.speaker) == (
        "answered",
        True,
        "Kim of Acme (Customer)",
    )
    send(client, asked, "send", is_attributed="no")
    asked.refresh_from_db()
    assert asked.speaker == "a customer"


def test_nobody_is_named_who_did_not_say_so(client, asked):
    send(client, asked, "send")
    asked.refresh_from_db()
    assert not asked.is_attributed


def test_it_is_recorded_as_theirs_by_link(client, asked):
    send(client, asked, "send")
    entry = asked.answers.get(position=1).history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("Kim of Acme", "mail link")


def test_of_somebody_with_an_account_the_account_answers(client, retro, omar, ravi):
    row = invite(retro, retro.participants.create(user=omar, hat="product"))
    client.force_login(ravi)  # signed in as somebody else on the same machine
    send(client, row, "send")
    assert row.history.first().history_user_id == omar.pk


def test_they_may_rather_not_and_change_their_mind(client, asked):
    response = send(client, asked, "decline")
    assert "That is fine" in client.get(response.url).content.decode()
    asked.refresh_from_db()
    assert asked.status == "declined"
    send(client, asked, "send")
    asked.refresh_from_db()
    assert asked.status == "answered"


def test_it_can_be_changed_after_it_was_sent_in(client, asked):
    send(client, asked, "send")
    asked.refresh_from_db()
    send(client, asked, "send", answer_1="The page was grey.")
    assert told(asked)[0] == "The page was grey."


def test_nothing_said_is_not_sent_in(client, asked):
    response = send(client, asked, "send", answer_1=" ", answer_3="")
    assert response.status_code == 400
    assert "Answer at least one" in response.content.decode()
    asked.refresh_from_db()
    assert asked.status == "invited"


@pytest.mark.parametrize("text", ["null \x00 here", "x" * 5_001, "\u200b\u200b"])
def test_what_cannot_be_kept_is_refused_in_words_and_nothing_changes(client, asked, text):
    before = every_row()
    response = send(client, asked, answer_1=text)
    assert response.status_code == 400
    assert "Nothing was saved yet" in response.content.decode()
    assert every_row() == before


def test_five_thousand_characters_with_line_ends_are_kept(client, asked):
    text = ("x" * 49 + "\r\n") * 100
    assert send(client, asked, answer_1=text).status_code == 303
    assert told(asked)[0] == text.replace("\r\n", "\n").strip()


def test_hostile_text_stays_text(client, asked):
    bad = "</textarea><script>alert(1)</script>{{ 7|add:7 }} \u202eevil"
    send(client, asked, answer_1=bad)
    text = client.get(path(asked)).content.decode()
    assert "<script>alert" not in text
    assert "&lt;/textarea&gt;" in text


def test_what_another_window_wrote_is_not_overwritten(client, asked):
    first = asked.version
    send(client, asked, answer_1="From the phone.")
    response = send(client, asked, answer_1="From the laptop.", version=first)
    assert response.status_code == 409
    text = response.content.decode()
    assert "From the laptop." in text
    assert "From the phone." in text
    assert told(asked)[0] == "From the phone."
    asked.refresh_from_db()
    assert f'value="{asked.version}"' in text


def test_a_script_that_saves_is_answered_in_its_own_words(client, asked):
    sent = {"version": asked.version, "do": "save", **SAID}
    answer = client.post(path(asked), sent, headers={"X-Requested-With": "autosave"})
    asked.refresh_from_db()
    assert answer.json()["version"] == asked.version
    stale = client.post(path(asked), sent, headers={"X-Requested-With": "autosave"})
    assert stale.status_code == 409
    assert "another window" in stale.json()["problem"]


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30, "²"])
def test_a_version_nobody_gave_is_the_one_there_is(client, asked, version):
    assert send(client, asked, version=version).status_code == 303


# --- Refusals


def refused(client, address, status, said):
    for method in (client.get, lambda to: client.post(to, {"do": "send", **SAID})):
        response = method(address)
        assert response.status_code == status
        assert said in response.content.decode()
        assert response["Referrer-Policy"] == "no-referrer"


def test_a_cut_forged_or_foreign_link_is_refused(client, asked):
    whole = path(asked)
    before = every_row()
    for token in (
        whole.removeprefix("/perspective/").strip("/")[:-4],
        "x",
        "a" * 500,
        "ü",
        signing.Signer(salt="other").sign_object([links.PERSPECTIVE, asked.pk, "x"]),
        signing.Signer(salt=links.SALT).sign_object([links.IMPRESSION, asked.pk, "x"]),
        signing.Signer(salt=links.SALT).sign_object("nothing"),
    ):
        refused(client, f"/perspective/{token}/", 404, "This link is not complete")
    assert every_row() == before


def test_a_link_of_an_invitation_that_is_gone_is_refused(client, asked, kim):
    address = path(asked)
    kim.delete()
    refused(client, address, 404, "This question is not there any more")


def test_a_withdrawn_invitation_says_so_and_a_new_one_has_its_own_link(client, asked, retro, kim, ana):
    address = path(asked)
    asked.withdraw(by=ana)
    again = invite(retro, kim)
    refused(client, address, 410, "You are not asked any more")
    assert path(again) != address
    assert client.get(path(again)).status_code == 200


def test_once_the_review_begins_nothing_is_changed(client, asked, retro, ana):
    send(client, asked, "send")
    retro.send_for_review(by=ana)
    refused(client, path(asked), 409, "The review has begun")
    assert "What you sent in is being read" in client.get(path(asked)).content.decode()
    assert told(asked)[0] == "The page stayed white."


def test_a_link_ends_two_weeks_after_the_day(client, asked):
    last = timezone.now() + timedelta(days=10 + 14)
    with time_machine.travel(last):
        assert client.get(path(asked)).status_code == 200
    with time_machine.travel(last + timedelta(days=1)):
        refused(client, path(asked), 410, "This link is too old")


def test_a_link_ends_when_the_address_becomes_another_persons(client, asked, kim):
    address = path(asked)
    kim.email = "new@acme.example"
    kim.save()
    refused(client, address, 403, "This link is not in use any more")


def test_the_link_of_somebody_who_left_ends(client, retro, omar):
    row = invite(retro, retro.participants.create(user=omar, hat="product"))
    address = path(row)
    type(omar).objects.filter(pk=omar.pk).update(is_active=False)
    refused(client, address, 403, "This link is not in use any more")


def test_a_refusal_names_neither_the_retro_nor_anybody(client, asked, retro, ana):
    retro.send_for_review(by=ana)
    text = client.get(path(asked)).content.decode()
    for hidden in (retro.title, retro.reference, "Kim", "Ana"):
        assert hidden not in text


# --- Several at once


def test_each_has_their_own(client, retro):
    people = [take_part(retro, f"Guest {n}", "support", f"guest{n}@example.com") for n in range(3)]
    rows = invite(retro, *people)
    assert len({path(row) for row in rows}) == 3
    for number, row in enumerate(rows):
        send(client, row, "send", answer_1=f"Said by {number}")
    assert [told(row)[0] for row in rows] == [f"Said by {number}" for number in range(3)]


@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="needs rows that lock")
@pytest.mark.django_db(transaction=True)
def test_several_people_write_at_once_and_nothing_is_lost(retro):
    rows = invite(
        retro, *[take_part(retro, f"Guest {n}", "support", f"guest{n}@example.com") for n in range(4)]
    )
    addresses = [(path(row), row.version) for row in rows]
    answers = []

    def write(number):
        address, version = addresses[number]
        sent = {"version": version, "do": "send", "answer_1": f"Said by {number}"}
        answers.append(Client().post(address, sent).status_code)
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 4
    said = Answer.objects.filter(position=1).order_by("pk").values_list("text", flat=True)
    assert list(said) == [f"Said by {number}" for number in range(4)]
