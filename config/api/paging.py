"""Pages by cursor: as quick at the end as at the start, and steady while rows are added."""

import base64
import binascii
import json
from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from config.api.fields import moment_of

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
PARAMETERS = ("cursor", "page_size", "ordering")


class Pages(BasePagination):
    """Pages in an order the resource allows (`view.orderings`, its first is the default), newest id last resort.

    A cursor holds the last row's place in that order. It is not signed: a forged one moves within the rows
    its bearer may see anyway.
    """

    def paginate_queryset(self, queryset, request, view=None):
        size = self._size(request)
        ordering = self._ordering(request, view)
        order = _Order(queryset.model, ordering)
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(order.after(_read(cursor, ordering)))
        rows = list(queryset.order_by(*order.terms())[: size + 1])
        self.next_url = None
        if len(rows) > size:
            cursor = _write(ordering, *order.place(rows[size - 1]))
            self.next_url = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
        return rows[:size]

    def _size(self, request):
        raw = request.query_params.get("page_size", str(PAGE_SIZE))
        if not (raw.isascii() and raw.isdigit() and len(raw) < 5 and 1 <= int(raw) <= MAX_PAGE_SIZE):
            raise exceptions.ValidationError({"page_size": [f"Write a number from 1 to {MAX_PAGE_SIZE}."]})
        return int(raw)

    def _ordering(self, request, view):
        ordering = request.query_params.get("ordering", view.orderings[0])
        if ordering not in view.orderings:
            raise exceptions.ValidationError({"ordering": [f"Choose one of {', '.join(view.orderings)}."]})
        return ordering

    def get_paginated_response(self, data):
        return Response({"next": self.next_url, "results": data})

    def get_paginated_response_schema(self, schema):
        link = {"type": "string", "format": "uri", "nullable": True, "description": "The next page, if any."}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view):
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
        order = {"type": "string", "enum": list(view.orderings), "default": view.orderings[0]}
        cursor = {"type": "string", "minLength": 1}
        return [
            _parameter("page_size", size, "Rows on a page."),
            _parameter("ordering", order, "The order of the rows."),
            _parameter("cursor", cursor, "Where a page begins, from the `next` of the one before."),
        ]


class _Order:
    """One field and the id, both in the same direction; rows without a value come last."""

    def __init__(self, model, ordering):
        name = ordering.removeprefix("-")
        self.is_descending = ordering.startswith("-")
        self.field = model._meta.pk if name == "reference" else model._meta.get_field(name)

    def terms(self):
        names = dict.fromkeys(
            [self.field.attname, "pk" if not self.field.primary_key else self.field.attname]
        )
        return [self._term(name) for name in names]

    def _term(self, name):
        last = {"nulls_last": True} if self.field.null and name == self.field.attname else {}
        return F(name).desc(**last) if self.is_descending else F(name).asc(**last)

    def place(self, row):
        return getattr(row, self.field.attname), row.pk

    def after(self, place):
        """The rows after `place`. The bound that looks superfluous lets the index be read as a range."""
        try:
            value, pk = self._value(place[0]), self._number(place[1])
        except (ValueError, TypeError, OverflowError, ValidationError) as error:
            raise _not_ours() from error
        name, beyond = self.field.attname, "lt" if self.is_descending else "gt"
        rest = Q(**{f"pk__{beyond}": pk})
        if self.field.primary_key:
            return rest
        if value is None:
            return Q(**{name: None}) & rest
        after = Q(**{f"{name}__{beyond}e": value}) & (Q(**{f"{name}__{beyond}": value}) | rest)
        return after | Q(**{name: None}) if self.field.null else after

    def _value(self, value):
        if value is None and self.field.null:
            return None
        if isinstance(self.field, models.DateTimeField):
            return moment_of(value)
        if isinstance(self.field, models.DateField):
            return date.fromisoformat(value)
        return self._number(value)

    def _number(self, value):
        if type(value) is not int or not -(2**31) < value < 2**63:
            raise ValueError(value)
        return value


def _write(ordering, value, pk):
    value = value.isoformat() if isinstance(value, date) else value
    raw = json.dumps([ordering, value, pk], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(cursor, ordering):
    try:
        raw = base64.urlsafe_b64decode(cursor[:500] + "=" * (-len(cursor[:500]) % 4))
        said, value, pk = json.loads(raw)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise _not_ours() from error
    if said != ordering:
        raise _not_ours()
    return value, pk


def _not_ours():
    return exceptions.ValidationError({"cursor": ["This is not a cursor of this list in this order."]})


def _parameter(name, schema, description):
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
