"""Things to confirm that are no verbs of a row: a form on GET, done on POST, at the address of a verb."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import reverse

from config.admin import WorkspaceAdmin
from config.editing import dress
from config.forms import NothingToAsk
from config.transitions import WrongState


@dataclass(frozen=True)
class Dialog:
    """One thing to confirm: `may` says to whom it is open now, `do` does it and returns what to tell them."""

    name: str
    label: str
    may: Callable  # (request, row) → bool
    do: Callable  # (request, row, form) → str
    ask: Callable[..., forms.Form] = lambda row, data=None: NothingToAsk(data)
    is_grave: bool = False


class DialogAdmin(WorkspaceAdmin):
    """A page with dialogs beside the verbs of its row."""

    dialogs: tuple[Dialog, ...] = ()

    def verb_links(self, request, row):
        shown = [
            {
                "label": dialog.label,
                "url": self.verb_url(row, dialog.name),
                "look": "grave" if dialog.is_grave else "plain",
            }
            for dialog in self.dialogs
            if dialog.may(request, row)
        ]
        return [*super().verb_links(request, row), *shown]

    def verb_view(self, request, object_id, verb):
        dialog = next((known for known in self.dialogs if known.name == verb), None)
        row = self.get_object(request, object_id) if dialog else None
        if dialog is None or row is None:
            return super().verb_view(request, object_id, verb)
        if not self.has_view_permission(request, row) or not dialog.may(request, row):
            raise PermissionDenied
        form = dress(dialog.ask(row, request.POST if request.method == "POST" else None), self, request)
        if request.method != "POST":
            return self._dialog_page(request, row, dialog, form)
        if not form.is_valid():
            return self._dialog_page(request, row, dialog, form, status=400)
        try:
            done = dialog.do(request, row, form)
        except WrongState as error:
            return self._dialog_page(request, row, dialog, None, problem=str(error), status=409)
        self.message_user(request, done)
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        )

    def _dialog_page(self, request, row, dialog, form, problem="", status=200):
        context = {"title": f"{dialog.label}: {row}", "verb": dialog, "form": form, "problem": problem}
        return self._page(request, "admin/verb.html", row, context, status)
