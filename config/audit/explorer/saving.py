"""Filters kept under a name: one's own, and those that others share. Everything here is done by POST."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.audit.explorer import search as searching
from config.audit.explorer.sight import tables_for
from config.audit.filters import SavedFilter


@require_POST
def save(request):
    """Keep what is looked for under a name; what could not be understood is not kept."""
    asked = searching.read(QueryDict(request.POST.get("query", "")), tables_for(request.user))
    if asked.errors:
        messages.error(request, f"Not saved. {asked.errors[0]}")
        return _back()
    kept = SavedFilter(
        name=request.POST.get("name", ""),
        query=asked.query,
        owner_id=request.user.pk,
        is_shared=request.POST.get("is_shared") == "on",
    )
    _store(request, kept, "Saved")
    return _back(asked.query)


@require_POST
def change(request, pk):
    """Rename, share or no longer share, or delete a filter of one's own."""
    kept = SavedFilter.objects.filter(pk=min(pk, searching.LARGEST), owner=request.user).first()
    if kept is None:
        raise Http404("You have saved no such filter.")
    if "delete" in request.POST:
        kept.delete()
        messages.success(request, f"Deleted the filter “{kept}”.")
        return _back()
    kept.name = request.POST.get("name", "")
    kept.is_shared = request.POST.get("is_shared") == "on"
    _store(request, kept, "Changed")
    return _back(kept.query)


def _store(request, kept, done) -> None:
    try:
        kept.full_clean()
    except ValidationError as error:
        messages.error(request, f"Not saved. {' '.join(error.messages)}")
        return
    kept.save()
    messages.success(request, f"{done}: the filter “{kept}”.")


def _back(query=""):
    url = reverse("audit:explorer")
    return redirect(f"{url}?{query}" if query else url)
