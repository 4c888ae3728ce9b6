"""What the API takes and gives: strict text, moments with a zone, rows by the name people know them by."""

import inspect
import re
from datetime import UTC, datetime
from functools import cache

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import JSONField, Subquery
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.fields import Line, Prose
from config.forms import clean_line, validate_moment, validate_visible
from config.people.models import User

LARGEST_ID = 2**63 - 1
NO_ZONE = "Write a moment with its zone, such as 2026-03-01T09:30:00Z."


def moment_of(text) -> datetime:
    """A moment in UTC, of a year any database can keep; ValueError says what is wrong.

    In UTC, because PostgreSQL refuses offsets of sixteen hours and more, and Python does not.
    """
    try:
        moment = parse_datetime(text)
    except (ValueError, TypeError):  # 30 February; not even text
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(NO_ZONE)
    if not 1000 <= moment.year < 9999:
        raise ValueError("That is not a moment anybody means.")
    return moment.astimezone(UTC)


class MomentField(serializers.DateTimeField):
    """A moment with its zone; one without is refused, because a guess would be an hour wrong twice a year."""

    def to_internal_value(self, value):
        try:
            return moment_of(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class DayField(serializers.DateField):
    """A day that both databases can keep."""

    def to_internal_value(self, value):
        day = super().to_internal_value(value)
        if not 1900 <= day.year < 2200:
            raise serializers.ValidationError("That is not a day anybody means.")
        return day


class CountField(serializers.IntegerField):
    """A whole number that fits a column of either database."""

    def __init__(self, **kwargs):
        super().__init__(**{"max_value": 2**31 - 1, "min_value": 0} | kwargs)

    def to_internal_value(self, value):
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail("invalid")
        return super().to_internal_value(value)


class YesNoField(serializers.BooleanField):
    """true or false, and nothing that looks like it."""

    def to_internal_value(self, value):
        if not isinstance(value, bool):
            self.fail("invalid", input=value)
        return value


class TextField(serializers.CharField):
    """Text, never a number."""

    def to_internal_value(self, value):
        if not isinstance(value, str):
            self.fail("invalid")
        text = self.cleaned(super().to_internal_value(value))
        if text == "" and not self.allow_blank:
            self.fail("blank")
        return text

    def cleaned(self, text):
        """What of it is kept."""
        return text.replace("\r\n", "\n").replace("\r", "\n")


class LineField(TextField):
    """One visible line. Cleaned before its length is checked: normalising can make it longer."""

    def cleaned(self, text):
        text = clean_line(text)
        try:
            validate_visible(text)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        return text


class LinkField(serializers.URLField):
    """An address on the web."""

    def to_internal_value(self, value):
        if not isinstance(value, str):
            self.fail("invalid")
        return super().to_internal_value(value)


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class ByName(serializers.Field):
    """A row by the name people know it by, or by its number: `omar@example.com`, `SEV1`, `checkout`, 7."""

    default_error_messages = {
        "unknown": "There is no {what} like this.",
        "invalid": "Write a name or a number.",
    }

    def __init__(self, queryset, **kwargs):
        self.queryset = queryset
        super().__init__(**kwargs)

    def rows(self):
        """Those that may be named: only what the person asking may see."""
        rows = self.queryset.all()
        return rows.visible_to(self.context["request"].user) if hasattr(rows, "visible_to") else rows

    def to_internal_value(self, value):
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.fail("invalid")
        if (by := lookup_of(self.queryset.model, value)) is None:
            self.fail("unknown", what=self.queryset.model._meta.verbose_name)
        if (row := self.rows().filter(**by).first()) is None:
            self.fail("unknown", what=self.queryset.model._meta.verbose_name)
        return row


def lookup_of(model, value) -> dict | None:
    """How to find a row by what people call it: number, reference, address, slug or name; None if by nothing."""
    if isinstance(value, int):
        return {"pk": value} if 0 < value <= LARGEST_ID else None
    text = value.strip()
    if hasattr(model, "reference"):
        return _numbered(re.fullmatch(rf"(?:{_prefix(model)}-)?([0-9]+)", text, re.IGNORECASE | re.ASCII))
    if model is User and "@" in text:
        return {"email": User.normalise(text)}
    if (name := _unique_name(model)) is not None:
        return {name: text} if text else None
    return by_number(text)


def by_number(text) -> dict | None:
    """How to find a row by its number as it is written; None if that is no number."""
    return _numbered(re.fullmatch("([0-9]+)", text, re.ASCII))


def _numbered(match):
    # Measured before it is read: Python refuses to read thousands of digits.
    if match is None or len(match[1]) > 25 or int(match[1]) > LARGEST_ID:
        return None
    return {"pk": int(match[1])}


@cache
def _prefix(model):
    return model().reference.partition("-")[0]


@cache
def _unique_name(model):
    unique = {field.name for field in model._meta.fields if field.unique}
    return next((name for name in ("slug", "name") if name in unique), None)


class Strict(serializers.Serializer):
    """A body in which every key is one that may be written; anything else is refused, not ignored."""

    def to_internal_value(self, data):
        if isinstance(data, dict):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(data.keys() - writable):
                raise serializers.ValidationError(
                    {name: ["This is not known here, or cannot be written."] for name in unknown}
                )
        return super().to_internal_value(data)


class StrictModel(Strict, serializers.ModelSerializer):
    """A strict body or an answer made from a model, with our fields instead of REST framework's lenient ones."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
        Line: LineField,
        Prose: TextField,
        models.URLField: LinkField,
        models.BooleanField: YesNoField,
        models.DateTimeField: MomentField,
        models.DateField: DayField,
        models.PositiveIntegerField: CountField,
        models.PositiveSmallIntegerField: CountField,
    }

    def build_standard_field(self, field_name, model_field):
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if issubclass(field_class, CountField):
            small = isinstance(model_field, models.PositiveSmallIntegerField)
            # Not what the database in use could hold, but what both can.
            kwargs |= {"min_value": 0, "max_value": 32_767 if small else 2**31 - 1}
        return field_class, kwargs


class Person(serializers.Serializer):
    """A person, as others see them."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    email = serializers.EmailField()


class PastMomentField(MomentField):
    """When something happened: not before computing, not in the future."""

    def __init__(self, **kwargs):
        super().__init__(validators=[validate_moment], **kwargs)


class JSONRows(Subquery):
    """The rows of a subquery of one JSON column as a list, so that a page of parents needs one query."""

    output_field = JSONField()

    def as_sqlite(self, compiler, connection, **extra):
        template = "(SELECT json_group_array(json(one.item)) FROM (%(subquery)s) AS one)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler, connection, **extra):
        template = "(SELECT COALESCE(jsonb_agg(one.item), '[]'::jsonb) FROM (%(subquery)s) AS one)"
        return self.as_sql(compiler, connection, template=template, **extra)


# --- The input of a verb, from the form that the admin asks with


@cache
def input_of(form_class) -> type[Strict]:
    """A serializer with the fields of a form: it checks types, the form itself then checks what they mean."""
    fields = {name: _like(field) for name, field in form_class().fields.items()}
    return type(f"{form_class.__name__}Input", (Strict,), {"__doc__": form_class.__doc__, **fields})


def _like(field):
    asked = {"required": field.required, "help_text": str(field.help_text or field.label or "")}
    if isinstance(field, forms.ModelMultipleChoiceField):
        return serializers.ListField(child=ByName(field.queryset), max_length=50, **asked)
    if isinstance(field, forms.ModelChoiceField):
        return ByName(field.queryset, **asked)
    if isinstance(field, forms.ChoiceField):
        return serializers.ChoiceField(field.choices, **asked)
    if isinstance(field, forms.DateTimeField):
        return MomentField(allow_null=not field.required, **asked)
    if isinstance(field, forms.DateField):
        return DayField(allow_null=not field.required, **asked)
    if isinstance(field, forms.BooleanField):
        return YesNoField(default=False, help_text=asked["help_text"])
    if isinstance(field, forms.CharField):
        return TextField(allow_blank=not field.required, max_length=field.max_length, **asked)
    raise TypeError(f"the API does not know how to ask for a {type(field).__name__}")


def asked_of(form_class, row, data) -> dict:
    """What the form makes of `data`, as the verb takes it; what it refuses is a ValidationError."""
    takes_row = "row" in inspect.signature(form_class).parameters
    form = form_class(_typed(data), **({"row": row} if takes_row else {}))
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    return form.cleaned_data


def _typed(data):
    # A form reads text; a moment goes in with its zone, so nothing is guessed.
    return {name: _key_of(value) for name, value in data.items()}


def _key_of(value):
    if isinstance(value, list):
        return [_key_of(one) for one in value]
    return value.pk if isinstance(value, models.Model) else value
