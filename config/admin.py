"""What every page of the workspace shares. Each app's admin.py builds on WorkspaceAdmin and WorkspaceInline.

class ServiceAdmin(WorkspaceAdmin):
    references = {"SRV": "pk"}      # SRV-0042 in the search box
    visible_through = "incident"    # seen by whoever sees that incident
"""

import re
from dataclasses import dataclass
from inspect import signature

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.dataclasses import SearchResult

from config.audit import changes
from config.audit.actor import because
from config.audit.explorer.sight import may_explore, may_read
from config.audit.models import StaleVersion, VersionedModel
from config.changelist import CappedPaginator, WorkspaceChangeList
from config.conflicts import conflict_context, latest_change
from config.display import badge, duration, link, links, moment
from config.editing import (
    VisibleChoices,
    WorkspaceForm,
    WorkspaceFormSet,
    WorkspaceInline,
    WorkspaceStackedInline,
    dress,
    numbers,
)
from config.search.finding import quickly
from config.search.kinds import KINDS
from config.transitions import NotPermitted, WrongState, verbs_for, verbs_of
from config.visibility import sees_all, visible

__all__ = [
    "Card",
    "WorkspaceAdmin",
    "WorkspaceForm",
    "WorkspaceFormSet",
    "WorkspaceInline",
    "WorkspaceStackedInline",
    "badge",
    "duration",
    "find",
    "link",
    "links",
    "moment",
    "numbers",
]

LARGEST_PK = 2**63 - 1
NEVER = -1  # no row has this version
FOUND = 5  # rows per model that the search box shows


def _apps_of_one(listed):
    """The dashboard and the sidebar stand where Django lists all apps, yet it makes that list for every page."""
    return lambda request, app_label=None: listed(request, app_label) if app_label else []


admin.site.get_app_list = _apps_of_one(admin.site.get_app_list)


# --- What pages are made of --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """What is known about a row beside its form: a heading, and pairs of label and value."""

    heading: str
    facts: list[tuple[str, object]]


def find(request, term) -> list[SearchResult]:
    """What the search box of every page finds: a few rows of each model the person may see."""
    found = []
    for model, model_admin in admin.site._registry.items():
        if not model_admin.has_view_permission(request) or not model_admin.get_search_fields(request):
            continue
        rows = _found(request, model, model_admin, term)
        url = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        for row in rows:
            label = str(model._meta.verbose_name).capitalize()
            found.append(SearchResult(str(row), label, reverse(url, args=[row.pk]), "chevron_right"))
    return found


def _found(request, model, model_admin, term):
    seen = model_admin.get_queryset(request)
    kind = next((kind for kind in KINDS.values() if kind.model is model), None)
    term = term.replace("\x00", "").strip()
    if kind and not re.fullmatch(r"(?:[A-Za-z]+-)?\d+", term, re.ASCII):  # a reference is found by the model
        return quickly(kind, seen, term, FOUND)
    rows, _ = model_admin.get_search_results(request, seen, term)
    return rows.order_by("-pk")[:FOUND]


# --- The base ----------------------------------------------------------------------------------------------


class WorkspaceAdmin(VisibleChoices, ModelAdmin):
    """Verbs as forms that act on POST, forms that lose no edit, rows only for those who may see them.

    `visible_through` names the foreign key whose row decides who sees this one (not needed where the queryset
    has `visible_to`); `references` maps the prefix of a reference to the lookup it stands for.
    """

    form = WorkspaceForm
    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 25
    list_max_show_all = 0
    show_facets = admin.ShowFacets.NEVER  # a count per choice over every row
    list_filter_submit = True
    list_prefetch_related: tuple[str, ...] = ()
    warn_unsaved_form = True
    visible_through = ""
    references: dict[str, str] = {}
    added_cards: tuple = ()  # functions of request and row, by which an app tells something on another app's page
    change_form_template = "admin/workspace_form.html"
    change_list_template = "admin/workspace_list.html"
    delete_confirmation_template = "admin/workspace_delete.html"
    object_history_template = "admin/workspace_history.html"

    # --- Who sees what

    def get_queryset(self, request):
        return visible(super().get_queryset(request), request.user, self.visible_through)

    def may_see_deleted(self, request, last) -> bool:
        """Whether the person may read the history of a row that is gone; `last` is its last history row."""
        return sees_all(self.model, request.user, self.visible_through)

    def history_of(self, request, rows, object_id):
        """The history rows a person may read, of those of one object or of what belongs to it."""
        return rows

    # --- Lists

    def get_changelist(self, request, **kwargs):
        return WorkspaceChangeList

    def get_actions(self, request):
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # one by one, with its own page saying what goes with it
        return actions

    def lookup_allowed(self, lookup, value, request):
        # A pattern in the address would be run by the database, however slow, and could spell out a text.
        return not lookup.endswith("regex") and super().lookup_allowed(lookup, value, request)

    def get_search_results(self, request, queryset, search_term):
        term = search_term.replace("\x00", "").strip()
        match = re.fullmatch(r"(?:([A-Za-z]+)-)?0*(\d{1,20})", term, re.ASCII)
        if not match:
            return super().get_search_results(request, queryset, term)
        prefix, number = (match[1] or "").upper(), int(match[2])
        lookups = [lookup for known, lookup in self.references.items() if prefix in ("", known)]
        found = Q()
        for lookup in lookups if number <= LARGEST_PK else ():
            found |= Q(**{lookup: number})
        if prefix and lookups:
            return (queryset.filter(found) if found else queryset.none()), False
        texts, may_repeat = super().get_search_results(request, queryset, term)
        return (texts | queryset.filter(found) if found else texts), may_repeat

    # --- The page of a row

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_verb"
        view = self.admin_site.admin_view(self.verb_view)
        return [path("<path:object_id>/do/<str:verb>/", view, name=name), *super().get_urls()]

    def verb_url(self, row, name) -> str:
        """Where a verb of `row` is asked for and done."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_verb", args=[row.pk, name])

    def verb_links(self, request, row) -> list[dict]:
        """What the person can do to `row` now; the first that is not grave is the natural next step."""
        verbs = verbs_for(row, request.user) if verbs_of(self.model) else []
        first = next((verb for verb in verbs if not verb.is_grave), None)
        return [
            {
                "label": verb.label,
                "url": self.verb_url(row, verb.name),
                "look": "grave" if verb.is_grave else "next" if verb is first else "plain",
            }
            for verb in sorted(verbs, key=lambda verb: verb.is_grave)
        ]

    def cards(self, request, row) -> list[Card]:
        """What the page of `row` tells beside its form."""
        return []

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None and change:
            context["show_save_and_add_another"] = False
            added = [card for more in self.added_cards for card in more(request, obj)]
            context["cards"] = [*self.cards(request, obj), *added]
            context["verbs"] = self.verb_links(request, obj)
            context["latest_change"] = latest_change(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            with because(request.POST.get("_reason", "").strip()[:2000]):
                return super().changeform_view(request, object_id, form_url, extra_context)
        except StaleVersion:
            return self._conflict(request, unquote(object_id))

    def _conflict(self, request, object_id):
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = conflict_context(self, request, row)
        return self._page(request, "admin/conflict.html", row, context, status=409)

    def _page(self, request, template, row, context, status=200):
        request.current_app = self.admin_site.name
        shell = self.admin_site.each_context(request) | {"opts": self.opts, "original": row}
        return TemplateResponse(request, template, shell | context, status=status)

    # --- History

    def history_view(self, request, object_id, extra_context=None):
        """Every change of the row and of what belongs to it, also after it was deleted."""
        row = self.get_object(request, unquote(object_id))
        last = self._last_of_deleted(request, object_id) if row is None else None
        if row is None and last is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        pk = row.pk if row is not None else getattr(last, self.opts.pk.attname)
        sources = self._sources(request, pk)
        is_oldest = request.GET.get("page") == "oldest"
        if is_oldest:
            found, before = changes.read_oldest(sources, request.user), ""
        else:
            found, before = changes.read(sources, request.user, request.GET.get("before", ""))
        context = {
            "title": f"History: {row or self.opts.verbose_name}" + ("" if row else f" #{pk} (deleted)"),
            "changes": found,
            "before": before,
            "is_first": "before" not in request.GET and not is_oldest,
            "explored": self._explored(pk) if may_explore(request.user) else None,
            **(extra_context or {}),
        }
        return self._page(request, self.object_history_template, row, context)

    def _explored(self, pk):
        label = self.opts.label_lower
        return {"label": label, "pk": pk, "object": f"{label}:{pk}"}

    def _last_of_deleted(self, request, object_id):
        try:
            pk = self.opts.pk.to_python(unquote(object_id))
        except ValidationError:
            return None
        name = self.opts.pk.name
        last = changes.of_object(self.model.history.all(), name, pk).order_by(name, "-history_id").first()
        is_gone = last is not None and last.history_type == "-"
        return last if is_gone and self.may_see_deleted(request, last) else None

    def _sources(self, request, pk):
        for source in changes.sources_of(self.model, pk):
            if source.parent and not may_read(request.user, source.model):
                continue
            source.rows = self.history_of(request, source.rows, pk)
            source.earlier = self.history_of(request, source.earlier, pk)
            yield source

    # Every change is in the history already, and says more there.

    def log_addition(self, request, obj, message):
        return None

    def log_change(self, request, obj, message):
        return None

    def log_deletions(self, request, queryset):
        return None

    # --- Verbs

    def verb_view(self, request, object_id, verb):
        """GET asks for what the verb needs and changes nothing; POST does it."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        about = verbs_of(self.model).get(verb)
        if about is None:
            raise Http404(f"{self.opts.verbose_name} has no verb {verb}.")
        if not about.permits(row, request.user):
            raise NotPermitted(f"{request.user} may not {about.label.lower()} {row}.")
        if not about.is_open(row):
            return self._ask(request, row, about, problem=_no_longer(row, about), status=409)
        return self._do(request, row, about) if request.method == "POST" else self._ask(request, row, about)

    def _do(self, request, row, about):
        form = self._verb_form(request, row, about, data=request.POST)
        if not form.is_valid():
            return self._ask(request, row, about, form, status=400)
        try:
            getattr(row, about.name)(by=request.user, **_asked(form), **_version(request, row))
        except (WrongState, StaleVersion) as error:
            return self._too_late(request, row.pk, about, form, error)
        except ValidationError as error:
            form = self._verb_form(request, self.get_object(request, str(row.pk)), about, data=request.POST)
            _add_errors(form, error)
            return self._ask(request, row, about, form, status=400)
        self.message_user(request, f"{about.label}: {row}")
        return HttpResponseRedirect(self.url_after_verb(row))

    def url_after_verb(self, row) -> str:
        """Where somebody goes on after a verb was done."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def _too_late(self, request, pk, about, form, error):
        row = self.get_object(request, str(pk))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        if not about.is_open(row):
            return self._ask(request, row, about, problem=_no_longer(row, about), status=409)
        problem = f"{error} Nothing was done. This is how it stands now: look again, then confirm."
        return self._ask(request, row, about, form, problem=problem, status=409)

    def verb_context(self, request, row, about) -> dict:
        """What the page of a verb tells before it asks: `notes` names a template, `is_barred` takes the form away."""
        return {}

    def _verb_form(self, request, row, about, data=None):
        form_class = about.form_class()
        options = {"row": row} if "row" in signature(form_class).parameters else {}
        return dress(form_class(data, **options), self, request)

    def _ask(self, request, row, about, form=None, problem="", status=200):
        form = (form or self._verb_form(request, row, about)) if about.is_open(row) else None
        context = {
            "title": f"{about.label}: {row}",
            "verb": about,
            "form": form,
            "problem": problem,
            "latest_change": latest_change(row),
            "version": getattr(row, "version", None),
            "zone": _zone_if_asked(form),
            **(self.verb_context(request, row, about) if about.is_open(row) else {}),
        }
        return self._page(request, "admin/verb.html", row, context, status)


def _zone_if_asked(form) -> str:
    asks = form and any(isinstance(field, forms.DateTimeField) for field in form.fields.values())
    return f"{timezone.get_current_timezone_name()} ({timezone.localtime():%Z})" if asks else ""


def _no_longer(row, about) -> str:
    field = getattr(row, "state_field", "status")
    state = getattr(row, f"get_{field}_display")().lower()
    return f"{row} is {state}; it is not possible to {about.label.lower()} it."


def _asked(form) -> dict:
    # A form that shows what is known asks only for what differs: untouched moments keep their microseconds.
    asked = form.cleaned_data
    if "row" not in signature(type(form)).parameters:
        return asked
    return {name: value for name, value in asked.items() if name == "reason" or name in form.changed_data}


def _version(request, row) -> dict:
    if not isinstance(row, VersionedModel):
        return {}
    posted = request.POST.get("version", "")
    return {"version": int(posted) if re.fullmatch("[0-9]{1,9}", posted) else NEVER}


def _add_errors(form, error) -> None:
    for name, messages in getattr(error, "message_dict", {None: error.messages}).items():
        form.add_error(name if name in form.fields else None, messages)
