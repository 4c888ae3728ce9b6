"""The status page as files for any host: whole, nothing foreign touched, nothing left behind."""

import re
from io import StringIO
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.core.management import CommandError, call_command

from incidents.status.tree import Tree
from incidents.sweeps import write_status_page
from tests.incidents.public import say, told, window

pytestmark = pytest.mark.django_db


def export(folder):
    out = StringIO()
    call_command("export_status", str(folder), stdout=out)
    return out.getvalue()


@pytest.fixture
def incident(severity, service):
    incident = told(severity, services=[service])
    say(incident)
    window(services=[service])
    return incident


def test_page_json_and_feeds_are_written_with_what_they_need(incident, tmp_path):
    assert "files written" in export(tmp_path / "out")
    names = {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert {
        *("index.html", "404.html", "history.atom", "history.rss", "api/v2/summary.json"),
        *("static/aftercare/status.css", "static/aftercare/status.js"),
        f"incidents/{incident.public_id}/index.html",
    } <= names
    assert export(tmp_path / "out").startswith("0 files")


def test_every_link_leads_to_a_file_from_any_sub_folder(incident, tmp_path, settings):
    folder = tmp_path / "out"
    export(folder)
    base = "https://host.example/some/where/"
    for page in folder.rglob("*.html"):
        if page.name == "404.html":
            continue
        here = base + str(page.relative_to(folder).as_posix()).removesuffix("index.html")
        for link in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text()):
            address = urljoin(here, link)
            if address.startswith(settings.SITE_URL):
                continue
            assert address.startswith(base), (page, link)
            target = folder / urlsplit(address).path.removeprefix("/some/where/")
            assert (target / "index.html" if address.endswith("/") else target).is_file(), (page, link)


def test_what_somebody_else_put_there_stays_and_what_stands_in_the_way_is_named(incident, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "CNAME").write_text("status.example.com")
    export(folder)
    incident.delete()
    export(folder)
    assert (folder / "CNAME").exists()
    assert not list((folder / "incidents").glob(f"{incident.public_id}*"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("Mine")
    with pytest.raises(CommandError, match="not written by Aftercare"):
        export(other)
    assert (other / "index.html").read_text() == "Mine"


def test_the_sweep_keeps_a_folder_in_line(incident, tmp_path, settings):
    settings.STATUS_EXPORT_DIR = tmp_path / "out"
    write_status_page()
    say(incident, "It is a faulty server.", ago=1)
    write_status_page()
    assert "faulty server" in (tmp_path / "out/index.html").read_text()


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    tree = Tree(tmp_path)
    tree.write({"index.html": ("1", lambda: b"first")})

    def broken():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tree.write({"index.html": ("2", broken)})
    assert (tmp_path / "index.html").read_bytes() == b"first"
    assert [path.name for path in Path(tmp_path).iterdir() if path.name.startswith(".index")] == []
