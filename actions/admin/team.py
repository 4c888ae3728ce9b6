"""The team's list of action items, for whoever manages them: filters, saved views, one answer for many rows."""

from inspect import signature

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter

from actions.admin.saved_views import change, views_with_counts
from actions.models import ActionItem
from actions.models.item import MANAGE
from actions.together import MOST, chosen_of, do_together, tell
from config.admin import WorkspaceAdmin
from config.editing import dress, numbers
from config.transitions import verbs_of
from incidents.models import Incident, Severity
from retros.models import Retrospective


class WaitingFilter(DropdownFilter):
    """By what it waits for."""

    title = "waiting"
    parameter_name = "waiting"

    def lookups(self, request, model_admin):
        return [
            ("any", "Waits for anything"),
            ("offered", "Offered, not answered"),
            ("blocked", "Blocked"),
            ("snoozed", "Snoozed"),
        ]

    def queryset(self, request, queryset):
        # A day back, because it may still be yesterday where the owner is.
        kinds = {
            "offered": Q(offered_to__isnull=False),
            "blocked": ~Q(waits_for=""),
            "snoozed": Q(waits_for="", snoozed_until__gt=timezone.now().date()),
        }
        if self.value() == "any":
            return queryset.open().filter(kinds["offered"] | kinds["blocked"] | kinds["snoozed"])
        return queryset.open().filter(kinds[self.value()]) if self.value() in kinds else queryset


class SlipsFilter(DropdownFilter):
    """By how often its day was moved."""

    title = "slips"
    parameter_name = "slips"

    def lookups(self, request, model_admin):
        return [
            ("0", "Never moved"),
            ("1", "Moved"),
            ("2", "Moved twice or more"),
            ("3", "Three times or more"),
        ]

    def queryset(self, request, queryset):
        if self.value() == "0":
            return queryset.filter(slips=0)
        return queryset.filter(slips__gte=int(self.value())) if self.value() in ("1", "2", "3") else queryset


def _severities():
    return [(str(severity.rank), str(severity)) for severity in Severity.objects.order_by("rank")]


class SeverityFilter(DropdownFilter):
    """By the severity of an incident it comes from, of those the reader may see."""

    title = "severity"
    parameter_name = "severity"

    def lookups(self, request, model_admin):
        return getattr(request, "known_severities", None) or _severities()

    def queryset(self, request, queryset):
        if not numbers([self.value()]):
            return queryset
        incidents = Incident.objects.visible_to(request.user).filter(severity__rank=self.value())
        retros = Retrospective.objects.filter(pk=OuterRef("retro"), incidents__in=incidents)
        return queryset.filter(Exists(retros))


def _for_all(verb, words):
    @admin.action(description=words, permissions=["manage"])
    def together(self, request, queryset):
        return self.together(request, queryset, verb, together.__name__)

    together.__name__ = f"{verb}_together"
    return together


class TeamAdmin(WorkspaceAdmin):
    """A list on which several rows are answered for at once: chosen, asked about on a page, done by its POST."""

    actions = (
        _for_all("reassign", "Reassign…"),
        _for_all("postpone", "New date…"),
        _for_all("drop", "Not doing…"),
    )
    list_before_template = "admin/actions/_views.html"

    def has_manage_permission(self, request) -> bool:
        return request.user.has_perm(MANAGE)

    def changelist_view(self, request, extra_context=None):
        if not self.has_manage_permission(request):
            return super().changelist_view(request, extra_context)
        if request.method == "POST" and "view" in request.POST:
            return change(self, request)
        if request.method == "POST" or "_popup" in request.GET:
            return super().changelist_view(request, extra_context)
        request.known_severities = _severities()  # asked once, however many saved views are counted
        context = {
            "saved_views": views_with_counts(self, request),
            "query": request.GET.urlencode(),
            "reader": request.user,
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def response_action(self, request, queryset):
        # Django hands the database whatever was sent as the number of a row.
        posted = request.POST.copy()
        posted.setlist(ACTION_CHECKBOX_NAME, numbers(posted.getlist(ACTION_CHECKBOX_NAME)))
        request.POST = posted
        return super().response_action(request, queryset)

    def together(self, request, queryset, verb, action):
        """First ask on a page of its own, then do it to each row that can be done, and say what became of each."""
        if not self.has_manage_permission(request):
            raise PermissionDenied
        rows = list(queryset.order_by("pk")[: MOST + 1])
        if len(rows) > MOST:
            messages.error(request, f"Choose at most {MOST} at once; filters make them fewer.")
            return None
        about = verbs_of(ActionItem)[verb]
        is_confirmed = "confirm" in request.POST
        form = self._asked_of_all(request, about, request.POST if is_confirmed else None)
        if not is_confirmed or not form.is_valid():
            return self._ask_all(request, rows, about, form, action, status=400 if is_confirmed else 200)
        versions = chosen_of(request.POST.getlist("at"))
        tell(request, about.label, do_together(rows, versions, verb, by=request.user, **form.cleaned_data))
        if missing := len(versions.keys() - {row.pk for row in rows}):
            messages.error(request, f"Not done: {missing} that cannot be seen any more.")
        return HttpResponseRedirect(_back(request))

    def _asked_of_all(self, request, about, data):
        form_class = about.form_class()
        options = {"row": None} if "row" in signature(form_class).parameters else {}
        return dress(form_class(data, **options), self, request)

    def _ask_all(self, request, rows, about, form, action, status):
        context = {
            "title": f"{about.label}: {len(rows)} action items",
            "verb": about,
            "form": form,
            "rows": rows,
            "action": action,
            "closed": [row for row in rows if not about.is_open(row)],
            "query": request.POST.get("back", request.GET.urlencode()),
            "list": reverse("admin:actions_actionitem_changelist"),
        }
        return self._page(request, "admin/actions/together.html", None, context, status)


def _back(request) -> str:
    """The list with the filters it was left with."""
    query = request.POST.get("back", "")[:4_000].replace("\r", "").replace("\n", "")
    return f"{request.path}?{query}" if query else request.path
