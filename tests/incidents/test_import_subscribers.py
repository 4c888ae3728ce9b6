"""A company that comes from Statuspage brings its subscribers and its announced maintenance with it."""

import json

import pytest
from django.core.management import CommandError

from config.outbox.models import Delivery
from incidents.models import Incident, Maintenance, Publication, Region, Service, Subscriber
from tests.incidents.pages import API, GIT, a_document, history_rows, loader, run
from tests.incidents.public import say, told, written
from tests.incidents.readers import reader, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def load(tmp_path):
    return loader(tmp_path)


@pytest.fixture
def listed(tmp_path):
    """Imports a list of subscribers; returns what is printed."""

    def take(content, name="subscribers.csv", **options):
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        path.write_bytes(data)
        return run(path, **options)

    return take


# --- Subscribers


def test_a_list_counts_as_confirmed_and_says_where_it_came_from(listed, load, severity):
    load(a_document())
    listed(
        f"mode,email,endpoint,components\nemail,Kim@customer.example,,{GIT};{API}\nemail,lee@customer.example,,\n"
    )
    kim = Subscriber.objects.get(address="kim@customer.example")
    assert (kim.status, kim.source) == ("confirmed", "imported from subscribers.csv")
    assert [one.name for one in kim.services.all()] == ["Git", "API"]
    assert kim.history.get().history_actor_kind == "import"
    assert not Delivery.objects.exists()
    say(told(severity, services=[Service.objects.get(name="Git")]))
    assert sorted(letter.to[0] for letter in sent()) == ["kim@customer.example", "lee@customer.example"]


def test_statuspages_json_brings_webhooks_and_leaves_out_what_we_do_not_send_by(listed, load):
    load(a_document())
    rows = [
        {"id": "a", "mode": "email", "email": "kim@customer.example", "components": [GIT]},
        {"id": "b", "mode": "webhook", "endpoint": "https://hooks.customer.example/x", "components": []},
        {"id": "c", "mode": "sms", "phone_number": "5551234"},
        {"id": "d", "mode": "email", "email": "q@customer.example", "quarantined_at": "2026-01-01T00:00:00Z"},
    ]
    said = listed(json.dumps(rows), "subscribers.json")
    assert said.startswith("2 subscribers taken over")
    assert "1 left out because mail to them came back, 1 left out because we do not send that way" in said
    hook = Subscriber.objects.get(channel="webhook")
    assert hook.secret.startswith("whsec_")
    assert listed(json.dumps({"subscribers": rows}), "again.json").startswith(
        "0 subscribers taken over, 2 known"
    )


def test_statuspages_own_template_has_no_heading(listed):
    listed("email,kim@customer.example,yes\nsms,5551234,US\n")
    assert Subscriber.objects.get().address == "kim@customer.example"


def test_who_unsubscribed_here_stays_out_and_who_waits_is_taken(listed):
    reader("gone@customer.example").unsubscribe(by=None)
    Subscriber.objects.create(address="waits@customer.example")
    said = listed("email\ngone@customer.example\nwaits@customer.example\n")
    assert said.startswith(
        "1 subscribers taken over, 0 known already, 1 left out because they unsubscribed here"
    )
    assert Subscriber.objects.get(address="waits@customer.example").is_confirmed
    assert Subscriber.objects.get(address="").status == "unsubscribed"


def test_a_dry_run_stores_nothing(listed):
    before = history_rows()
    assert listed("email\nkim@customer.example\n", dry_run=True).startswith("dry run: 1 subscribers")
    assert history_rows() == before


def test_regions_by_name_or_slug(listed):
    Region.objects.create(slug="eu", name="Europe")
    listed("email,regions\nkim@customer.example,Europe\nlee@customer.example,eu\n")
    assert {row.regions.get().slug for row in Subscriber.objects.all()} == {"eu"}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "s.csv", "it is empty"),
        ("name\nKim\n", "s.csv", "its heading names no column of addresses"),
        ("email\nkim@customer.example\nno address\n", "s.csv", "line 3: 'no address' cannot be kept"),
        ("email\nkim@customer.example\r\nBcc: x\n", "s.csv", "line 3: 'Bcc: x' cannot be kept"),
        ('email\n"kim@customer.example\nBcc: x"\n', "s.csv", "line 2:"),
        ("email\nkim\x00@customer.example\n", "s.csv", "line 2"),
        ('email\n"kim@customer.example\n', "s.csv", "it is no CSV"),
        ("email\n" + "a" * 200_000 + "\n", "s.csv", "it is no CSV"),
        (b"\xff\xfee\x00", "s.csv", "it is not UTF-8 text"),
        ("mode,email\npigeon,kim@customer.example\n", "s.csv", "mode is not one we know"),
        (
            "email,components\nkim@customer.example,nowhere\n",
            "s.csv",
            "component 'nowhere' is not known here",
        ),
        ('{"subscribers": 7}', "s.json", "subscribers is not a list"),
        ('[{"email": 7}]', "s.json", "subscriber no. 1: email is not text"),
        ('[{"email": "k@customer.example"}, 7]', "s.json", "subscriber no. 2 is not an object"),
        ('[{"mode": "webhook", "endpoint": "ftp://x"}]', "s.json", "subscriber no. 1"),
        ('[{"email": "\\ud800@customer.example"}]', "s.json", "subscriber no. 1"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line_and_nothing_is_stored(listed, content, name, said):
    before = history_rows()
    with pytest.raises(CommandError) as refusal:
        listed(content, name)
    message = str(refusal.value)
    assert said in message
    assert "\n" not in message
    assert len(message) < 300
    assert history_rows() == before


def test_two_thousand_are_taken_over_in_few_statements(listed, django_assert_max_num_queries):
    lines = "\n".join(f"n{number}@customer.example" for number in range(2_000))
    with django_assert_max_num_queries(60):
        listed(f"email\n{lines}\n")
    assert Subscriber.objects.count() == 2_000


# --- Maintenance


def planned(**other):
    def said(identifier, status, at):
        return {
            "id": identifier,
            "status": status,
            "body": f"It is {status}.",
            "display_at": at,
            "created_at": at,
        }

    row = {
        "id": "mmmm1111nnnn",
        "name": "New disks",
        "status": "completed",
        "impact": "maintenance",
        "shortlink": "https://status.example/mmmm1111nnnn",
        "created_at": "2026-02-01T09:00:00.000Z",
        "resolved_at": "2026-02-03T03:30:00.000Z",
        "scheduled_for": "2026-02-03T02:00:00.000Z",
        "scheduled_until": "2026-02-03T04:00:00.000Z",
        "components": [{"id": GIT, "name": "Git"}, {"id": "newc11111111", "name": "Disks"}],
        "incident_updates": [
            said("m3", "completed", "2026-02-03T03:30:00.000Z"),
            said("m2", "in_progress", "2026-02-03T02:01:00.000Z"),
            said("m1", "scheduled", "2026-02-01T09:00:00.000Z"),
        ],
    }
    return row | other


def test_maintenance_keeps_its_moments_and_its_link_and_nobody_is_mailed(load, client):
    reader()
    document = a_document() | {"scheduled_maintenances": [planned()]}
    assert " 1 maintenance windows," in load(document)
    row = Maintenance.objects.get()
    assert (row.public_id, row.status, row.text) == ("mmmm1111nnnn", "completed", "It is scheduled.")
    assert f"{row.begun_at:%H:%M} {row.completed_at:%H:%M}" == "02:01 03:30"
    assert {one.service.name for one in row.service_links.all()} == {"Git", "Disks"}
    assert [one.status for one in row.updates.all()] == ["completed", "in_progress", "scheduled"]
    assert "New disks" in written()["incidents/mmmm1111nnnn/index.html"]
    assert not Publication.objects.exists()
    assert sent() == []
    before = history_rows()
    load(document)
    assert history_rows() == before


def test_the_document_of_maintenance_alone_is_taken_too(load):
    page = a_document()["page"]
    planning = planned(status="scheduled", resolved_at=None)
    planning["incident_updates"] = planning["incident_updates"][-1:]
    load({"page": page, "scheduled_maintenances": [planning]})
    assert not Incident.objects.exists()
    row = Maintenance.objects.get()
    assert (row.status, row.begun_at, row.completed_at) == ("scheduled", None, None)
    load({"page": page, "scheduled_maintenances": [planned()]})
    row.refresh_from_db()
    assert (row.status, bool(row.completed_at)) == ("completed", True)


def test_what_somebody_here_has_done_to_a_window_stays(load, lena):
    page = a_document()["page"]
    planning = planned(status="scheduled", resolved_at=None)
    planning["incident_updates"] = planning["incident_updates"][-1:]
    load({"page": page, "scheduled_maintenances": [planning]})
    Maintenance.objects.get().cancel(by=lena, reason="Not needed.")
    load({"page": page, "scheduled_maintenances": [planned()]})
    assert Maintenance.objects.get().status == "cancelled"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"status": "resolved"}, "status is not one we know"),
        ({"scheduled_for": None}, "scheduled_for is not a moment"),
        ({"scheduled_until": "2026-02-03T02:00:00.000Z"}, "scheduled_until is not after scheduled_for"),
        ({"name": "\x00"}, "name cannot be kept"),
        ({"id": "a b"}, "is not an identifier"),
        ({"components": 7}, "components is not a list"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_its_place(load, other, said):
    before = history_rows()
    with pytest.raises(CommandError, match="maintenance") as refusal:
        load(a_document() | {"scheduled_maintenances": [planned(**other)]})
    assert said in str(refusal.value)
    assert history_rows() == before
