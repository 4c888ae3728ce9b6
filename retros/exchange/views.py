"""Taking a retro along: as Markdown, as JSON, on paper. Whoever may see it may; looking changes nothing."""

from functools import wraps

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from retros.exchange import FORMATS, as_text, path_of, tell
from retros.exchange.paper import sheet_of
from retros.models import Retrospective


def _for_those_who_see_it(view):
    """Hand the retro to the view; to whoever may not see it, there is none."""

    @wraps(view)
    def look(request, pk, **asked):
        retro = get_object_or_404(Retrospective.objects.visible_to(request.user), pk=pk)
        return view(request, retro, **asked)

    see = permission_required("retros.view_retrospective", raise_exception=True)
    return login_required(never_cache(require_safe(see(look))))


def attachment(retro, user, form) -> HttpResponse:
    """The retro as a file to keep, as `user` may see it."""
    response = HttpResponse(as_text(tell(retro, user), form), content_type=FORMATS[form])
    # Letters, digits and dashes only, so that no program reads more into it than a name.
    response["Content-Disposition"] = f'attachment; filename="{path_of(retro).rpartition("/")[2]}.{form}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@_for_those_who_see_it
def export(request, retro, form):
    """The retro as a file."""
    return attachment(retro, request.user, form)


@_for_those_who_see_it
def on_paper(request, retro):
    """The retro as a page to print, or to save as PDF."""
    return render(request, "retros/print.html", {"sheet": sheet_of(retro.pk, request.user)})
