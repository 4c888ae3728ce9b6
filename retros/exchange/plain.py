"""A row's columns as plain values, and plain values as what the columns hold; and the JSON made of them."""

import json
import re
from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.db import models

from config.people.models import User
from incidents.imports.shape import Part, Refused

_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def is_person(field) -> bool:
    """Whether a column names somebody who works here."""
    return isinstance(field, models.ForeignKey) and field.related_model is User


def plain(row, names, person) -> dict:
    """The columns `names` of `row`; what is empty is left out. `person` says how somebody is called."""
    told = {}
    for name in names:
        field = row._meta.get_field(name)
        value = getattr(row, name)
        value = (value and person(value)) if is_person(field) else plain_value(value)
        if not _is_empty(field, value):
            told[name] = value
    return told


def _is_empty(field, value) -> bool:
    """Nothing is known, or what a new row starts with. (No customers is something: 0 where it may be unknown.)"""
    if isinstance(field, models.IntegerField) and not isinstance(value, bool) and value is not None:
        return not field.null and value == field.get_default()
    return value is None or value is False or value == ""


def plain_value(value):
    """Text, a whole number, True or nothing."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or value is None:
        return value
    # A choice is text or a number by another class, which neither YAML nor JSON should see.
    return str(value) if isinstance(value, str) else int(value)


def typed(part: Part, model, names) -> dict:
    """The columns `names` of a row of `model`, checked; people are their addresses still."""
    return {name: _typed(part, model._meta.get_field(name)) for name in names}


def _typed(part, field):
    name, value = field.name, part.values.get(field.name)
    if is_person(field):
        return address_of(part, name)
    if isinstance(field, models.DateTimeField):
        return part.moment(name, is_required=not field.null)
    if isinstance(field, models.DateField):
        return _day(part, name, is_required=not field.null)
    if isinstance(field, models.BooleanField):
        return flag(part, name)
    if isinstance(field, models.IntegerField):
        return _within(part, field, number(part, name, empty=None if field.null else field.get_default()))
    if value is not None and not isinstance(value, str):
        part.refuse(name, "is not text")
    return chosen(part, field, part.fit(name, value or "", field))


def _within(part, field, value):
    """A number that the column can hold, and that means something there."""
    if value is None and not field.null:
        part.refuse(field.name, "is missing")
    try:
        field.run_validators(value)
    except ValidationError as error:
        part.refuse(field.name, f"cannot be kept ({' '.join(error.messages)})")
    return chosen(part, field, value)


def chosen(part, field, value):
    """`value`, if it is one of the field's choices; Django checks that only for what people edit."""
    if value == "" and field.blank:
        return value
    if field.choices and value not in dict(field.flatchoices):
        part.refuse(field.name, "is not one we know" if field.name in part.values else "is missing")
    return value


def address_of(part, name) -> str:
    """The e-mail address of a person, as accounts have it; empty if there is none."""
    value = part.values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        part.refuse(name, "is not text")
    return part.fit(name, User.normalise(value), User._meta.get_field("email"))


def _day(part, name, *, is_required):
    value = part.values.get(name)
    if value is None and not is_required:
        return None
    try:
        return date.fromisoformat(value if isinstance(value, str) and _DAY.fullmatch(value) else "")
    except ValueError:
        part.refuse(name, "is not a day" if value is not None else "is missing")


def flag(part, name) -> bool:
    """Whether it is said to be so; in the front matter true is a word."""
    value = part.values.get(name, False)
    if value in (True, "true") or value in (False, "false"):
        return value in (True, "true")
    part.refuse(name, "is neither true nor false")


def number(part, name, empty=0) -> int | None:
    """A whole number; `empty` if there is none."""
    value = part.values.get(name)
    if value is None:
        return empty
    is_one = isinstance(value, int | str) and not isinstance(value, bool)
    if not is_one or not _NUMBER.fullmatch(str(value)):
        part.refuse(name, "is not a whole number")
    found = int(value)
    if not 0 <= found < 2**31:
        part.refuse(name, "is out of range")
    return found


def refuse_unknown(part, names) -> None:
    """A key that nobody reads would be lost silently: it is refused, and most likely misspelt."""
    if strange := sorted(str(key) for key in part.values.keys() - set(names)):
        raise Refused(f"{part.where}: {strange[0][:80]!r} is no key of this format")


# --- JSON


def to_json_text(document: dict) -> str:
    """A document as JSON: keys sorted, every character as itself."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def from_json(text: str, where="the text") -> dict:
    """The document in a JSON text; nothing of it is checked yet."""
    try:
        document = pruned(json.loads(text, object_pairs_hook=_once, parse_constant=_no_number))
    except RecursionError:
        raise Refused(f"{where}: it is nested too deeply") from None
    except ValueError as error:
        raise Refused(f"{where}: it is not JSON we read: {error}") from error
    if not isinstance(document, dict):
        raise Refused(f"{where}: it is not a JSON object")
    return document


def pruned(value):
    """Without the keys that say nothing, which somebody may write all the same."""
    if isinstance(value, list):
        return [pruned(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: pruned(one) for key, one in value.items()}
    return {key: one for key, one in found.items() if one is not False and one not in (None, "", [], {})}


def _no_number(name):
    raise ValueError(f"{name} is not a number")


def _once(pairs):
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")
    return found
