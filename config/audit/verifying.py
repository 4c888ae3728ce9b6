"""The page on which an auditor sees how the history stands, and has it verified."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods

from config.audit import verify
from config.audit.ledger import Anchor, Redaction, Seal, SealedRow, Verification

MAY_SEE, MAY_VERIFY = "audit.view_verification", "audit.verify_history"
MOST_IN_A_REQUEST = (
    300_000  # sealed rows: about ten seconds; beyond, it is done at the command line or at night
)
SHOWN = 20  # earlier results
TOO_LONG = (
    "This history is too long to verify while you wait."
    " It is verified each day; manage.py audit verify does it at once."
)


@require_http_methods(["GET", "POST"])
def page(request):
    """GET tells how the ledger stands; POST verifies all of it now."""
    if not request.user.has_perm(MAY_SEE):
        raise PermissionDenied
    return _verify(request) if request.method == "POST" else _show(request)


def _verify(request):
    if not request.user.has_perm(MAY_VERIFY):
        raise PermissionDenied
    if _length() > MOST_IN_A_REQUEST:
        messages.warning(request, TOO_LONG)
    else:
        verify.verify(by=str(request.user))
    return HttpResponseRedirect(reverse("ledger:verify"))


def _show(request):
    results = list(Verification.objects.all()[: SHOWN + 1])
    context = {
        "title": "Is the history whole?",
        "here": "verify",
        "last": results[0] if results else None,
        "earlier": results[1:],
        "length": _length(),
        "seal": Seal.objects.first(),
        "anchor": Anchor.objects.first(),
        "redactions": Redaction.objects.count(),
        "may_verify": request.user.has_perm(MAY_VERIFY),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "audit/verify.html", admin.site.each_context(request) | context)


def _length() -> int:
    return SealedRow.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0


app_name = "ledger"
urlpatterns = [path("", admin.site.admin_view(page), name="verify")]
