"""A moment on the timeline is corrected in the open: the entry keeps what was said first, the timeline says why."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from config.transitions import NotPermitted, WrongState
from incidents.models import TimelineEntry
from tests.cases import assert_recorded, assert_refused
from tests.conftest import PASSWORD
from tests.faults import is_whole_or_absent
from tests.pages import assert_asking_changes_nothing, page, verb_page

pytestmark = pytest.mark.django_db
REASON = "The pager's clock was fast."


@pytest.fixture
def note(incident):
    return incident.log(TimelineEntry.Kind.NOTE, "Queue is full.")


@pytest.fixture
def earlier(note):
    return note.at - timedelta(minutes=3)


def test_the_entry_keeps_what_was_said_first_and_the_timeline_says_why(note, earlier, ana):
    first = note.at
    note.correct(by=ana, at=earlier, reason=REASON)
    assert (note.at, note.first_at, note.is_corrected) == (earlier, first, True)
    assert_recorded(note, by=ana, reason=REASON)
    told = note.incident.timeline.filter(kind="correction").get()
    assert f"{first:%Y-%m-%d %H:%M:%S} UTC → {earlier:%Y-%m-%d %H:%M:%S} UTC" in told.text
    assert told.text.endswith(REASON)


def test_a_second_correction_keeps_the_very_first_moment(note, earlier, ana):
    first = note.at
    note.correct(by=ana, at=earlier, reason=REASON)
    note.correct(by=ana, at=earlier - timedelta(minutes=1), reason=REASON)
    assert note.first_at == first


def test_it_is_refused_without_a_reason_and_where_nothing_differs(note, earlier, ana):
    assert_refused(ValidationError, note, "correct", by=ana, at=earlier, reason=" ")
    assert_refused(ValidationError, note, "correct", by=ana, at=note.at, reason=REASON)


def test_it_is_refused_to_those_without_the_role(note, earlier, omar, aud, lena, stranger):
    for person in (omar, aud, lena, stranger):
        assert_refused(NotPermitted, note, "correct", by=person, at=earlier, reason=REASON)


@pytest.mark.parametrize("kind", ["state", "update", "correction", "doubt"])
def test_what_follows_from_elsewhere_is_not_corrected_here(incident, ana, kind):
    entry = incident.log(kind, "Resolved.")
    at = entry.at - timedelta(minutes=3)
    assert_refused(WrongState, entry, "correct", by=ana, at=at, reason=REASON)


def test_it_is_whole_or_absent_wherever_it_breaks(note, earlier, ana):
    act = lambda: note.correct(by=ana, at=earlier, reason=REASON)  # noqa: E731
    assert is_whole_or_absent(act, TimelineEntry) >= 3


def test_the_page_asks_and_does(client, note, earlier, ana):
    client.login(username=ana.email, password=PASSWORD)
    assert_asking_changes_nothing(client, note, "correct")
    answer = client.post(verb_page(note, "correct"), {"at": earlier.isoformat(), "reason": REASON})
    assert answer.status_code == 302
    note.refresh_from_db()
    assert note.at == earlier


def test_the_page_refuses_the_moment_it_has_already(client, note, ana):
    client.login(username=ana.email, password=PASSWORD)
    shown = client.get(verb_page(note, "correct")).context["form"].initial["at"]
    answer = client.post(verb_page(note, "correct"), {"at": shown.isoformat(), "reason": REASON})
    assert answer.status_code == 400


def test_a_moment_cannot_be_changed_in_passing(client, note, ana):
    client.login(username=ana.email, password=PASSWORD)
    form = client.get(page(note)).context["adminform"].form
    assert "at" not in form.fields
    assert "text" in form.fields
