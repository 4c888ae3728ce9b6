"""An older version made the current one again: a verb of its own, for administrators, with a reason.

What is restored is what the person can edit on the object's own page, through the very form of that page: so
whatever that form or the model refuses is refused here. What verbs own (status, owner, moments) stays, because
each of these steps has consequences that an old value knows nothing of.
"""

import re
from copy import copy

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpResponseRedirect, QueryDict

from config.audit import changes
from config.audit.actor import because
from config.audit.explorer.rows import entry_at, instance_of
from config.audit.explorer.shell import page
from config.audit.explorer.sight import tables_for
from config.audit.explorer.telling import history_url, names_for, tell
from config.audit.models import StaleVersion
from config.editing import dress
from config.forms import Reason
from config.transitions import WrongState

RESTORE = "audit.restore_version"


def may_restore(request, entry) -> bool:
    """Whether the person may make this version the current one."""
    return bool(request.user.has_perm(RESTORE) and entry.row.history_type != "-" and _row(request, entry))


def _admin_of(model):
    return admin.site.get_model_admin(model) if admin.site.is_registered(model) else None


def _row(request, entry):
    """The object as it is now, if the person may change it; else None."""
    model_admin = _admin_of(entry.table.model)
    row = model_admin and model_admin.get_object(request, str(entry.key))
    return row if row is not None and model_admin.has_change_permission(request, row) else None


def restore(request, label, pk, number):
    """GET shows what would change and asks why; POST does it, or says what rule it would break."""
    tables = tables_for(request.user)
    entry = entry_at(tables, label, pk, number)
    if not may_restore(request, entry):
        raise PermissionDenied("This version is not yours to restore, or there is nothing to restore it to.")
    reason = Reason(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _ask(request, tables, entry, reason)
    if not reason.is_valid():
        return _ask(request, tables, entry, reason, status=400)
    try:
        done = _restored(request, entry, reason.cleaned_data["reason"])
    except (StaleVersion, WrongState) as error:
        problem = f"{error} Nothing was restored. This is how it stands now: look again, then confirm."
        return _ask(request, tables, entry, reason, [problem], status=409)
    except ValidationError as error:
        return _ask(request, tables, entry, reason, error.messages, status=409)
    messages.success(request, f"Restored: {done}")
    return HttpResponseRedirect(history_url(entry.table.model, entry.key))


def _restored(request, entry, why):
    model_admin = _admin_of(entry.table.model)
    with transaction.atomic(), because(why):
        entry.table.model._base_manager.select_for_update().filter(pk=entry.key).first()
        row = _row(request, entry)
        if row is None:
            raise WrongState("It can no longer be changed.")
        form = _Restoration(request, row, entry).bound(request.POST.get("version", ""))
        if not form.is_valid():
            raise ValidationError(_in_words(form))
        if not form.has_changed():
            raise ValidationError("It stands like this already.")
        done = form.save(commit=False)
        model_admin.save_model(request, done, form, change=True)
    return done


def _in_words(form) -> list[str]:
    return [
        f"{form.fields[name].label}: {message}" if name in form.fields else message
        for name, listed in form.errors.items()
        for message in listed
    ]


class _Restoration:
    """The form of the object's own page, filled as the old version would fill it."""

    def __init__(self, request, row, entry):
        self.row = row
        self.form_class = _admin_of(type(row)).get_form(request, row, change=True)
        self.old = copy(row)
        self.old._state = copy(row._state)
        self.old._state.fields_cache = {}
        then = instance_of(entry.row)
        self.names = set()
        for field in entry.row.tracked_fields:
            if field.name in self.form_class.base_fields:
                setattr(self.old, field.attname, getattr(then, field.attname))
                self.names.add(field.name)

    def differences(self, entry):
        """The fields that restoring would change, with the value of now first."""
        return [found for found in self._differing(entry) if found[0].name in self.names]

    def kept(self, entry):
        """The fields that differ and stay as they are."""
        return [found[0] for found in self._differing(entry) if found[0].name not in self.names]

    def _differing(self, entry):
        return changes.differing_fields(entry.row, self.row)

    def bound(self, version):
        """The form as the old version would have been sent; `version` is what its sender looked at."""
        sent = QueryDict(mutable=True)
        for one in self.form_class(instance=self.old):
            _fill(sent, one)
        sent["version"] = version if re.fullmatch("[0-9]{1,9}", version) else "-1"
        return self.form_class(sent, instance=self.row)


def _fill(sent, one):
    """Put the value of a bound field where a browser would: several boxes are sent as several values."""
    widget, value = one.field.widget, one.value()
    if value is None or value is False:
        return
    if hasattr(widget, "decompress"):
        parts = zip(widget.widgets, widget.widgets_names, widget.decompress(value), strict=True)
        for part, name, inner in parts:
            sent[f"{one.html_name}{name}"] = part.format_value(inner) or ""
    elif isinstance(value, list | tuple | set):
        sent.setlist(one.html_name, [str(part) for part in value])
    else:
        sent[one.html_name] = str(one.field.prepare_value(value))


def _ask(request, tables, entry, reason, problems=(), status=200):
    row = _row(request, entry)
    if row is None:
        raise PermissionDenied
    restoration, names = _Restoration(request, row, entry), names_for([entry], tables)
    context = {
        "title": "Restore an older version",
        "told": tell(entry, names),
        "form": dress(reason, _admin_of(type(row)), request),
        "version": getattr(row, "version", ""),
        "differences": [
            changes.difference(one, old, new, names) for one, old, new in restoration.differences(entry)
        ],
        "kept": [str(one.verbose_name) for one in restoration.kept(entry)],
        "problems": problems,
        "history_url": history_url(entry.table.model, entry.key),
    }
    return page(request, "audit/restore.html", context, status=status)
