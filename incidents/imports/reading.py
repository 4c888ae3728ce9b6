"""Fetches a document from a file or an address, and refuses what cannot be one before it fills the memory."""

import gzip
import io
import json
import time
import urllib.request
import zlib
from http.client import HTTPException
from urllib.parse import urlsplit

from incidents.imports.shape import Refused, shown

LIMIT = 200 * 1024 * 1024  # bytes, unpacked
TIMEOUT = 30  # seconds without a byte
PATIENCE = 300  # seconds for the whole answer
CHUNK = 1024 * 1024
GZIP = b"\x1f\x8b"


def fetch(source: str) -> bytes:
    """The bytes behind a file name or an http(s) address, unpacked; Refused if there are none to be had."""
    try:
        data = _download(source) if "://" in source else _open(source)
    except OSError as error:
        raise Refused(f"{shown(source)} cannot be read: {error.strerror or error}") from error
    except (ValueError, HTTPException) as error:  # no file or address can have such a name
        raise Refused(f"{shown(source)} cannot be read: {error or type(error).__name__}") from error
    return _unpacked(data) if data.startswith(GZIP) else data


def _open(path):
    with open(path, "rb") as file:
        return _whole(file.read)


def _download(url):
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only http and https addresses are")
    request = urllib.request.Request(url, headers={"User-Agent": "Aftercare"})  # noqa: S310
    with _opener().open(request, timeout=TIMEOUT) as response:
        return _whole(response.read1, deadline=time.monotonic() + PATIENCE)


def _opener():
    """Without the handlers for files and ftp, so that no redirect leads there."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _whole(read, deadline=None):
    data = bytearray()
    while chunk := read(CHUNK):
        data += chunk
        if len(data) > LIMIT:
            raise Refused(f"it is larger than {LIMIT // CHUNK} MB")
        if deadline and time.monotonic() > deadline:
            raise TimeoutError(f"it took longer than {PATIENCE} seconds")
    return bytes(data)


def _unpacked(data):
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(f"it is not a whole gzip file: {error}") from error
    if len(plain) > LIMIT:
        raise Refused(f"it is larger than {LIMIT // CHUNK} MB when unpacked")
    return plain


def parse(data: bytes):
    """The JSON value in `data`; Refused if it is not exactly one."""
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Refused(f"it is not UTF-8 text: byte {error.start} is {error.reason}") from error
    except RecursionError:
        raise Refused("it is nested too deeply") from None
    except ValueError as error:
        raise Refused(f"it is not JSON: {error}") from error


def _no_number(name):
    raise ValueError(f"{name} is not a number")
