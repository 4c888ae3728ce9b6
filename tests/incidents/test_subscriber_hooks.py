"""Webhooks to customers' systems: signed, never to our own network, tried again, and ended when nobody listens."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from config.outbox import posting, sending
from config.outbox.models import Delivery
from config.transitions import NotPermitted
from incidents.models import Incident, Subscriber
from incidents.models.subscriber import clean_endpoint
from incidents.subscribers import fanning
from tests.incidents.public import say, told, window
from tests.incidents.readers import queued, reader, system

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(time_machine):
    """One that is set forward."""
    time_machine.move_to(timezone.now())
    return time_machine


class Endpoint:
    """A customer's system: notes what it is sent, and answers what it is told to."""

    def __init__(self):
        self.requests, self.answers = [], []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((self.path, dict(self.headers), body))
                answer = endpoint.answers.pop(0) if endpoint.answers else 204
                self.send_response(answer)
                if 300 <= answer < 400:
                    self.send_header("Location", f"http://127.0.0.1:{endpoint.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/in?key=1"

    @contextmanager
    def listening(self):
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


@pytest.fixture
def endpoint(settings):
    import ipaddress

    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.1/32")]
    with Endpoint().listening() as found:
        yield found


def post(at=None):
    """Send what is due of webhooks."""
    return sending.deliver(courier=posting.Poster)


def due_now():
    Delivery.objects.filter(state="pending").update(due_at=timezone.now())


# --- What arrives


def test_an_update_arrives_signed_as_the_standard_has_it(endpoint, severity, service):
    standardwebhooks = pytest.importorskip("standardwebhooks")
    row = system(endpoint.url)
    incident = told(severity, services=[service])
    update = say(incident, "Paying fails – for “some”.")
    fanning.tell()
    assert post() == {"sent": 1}
    [(path, headers, body)] = endpoint.requests
    assert path == "/in?key=1"
    headers = {name.lower(): value for name, value in headers.items()}
    verified = standardwebhooks.Webhook(row.secret).verify(body, headers)
    data = verified["data"] if isinstance(verified, dict) else json.loads(body)["data"]
    assert json.loads(body)["type"] == "incident.updated"
    assert data["incident"]["id"] == incident.public_id
    assert data["incident"]["shortlink"].endswith(f"/incidents/{incident.public_id}/")
    assert (data["update"]["id"], data["update"]["body"]) == (update.public_id, "Paying fails – for “some”.")
    assert data["services"] == [{"name": "Checkout"}]
    tampered = body.replace(b"fails", b"works")
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(row.secret).verify(tampered, headers)
    delivery = queued().get()
    assert (delivery.state, delivery.message_id) == ("sent", headers["webhook-id"])


def test_announced_work_arrives_too(endpoint, service):
    system(endpoint.url)
    window(services=[service])
    fanning.tell()
    post()
    [(_, _, body)] = endpoint.requests
    data = json.loads(body)
    assert (data["type"], data["data"]["maintenance"]["status"]) == ("maintenance.updated", "scheduled")


def test_after_a_change_of_secrets_both_are_right_for_a_day(endpoint, severity, lena, clock):
    standardwebhooks = pytest.importorskip("standardwebhooks")
    row = system(endpoint.url)
    old = row.secret
    row.rotate(by=lena)
    assert row.secret != old
    incident = told(severity)
    say(incident)
    fanning.tell()
    post()
    headers = {name.lower(): value for name, value in endpoint.requests[0][1].items()}
    for secret in (old, row.secret):
        standardwebhooks.Webhook(secret).verify(endpoint.requests[0][2], headers)
    assert row.signing_secrets == [row.secret, old]
    clock.shift(timedelta(hours=25))
    row.refresh_from_db()
    assert row.signing_secrets == [row.secret]


def test_mails_and_webhooks_do_not_wait_for_each_other(endpoint, severity, mailoutbox):
    system(endpoint.url)
    reader()
    say(told(severity))
    fanning.tell()
    sending.deliver()
    assert (len(mailoutbox), len(endpoint.requests)) == (1, 0)
    post()
    assert (len(mailoutbox), len(endpoint.requests)) == (1, 1)


def test_what_is_hidden_while_it_waits_is_not_posted(endpoint, severity):
    system(endpoint.url)
    incident = told(severity)
    say(incident)
    fanning.tell()
    Incident.objects.filter(pk=incident.pk).update(visibility="restricted")
    assert post() == {"cancelled": 1}
    assert endpoint.requests == []


# --- What does not


@pytest.mark.parametrize("answer", [500, 503, 404, 301, 302, 307])
def test_what_is_not_taken_is_tried_again_and_no_redirect_is_followed(endpoint, severity, answer):
    row = system(endpoint.url)
    endpoint.answers = [answer]
    say(told(severity))
    fanning.tell()
    assert post() == {"retried": 1}
    assert post() == {}  # not at once
    delivery = queued().get()
    assert f"HTTP {answer}" in delivery.error
    assert timedelta(seconds=20) < delivery.due_at - timezone.now() < timedelta(seconds=40)
    row.refresh_from_db()
    assert row.failing_since
    due_now()
    assert post() == {"sent": 1}
    assert [path for path, _, _ in endpoint.requests] == ["/in?key=1"] * 2
    assert len({headers["webhook-id"] for _, headers, _ in endpoint.requests}) == 1
    row.refresh_from_db()
    assert row.failing_since is None


def test_an_endpoint_that_is_gone_is_stopped_at_once(endpoint, severity):
    row = system(endpoint.url)
    endpoint.answers = [410]
    incident = told(severity)
    say(incident)
    fanning.tell()
    assert post() == {"dead": 1}
    row.refresh_from_db()
    assert (row.status, "410" in row.stopped_because) == ("stopped", True)
    say(incident, "More.", ago=1)
    assert fanning.tell() == 0
    assert not Delivery.objects.filter(kind="outbox.refused").exists()


def test_an_endpoint_at_which_nothing_arrives_for_days_is_stopped(endpoint, severity, clock):
    row = system(endpoint.url)
    endpoint.answers = [500] * 50
    incident = told(severity)
    for text in ("One.", "Two."):
        say(incident, text, ago=1)
    fanning.tell()
    assert post() == {"retried": 2}
    clock.shift(timedelta(days=3, minutes=1))
    due_now()
    ended = post()
    assert ended.pop("dead") >= 1
    assert set(ended) <= {"cancelled"}
    row.refresh_from_db()
    assert row.status == "stopped"
    assert "Nothing has arrived since" in row.stopped_because


def test_nobody_who_listens_is_no_reason_to_give_up_yet(settings, severity):
    import ipaddress

    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.1/32")]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    system(f"http://127.0.0.1:{port}/")
    say(told(severity))
    fanning.tell()
    assert post() == {"retried": 1}
    assert "refused" in queued().get().error.lower()


def test_an_answer_that_drips_is_cut_off(settings, monkeypatch):
    import ipaddress

    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.1/32")]
    monkeypatch.setattr(posting, "TIMEOUT", 0.5)
    over = threading.Event()

    def drip(listener):
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    connection.sendall(b"X")
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        before = timezone.now()
        with pytest.raises(TimeoutError):
            posting.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {})
        assert timezone.now() - before < timedelta(seconds=3)
        over.set()
        thread.join()


# --- Where none may go

INSIDE = [
    *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "10.0.0.1", "172.16.3.4"),
    *(
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.192",
        "224.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
    ),
    *(
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ),
]


@pytest.mark.parametrize("host", INSIDE)
def test_no_webhook_goes_into_our_own_network(host):
    with pytest.raises((posting.NotAllowed, OSError)):
        posting.resolve(f"http://{host}/")


def _resolver(*answers):
    answers = list(answers)

    def getaddrinfo(host, port, **_):
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    return getaddrinfo


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(monkeypatch):
    """A name that is public when asked and ours when connected to: DNS rebinding."""
    asked = _resolver(["93.184.216.34"], ["127.0.0.1"])
    monkeypatch.setattr(posting.socket, "getaddrinfo", asked)
    connected = []

    def connect(address, timeout):
        connected.append(address)
        raise OSError("far away")

    monkeypatch.setattr(posting.socket, "create_connection", connect)
    with pytest.raises(OSError, match="far away"):
        posting.post("http://rebinding.example/", b"{}", {})
    assert connected == [("93.184.216.34", 80)]


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    monkeypatch.setattr(posting.socket, "getaddrinfo", _resolver(["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(posting.NotAllowed, match=r"10\.0\.0\.1"):
        posting.resolve("https://mixed.example/")


def test_only_the_ports_of_the_web_unless_the_network_is_ours(monkeypatch):
    monkeypatch.setattr(posting.socket, "getaddrinfo", _resolver(["93.184.216.34"]))
    assert posting.resolve("https://public.example/x") == ("93.184.216.34", 443)
    for port in (22, 25, 6379, 8000):
        with pytest.raises(posting.NotAllowed, match=str(port)):
            posting.resolve(f"http://public.example:{port}/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "ftp://example.com/", "javascript:alert(1)", "file:///etc/passwd", "http://"),
        *("http://ok@127.0.0.1/", "https://example.com/a b", "https://example.com/\r\nX: y", "http://[::1"),
        *("https://example.com:0/", "https://example.com:99999/", "https://exämple.com/", "https://e.com/#x"),
        "https://example.com/" + "a" * 1_000,
    ],
)
def test_what_is_no_endpoint_is_refused(url):
    with pytest.raises(ValidationError):
        clean_endpoint(url)


# --- Replayed


def test_what_was_missed_is_sent_again_under_its_own_id(endpoint, severity, lena, stranger):
    row, other = system(endpoint.url), system(endpoint.url + "2")
    say(told(severity))
    fanning.tell()
    post()
    since = timezone.now() - timedelta(hours=1)
    with pytest.raises(NotPermitted):
        row.replay(by=stranger, since=since)
    with pytest.raises(ValidationError):
        row.replay(by=lena, since=timezone.now())
    row.replay(by=lena, since=since)
    assert post() == {"sent": 1}
    ids = [headers["webhook-id"] for path, headers, _ in endpoint.requests if path == "/in?key=1"]
    assert (len(ids), len(set(ids))) == (2, 1)
    assert other.deliveries().get().attempts == 1


def test_secrets_and_addresses_are_in_no_history(endpoint, severity, lena):
    row = system(endpoint.url)
    secret = row.secret
    row.rotate(by=lena)
    say(told(severity))
    fanning.tell()
    endpoint.answers = [500]
    post()
    kept = str(list(Subscriber.history.values())) + str(list(Delivery.history.values()))
    for one in (secret, row.secret, endpoint.url):
        assert one not in kept
