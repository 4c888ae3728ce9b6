"""The forms of the workspace: they know their version, offer what one may see, and ask for no row twice."""

import re

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from unfold.admin import StackedInline, TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import (
    INPUT_CLASSES,
    SELECT_CLASSES,
    TEXTAREA_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
)

from config.audit.models import StaleVersion, VersionedModel


class WorkspaceForm(forms.ModelForm):
    """A form that knows which version of the row it was opened on."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if isinstance(self.instance, VersionedModel) and self.instance.pk:
            # Text, not a number: a hand-made value must count as stale, not as a hidden field's error.
            self.fields["version"] = forms.CharField(
                widget=forms.HiddenInput, required=False, initial=str(self.instance.version)
            )

    def clean_version(self):
        if self.cleaned_data["version"] != str(self.instance.version):
            raise StaleVersion(f"{self.instance} was changed by somebody else meanwhile.")
        return self.cleaned_data["version"]


def numbers(values) -> list[str]:
    """Those of `values`, as sent by anybody, that can be the number of a row."""
    return [str(one) for one in values if re.fullmatch("[0-9]{1,18}", str(one))]


class KnownSelect(AutocompleteSelect):
    """An autocomplete field that is told the row it shows, instead of asking for it once per form."""

    known = None

    def optgroups(self, name, value, attrs=None):
        # Django asks the database for whatever was sent, and falls over what is no number.
        value = numbers(value)
        if self.known is None or [str(self.known.pk)] != [str(one) for one in value]:
            return super().optgroups(name, value, attrs)
        return [(None, [self.create_option(name, self.known.pk, str(self.known), True, 0)], 0)]


class WorkspaceFormSet(PaginationInlineFormSet):
    """Rows of an inline whose related rows were read together with them."""

    def add_fields(self, form, index):
        super().add_fields(form, index)
        for name, field in form.fields.items():
            widget = getattr(field.widget, "widget", field.widget)
            if isinstance(widget, KnownSelect) and form.instance.pk:
                widget.known = getattr(form.instance, name)


class VisibleChoices:
    """Related rows are chosen among those the person may see; `coached` fields have the language coach's hints."""

    coached: dict[str, str] = {}  # field: who reads it, team or customers

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name in self.coached:
            field.widget.attrs["data-coach"] = self.coached[db_field.name]
        return field

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        model = db_field.remote_field.model
        if hasattr(model._default_manager.all(), "visible_to"):
            kwargs.setdefault("queryset", model._default_manager.all().visible_to(request.user))
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", KnownSelect(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class _Inline(VisibleChoices):
    form = WorkspaceForm
    formset = WorkspaceFormSet
    extra = 0
    tab = True
    show_change_link = True

    def get_queryset(self, request):
        related = [field.name for field in self.model._meta.fields if field.many_to_one]
        return super().get_queryset(request).select_related(*related)


class WorkspaceInline(_Inline, TabularInline):
    """Rows of a related model, one a line, on a tab of their own."""


class WorkspaceStackedInline(_Inline, StackedInline):
    """Rows of a related model, one below the other, on a tab of their own."""


def dress(form, model_admin=None, request=None):
    """Give the widgets of a plain form the look of the workspace, and long choices a search box."""
    searched = model_admin.get_autocomplete_fields(request) if model_admin else ()
    for name, field in form.fields.items():
        widget = field.widget
        if isinstance(field, forms.DateTimeField):
            field.widget = forms.DateTimeInput(
                {"type": "datetime-local", "step": "1", "class": " ".join(INPUT_CLASSES)},
                format="%Y-%m-%dT%H:%M:%S",
            )
        elif name in searched:
            field.widget = KnownSelect(model_admin.opts.get_field(name), model_admin.admin_site)
            field.widget.choices = field.choices
        elif isinstance(widget, forms.CheckboxSelectMultiple):
            field.widget = UnfoldAdminCheckboxSelectMultipleWidget()
            field.widget.choices = field.choices
        else:
            classes = {forms.Textarea: TEXTAREA_CLASSES, forms.Select: SELECT_CLASSES}
            chosen = next((c for kind, c in classes.items() if isinstance(widget, kind)), INPUT_CLASSES)
            widget.attrs["class"] = " ".join(chosen)
    return form
