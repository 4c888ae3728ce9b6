"""How the public pages are answered: for caches and programs, without session, and without a database."""

import gzip
import time
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from incidents.status import publishing
from tests.incidents.public import Site, Wire, say, told, written
from tests.stack import scratch_postgres, wait_for

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def page(severity, service, db):
    incident = told(severity, services=[service])
    say(incident)
    publishing.publish()
    return incident


def test_no_query_is_asked_and_no_cookie_set(client, page):
    with CaptureQueriesContext(connection) as queries:
        answers = [
            client.get(path) for path in ("/", f"/incidents/{page.public_id}/", "/api/v2/summary.json")
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(queries) == 0
    assert not any(answer.cookies for answer in answers)


def test_caches_may_keep_it_for_a_moment_and_ask_whether_it_changed(client, page):
    first = client.get("/")
    assert "public, max-age=10" in first.headers["Cache-Control"]
    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    weak = client.get("/", headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert weak.status_code == 304
    say(page, "It is over.", "monitoring", ago=1)
    publishing.follow()
    assert client.get("/", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_it_is_sent_packed_to_whoever_unpacks(client, page):
    answer = client.get("/", headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == client.get("/").content
    assert answer.headers["ETag"] != client.get("/").headers["ETag"]
    assert "Content-Encoding" not in client.get("/", headers={"Accept-Encoding": "gzip;q=0"}).headers


def test_it_is_only_read(client, page):
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(client, method)("/api/v2/summary.json")
        assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)
    head = client.head("/")
    assert (head.content, int(head.headers["Content-Length"])) == (b"", len(client.get("/").content))


def test_any_page_of_the_web_may_ask_the_api(client, page):
    assert client.get("/api/v2/status.json").headers["Access-Control-Allow-Origin"] == "*"
    assert client.options("/api/v2/status.json").headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/").headers


def test_the_policy_allows_nothing_but_our_own_files(client, page):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in client.get("/").content.decode()
    assert " style=" not in client.get("/").content.decode()
    assert client.get("/").headers["X-Frame-Options"] == "DENY"


def test_an_old_link_without_a_slash_leads_there(client, page):
    answer = client.get(f"/incidents/{page.public_id}")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/incidents/{page.public_id}/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/incidents/1/", "/incidents/aaaaaaaaaaaa/", "/history/1999-01/", "/api/v2/users.json", "/../etc/x/"],
)
def test_what_is_not_there_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_the_first_visitor_of_all_waits_until_it_is_written(client, service):
    assert "Checkout" in client.get("/").content.decode()


@pytest.mark.django_db
def test_whoever_must_come_by_tls_is_sent_there_first(client, settings, page):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/").status_code == 301
    assert client.get("/", secure=True).status_code == 200


@pytest.mark.django_db
def test_the_feeds_are_well_formed_whatever_stands_in_a_text(severity):
    incident = told(severity, "A & B ]]> <b>now</b>")
    say(
        incident,
        "]]> </description><script>alert(1)</script> \x0b\x1b \ufffe & ![t](http://evil.example/t.png)",
    )
    files = written()
    atom = ElementTree.fromstring(files["history.atom"])
    (entry,) = atom.findall(f"{ATOM}entry")
    assert entry.find(f"{ATOM}title").text == "A & B ]]> <b>now</b>"
    assert entry.find(f"{ATOM}id").text.endswith(f"/incidents/{incident.public_id}/")
    rss = ElementTree.fromstring(files["history.rss"])
    assert rss.find("channel/item/guid").text == entry.find(f"{ATOM}id").text
    for text in (entry.find(f"{ATOM}summary").text, rss.find("channel/item/description").text):
        assert "<script" not in text
        assert "<img" not in text
        assert "alert(1)" in text


# --- With real processes


TELL = """
from incidents.models import Incident, Severity
incident = Incident.objects.declare(
    by=None, title="Payments fail", severity=Severity.objects.get(rank=1), visibility="public")
update = incident.updates.create(text="We are looking into it.")
update.publish(by=None)
print(incident.public_id)
"""
HIDE = "from incidents.models import Incident; Incident.objects.update(visibility='restricted')"


def until(site, path, is_there):
    """Until the words are, or are not, on the page somebody keeps reading; how quickly is `bench_status`'s to say."""
    wait_for(
        lambda: ("Payments fail" in site.get(path)[1]) == is_there, seconds=20, why=f"{path} stays as it was"
    )


@pytest.mark.e2e
def test_what_another_process_publishes_is_read_at_once_and_hidden_at_once(tmp_path):
    site = Site(tmp_path / "var")
    site.migrate()
    with site.serving():
        assert site.get("/")[0] == 200
        site.shell(TELL)
        until(site, "/", True)
        until(site, "/api/v2/summary.json", True)
        site.shell(HIDE)
        until(site, "/", False)
        until(site, "/history.atom", False)


def assert_stands_without(site, cut):
    public_id = site.shell(TELL).strip()
    with site.serving():
        until(site, "/", True)
        until(site, f"/incidents/{public_id}/", True)
        cut()
        for _ in range(15):
            for path in ("/", "/api/v2/summary.json", "/history.atom", f"/incidents/{public_id}/"):
                status, text = site.get(path)
                assert (status, "Payments fail" in text) == (200, True)
            time.sleep(0.1)
        assert site.get("/incidents/aaaaaaaaaaaa/", Cookie="sessionid=abc")[0] == 404
        assert site.get("/readyz")[0] == 503  # the database is really gone


@pytest.mark.e2e
def test_it_answers_while_postgresql_is_stopped(tmp_path):
    with scratch_postgres() as url:
        import re

        user, host, port, name = re.fullmatch(r"postgres(?:ql)?://([^@]*)@([^:/]+):?(\d*)/(.+)", url).groups()
        wire = Wire(host, int(port or 5432))
        site = Site(tmp_path / "var", DATABASE_URL=f"postgres://{user}@127.0.0.1:{wire.port}/{name}")
        site.migrate()
        assert_stands_without(site, wire.cut)


@pytest.mark.e2e
def test_it_answers_while_the_file_of_the_database_is_away(tmp_path):
    site = Site(tmp_path / "var")
    site.migrate()
    file = tmp_path / "var" / "aftercare.sqlite3"

    def take_away():
        for path in file.parent.glob("aftercare.sqlite3*"):
            path.rename(tmp_path / path.name)

    assert_stands_without(site, take_away)
