"""What is no status page is refused whole, in one line that says where."""

import copy
import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.management import CommandError
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from incidents.imports import reading
from tests.incidents.pages import GIT, GONE, a_document, an_incident, history_rows, loader, refused, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def document():
    return a_document()


@pytest.fixture
def load(tmp_path):
    return loader(tmp_path)


# --- The wrong shape


def put(document, path, value):
    document = copy.deepcopy(document)
    *way, last = path
    inner = document
    for step in way:
        inner = inner[step]
    if value is KeyError:
        del inner[last]
    else:
        inner[last] = value
    return document


INCIDENT = ("incidents", 0)
UPDATE = (*INCIDENT, "incident_updates", 1)
NAMED, TOLD = "incident aaaa1111bbbb: ", "incident aaaa1111bbbb, update u1: "


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("page",), KeyError, "the document: page is missing"),
        (("incidents",), KeyError, "the document: incidents is missing"),
        (("incidents",), {"a": 1}, "the document: incidents is not a list: an object"),
        (("components",), "none", "the document: components is not a list: 'none'"),
        (("incidents", 0), 7, "incident no. 1 is not an object: 7"),
        (("page", "id"), 5, "page: id is not text: 5"),
        (("components", 0, "name"), 5, f"component {GIT}: name is not text: 5"),
        (("components", 0, "position"), -1, f"component {GIT}: position is not a position: -1"),
        (("components", 0, "group"), "no", f"component {GIT}: group is neither true nor false: 'no'"),
        (("components", 1, "id"), GIT, f"component {GIT} is there twice"),
        ((*INCIDENT, "id"), KeyError, "incident no. 1: id is missing"),
        ((*INCIDENT, "id"), "a:b", "incident no. 1: id is not an identifier: 'a:b'"),
        ((*INCIDENT, "name"), 5, NAMED + "name is not text: 5"),
        ((*INCIDENT, "name"), "", NAMED + "name cannot be kept (This field cannot be blank.): ''"),
        ((*INCIDENT, "name"), "\u200b", NAMED + "name cannot be kept (Write at least one visible"),
        ((*INCIDENT, "name"), "a\x00b", NAMED + "name cannot be kept (Null characters"),
        ((*INCIDENT, "name"), "a\ud800b", NAMED + "name cannot be kept (Null characters"),
        ((*INCIDENT, "name"), "a" * 256, NAMED + "name cannot be kept ("),
        ((*INCIDENT, "status"), "fine", NAMED + "status is not one we know: 'fine'"),
        ((*INCIDENT, "impact"), None, NAMED + "impact is not text: null"),
        (
            (*INCIDENT, "shortlink"),
            "javascript:alert(1)",
            NAMED + "shortlink cannot be kept (Enter a valid URL",
        ),
        ((*INCIDENT, "created_at"), KeyError, NAMED + "created_at is missing"),
        ((*INCIDENT, "started_at"), "2026-13-45", NAMED + "started_at is not a moment: '2026-13-45'"),
        ((*INCIDENT, "started_at"), "2026-03-01T10:00:00", NAMED + "started_at is not a moment"),
        ((*INCIDENT, "started_at"), "2026-02-30T10:00:00Z", NAMED + "started_at is not a moment"),
        ((*INCIDENT, "started_at"), "0000-01-01T00:00:00Z", NAMED + "started_at is not a moment"),
        ((*INCIDENT, "started_at"), "0001-01-01T00:00:00+14:00", NAMED + "started_at is not a moment"),
        ((*INCIDENT, "started_at"), 1772359200, NAMED + "started_at is not a moment: 1772359200"),
        ((*INCIDENT, "resolved_at"), "9999-12-31T23:59:59-14:00", NAMED + "resolved_at is not a moment"),
        ((*INCIDENT, "incident_updates"), KeyError, NAMED + "incident_updates is missing"),
        ((*INCIDENT, "components"), [{"id": GONE}], f"{NAMED[:-2]}, component {GONE}: name is missing"),
        ((*UPDATE, "body"), ["a"], TOLD + "body is not text: a list"),
        ((*UPDATE, "body"), KeyError, TOLD + "body is missing"),
        ((*UPDATE, "body"), "a" * 10_001, TOLD + "body cannot be kept (Ensure this value has at most"),
        ((*UPDATE, "body"), "a\x00b", TOLD + "body cannot be kept (Null characters"),
        ((*UPDATE, "display_at"), "soon", TOLD + "display_at is not a moment: 'soon'"),
        ((*UPDATE, "id"), "u2", "update u2 is there twice"),
        ((*UPDATE, "affected_components"), "git", TOLD + "affected_components is not a list: 'git'"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value.encode("ascii", "replace").decode()[:40],
)
def test_the_wrong_shape_is_refused_whole_and_says_where(load, document, path, value, message):
    said = refused(load, put(document, path, value))
    assert said.startswith(f"Nothing imported: {message}")


def test_the_same_incident_twice_is_refused(load, document):
    document["incidents"] *= 2
    assert refused(load, document) == "Nothing imported: incident aaaa1111bbbb is there twice"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON"),
        (b"<html>", "it is not JSON"),
        (b"[]", "the document is not an object: a list"),
        (b"null", "the document is not an object: null"),
        (b"NaN", "it is not JSON: NaN is not a number"),
        (b'{"page": Infinity}', "it is not JSON: Infinity is not a number"),
        (b"9" * 5_000, "it is not JSON: Exceeds the limit"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b'{"page": {"id": "x"}, "incidents": [' + b"[" * 500 + b"]" * 500 + b"]}", "incident no. 1 is not"),
        (b'{"page": "\xff"}', "it is not UTF-8 text: byte 10"),
        ('{"page": 1}'.encode("utf-16"), "it is not UTF-8 text"),
        (b"\x1f\x8bnonsense", "it is not a whole gzip file"),
    ],
    ids=lambda value: str(value[:16]),
)
def test_what_is_no_document_is_refused(load, content, message):
    assert refused(load, content).startswith(f"Nothing imported: {message}")


def test_every_cut_at_the_end_is_refused(load, document):
    whole = json.dumps(document).encode()
    packed = gzip.compress(whole)
    for cut in (whole[:-1], whole[: len(whole) // 2], packed[:-1], packed[: len(packed) // 2]):
        refused(load, cut)


def test_packed_and_with_a_byte_order_mark_it_is_the_same(load, document):
    plain = b"\xef\xbb\xbf" + json.dumps(document).encode()
    assert "(1 created," in load(plain)
    assert "(0 created, 0 changed, 1 unchanged)" in load(gzip.compress(plain))


def test_a_gzip_bomb_is_refused_before_it_is_unpacked_whole(load, monkeypatch):
    monkeypatch.setattr(reading, "LIMIT", 2 * 1024 * 1024)
    bomb = gzip.compress(b" " * 50 * 1024 * 1024)
    assert len(bomb) < 100_000
    assert refused(load, bomb) == "Nothing imported: it is larger than 2 MB when unpacked"
    assert refused(load, b" " * 3 * 1024 * 1024) == "Nothing imported: it is larger than 2 MB"


def test_what_cannot_be_read_is_said_in_one_line(tmp_path):
    for source, why in [
        (tmp_path / "absent.json", "No such file or directory"),
        (tmp_path, "Is a directory"),
        ("a\x00b", "embedded null"),
        ("ftp://status.example/page.json", "only http and https"),
        ("file:///etc/hostname", "only http and https"),
        ("http://", "no host"),
        ("http://[::1", "Invalid IPv6"),
    ]:
        with pytest.raises(CommandError, match=why) as refusal:
            run(source)
        assert "\n" not in str(refusal.value)


# --- From an address


@contextmanager
def serving(answer):
    """A web server on loopback that answers every GET with `answer(handler)`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v2/incidents.json"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status, body=b"", **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_address_is_read_like_a_file(document):
    with serving(answering(200, gzip.compress(json.dumps(document).encode()))) as url:
        assert "(1 created," in run(url)


def test_an_answer_that_is_an_error_is_refused():
    with serving(answering(404)) as url, pytest.raises(CommandError, match="404"):
        run(url)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/page.json", "file:///etc/hostname"])
def test_no_redirect_leads_out_of_the_web(target):
    with serving(answering(302, Location=target)) as url, pytest.raises(CommandError, match="cannot be read"):
        run(url)


def test_a_server_that_closed_is_refused():
    with serving(answering(200)) as url:
        pass
    with pytest.raises(CommandError, match="cannot be read"):
        run(url)


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(reading, "TIMEOUT", 0.2)
    done = threading.Event()
    with serving(lambda handler: done.wait(10)) as url:
        with pytest.raises(CommandError, match="timed out"):
            run(url)
        done.set()


def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(reading, "LIMIT", 1024 * 1024)
    endless = answering(200, b" " * 4 * 1024 * 1024)
    with serving(endless) as url, pytest.raises(CommandError, match="larger than 1 MB"):
        run(url)


# --- Anything at all

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PLACES = [
    *(("page",), ("components",), ("incidents",), ("page", "id"), ("page", "name")),
    *(("components", 0, name) for name in ("id", "name", "position", "description", "group")),
    *((*INCIDENT, name) for name in an_incident()),
    *((*UPDATE, name) for name in ("id", "status", "body", "display_at", "affected_components")),
]
PATIENT = effort(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def never_half(load, content):
    """Either it is imported, or it is refused in one line and there is nothing new."""
    before = history_rows()
    try:
        said = load(content, dry_run=True)
    except CommandError as refusal:
        said = str(refusal)
    assert said.startswith(("dry run: ", "Nothing imported: "))
    assert "\n" not in said
    assert history_rows() == before


@PATIENT
@given(value=ANYTHING)
def test_any_json_is_imported_or_refused(load, value):
    never_half(load, json.dumps(value).encode())


@PATIENT
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_any_value_in_any_place_is_imported_or_refused(load, document, place, value):
    never_half(load, json.dumps(put(document, place, value)).encode())


@PATIENT
@given(data=st.data())
def test_any_byte_changed_is_imported_or_refused(load, document, data):
    whole = bytearray(json.dumps(document).encode())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    never_half(load, bytes(whole))
