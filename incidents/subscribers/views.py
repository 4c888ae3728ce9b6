"""The pages of subscribers: for everybody, without session, cookie or script. GET shows, POST acts."""

from functools import wraps

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.audit.actor import MAIL_LINK, acting
from config.transitions import WrongState
from incidents.models import Subscriber
from incidents.subscribers import asking, links
from incidents.subscribers.forms import Choices, Subscribe

MOST = 20  # addresses that one caller may type in an hour
HOUR = 3600
POLICY = {
    "default-src": [NONE],
    "style-src": [SELF],
    "script-src": [SELF],
    "img-src": [SELF],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
Status = Subscriber.Status


def public(view):
    """For everybody and kept by nobody: what authorises is the signed address, and there is no cookie to steal."""

    @wraps(view)
    def shown(request, *args, **kwargs):
        with timezone.override(timezone.get_default_timezone()):
            response = view(request, *args, **kwargs)
        response["Cache-Control"] = "private, no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    # No cookie, so there is nothing a forged request could ride on; mail programs send the one click of RFC 8058.
    return csrf_exempt(require_http_methods(["GET", "HEAD", "POST"])(csp(POLICY)(shown)))


def _page(template, context=None, status=200):
    """Made without the request, so that nobody's name can be on it."""
    shared = {"name": settings.SITE_NAME, "site": settings.SITE_URL, "root": "/", "zone": settings.TIME_ZONE}
    text = render_to_string(f"subscribers/{template}.html", shared | (context or {}))
    return HttpResponse(text, status=status)


def _by(subscriber, request):
    return acting(kind=MAIL_LINK, name=subscriber.name, request_id=request.audit_request_id)


@public
def subscribe(request):
    """Type an address. What is answered never tells whether we knew it."""
    if request.method != "POST":
        return _page("subscribe", {"form": Subscribe()})
    form = Subscribe(request.POST)
    if not form.is_valid():
        return _page("subscribe", {"form": form}, status=400)
    if _is_too_much(request):
        return _page("later", status=429)
    asking.ask(form.cleaned_data["address"], **form.chosen())
    return _page("asked", {"days": links.DAYS})


def _is_too_much(request) -> bool:
    """Whether this caller has typed more addresses than people have: our mails must not be somebody's weapon."""
    key = f"subscribe:{_caller(request)}"
    cache.add(key, 0, HOUR)
    try:
        return cache.incr(key) > MOST
    except ValueError:  # the hour was over between the two
        return False


def _caller(request) -> str:
    """Who asks; behind a proxy of ours the last it names, for what stands before that anybody may write."""
    named = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return (named.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", ""))[:60]


@public
def confirm(request, token):
    """Say that the address is one's own and meant; programs that follow every link in a mail say nothing."""
    subscriber = links.read(token, links.CONFIRM)
    if subscriber is None or subscriber.status not in (Status.PENDING, Status.CONFIRMED):
        return _page("incomplete", {"purpose": "confirm"}, status=404)
    if request.method == "POST" and subscriber.status == Status.PENDING:
        try:
            with _by(subscriber, request):
                subscriber.confirm(by=None)
        except WrongState:  # the same button, twice at once
            subscriber.refresh_from_db()
    context = {"subscriber": subscriber, "manage": links.path(subscriber, links.MANAGE)}
    return _page("confirm", context | _chosen(subscriber))


def _chosen(subscriber):
    names = [row.name for row in (*subscriber.services.all(), *subscriber.regions.all())]
    return {"chosen": names}


@public
def manage(request, token):
    """Change what one hears of, or end it."""
    subscriber = links.read(token, links.MANAGE)
    if subscriber is None:
        return _page("incomplete", status=404)
    if subscriber.status != Status.CONFIRMED:
        return _page("stopped", {"subscriber": subscriber, "is_told": False})
    stop = links.path(subscriber, links.STOP)
    if request.method != "POST":
        return _page("manage", {"form": Choices(subscriber=subscriber), "stop": stop})
    form = Choices(request.POST, subscriber=subscriber)
    if not form.is_valid():
        return _page("manage", {"form": form, "stop": stop}, status=400)
    with _by(subscriber, request):
        subscriber.choose(**form.chosen())
    return _page("manage", {"form": Choices(subscriber=subscriber), "stop": stop, "is_told": True})


@public
def stop(request, token):
    """One click, here or in a mail program, and no mail comes any more."""
    subscriber = links.read(token, links.STOP)
    if subscriber is None:
        return _page("incomplete", status=404)
    if request.method != "POST" and subscriber.status in (Status.CONFIRMED, Status.PENDING):
        return _page("stop")
    is_told = subscriber.status != Status.UNSUBSCRIBED
    if request.method == "POST" and is_told:
        try:
            with _by(subscriber, request):
                subscriber.unsubscribe(by=None)
        except WrongState:  # a mail program and a person, both at once
            pass
    return _page("stopped", {"subscriber": subscriber, "is_told": is_told})
