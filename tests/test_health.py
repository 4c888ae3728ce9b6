"""What a load balancer and a monitor are told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.urls import reverse_lazy
from django.utils import timezone

from config.audit import triggers
from config.outbox import troubles
from config.outbox.models import Delivery, Heartbeat
from tests import pages

PAGES = [reverse_lazy("admin:index"), reverse_lazy("admin:outbox_delivery_changelist")]


@pytest.fixture(autouse=True)
def _ask_anew():
    """What one test's pages remember must not be told in the next."""
    troubles.forget()
    yield
    troubles.forget()


@pytest.fixture
def beating(db):
    """A schedule that runs."""
    Heartbeat.beat()


def waiting(minutes, **fields):
    due_at = timezone.now() - timedelta(minutes=minutes)
    return Delivery.objects.create(
        key=f"test:{minutes}", kind="test", address="a@b.example", due_at=due_at, **fields
    )


def test_it_is_alive_without_asking_the_database(client):
    # No database is allowed in this test: asking it would fail.
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


def test_health_is_only_read(client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


def test_health_is_answered_where_there_is_no_tls(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/admin/login/").status_code == 301


@pytest.mark.django_db
def test_it_is_ready_when_everything_is_in_order(client, beating):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {
            "database": "ok",
            "migrations": "ok",
            "history": "ok",
            "schedule": "ok",
            "messages": "ok",
        },
    }


@pytest.mark.django_db
def test_it_is_not_ready_when_a_trigger_is_missing(client, beating):
    triggers.drop()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["history"].endswith("run manage.py migrate")
    triggers.install()
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_it_is_not_ready_when_a_migration_is_not_applied(client, beating):
    MigrationRecorder(connection).record_unapplied("outbox", "0004_webhooks")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "not applied" in response.json()["checks"]["migrations"]


@pytest.mark.django_db
def test_it_is_not_ready_when_a_message_has_waited_too_long(client, beating):
    waiting(14)
    assert client.get("/readyz").status_code == 200
    waiting(16)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "is the worker running?" in response.json()["checks"]["messages"]


@pytest.mark.django_db
def test_messages_that_are_done_with_do_not_count(client, beating):
    waiting(90, state="cancelled")
    waiting(91, state="sent", sent_at=timezone.now())
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_it_says_that_the_database_is_away_but_not_why(client, caplog):
    from django.db import OperationalError

    def away(execute, *rest):
        raise OperationalError("connection to server at 10.1.2.3 refused")

    with connection.execute_wrapper(away):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "the database does not answer"}
    assert "10.1.2.3" in caplog.text


@pytest.mark.django_db
def test_the_front_page_is_the_status_page_and_leads_to_the_workspace_quietly(client):
    assert '/admin/" rel="nofollow">Workspace</a>' in client.get("/").content.decode()


# --- The schedule ------------------------------------------------------------------------------------------


def test_a_house_whose_schedule_has_never_run_is_not_ready(client, db):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "has never run" in response.json()["checks"]["schedule"]


@pytest.mark.parametrize(("minutes", "status"), [(4, 200), (6, 503)])
def test_a_schedule_that_has_stopped_is_told(client, db, minutes, status):
    Heartbeat.beat(at=timezone.now() - timedelta(minutes=minutes))
    response = client.get("/readyz")
    assert response.status_code == status
    assert (response.json()["checks"]["schedule"] == "ok") == (status == 200)


def test_a_beat_is_one_statement_and_one_row(db, django_assert_num_queries):
    for _ in range(3):
        with django_assert_num_queries(1):
            Heartbeat.beat()
    assert Heartbeat.objects.count() == 1


def test_the_task_and_the_command_of_cron_beat(client, db):
    from django.core.management import call_command

    from config.outbox.tasks import beat

    long_ago = timezone.now() - timedelta(hours=1)
    for act in (beat, lambda: call_command("deliver", verbosity=0)):
        Heartbeat.beat(at=long_ago)
        act()
        assert troubles.last_beat() > long_ago


# --- The banner --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_is_wrong_and_what_to_do(client, admin_user, page):
    client.force_login(admin_user)
    text = client.get(page).content.decode()
    assert "the schedule has never run" in text
    assert "celery -A config beat" in text
    assert "Messages do not go out" not in text


@pytest.mark.parametrize("page", PAGES)
def test_messages_that_wait_too_long_are_told_on_every_page(client, admin_user, beating, page):
    waiting(16)
    client.force_login(admin_user)
    text = client.get(page).content.decode()
    assert "Messages do not go out" in text
    assert "Nothing happens by itself" not in text


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_told_when_all_is_well(client, admin_user, beating, page):
    waiting(14)
    client.force_login(admin_user)
    assert "What keeps Aftercare from working" not in client.get(page).content.decode()


def test_nobody_is_told_before_signing_in(client, db):
    assert "never run" not in client.get(reverse_lazy("admin:login")).content.decode()


def test_it_costs_one_query_in_ten_seconds_and_writes_nothing(client, admin_user, db):
    client.force_login(admin_user)
    client.get(PAGES[1])
    first, then = (len(pages.queries_of(client, PAGES[1])) for _ in range(2))
    assert first == then
    troubles.forget()
    queries = pages.queries_of(client, PAGES[1])
    assert len(queries) == then + 1
    assert all(query.startswith("SELECT") for query in queries)
    assert not Heartbeat.objects.exists()
