"""The meeting: planned with an agenda, held with a clock and notes in place, and refused where it cannot be."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config.transitions import NotPermitted, WrongState
from incidents.models import Incident
from retros.meeting_forms import When
from retros.models import Meeting, MeetingNote
from retros.models.meeting import AGENDA, shared_out
from tests import pages
from tests.conftest import make_publishable
from tests.faults import every_row
from tests.pages import page
from tests.retros.asked import in_two_days, schedule

pytestmark = pytest.mark.django_db


def where(retro, name="meeting"):
    return reverse(f"admin:retros_retrospective_{name}", args=[retro.pk])


def form(**changes):
    begins = timezone.localtime(in_two_days()).strftime("%Y-%m-%dT%H:%M:%S")
    agenda = "\n".join(f"{minutes} {title}" for title, minutes in AGENDA)
    return {
        "do": "schedule",
        "starts_at": begins,
        "minutes": 60,
        "place": "Room 2",
        "agenda": agenda,
    } | changes


def press(client, meeting, do):
    meeting.refresh_from_db()
    return client.post(where(meeting.retro), {"do": do, "version": meeting.version})


def text_of(client, retro):
    return client.get(where(retro)).content.decode()


@pytest.fixture
def meeting(retro, ana):
    return schedule(retro, by=ana)


# --- Who sees it, who does what


def test_whoever_sees_the_retro_sees_it_and_only_facilitators_lead(
    client, meeting, retro, ana, ravi, aud, stranger
):
    assert client.get(where(retro)).status_code == 302
    for person, may in ((ana, True), (ravi, False), (aud, False)):
        client.force_login(person)
        text = text_of(client, retro)
        assert "Room" in text or "meet.example" in text
        assert ("Start the meeting" in text) == may
        if not may:
            for do in ("start", "cancel"):
                assert press(client, meeting, do).status_code == 403
            assert client.post(where(retro), form(do="move", version=meeting.version)).status_code == 403
            assert (
                client.post(where(retro), {"do": "note", "note-text": "x", "note-kind": "note"}).status_code
                == 403
            )
            finding = {"do": "finding", "finding-kind": "luck", "finding-text": "x"}
            assert client.post(where(retro), finding).status_code == 403
    client.force_login(stranger)
    assert client.get(where(retro)).status_code in (302, 403)
    meeting.refresh_from_db()
    assert meeting.status == "planned"
    assert not MeetingNote.objects.exists()


def test_nobody_but_a_facilitator_schedules(client, retro, ravi):
    client.force_login(ravi)
    assert client.post(where(retro), form()).status_code == 403
    with pytest.raises(NotPermitted):
        schedule(retro, by=ravi)
    assert not Meeting.objects.exists()


def test_of_a_restricted_incident_it_is_not_there(client, meeting, retro, ana):
    type(retro).objects.update(facilitator=None, title="A key was public")
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(ana)
    for response in (client.get(where(retro)), client.post(where(retro), {"do": "start"})):
        assert response.status_code == 302
        assert b"A key was public" not in response.content
    assert client.get(where(retro, "calendar")).status_code == 404


def test_looking_changes_nothing(client, meeting, retro, ana):
    client.force_login(ana)
    client.get(where(retro))
    before = every_row()
    assert client.get(where(retro)).status_code == client.get(where(retro, "calendar")).status_code == 200
    assert every_row() == before


# --- Planning


def test_it_is_scheduled_with_the_usual_agenda(client, retro, ana):
    client.force_login(ana)
    assert "Schedule the meeting" in text_of(client, retro)
    assert client.post(where(retro), form()).status_code == 302
    assert retro.meeting.parts() == AGENDA
    assert retro.meeting.place == "Room 2"


def test_another_length_shares_the_usual_agenda_out(client, retro, ana):
    client.force_login(ana)
    client.post(where(retro), form(minutes=45))
    assert sum(minutes for _, minutes in retro.meeting.parts()) == 45


def test_an_agenda_of_ones_own_adds_up(client, retro, ana):
    client.force_login(ana)
    wrong = client.post(where(retro), form(agenda="10 Hello\n20 What happened"))
    assert wrong.status_code == 400
    assert "The parts take 30 minutes together, and the meeting 60" in wrong.content.decode()
    right = form(agenda="10 min: Hello\n\n 50 – What <b>happened</b>")
    assert client.post(where(retro), right).status_code == 302
    assert retro.meeting.parts() == [("Hello", 10), ("What <b>happened</b>", 50)]
    assert "What <b>happened</b>" not in text_of(client, retro)


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_at": ""},
        {"starts_at": "soon"},
        {"starts_at": "2020-01-01T10:00:00"},
        {"starts_at": "9999-01-01T10:00:00"},
        {"minutes": "x"},
        {"minutes": "5"},
        {"minutes": "9" * 30},
        {"place": "x" * 501},
        {"place": "\x00"},
        {"agenda": "Hello"},
        {"agenda": "0 Hello"},
        {"agenda": "60 \x00"},
        {"agenda": "60 " + "x" * 201},
        {"agenda": "3 x\n" * 21},
    ],
)
def test_what_is_not_right_is_refused_in_words(client, retro, ana, changes):
    client.force_login(ana)
    assert client.post(where(retro), form(**changes)).status_code == 400
    assert not Meeting.objects.exists()


@pytest.mark.parametrize("minutes", [15, 20, 47, 60, 90, 480])
def test_the_usual_agenda_fits_every_length(minutes):
    parts = shared_out(AGENDA, minutes)
    assert sum(share for _, share in parts) == minutes
    assert min(share for _, share in parts) >= 1


def test_an_untouched_agenda_follows_the_length(meeting):
    sent = form(minutes="30", agenda="\r\n".join(f"{m} {t}" for t, m in meeting.parts()))
    asked = When(sent, row=meeting)
    assert asked.is_valid(), asked.errors
    assert sum(minutes for _, minutes in asked.cleaned_data["agenda"]) == 30


def test_a_retro_has_one_meeting(client, meeting, retro, ana):
    with pytest.raises(WrongState, match="move it instead"):
        schedule(retro, by=ana)


def test_it_is_moved_cancelled_and_takes_place_after_all(client, meeting, retro, ana):
    client.force_login(ana)
    moved = client.post(where(retro), form(do="move", version=meeting.version))
    assert moved.status_code == 302
    meeting.refresh_from_db()
    assert (meeting.place, meeting.sequence) == ("Room 2", 1)
    assert press(client, meeting, "cancel").status_code == 302
    assert "Let it take place after all" in text_of(client, retro)
    assert press(client, meeting, "cancel").status_code == 409
    meeting.refresh_from_db()
    again = client.post(where(retro), form(do="move", place="Room 3", version=meeting.version))
    assert again.status_code == 302
    meeting.refresh_from_db()
    assert (meeting.status, meeting.sequence) == ("planned", 3)


def test_the_page_of_an_older_version_changes_nothing(client, meeting, retro, ana):
    client.force_login(ana)
    old = meeting.version
    meeting.save()
    for do in ("start", "cancel"):
        response = client.post(where(retro), {"do": do, "version": old})
        assert response.status_code == 409
        assert "Somebody was quicker" in response.content.decode()
    for version in ("", "x", "²", "9" * 30):
        assert client.post(where(retro), {"do": "start", "version": version}).status_code == 409
    meeting.refresh_from_db()
    assert meeting.status == "planned"


def test_of_a_published_retro_nothing_is_planned(client, retro, ana):
    make_publishable(retro)
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    client.force_login(ana)
    assert "Schedule the meeting" not in text_of(client, retro)
    assert client.post(where(retro), form()).status_code == 409
    assert not Meeting.objects.exists()


# --- Holding it


def test_start_and_next_are_stored_so_that_a_reload_loses_nothing(client, meeting, retro, ana):
    client.force_login(ana)
    press(client, meeting, "start")
    text = text_of(client, retro)
    first = meeting.agenda.first()
    assert f'data-started="{first.started_at.isoformat()}" data-minutes="5"' in text
    press(client, meeting, "next")
    text = text_of(client, retro)
    assert text.count('aria-current="step"') == 1
    assert "0 of 5 min" in text
    press(client, meeting, "end")
    assert "Over: " in text_of(client, retro)
    assert press(client, meeting, "next").status_code == 409


def test_a_double_click_on_next_moves_on_once(client, meeting, retro, ana):
    client.force_login(ana)
    press(client, meeting, "start")
    meeting.refresh_from_db()
    sent = {"do": "next", "version": meeting.version}
    assert [client.post(where(retro), sent).status_code for _ in range(2)] == [302, 409]
    assert meeting.current_item().position == 2


@pytest.mark.parametrize("do", ["", "delete", "__class__", "\x00"])
def test_what_nobody_offered_is_refused(client, meeting, retro, ana, do):
    client.force_login(ana)
    assert client.post(where(retro), {"do": do}).status_code == 400


def test_without_a_meeting_nothing_is_started(client, retro, ana):
    client.force_login(ana)
    for do in ("start", "move", "note"):
        assert client.post(where(retro), {"do": do}).status_code == 409


def test_notes_and_decisions_belong_to_the_part_that_is_on(client, meeting, retro, ana, omar):
    retro.participants.create(user=omar, hat="product")
    client.force_login(ana)
    press(client, meeting, "start")
    client.force_login(omar)
    sent = {"do": "note", "note-text": "It was <i>quiet</i>.", "note-kind": "decision"}
    assert client.post(where(retro), sent).status_code == 302
    note = MeetingNote.objects.get()
    assert (note.kind, note.author, note.item) == ("decision", omar, meeting.agenda.first())
    text = text_of(client, retro)
    assert "It was <i>quiet</i>." not in text
    assert "&lt;i&gt;quiet" in text


def test_a_note_sent_twice_is_one_note(client, meeting, retro, ana):
    client.force_login(ana)
    sent = {"do": "note", "note-text": "Once.", "note-kind": "note"}
    assert [client.post(where(retro), sent).status_code for _ in range(2)] == [302, 302]
    assert MeetingNote.objects.count() == 1
    meeting.note(by=ana, kind="note", text="Once.", at=timezone.now() + timedelta(minutes=5))
    assert MeetingNote.objects.count() == 2


@pytest.mark.parametrize(
    "wrong", [{"note-text": ""}, {"note-text": "\x00"}, {"note-text": "x" * 5001}, {"note-kind": "x"}]
)
def test_a_note_that_cannot_be_kept_stays_in_its_field(client, meeting, retro, ana, wrong):
    client.force_login(ana)
    response = client.post(where(retro), {"do": "note", "note-text": "Kept", "note-kind": "note", **wrong})
    assert response.status_code == 400
    assert not MeetingNote.objects.exists()


def test_nothing_is_noted_once_the_retro_is_published_and_no_text_is_lost(client, meeting, retro, ana):
    make_publishable(retro)
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    client.force_login(ana)
    sent = {"do": "note", "note-text": "A late thought", "note-kind": "note"}
    assert client.post(where(retro), sent).status_code == 409
    assert not MeetingNote.objects.exists()


@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="needs rows that lock")
@pytest.mark.django_db(transaction=True)
def test_several_people_note_at_once_and_nothing_is_lost(meeting, retro, ana):
    def write(number):
        client = Client()
        client.force_login(ana)
        client.post(where(retro), {"do": "note", "note-text": f"Note {number}", "note-kind": "note"})
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(MeetingNote.objects.values_list("text", flat=True)) == {f"Note {n}" for n in range(6)}


def test_a_finding_is_added_in_place_once(client, meeting, retro, ana):
    client.force_login(ana)
    sent = {"do": "finding", "finding-kind": "luck", "finding-text": "A colleague was awake."}
    assert [client.post(where(retro), sent).status_code for _ in range(2)] == [302, 302]
    assert retro.findings.get().text == "A colleague was awake."
    assert "A colleague was awake." in text_of(client, retro)
    assert client.post(where(retro), sent | {"finding-text": ""}).status_code == 400
    assert client.post(where(retro), sent | {"finding-kind": "blame"}).status_code == 400


def test_actions_are_listed_and_a_new_one_is_a_link_away(client, meeting, retro, item, ana):
    client.force_login(ana)
    text = text_of(client, retro)
    assert page(item) in text
    assert f"actionitem/add/?retro={retro.pk}" in text


def test_it_costs_the_same_however_much_is_noted(client, meeting, retro, ana):
    def fill(count):
        for number in range(count):
            meeting.notes.create(author=ana, text=f"{count}.{number}", item=meeting.agenda.first())
            retro.findings.create(kind="luck", text=f"{count}.{number}")
        return len(pages.queries_of(client, where(retro)))

    client.force_login(ana)
    client.get(where(retro))
    assert fill(2) == fill(12)


def test_the_page_of_the_retro_leads_there_and_says_when(client, meeting, retro, ravi):
    client.force_login(ravi)
    text = client.get(page(retro)).content.decode()
    assert where(retro) in text
    assert "Planned" in text
