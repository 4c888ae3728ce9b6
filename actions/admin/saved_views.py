"""Saved views: the filters of a list under a name, with how many rows each finds now."""

from copy import copy

from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db.models import IntegerField, Subquery
from django.http import HttpResponseRedirect, QueryDict

from actions.models import SavedView
from config.changelist import WorkspaceChangeList
from config.editing import numbers
from config.people.models import User

SHOWN = 20  # views on the page; each costs a count
MOST = 1_000  # rows are counted up to here
NO_FILTER = {"p", "e", "all", "_changelist_filters"}  # of an address: the page somebody was on is no view


class _Count(Subquery):
    """How many rows a query finds."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


class _Unread(WorkspaceChangeList):
    """What a list would show, without reading it."""

    def get_results(self, request):
        self.result_list, self.result_count = [], 0
        self.multi_page = self.can_show_all = False


def views_with_counts(model_admin, request) -> list[tuple[SavedView, str]]:
    """The saved views and how many rows the reader would find in each; two queries, however many views."""
    views = list(SavedView.objects.select_related("owner")[:SHOWN])
    asked = {
        view.pk: rows for view in views if (rows := _rows_of(model_admin, request, view.query)) is not None
    }
    if not asked:
        return [(view, "?") for view in views]
    counts = [_Count(rows.order_by().values("pk")[: MOST + 1]) for rows in asked.values()]
    found = (
        User.objects.filter(pk=request.user.pk).values_list(*counts).get()
    )  # of any one row: all in one go
    told = {pk: f"{MOST}+" if n > MOST else str(n) for pk, n in zip(asked, found, strict=True)}
    return [(view, told.get(view.pk, "?")) for view in views]


def _rows_of(model_admin, request, query):
    """What the list finds for a query; None if it does not understand it any more."""
    asking = copy(request)
    asking.GET, asking.method = QueryDict(query), "GET"
    listed = model_admin.get_list_display(asking)
    try:
        return _Unread(
            asking,
            model_admin.model,
            listed,
            None,
            model_admin.get_list_filter(asking),
            None,
            model_admin.get_search_fields(asking),
            (),
            model_admin.list_per_page,
            0,
            (),
            model_admin,
            model_admin.sortable_by,
            model_admin.search_help_text,
        ).queryset
    except (
        IncorrectLookupParameters,
        DisallowedModelAdminLookup,
        SuspiciousOperation,
        ValidationError,
        ValueError,
    ):
        return None


def change(model_admin, request):
    """Keep the filters that are on, or delete a view: one's own, or anybody's if one may do everything."""
    if "delete" in request.POST:
        return _delete(request)
    asked = QueryDict(request.POST.get("query", "")[:4_000], mutable=True)
    for name in NO_FILTER:
        asked.pop(name, None)
    view = SavedView(name=request.POST.get("name", ""), query=asked.urlencode(), owner_id=request.user.pk)
    try:
        if _rows_of(model_admin, request, view.query) is None:
            raise ValidationError("The list does not understand these filters.")
        view.full_clean()
    except ValidationError as error:
        messages.error(request, f"Not saved. {' '.join(error.messages)}")
    else:
        view.save()
        messages.success(request, f"Saved: the view “{view}”, for all who manage actions.")
    return HttpResponseRedirect(f"{request.path}?{view.query}")


def _delete(request):
    [*pk] = numbers([request.POST["delete"]])
    mine = SavedView.objects.filter(pk__in=pk)
    if not request.user.is_superuser:
        mine = mine.filter(owner=request.user.pk)
    if view := mine.first():
        view.delete()
        messages.success(request, f"Deleted the view “{view}”.")
    else:
        messages.error(request, "Only who saved a view deletes it.")
    return HttpResponseRedirect(request.path)
