"""Model fields that clean what they are given, so that form, API, admin and import keep the same text."""

from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.functional import cached_property

from config.forms import clean_line, validate_text, validate_visible


class Line(models.CharField):
    """One visible line of text, normalised before it is checked and before it is stored."""

    default_validators = [validate_text, validate_visible]

    def to_python(self, value):
        value = super().to_python(value)
        return clean_line(value) if isinstance(value, str) else value

    def pre_save(self, instance, add):
        value = getattr(instance, self.attname)
        if isinstance(value, str):
            value = clean_line(value)
            setattr(instance, self.attname, value)
        return value


class Prose(models.TextField):
    """Text of several lines, often Markdown: at most 100,000 characters, LF line ends."""

    LIMIT = 100_000
    default_validators = [validate_text]

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_length", self.LIMIT)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "")
        super().__init__(*args, **kwargs)

    @cached_property
    def validators(self):
        # Django itself limits a TextField only in forms.
        return [*super().validators, MaxLengthValidator(self.max_length)]

    def to_python(self, value):
        value = super().to_python(value)
        return _lf(value) if isinstance(value, str) else value

    def pre_save(self, instance, add):
        value = getattr(instance, self.attname)
        if isinstance(value, str):
            value = _lf(value)
            setattr(instance, self.attname, value)
        return value


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
