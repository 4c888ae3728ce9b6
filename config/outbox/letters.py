"""A message as bytes: text and HTML twins, written once, in a third of the time that the standard generator takes."""

import base64
import binascii
import re
import uuid
from email.header import Header
from email.utils import formatdate

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import BadHeaderError, sanitize_address

SHORT = 78  # characters of a header line; what has no space may be longer, up to LONGEST
LONGEST = 998  # bytes in a line, by RFC 5322
_ADDRESS = re.compile(r"(?:[\w .-]+ <)?[\w.+-]+@[\w.-]+>?", re.ASCII)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Letter(EmailMultiAlternatives):
    """One HTML twin beside the text. What was found to be sound is, byte by byte, what goes out."""

    _written = None

    def message(self, **options):
        if self._written is None:
            self._written = Written(self, lambda: super(Letter, self).message(**options))
        return self._written


class Written:
    """Stands where Django expects its own message; knows its bytes, and asks Django's for all else."""

    def __init__(self, letter, full):
        self._full = full
        self._raw = _raw(letter)

    def __getattr__(self, name):
        if name.startswith("_"):  # Django's mailbox of the tests copies messages, and looks for how
            raise AttributeError(name)
        return getattr(self._full(), name)

    def __getitem__(self, name):
        return self._full()[name]

    def as_bytes(self, unixfrom=False, linesep="\n"):
        return self._raw if linesep == "\r\n" else self._raw.replace(b"\r\n", linesep.encode())


def _raw(letter) -> bytes:
    boundary = uuid.uuid4().hex
    headers = {
        "Content-Type": f'multipart/{_kind(letter)}; boundary="{boundary}"',
        "MIME-Version": "1.0",
        "Subject": letter.subject,
        "From": _address(letter.from_email),
        "To": ", ".join(_address(address) for address in letter.to),
        "Date": formatdate(),
        **letter.extra_headers,
    }
    [html] = letter.alternatives
    parts = [_part("plain", letter.body), _part("html", html[0])]
    if letter.attachments:
        inner = uuid.uuid4().hex
        head = f'Content-Type: multipart/alternative; boundary="{inner}"\r\n'.encode()
        parts = [head + _joined(parts, inner), *(_file(*one) for one in letter.attachments)]
    head = "\r\n".join(_header(name, str(value)) for name, value in headers.items()).encode("ascii")
    return head + b"\r\n" + _joined(parts, boundary) + b"\r\n"


def _kind(letter) -> str:
    return "mixed" if letter.attachments else "alternative"


def _joined(parts, boundary) -> bytes:
    edge = b"\r\n--" + boundary.encode()
    return edge + b"\r\n" + (edge + b"\r\n").join(parts) + edge + b"--"


def _file(name, content, kind) -> bytes:
    """A file of ours, with a plain name of ours; in base64, which no relay rewrites."""
    data = content if isinstance(content, bytes) else content.encode()
    lines = base64.encodebytes(data).replace(b"\n", b"\r\n")
    head = (
        f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n'
    )
    return head.encode("ascii") + lines


def _address(address) -> str:
    return address if _ADDRESS.fullmatch(address) else sanitize_address(address, "utf-8")


def _header(name, value) -> str:
    """A header line, folded where it may be: at spaces. An address in it, or a key, is never broken."""
    if value.isascii() and value.isprintable():
        room = SHORT if " " in value else LONGEST
        if len(name) + 2 + len(value) <= room:
            return f"{name}: {value}"
    elif _CONTROL.search(value):
        raise BadHeaderError(f"A header cannot hold line breaks or other controls: {name}: {value[:200]!r}")
    charset = "us-ascii" if value.isascii() else "utf-8"
    return f"{name}: {Header(value, charset, SHORT, name).encode(linesep=chr(13) + chr(10))}"


def _part(subtype, text) -> bytes:
    """A twin with its headers: as it is where lines are short enough for mail, else quoted."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    how = "7bit" if data.isascii() else "8bit"
    if len(data) > LONGEST and max(map(len, data.split(b"\n"))) > LONGEST:
        how, data = "quoted-printable", binascii.b2a_qp(data)
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {how}\r\n\r\n'
    return head.encode() + data.replace(b"\n", b"\r\n")
