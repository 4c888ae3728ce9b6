"""GET shows, and finds customers; POST counts one ticket more."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from config.audit.explorer.shell import page
from incidents.customers import affected
from incidents.models import Incident, TicketCount
from incidents.models.ticket import COUNT
from incidents.support.desk import sheets

USE = "incidents.use_support_page"
LONGEST = 200  # characters of a search


def show(request):
    """What to say now."""
    if not request.user.has_perm(USE):
        raise PermissionDenied
    found = sheets()
    term = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST]
    context = {
        "title": "For support",
        "sheets": found,
        "term": term,
        "answers": _answers(term, [sheet.incident for sheet in found if sheet.incident.is_open]),
        "can_count": request.user.has_perm(COUNT),
    }
    return page(request, "admin/incidents/support.html", context)


def _answers(term, incidents):
    """Each customer that may be meant, with the answer for each open incident."""
    customers = affected.search(term) if term else []
    return [(one, [affected.verdict(one, incident) for incident in incidents]) for one in customers]


def count(request, pk):
    """One ticket more."""
    if not request.user.has_perm(USE):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    incident = get_object_or_404(Incident.objects.public(), pk=pk)
    row = TicketCount.objects.add_one(incident, by=request.user)
    messages.success(request, f"Counted: {row.count} here for “{incident.title}”.")
    return HttpResponseRedirect(f"{reverse('support')}#incident-{incident.pk}")
