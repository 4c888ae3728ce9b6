"""The page that answers “Have we seen this before?”. Nothing here changes anything."""

from datetime import timedelta

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone

from config.audit.explorer.shell import page
from config.search import asking, finding
from config.search.alike import HEADING, typed
from config.search.kinds import KINDS, open_to


def search(request):
    """Everything that is searched, for one question."""
    if "s" in request.GET:  # the search box of every page asks the same address
        return admin.site.search(request)
    question = asking.read(request.GET)
    found = finding.Found() if question.errors else finding.find(question, request.user)
    named = finding.named(question, request.user)
    context = {
        "title": "Have we seen this before?",
        "question": question,
        "found": found,
        "named": named and {"kind": named[0], "row": named[1], "url": named[0].url(named[1].pk)},
        "tabs": _tabs(question, found, request.user),
        "periods": _periods(question),
        "orders": [
            (label, f"?{question.address(order=key)}", question.order == (key or "best"))
            for key, label in (("", "Best first"), ("newest", "Newest first"))
        ],
        "more": f"?{question.address(after=found.more)}" if found.more else "",
        "start": f"?{question.address()}" if question.after else "",
        "everywhere": f"?{question.address(kind='', **{'from': '', 'to': ''})}",
        "most": finding.CANDIDATES,
        "kinds": open_to(request.user),
    }
    return page(request, "search/search.html", context, status=400 if question.errors else 200)


def alike(request, kind):
    """What a text that somebody types is like: a part of a page, empty if it is like nothing."""
    if kind not in KINDS:
        raise Http404(f"Nothing called {kind} is searched.")
    if KINDS[kind] not in open_to(request.user):
        raise PermissionDenied
    found = typed(kind, request.GET, request.user)
    context = {"found": found, "heading": HEADING}
    return render(request, "search/_alike.html" if found else "search/_nothing.html", context)


def _tabs(question, found, user):
    """Each kind with how many there are of it, and all together."""
    more = "+" if found.is_capped and not question.kind else ""
    yield {"label": "Everything", "count": f"{found.total}{more}", "url": f"?{question.address(kind='')}"} | {
        "is_here": not question.kind
    }
    for kind in open_to(user):
        yield {
            "label": kind.plural,
            "count": f"{found.counts.get(kind.name, 0)}{more}",
            "url": f"?{question.address(kind=kind.name)}",
            "is_here": question.kind == kind.name,
        }


def _periods(question):
    today = timezone.localdate()
    for label, days in (("Any time", None), ("90 days", 90), ("One year", 365), ("Two years", 730)):
        first = (today - timedelta(days=days)).isoformat() if days else ""
        yield {
            "label": label,
            "url": f"?{question.address(**{'from': first, 'to': ''})}",
            "is_here": question.days == (first, ""),
        }
