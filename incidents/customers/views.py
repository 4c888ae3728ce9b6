"""A list of customers uploaded: first a look at what it would change, then one button; and the list downloaded.

Between the two the file travels in the form itself, signed: nothing is stored on the way, and nothing but what
was looked at can be sent back.
"""

import base64
import zlib

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from config.audit.explorer.shell import page
from config.audit.models import StaleVersion
from config.dashboard import list_url
from incidents.customers import exporting, importing
from incidents.imports.following import importing as signed_as_import
from incidents.imports.shape import Refused

SALT = "aftercare.customers"
SHOWN = 50  # lines of each kind
LARGEST = 1_500_000  # bytes: what a form may carry; larger lists go by the command
GOOD_FOR = 3600  # seconds


class Upload(forms.Form):
    """The file."""

    file = forms.FileField(
        label="CSV file",
        widget=forms.ClearableFileInput({"accept": ".csv,text/csv"}),
        help_text="In UTF-8, with the names of its columns on the first line: name, and as far as you have them"
        " id, plan, domain, services, regions. Several services stand in one cell, with | or commas between them.",
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(
                f"The file is larger than {LARGEST / 1e6:.1f} MB. Use `manage.py import_customers` for it."
            )
        return file.read()


def upload(request):
    """GET asks for a file; POST of a file shows what it would do; POST of what was shown does it."""
    if not request.user.has_perms(["incidents.add_customer", "incidents.change_customer"]):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, Upload())
    if "look" in request.POST:
        return _store(request)
    form = Upload(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=400)
    return _look(request, form.cleaned_data["file"])


def _look(request, data, problem="", status=200):
    try:
        made = importing.plan(data)
    except Refused as error:
        return _page(request, Upload(), problem=f"Nothing imported: {error}.", status=400)
    names = importing.names_of_places()
    context = {
        "plan": made,
        "columns": [(ours.replace("_", " "), theirs) for ours, theirs in made.sheet.columns.items()],
        "created": [(one, one.in_words(names)) for one in made.created[:SHOWN]],
        "changed": [(one, one.in_words(names)) for one in made.changed[:SHOWN]],
        "wrong": made.wrong[:SHOWN],
        "shown": SHOWN,
        "look": "" if made.wrong else _packed(data),
        "does_something": bool(made.created or made.changed),
    }
    return _page(request, Upload(), context, problem=problem, status=400 if made.wrong else status)


def _store(request):
    try:
        data = _unpacked(request.POST["look"])
    except signing.BadSignature:
        return _page(request, Upload(), problem="This look is too old. Upload the file again.", status=400)
    try:
        with signed_as_import("a list of customers"), transaction.atomic():
            made = importing.store(importing.plan(data))
    except Refused as error:
        return _look(request, data, problem=f"Nothing imported: {error}.", status=409)
    except (IntegrityError, StaleVersion):
        problem = (
            "Nothing imported: somebody changed the same customers meanwhile. This is how it stands now."
        )
        return _look(request, data, problem=problem, status=409)
    messages.success(request, f"Imported: {made}.")
    return HttpResponseRedirect(list_url("incidents.Customer"))


def _packed(data) -> str:
    packed = base64.b64encode(zlib.compress(data)).decode()
    return signing.TimestampSigner(salt=SALT).sign(packed)


def _unpacked(text) -> bytes:
    packed = signing.TimestampSigner(salt=SALT).unsign(text, max_age=GOOD_FOR)
    return zlib.decompress(base64.b64decode(packed))


def _page(request, form, context=None, problem="", status=200):
    shell = {"title": "Import customers", "form": form, "problem": problem}
    return page(request, "admin/incidents/customers_import.html", shell | (context or {}), status)


def download(request):
    """The whole list as CSV."""
    if request.method not in ("GET", "HEAD") or not request.user.has_perm("incidents.view_customer"):
        raise PermissionDenied
    response = StreamingHttpResponse(exporting.lines(), content_type="text/csv; charset=utf-8")
    name = f"customers-{timezone.now():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store, private"
    return response


def import_url() -> str:
    """Where a list is uploaded."""
    return reverse("customers-import")
