"""The page on which an auditor makes an evidence pack. GET changes nothing; POST makes the pack and hands it out."""

import re
import tempfile

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods

from config.audit.evidence import reading
from config.audit.evidence.pack import build
from config.audit.evidence.scopes import Period, Refused, day_of, may_make, story_of
from config.audit.explorer.search import quarters
from config.audit.ledger import EvidencePack, SealedRow

SHOWN = 20  # packs made before
MOST_IN_A_REQUEST = 100_000  # history rows; beyond, nobody should wait for a page: the command line makes it


@require_http_methods(["GET", "POST"])
def evidence(request):
    """Asks for an incident or a period; made of it, a pack comes back as a file."""
    if not may_make(request.user):
        raise PermissionDenied
    return _make(request) if request.method == "POST" else _ask(request, request.GET)


def _make(request):
    try:
        scope = _scope(request.POST)
        _refuse_long(scope, request.POST)
        file = _built(scope, str(request.user))
    except Refused as error:
        return _ask(request, request.POST, problem=str(error), status=400)
    except OSError as error:
        problem = f"The pack could not be written here ({error.strerror or error}). Nothing was made."
        return _ask(request, request.POST, problem=problem, status=503)
    name = f"evidence-{_slug(scope)}-{timezone.localtime():%Y%m%d-%H%M}.zip"
    return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


def _built(scope, by):
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it, and it is gone
    try:
        build(scope, file, by=by)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _scope(asked):
    if asked.get("of") == "period":
        return Period(day_of(asked.get("from", "")), day_of(asked.get("to", "")))
    return story_of(asked.get("incident", ""))


def _slug(scope) -> str:
    if isinstance(scope, Period):
        return f"{scope.first}-to-{scope.last}"
    return slugify(re.split(r"\s", scope.title, maxsplit=1)[0])


def _refuse_long(scope, asked) -> None:
    last = SealedRow.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    if last <= MOST_IN_A_REQUEST:
        return
    if sum(reading.count(part, last) for part in scope.parts()) > MOST_IN_A_REQUEST:
        of_days = f"--from {scope.first} --to {scope.last}" if isinstance(scope, Period) else ""
        what = of_days or f"--incident {asked['incident'].strip()}"
        raise Refused(
            f"That is more than {MOST_IN_A_REQUEST:,} rows, too many to wait for."
            f" At the command line: manage.py audit export {what} --output FILE.zip"
        )


def _ask(request, asked, problem="", status=200):
    today = timezone.localdate()
    context = {
        "title": "Evidence pack",
        "here": "evidence",
        "incident": asked.get("incident", "")[:40],
        "first": asked.get("from", "")[:10],
        "last": asked.get("to", "")[:10],
        "problem": problem,
        "periods": quarters(today),
        "zone": timezone.get_current_timezone_name(),
        "packs": EvidencePack.objects.select_related("anchor")[:SHOWN],
    }
    request.current_app = admin.site.name
    shell = admin.site.each_context(request)
    return TemplateResponse(request, "audit/evidence.html", shell | context, status=status)
