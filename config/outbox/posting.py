"""Webhooks: the same rows and the same courier as mail, but an HTTP request to a customer's system instead.

Signed as Standard Webhooks has it. Who registers an address chooses whom we connect to, so the address that was
looked up is checked, and that one is connected to: a name that answers otherwise the second time gains nothing.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from django.conf import settings

from config.outbox.messages import FAILED
from config.outbox.models import Delivery
from config.outbox.sending import Courier, give_up, stubbornly, tell, without_address

TIMEOUT = 10.0  # seconds for all of it: the name, the connection, and as much of the answer as we read
READ_AT_MOST = 65_536  # bytes of an answer that nobody looks at
PORTS = {"http": 80, "https": 443}
# Python's is_private knows most of these, and forgets some by version.
_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Of IPv6 only what is handed out at all, and in it nothing that stands for another address.
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]
_GLOBAL = ipaddress.ip_network("2000::/3")


class NotAllowed(Exception):
    """The address is none that a webhook may go to."""


class Refused(Exception):
    """The other side answered, and not with a 2xx."""

    def __init__(self, status: int):
        super().__init__(f"It answered with HTTP {status}.")
        self.status = status


def is_allowed(address: str) -> bool:
    """Whether we connect to this address: one of the internet, or of a network that a setting names."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if getattr(ip, "ipv4_mapped", None):
        ip = ip.ipv4_mapped
    if is_ours(ip):
        return True
    if ip.version == 6 and ip not in _GLOBAL:
        return False
    is_named = any(ip in network for network in _NOT_PUBLIC if network.version == ip.version)
    return ip.is_global and not ip.is_multicast and not is_named


def is_ours(ip) -> bool:
    """Whether it lies in a network that a setting names."""
    return any(ip in network for network in settings.WEBHOOK_NETWORKS if network.version == ip.version)


def resolve(url: str) -> tuple[str, int]:
    """The address and port that are connected to for `url`; NotAllowed if its name stands for any we do not call."""
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OSError(f"{parts.hostname} is not found: {error}") from error
    addresses = [entry[4][0] for entry in found]
    for address in addresses:
        if not is_allowed(address):
            raise NotAllowed(f"{parts.hostname} is at {address}, which is no public address.")
        if port not in PORTS.values() and not is_ours(ipaddress.ip_address(address.partition("%")[0])):
            raise NotAllowed(f"Port {port} is neither 80 nor 443.")
    return addresses[0], port


def signed(secrets: list[str], name: str, moment: int, body: bytes) -> str:
    """The header webhook-signature: one signature for each secret, any of which may be the one they know."""
    content = f"{name}.{moment}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    made = [hmac.new(key, content, hashlib.sha256).digest() for key in keys]
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)


def post(url: str, body: bytes, headers: dict) -> int:
    """Send it, follow nothing, and return the status that was answered."""
    address, port = resolve(url)
    parts = urlsplit(url)
    connection = _Connection(parts, address, port)
    # Each read has its own timeout, so an answer that drips would never be over without this.
    end = threading.Timer(TIMEOUT, connection.cut)
    end.daemon = True
    end.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers={"Host": parts.netloc, **headers})
        answer = connection.getresponse()
        answer.read(READ_AT_MOST)
        if connection.is_cut:
            raise TimeoutError(f"It took longer than {TIMEOUT:.0f} s.")
        return answer.status
    finally:
        end.cancel()
        connection.close()


class _Connection(http.client.HTTPConnection):
    """To the address that was checked, whatever its name says meanwhile; its certificate is that of the name."""

    def __init__(self, parts, address, port):
        super().__init__(parts.hostname, port, timeout=TIMEOUT)
        self.is_secret, self.address = parts.scheme == "https", address
        self.is_cut = False

    def connect(self):
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.is_secret:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self):
        """End it, from another thread; what was read until then is no answer."""
        self.is_cut = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class Poster(Courier):
    """Takes claimed messages to customers' systems, few at a time: some of them answer slowly."""

    channel = Delivery.Channel.WEBHOOK
    chunk = 5

    def _take(self, row):
        call = self._write(row)
        if call is None:
            return None
        if not self._mark(row):
            return self._count(row, "sent", is_held=False)
        try:
            status = post(call.url, call.body, self._headers(row, call))
            if not 200 <= status < 300:
                raise Refused(status)
        except (Refused, NotAllowed) as error:
            return self._failed(row, error)
        except Exception as error:  # noqa: BLE001  it may have arrived: the same id tells them so
            row.ambiguous += isinstance(error, TimeoutError | http.client.HTTPException)
            return self._failed(row, error)
        self.gone = row
        return None

    def _built(self, row, mail):
        # Its name is the same each time it is sent: whoever has it already leaves the second one alone.
        row.message_id = f"msg_{hashlib.sha256(row.key.encode()).hexdigest()[:32]}"
        return mail

    def _headers(self, row, call) -> dict:
        moment = int(time.time())
        return {
            "Content-Type": "application/json",
            "User-Agent": "Aftercare",
            "Connection": "close",
            "webhook-id": row.message_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": signed(call.secrets, row.message_id, moment, call.body),
        }

    def _failed(self, row, error):
        self._remember()  # the one before this was taken; what becomes of this one is another matter
        why = tell(FAILED, row, error)
        if not why:
            return self._retry(row, error)
        return self._count(row, "dead", is_held=stubbornly(give_up, row, without_address(row, why)))
