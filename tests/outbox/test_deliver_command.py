"""`manage.py deliver`: what the workers do, once, from cron."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command

from actions.models import ActionItem
from config.outbox import sweeps
from config.outbox.models import Delivery
from retros.models import Retrospective


def deliver(**options):
    out = StringIO()
    call_command("deliver", stdout=out, **options)
    return out.getvalue()


TUESDAY = datetime(2026, 3, 3, 10, tzinfo=UTC)  # while Omar works


@pytest.fixture
def overdue(omar):
    """Promised a week ago for yesterday; the test goes on on Tuesday."""
    with time_machine.travel(TUESDAY - timedelta(days=7), tick=False):
        item = ActionItem.objects.create(
            title="Alert on failed payments",
            why="Lost baskets.",
            owner=omar,
            due_on=TUESDAY.date() - timedelta(days=1),
        )
    with time_machine.travel(TUESDAY, tick=False):
        yield item


def test_it_reminds_the_owner_of_what_is_overdue(overdue, omar):
    line = deliver()
    assert [message.to for message in mail.outbox] == [[omar.email]]
    assert overdue.title in mail.outbox[0].body
    assert "remind: 0" not in line
    assert "sent: 1" in line
    assert line.count("\n") == 1


def test_a_second_run_sends_nothing_more(overdue):
    deliver()
    line = deliver()
    assert len(mail.outbox) == 1
    assert "remind: 0" in line
    assert "nothing to send" in line


def test_it_opens_the_retrospectives_that_are_required(resolved):
    assert "open required retros: 1" in deliver()
    assert Retrospective.objects.filter(incident_links__incident=resolved).count() == 1


def test_it_is_silent_when_cron_wants_it_so(db):
    assert deliver(verbosity=0) == ""


def test_it_signs_what_it_writes(overdue):
    deliver()
    entry = Delivery.history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("deliver", "command")


def test_a_sweep_that_fails_stops_neither_the_others_nor_the_sending(overdue, monkeypatch, caplog):
    def count_the_stars():
        raise RuntimeError("too many")

    monkeypatch.setattr(sweeps, "SWEEPS", [count_the_stars, *sweeps.SWEEPS])
    with pytest.raises(CommandError, match="count the stars"):
        deliver()
    assert len(mail.outbox) == 1
    assert "too many" in caplog.text


def test_every_sweep_of_the_house_is_registered():
    found = {f"{sweep.__module__}.{sweep.__name__}" for sweep in sweeps.SWEEPS}
    assert {"retros.sweeps.open_required_retros", "config.reminding.sweeps.remind"} <= found
