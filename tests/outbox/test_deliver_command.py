"""`manage.py deliver`: what the workers do, once, from cron."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from actions.models import ActionItem
from config.outbox import sweeps
from config.outbox.models import Delivery
from retros.models import Retrospective


def deliver(**options):
    out = StringIO()
    call_command("deliver", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def overdue(item, omar):
    omar.working_days = "1234567"
    omar.save()
    long_ago = timezone.now() - timedelta(days=5)
    ActionItem.objects.filter(pk=item.pk).update(due_on=long_ago.date(), next_reminder_at=long_ago)
    return item


def test_it_reminds_the_owner_of_what_is_overdue(overdue, omar):
    line = deliver()
    assert [message.to for message in mail.outbox] == [[omar.email]]
    assert overdue.title in mail.outbox[0].body
    assert "queue overdue reminders: 1" in line
    assert "sent: 1" in line
    assert line.count("\n") == 1


def test_a_second_run_sends_nothing_more(overdue):
    deliver()
    line = deliver()
    assert len(mail.outbox) == 1
    assert "queue overdue reminders: 0" in line
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
    assert {"retros.sweeps.open_required_retros", "actions.sweeps.queue_overdue_reminders"} <= found
