"""A small status page of our own, and what the tests of its import ask of it."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from config.audit.triggers import tracked_models
from incidents.models import Incident, Service

GIT, API, GONE = "8l4ygp009s5s", "brv1bkgrwx7q", "0000gone0000"


def an_update(identifier, status, at, *, affected=None, body="We are looking into it."):
    return {
        "id": identifier,
        "status": status,
        "body": body,
        "created_at": at,
        "display_at": at,
        "affected_components": affected,
    }


def touched(code, new_status):
    return {"code": code, "name": "Named", "old_status": "operational", "new_status": new_status}


def an_incident(**other):
    incident = {
        "id": "aaaa1111bbbb",
        "name": "Logins are slow",
        "status": "resolved",
        "impact": "minor",
        "shortlink": "https://status.example/aaaa1111bbbb",
        "created_at": "2026-03-01T10:00:00.120Z",
        "started_at": "2026-03-01T10:00:00.116Z",
        "monitoring_at": "2026-03-01T10:40:00.000Z",
        "resolved_at": "2026-03-01T11:00:00.250+00:00",
        "incident_updates": [
            an_update("u2", "monitoring", "2026-03-01T10:40:00.000Z", affected=[touched(GIT, "operational")]),
            an_update(
                "u1", "investigating", "2026-03-01T10:00:00.200Z", affected=[touched(GIT, "partial_outage")]
            ),
        ],
        "components": [{"id": API, "name": "API", "status": "operational"}],
    }
    return incident | other


def a_document():
    return {
        "page": {"id": "kctbh9vrtdwd", "name": "Example", "url": "https://status.example"},
        "components": [
            {"id": GIT, "name": "Git", "position": 1, "description": "Pushes and pulls", "group": False},
            {"id": API, "name": "API", "position": 2, "description": None, "group": False},
            {"id": "group0000000", "name": "All of it", "position": 3, "group": True},
        ],
        "incidents": [an_incident()],
    }


def history_rows():
    return {tracked.history_table: tracked.model.history.count() for tracked in tracked_models()}


def run(source, **options):
    out = io.StringIO()
    call_command("import_statuspage", str(source), stdout=out, **options)
    return out.getvalue().strip()


def loader(tmp_path):
    """Imports a document, or bytes; returns what is printed."""

    def load(content, **options):
        path = tmp_path / "page.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return run(path, **options)

    return load


def refused(load, content):
    before = history_rows()
    with pytest.raises(CommandError) as refusal:
        load(content)
    assert history_rows() == before
    assert not Incident.objects.exists()
    assert not Service.objects.filter(source="kctbh9vrtdwd").exists()
    message = str(refusal.value)
    assert "\n" not in message
    return message


def flagged(load, document, **other):
    document["incidents"] = [an_incident(**other)]
    assert load(document).endswith(" 1 flagged")
    incident = Incident.objects.get()
    (doubt,) = incident.timeline.filter(kind="doubt")
    return incident, doubt.text
