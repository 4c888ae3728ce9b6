"""Answers the public pages from files, before anything that knows sessions, people or the database.

So they are the same for everybody, cost next to nothing, and stand while PostgreSQL does not.
"""

import gzip
import hashlib
import logging
import os
import re
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.http import HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from incidents.status import publishing, shape

log = logging.getLogger(__name__)
SAFE = ("GET", "HEAD", "OPTIONS")
SMALL = 500  # bytes, which packing would not make smaller by much
LARGEST = 3000  # files kept in memory by one process

_DOCUMENTS = "|".join(map(re.escape, shape.NAMES))
_PATH = re.compile(
    rf"/|/incidents/[a-z0-9]{{12}}/|/history/|/history/\d{{4}}-\d\d/|/history\.(?:atom|rss)|/api/v2/(?:{_DOCUMENTS})\.json"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
}
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_COMMON = {
    # Fresh for ten seconds, and better old than nothing when we cannot be reached.
    "Cache-Control": "public, max-age=10, stale-while-revalidate=30, stale-if-error=86400",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_OF_PAGES = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OF_DATA = {"Access-Control-Allow-Origin": "*"}


@dataclass(frozen=True)
class _Answer:
    """A file as it is sent, both ways, with its headers."""

    signature: tuple
    plain: bytes
    packed: bytes
    etag: str
    headers: dict


class PublicPages:
    """Middleware, the first of all: what is public is answered here and goes no further."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.insists_on_tls = settings.SECURE_SSL_REDIRECT

    def __call__(self, request):
        path = request.path_info
        if _PATH.fullmatch(path) and not (self.insists_on_tls and not request.is_secure()):
            return public(request)
        response = self.get_response(request)
        if request.method not in SAFE and response.status_code < 400:
            FOLLOWER.wake(at_once=True)
        return response


@csrf_exempt
def public(request, **_):
    """One public file. Also what the addresses in config/urls.py name, though the middleware is there first."""
    if request.method == "OPTIONS":
        return _options()
    if request.method not in SAFE:
        return HttpResponseNotAllowed(SAFE)
    FOLLOWER.wake()
    answer = FILES.get(_name_of(request.path_info)) or _made_now(_name_of(request.path_info))
    if answer is None:
        return _not_found()
    return _sent(request, answer)


def _name_of(path):
    return f"{path[1:]}index.html" if path.endswith("/") else path[1:]


def _made_now(name):
    """A page nobody has made yet, because nothing was ever published from this folder."""
    if publishing.tree().manifest().stamp:
        return None
    try:
        publishing.publish()
    except DatabaseError:
        log.exception("The status page was never written, and the database does not answer.")
    return FILES.get(name)


def _not_found():
    page = FILES.get("404.html")
    if page is None:
        return HttpResponse("Not ready yet.", status=503, headers={"Retry-After": "10"})
    return HttpResponse(page.plain, status=404, headers=page.headers | {"Cache-Control": "no-store"})


def _options():
    headers = {
        "Allow": ", ".join(SAFE),
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Max-Age": "86400",
    }
    return HttpResponse(status=204, headers=headers | _OF_DATA)


def _sent(request, answer):
    accepts = request.META.get("HTTP_ACCEPT_ENCODING", "")
    is_packed = bool(answer.packed) and "gzip" in accepts and "gzip;q=0" not in accepts.replace(" ", "")
    etag = f'"{answer.etag}-gzip"' if is_packed else f'"{answer.etag}"'
    response = HttpResponse(
        answer.packed if is_packed else answer.plain, headers=answer.headers | {"ETag": etag}
    )
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    known = request.META.get("HTTP_IF_NONE_MATCH")
    if known and (known.strip() == "*" or etag in known.replace("W/", "").replace(" ", "").split(",")):
        response.status_code, response.content = 304, b""
        del response.headers["Content-Type"]
        return response
    response.headers["Content-Length"] = str(len(response.content))
    if request.method == "HEAD":
        response.content = b""
    return response


class _Files:
    """The files this process has read, each until it changes on disk: a look at its inode per request."""

    def __init__(self):
        self._known: dict[str, _Answer] = {}

    def get(self, name) -> _Answer | None:
        path = f"{settings.STATUS_DIR}/{name}"
        try:
            stat = os.stat(path)
        except OSError:
            self._known.pop(path, None)
            return None
        signature = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known.get(path)
        if known is None or known.signature != signature:
            known = self._read(path, signature)
        return known

    def _read(self, path, signature):
        try:
            with open(path, "rb") as file:
                plain = file.read()
        except FileNotFoundError:  # taken away since the look at it
            return None
        ending = os.path.splitext(path)[1]
        headers = {
            "Content-Type": _TYPES[ending],
            **_COMMON,
            **(_OF_PAGES if ending == ".html" else _OF_DATA),
        }
        if settings.SECURE_HSTS_SECONDS:
            headers["Strict-Transport-Security"] = (
                f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            )
        packed = gzip.compress(plain, 6, mtime=0) if len(plain) > SMALL else b""
        answer = _Answer(signature, plain, packed, hashlib.sha256(plain).hexdigest()[:20], headers)
        if len(self._known) >= LARGEST:
            self._known.clear()
        self._known[path] = answer
        return answer


class _Follower:
    """One thread per process that follows the history while somebody reads, or when somebody wrote.

    Beside the requests, never in them: a reader never waits for the database, and does not notice when it is gone.
    """

    def __init__(self):
        self._asked = threading.Event()
        self._guard = threading.Lock()
        self._thread = None
        self._process = None
        self._woken = 0.0

    def wake(self, at_once=False):
        """Have the history looked at soon; at most once a second, unless something was written just now."""
        if not settings.STATUS_FOLLOW:
            return
        now = time.monotonic()
        if not at_once and now - self._woken < settings.STATUS_FOLLOW:
            return
        self._woken = now
        self._asked.set()
        # A fork takes the object along, not the thread.
        if self._process != os.getpid() or not self._thread.is_alive():
            self._start()

    def _start(self):
        with self._guard:
            if self._process == os.getpid() and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._run, name="status page", daemon=True)
            self._process = os.getpid()
            self._thread.start()

    def _run(self):
        while True:
            self._asked.wait()
            self._asked.clear()
            self._follow()

    def _follow(self):
        close_old_connections()
        try:
            publishing.follow()
        except DatabaseError as error:
            log.warning("The status page stays as it is, the database does not answer: %s", error)
        except Exception:  # a thread that dies of one bad page would never write another
            log.exception("The status page could not be written.")
        finally:
            close_old_connections()


FILES = _Files()
FOLLOWER = _Follower()
