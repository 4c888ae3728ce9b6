"""Lists that cost the same however long the table: nothing is counted past ten thousand rows."""

from datetime import datetime, time, timedelta
from functools import cached_property

from django.contrib.admin import BooleanFieldListFilter, ChoicesFieldListFilter, RelatedFieldListFilter
from django.core.paginator import Paginator
from django.db import connections
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.views import ChangeList
from unfold.widgets import INPUT_CLASSES

MOST = 10_000
CLASSES = " ".join(INPUT_CLASSES)


class CappedPaginator(Paginator):
    """Counts and turns pages up to MOST rows; what lies further back is reached by search and filters."""

    template_name = "admin/_pages.html"

    @cached_property
    def counted(self) -> int:
        """The rows there are, or MOST + 1 for more than that."""
        rows = self.object_list
        if not hasattr(rows, "query"):
            return len(rows)
        return rows.order_by()[: MOST + 1].count()

    @cached_property
    def count(self) -> int:
        """The rows that can be turned to."""
        return min(self.counted, MOST)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than pages show."""
        return self.counted > MOST

    @cached_property
    def in_words(self) -> str:
        """The number of rows as people read it: exact, else PostgreSQL's estimate, else “more than”."""
        if not self.is_capped:
            return f"{self.counted:,}"
        estimate = self._estimate()
        return f"about {estimate:,}" if estimate > MOST else f"more than {MOST:,}"

    def _estimate(self) -> int:
        rows = self.object_list
        connection = connections[rows.db]
        if connection.vendor != "postgresql" or rows.query.where or rows.query.is_sliced:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                [connection.ops.quote_name(rows.model._meta.db_table)],
            )
            return cursor.fetchone()[0]


class WorkspaceChangeList(ChangeList):
    """A list that never asks for the number of all rows, and reads what its columns need in one go."""

    def get_queryset(self, request, exclude_parameters=None):
        rows = super().get_queryset(request, exclude_parameters)
        return rows.prefetch_related(*self.model_admin.list_prefetch_related)

    def get_results(self, request):
        super().get_results(request)
        # Without this the heading offers to “show all”, counted or not.
        self.full_result_count = self.result_count


class _Boxes:
    template = "admin/_filter.html"
    kind = "checkbox"

    def choices(self, changelist):
        chosen = {str(value) for value in self.lookup_val or ()}
        start = format_html('<label><input type="{}" name="{}"', self.kind, self.lookup_kwarg)
        boxes = "".join(
            f'{start} value="{escape(value)}"{" checked" if str(value) in chosen else ""}> {escape(label)}</label>'
            for value, label in self.offered()
        )
        yield {"boxes": mark_safe(boxes)}  # noqa: S308


class ChoiceFilter(_Boxes, ChoicesFieldListFilter):
    """Any of the choices of a field."""

    def offered(self):
        return self.field.flatchoices


class RelatedFilter(_Boxes, RelatedFieldListFilter):
    """Any of a few related rows; for many, use an autocomplete filter."""

    def offered(self):
        return self.lookup_choices


class YesNoFilter(_Boxes, BooleanFieldListFilter):
    """Yes, no, or either."""

    kind = "radio"

    def offered(self):
        return [("", "Either"), ("1", "Yes"), ("0", "No")]


class PeriodFilter(RangeDateFilter):
    """From a day to a day, both included, as days go where the reader is."""

    template = "admin/_filter.html"
    form_class = None  # two plain inputs cost a tenth of a form

    def choices(self, changelist):
        ends = (
            (f"{self.field_path}_{end}", label) for end, label in (("from", "From"), ("to", "To, included"))
        )
        rows = ((label, name, self.used_parameters.get(name) or "", CLASSES) for name, label in ends)
        box = '<label>{} <input type="date" name="{}" value="{}" class="{}"></label>'
        yield {"boxes": format_html_join("", box, rows)}

    def queryset(self, request, queryset):
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _midnight(first)})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": _midnight(last + timedelta(days=1))})
        return queryset

    def _day(self, end):
        try:
            day = parse_date(self.used_parameters.get(f"{self.field_path}_{end}") or "")
        except ValueError:
            return None
        return day if day and 1900 <= day.year < 2200 else None


def _midnight(day):
    return timezone.make_aware(datetime.combine(day, time.min))
