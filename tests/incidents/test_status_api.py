"""The API of the status page, as the programs that know Statuspage expect it."""

import json
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import expect, sync_playwright

from config.forms import clean_line
from incidents.models import Service
from incidents.public_ids import id_of, is_id
from incidents.status import board, publishing, shape
from tests.incidents.pages import run
from tests.incidents.public import document, say, told, window
from tests.stack import browser_page

REAL = Path(settings.BASE_DIR).parent / "shared/data/statuspage-github.json"
ABSENT = object()
ID = re.compile("[a-z0-9]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def story(severity, service):
    """One open incident, one resolved, a window that is on and one that is ahead."""
    Service.objects.create(slug="mail", name="Mail", group="Messages", position=2)
    incident = told(severity, services=[(service, "major_outage")])
    say(incident)
    say(incident, "A faulty server.", "identified", ago=10)
    told(severity, "Long ago", ago=5000).resolve(by=None)
    window("On", services=[service]).begin(by=None)
    window("Ahead", services=[service])
    return incident


def walk(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


@pytest.mark.django_db
def test_each_document_holds_what_its_name_says(story):
    assert {name: sorted(document(name)) for name in shape.NAMES} == {
        "summary": ["components", "incidents", "page", "scheduled_maintenances", "status"],
        "status": ["page", "status"],
        "components": ["components", "page"],
        "incidents": ["incidents", "page"],
        "incidents/unresolved": ["incidents", "page"],
        "scheduled-maintenances": ["page", "scheduled_maintenances"],
        "scheduled-maintenances/upcoming": ["page", "scheduled_maintenances"],
        "scheduled-maintenances/active": ["page", "scheduled_maintenances"],
    }
    assert document("status")["status"] == {"indicator": "critical", "description": "Major Service Outage"}
    assert [one["name"] for one in document("summary")["incidents"]] == [story.title]
    assert len(document("incidents")["incidents"]) == 2
    names = {name: [w["name"] for w in document(name)["scheduled_maintenances"]] for name in shape.NAMES[5:]}
    assert sorted(names["scheduled-maintenances"]) == ["Ahead", "On"]
    assert names["scheduled-maintenances/upcoming"] == ["Ahead"]
    assert names["scheduled-maintenances/active"] == ["On"]


@pytest.mark.django_db
def test_identifiers_and_moments_look_as_programs_expect(story):
    for name in shape.NAMES:
        for key, value in walk(document(name)):
            if value is not None and (key == "id" or key.endswith("_id")) and key != "tweet_id":
                assert ID.fullmatch(value), (name, key, value)
            if value is not None and key.endswith("_at"):
                assert MOMENT.fullmatch(value), (name, key, value)


@pytest.mark.django_db
def test_an_incident_says_what_it_hurts_and_how_that_changed(story, service):
    (one,) = document("incidents/unresolved")["incidents"]
    assert (one["status"], one["impact"], one["shortlink"]) == (
        "identified",
        "critical",
        f"{settings.SITE_URL}/incidents/{story.public_id}",
    )
    newest, first = one["incident_updates"]
    assert (newest["body"], first["body"]) == ("A faulty server.", "We are looking into it.")
    touched = {"code": service.public_id, "name": "Checkout"}
    assert first["affected_components"] == [
        touched | {"old_status": "operational", "new_status": "major_outage"}
    ]
    assert newest["affected_components"] == [
        touched | {"old_status": "major_outage", "new_status": "major_outage"}
    ]
    assert [component["status"] for component in one["components"]] == ["major_outage"]


@pytest.mark.django_db
def test_services_under_a_heading_are_a_group_with_its_members(story):
    components = document("components")["components"]
    (group,) = [one for one in components if one["group"]]
    members = [one for one in components if one["group_id"] == group["id"]]
    assert (group["name"], group["components"]) == ("Messages", [one["id"] for one in members])
    assert [one["name"] for one in members] == ["Mail"]


@pytest.mark.parametrize(
    ("degree", "indicator"),
    [
        ("operational", "none"),
        ("under_maintenance", "maintenance"),
        ("degraded_performance", "minor"),
        ("partial_outage", "major"),
        ("major_outage", "critical"),
    ],
)
def test_every_degree_has_its_indicator(degree, indicator):
    assert shape.INDICATORS[degree] == indicator
    assert indicator in shape.DESCRIPTIONS


def test_a_name_for_programs_is_the_same_tomorrow_and_another_for_another_thing():
    assert id_of("service", 1) == id_of("service", 1) != id_of("service", 2)
    assert is_id(id_of("page", "x"))
    assert not is_id("aaaa1111bbb")
    assert not is_id("AAAA1111BBBB")


# --- What was imported says the same again


@pytest.mark.django_db
def test_an_imported_page_is_told_again_field_by_field():
    if not REAL.exists():
        pytest.skip("the shared data are not here")
    run(REAL)
    source = json.loads(REAL.read_text())
    now = board.read()
    ours = {one["id"]: one for one in (shape.incident(now, told) for told in now.incidents)}
    wrong = [
        difference
        for incident in source["incidents"]
        for difference in differences(incident, ours[incident["id"]])
    ]
    assert (len(source["incidents"]), wrong) == (760, [])
    documents = shape.documents(now)
    assert [*differences(source["components"], documents["components"]["components"])] == []
    assert documents["incidents"]["incidents"] == [
        one | dict.fromkeys(documents["incidents"]["incidents"][0].keys() - one.keys())
        for one in list(ours.values())[:50]
    ]


def differences(theirs, ours, way=""):
    """Where two values of the shape differ; the identifier of the page may, and a line may be cleaner than it was."""
    if isinstance(theirs, dict):
        for name, value in theirs.items():
            if name not in ("page_id", "tweet_id", "custom_tweet"):
                yield from differences(value, ours.get(name, ABSENT), f"{way}.{name}")
    elif isinstance(theirs, list):
        if not isinstance(ours, list) or len(ours) != len(theirs):
            yield way, theirs, ours
        else:
            for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
                yield from differences(one, other, f"{way}[{number}]")
    elif theirs != ours and not (way == ".name" and clean_line(theirs) == ours):
        yield way, theirs, ours


# --- Published clients, unchanged

CLIENT = """
const {Statuspage} = require("statuspage.io");
const client = new Statuspage("x");
client.setApiUrl(process.argv[2]);
(async () => {
  const {api} = client;
  const said = {
    summary: await api.getSummary(),
    status: await api.getStatus(),
    components: await api.getComponents(),
    "incidents/unresolved": await api.incidents.getUnresolved(),
    incidents: await api.incidents.getAll(),
    "scheduled-maintenances/upcoming": await api.scheduledMaintenances.getUpcoming(),
  };
  console.log(JSON.stringify(said));
})().catch(error => { console.error(error.message); process.exit(1); });
"""
HOST_PAGE = """<!doctype html><title>A customer</title>
<statuspage-widget src="%s"></statuspage-widget><script src="widget.js"></script>"""


@pytest.fixture(scope="module")
def npm(tmp_path_factory):
    """A folder with the clients in it; skips where they cannot be had."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("no npm is installed")
    folder = tmp_path_factory.mktemp("clients")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
    try:
        subprocess.run([*command, "statuspage.io", "@statuspage/status-widget"], check=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the clients cannot be installed: {error}")
    return folder / "node_modules"


@pytest.mark.e2e
def test_the_client_of_npm_reads_everything(npm, story, live_server):
    publishing.publish()
    script = npm.parent / "client.js"
    script.write_text(CLIENT)
    done = subprocess.run(
        ["node", script, live_server.url], capture_output=True, text=True, timeout=60, cwd=npm.parent
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {name: document(name) for name in said}


@pytest.mark.e2e
def test_the_widget_on_a_page_of_another_origin_says_how_we_stand(npm, story, live_server, tmp_path):
    publishing.publish()
    (bundle,) = (npm / "@statuspage/status-widget/dist").glob("src.*.js")
    shutil.copy(bundle, tmp_path / "widget.js")
    (tmp_path / "index.html").write_text(HOST_PAGE % live_server.url)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright, browser_page(playwright) as page:
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            expect(page.locator("statuspage-widget")).to_contain_text("Major Service Outage")
        server.shutdown()
