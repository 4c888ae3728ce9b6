"""Filters of lists: only those that are named, and a wrong one is an error instead of nothing."""

from django import forms
from django.core.exceptions import ValidationError
from django_filters import filters
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions

from config.api.fields import lookup_of, moment_of
from config.api.paging import PARAMETERS


class Filters(DjangoFilterBackend):
    """django-filter with nothing ignored: not an unknown name, not an empty value, not one given twice."""

    def get_filterset_kwargs(self, request, queryset, view):
        known = view.filterset_class.base_filters
        errors = {}
        for name in request.query_params:
            values = request.query_params.getlist(name)
            if name not in known and name not in PARAMETERS:
                errors[name] = [f"This list has no filter of this name. It has {', '.join(known)}."]
            elif not all(values):
                errors[name] = ["Give it a value, or leave it out."]
            elif len(values) > 1 and not isinstance(known.get(name), filters.MultipleChoiceFilter):
                errors[name] = ["Give it once."]
        if errors:
            raise exceptions.ValidationError(errors)
        return super().get_filterset_kwargs(request, queryset, view)


class NoFilters(FilterSet):
    """A list that can only be paged."""


class OneOf(filters.MultipleChoiceFilter):
    """One of the values given; the parameter may be repeated."""

    def __init__(self, choices, **kwargs):
        # `distinct` would sort whole rows for joins that are never made.
        super().__init__(choices=choices, distinct=False, **kwargs)


class _YesNo(forms.TypedChoiceField):
    def __init__(self, **kwargs):
        kwargs.pop("null_label", None)
        super().__init__(
            choices=[("true", "yes"), ("false", "no")],
            coerce=lambda v: v == "true",
            empty_value=None,
            **kwargs,
        )


@extend_schema_field(OpenApiTypes.BOOL)
class YesNo(filters.Filter):
    """true or false; Django's own would read anything else as no filter at all."""

    field_class = _YesNo


class _Moment(forms.Field):
    def to_python(self, value):
        if value in self.empty_values:
            return None
        try:
            return moment_of(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(filters.Filter):
    """A moment with its zone."""

    field_class = _Moment


class _Day(forms.DateField):
    def __init__(self, **kwargs):
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)


@extend_schema_field(OpenApiTypes.DATE)
class Day(filters.Filter):
    """A day, as 2026-03-01 and in no other way."""

    field_class = _Day


class _Key(forms.CharField):
    def __init__(self, *, model, **kwargs):
        self.model = model
        super().__init__(**kwargs)

    def clean(self, value):
        if not (text := super().clean(value)):
            return None
        if (by := lookup_of(self.model, text)) is None:
            raise ValidationError("Nothing can be called this.")
        return by


@extend_schema_field(OpenApiTypes.STR)
class Named(filters.Filter):
    """A row by the name people know it by. It costs no query: an unknown one finds nothing."""

    field_class = _Key

    def __init__(self, model, **kwargs):
        super().__init__(model=model, **kwargs)

    def filter(self, queryset, value):
        if value is None:
            return queryset
        by = {f"{self.field_name}__{name}": key for name, key in value.items()}
        return self.get_method(queryset)(**by)
