"""The mails that ask: to people without an account, too, with the invitation and nothing more, and one reminder."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core import mail

from config.outbox.models import Delivery
from config.outbox.sending import deliver
from incidents.models import Incident
from retros.models import Perspective
from retros.sweeps import remind_of_perspectives
from tests.faults import is_whole_or_absent
from tests.retros.asked import TEXT, invite, path, questions, take_part

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
DUE = date(2026, 3, 16)  # a Monday, so two working days before is Thursday the 12th
THURSDAY = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_wednesday(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Aftercare <aftercare@example.com>"
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def kim(retro):
    return take_part(retro)


def ask(retro, *people):
    return invite(retro, *people, days=(DUE - WEDNESDAY.date()).days)


def sent(at=None):
    mail.outbox.clear()
    with time_machine.travel(at or WEDNESDAY, tick=False):
        deliver()
    return list(mail.outbox)


def remind(at):
    with time_machine.travel(at, tick=False):
        return remind_of_perspectives()


def test_a_customer_is_sent_the_invitation_the_day_and_the_link(retro, kim, client):
    row = ask(retro, kim)
    [letter] = sent()
    assert letter.to == ["kim@acme.example"]
    html = letter.alternatives[0].content
    for twin in (letter.body, html):
        assert TEXT in twin
        assert "Kim of Acme" in twin
        assert "Monday 16 March 2026" in twin
        assert path(row) in twin
    [address] = re.findall(r"^http\S+/perspective/\S+$", letter.body, re.MULTILINE)
    assert client.get("/perspective/" + address.partition("/perspective/")[2]).status_code == 200


def test_it_carries_the_headers_of_our_mails_and_one_message_id(retro, kim):
    row = ask(retro, kim)
    [letter] = sent()
    headers = letter.extra_headers
    assert headers["Message-ID"] == f"<perspective-invited-{row.pk}@example.com>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["References"] == f"<perspective-{row.pk}@example.com>"
    assert "retros" in headers["List-Id"]


def test_it_tells_whoever_has_no_account_nothing_else(retro, kim, resolved, ana):
    ask(retro, kim)
    [letter] = sent()
    raw = letter.message().as_bytes().decode()
    for hidden in (retro.title, retro.reference, resolved.reference, "Ana"):
        assert hidden not in raw


def test_whoever_sees_the_retro_is_told_which_it_is(retro, omar):
    ask(retro, retro.participants.create(user=omar, hat="product"))
    [letter] = sent()
    assert letter.subject == f"How did you see it? {retro}"
    assert str(retro) in letter.alternatives[0].content


def test_of_a_restricted_one_whoever_may_not_see_it_is_told_the_invitation_only(retro, omar):
    Incident.objects.update(visibility="restricted", declared_by=None, title="A key was public")
    type(retro).objects.update(title="A key was public")
    ask(retro, retro.participants.create(user=omar, hat="product"))
    [letter] = sent()
    raw = letter.message().as_bytes().decode()
    assert TEXT in raw
    assert "A key was public" not in raw
    assert retro.reference not in raw


def test_hostile_words_reach_nobody_as_markup(retro):
    bad = take_part(retro, '<b onclick="x">Kim</b>', email="kim@acme.example")
    ask(retro, bad)
    [letter] = sent()
    assert "<b onclick" not in letter.alternatives[0].content
    assert '<b onclick="x">Kim</b>' in letter.body


@pytest.mark.parametrize("ending", ["withdraw", "submit", "decline", "review", "move away"])
def test_what_no_longer_holds_is_not_sent(retro, kim, ana, ending):
    row = ask(retro, kim)
    if ending == "review":
        retro.send_for_review(by=ana)
    elif ending == "move away":
        kim.email = "other@acme.example"
        kim.save()
    else:
        getattr(row, ending)(by=None, **({"answer_1": "Slow."} if ending == "submit" else {}))
    assert sent() == []
    assert Delivery.objects.get().state == "cancelled"


def test_everything_is_asked_or_nothing(retro, kim):
    sue = take_part(retro, "Sue", "support", "sue@example.com")
    chosen = questions()
    act = lambda: Perspective.objects.invite(retro, [kim, sue], chosen, by=None, due_on=DUE, text=TEXT)  # noqa: E731
    assert is_whole_or_absent(act, Perspective, Delivery) >= 6


# --- The reminder


def test_one_reminder_two_working_days_before_the_day(retro, kim):
    row = ask(retro, kim)
    sent()
    assert remind(THURSDAY - timedelta(days=1)) == 0
    assert remind(THURSDAY) == 1
    assert remind(THURSDAY) == remind(THURSDAY + timedelta(days=1)) == 0
    [letter] = sent(THURSDAY)
    assert letter.subject == "Still welcome: how you saw it"
    for twin in (letter.body, letter.alternatives[0].content):
        assert TEXT in twin
        assert path(row) in twin
    assert letter.extra_headers["Message-ID"] == f"<perspective-reminded-{row.pk}-2026-03-16@example.com>"


def test_a_missed_day_is_made_up_for_but_not_after_the_day(retro, kim):
    ask(retro, kim)
    assert remind(datetime(2026, 3, 17, 12, tzinfo=UTC)) == 0
    assert remind(datetime(2026, 3, 16, 12, tzinfo=UTC)) == 1


@pytest.mark.parametrize("ending", ["withdraw", "submit", "decline"])
def test_nobody_is_reminded_of_what_is_answered(retro, kim, ending):
    row = ask(retro, kim)
    sent()
    remind(THURSDAY)  # queued, and only then answered
    getattr(row, ending)(by=None, **({"answer_1": "Slow."} if ending == "submit" else {}))
    assert sent(THURSDAY) == []
    other = ask(retro, take_part(retro, "Sue", "support", "sue@example.com"))
    getattr(other, ending)(by=None, **({"answer_1": "Slow."} if ending == "submit" else {}))
    assert remind(THURSDAY) == 0


def test_who_is_asked_at_the_last_moment_is_not_reminded_of_it(retro, kim):
    with time_machine.travel(THURSDAY, tick=False):
        invite(retro, kim, days=4)
    assert remind(THURSDAY + timedelta(days=1)) == 0


def test_holidays_and_weekdays_of_their_own_count(retro, omar):
    omar.working_days = "1234567"
    omar.save()
    ask(retro, retro.participants.create(user=omar, hat="product"))
    assert remind(THURSDAY) == 0
    assert remind(THURSDAY + timedelta(days=2)) == 1
