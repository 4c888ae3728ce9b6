"""What a load balancer and a monitor are told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.audit import triggers
from config.outbox.models import Delivery


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
def test_it_is_ready_when_everything_is_in_order(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "migrations": "ok", "history": "ok", "messages": "ok"},
    }


@pytest.mark.django_db
def test_it_is_not_ready_when_a_trigger_is_missing(client):
    triggers.drop()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["history"].endswith("run manage.py migrate")
    triggers.install()
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_it_is_not_ready_when_a_migration_is_not_applied(client):
    MigrationRecorder(connection).record_unapplied("outbox", "0002_initial")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "not applied" in response.json()["checks"]["migrations"]


@pytest.mark.django_db
def test_it_is_not_ready_when_a_message_has_waited_too_long(client):
    waiting(14)
    assert client.get("/readyz").status_code == 200
    waiting(16)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "is the worker running?" in response.json()["checks"]["messages"]


@pytest.mark.django_db
def test_messages_that_are_done_with_do_not_count(client):
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


def test_the_front_page_leads_to_the_workspace(client):
    assert client.get("/").headers["Location"] == "/admin/"
