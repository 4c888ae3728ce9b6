"""Two people edited the same row: both texts side by side, so that neither is lost."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets
from django.forms.utils import ErrorDict
from django.utils.html import format_html, format_html_join

from config.audit.changes import in_words

OURS = {"csrfmiddlewaretoken", "version", "_base"}


@dataclass(frozen=True)
class Difference:
    """A field that two people see differently; `mine` is its widget, filled with what was about to be saved."""

    label: str
    theirs: str
    mine: Any


def latest_change(row):
    """The newest history row of `row`, or None if it has no history."""
    history = getattr(row, "history", None)
    return history.order_by("-history_id").first() if history is not None else None


def conflict_context(model_admin, request, row) -> dict:
    """What the conflict page shows and what it sends when somebody saves their text after all."""
    comparisons = [_Comparison(*forms) for forms in _stale_forms(model_admin, request, row)]
    handled = {name for comparison in comparisons for name in comparison.names(request.POST)} | OURS
    rest = [(k, v) for k, values in request.POST.lists() for v in values if k not in handled]
    return {
        "title": f"Conflict: {row}",
        "differences": [one for comparison in comparisons for one in comparison.differences],
        "kept": [label for comparison in comparisons for label in comparison.kept],
        "hidden": format_html_join("\n", '<input type="hidden" name="{}" value="{}">', rest)
        + format_html_join("\n", "{}", ((html,) for c in comparisons for html in c.hidden)),
        "media": sum((comparison.mine.media for comparison in comparisons), start=model_admin.media),
        "latest_change": latest_change(row),
    }


def _stale_forms(model_admin, request, row):
    """Pairs of forms, with what was sent and with what is stored now; the form of the row itself comes first."""
    fields = flatten_fieldsets(model_admin.get_fieldsets(request, row))
    form_class = model_admin.get_form(request, row, change=True, fields=fields)
    yield form_class(request.POST, instance=row), form_class(instance=row), request.POST.get("_base", "")
    for formset in model_admin._create_formsets(request, row, change=True)[0]:
        for form in formset.initial_forms:
            sent = form["version"].data if "version" in form.fields else None
            if sent is not None and sent != str(form.instance.version):
                yield form, type(form)(instance=form.instance, prefix=form.prefix), ""


class _Comparison:
    """One form against what is stored: what differs, what only the others changed, and what to send again."""

    def __init__(self, mine, theirs, base_id):
        self.mine, self.theirs = mine, theirs
        # Checked it will be when it is sent again; now a check would write what was sent over what is stored.
        mine._errors = ErrorDict()
        self.base = _base(mine.instance, base_id)
        self.differences, self.kept, self.hidden = [], [], [self._version()]
        for name in mine.fields:
            if name == "version":
                continue
            if name in mine.changed_data:
                self._compare(name)
            else:
                self.hidden.append(mine[name].as_hidden())

    def _version(self):
        html = '<input type="hidden" name="{}" value="{}">'
        parts = [format_html(html, self.mine.add_prefix("version"), str(self.mine.instance.version))]
        if not self.mine.prefix and (latest := latest_change(self.mine.instance)) is not None:
            parts.append(format_html(html, "_base", str(latest.pk)))
        return format_html_join("", "{}", ((part,) for part in parts))

    def _compare(self, name):
        if self._is_untouched(name):
            self.kept.append(self.mine[name].label)
            self.hidden.append(self.theirs[name].as_hidden())
            return
        self.differences.append(Difference(self._label(name), self._theirs_in_words(name), self.mine[name]))

    def _is_untouched(self, name) -> bool:
        """Whether what was sent is what the page was opened with, so that only the others changed it."""
        field = _model_field(self.mine, name)
        if self.base is None or field is None or not hasattr(self.base, field.attname):
            return False
        return not self.mine.fields[name].has_changed(getattr(self.base, field.attname), self.mine[name].data)

    def _label(self, name) -> str:
        label = self.mine[name].label
        return f"{self.mine.instance}: {label}" if self.mine.prefix else label

    def _theirs_in_words(self, name) -> str:
        field = _model_field(self.mine, name)
        if field is None:
            return str(self.theirs[name].value())
        if field.many_to_one:
            return str(getattr(self.mine.instance, name) or "–")
        return in_words(field, getattr(self.mine.instance, field.attname))

    def names(self, posted) -> set[str]:
        """The names under which the fields of this form were sent, also those of fields in two parts."""
        own = {self.mine.add_prefix(name) for name in self.mine.fields}
        return {name for name in posted if name in own or name.rpartition("_")[0] in own}


def _model_field(form, name):
    return next((field for field in form.instance._meta.concrete_fields if field.name == name), None)


def _base(row, base_id):
    """The history row that was the newest when the page was opened."""
    if not base_id.isascii() or not base_id.isdigit() or len(base_id) > 18:
        return None
    return row.history.filter(history_id=int(base_id)).first()
