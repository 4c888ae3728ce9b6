"""JSON in: what either database cannot keep, or two readers could read differently, is refused."""

import json
import math

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions, parsers

DEPTH = 32  # nothing we accept is deeper than five


class StrictJSONParser(parsers.JSONParser):
    """One JSON object in UTF-8: every key once, no NaN, no null characters, no lone surrogates."""

    def parse(self, stream, media_type=None, parser_context=None):
        _refuse_other_charsets(media_type)
        raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig()
        try:
            data = json.loads(
                raw.decode("utf-8"),
                object_pairs_hook=_once,
                parse_float=_finite,
                parse_constant=_no_constant,
            )
        except RecursionError as error:
            raise exceptions.ParseError("This is nested too deeply.") from error
        except ValueError as error:  # also: not UTF-8, a byte order mark, an integer of thousands of digits
            raise exceptions.ParseError(f"This is not usable JSON: {error}"[:200]) from error
        if not isinstance(data, dict):
            raise exceptions.ParseError("Send one JSON object.")
        _refuse_unstorable(data)
        return data


def _refuse_other_charsets(media_type):
    _, _, parameters = (media_type or "").partition(";")
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in ("utf-8", "utf8"):
            raise exceptions.UnsupportedMediaType(media_type, "Send JSON as UTF-8.")


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _finite(text):
    if not math.isfinite(number := float(text)):
        raise ValueError("a number is too large")
    return number


def _no_constant(name):
    raise ValueError(f"{name} is not a number of JSON")


def _refuse_unstorable(data):
    """Walk without recursion, so that depth is our own limit and not the interpreter's."""
    level = [data]
    for _ in range(DEPTH):
        texts = [value for value in level if isinstance(value, str)]
        if any("\x00" in text or any("\ud800" <= c <= "\udfff" for c in text) for text in texts):
            raise exceptions.ParseError("Null characters and lone surrogates are not text.")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise exceptions.ParseError("This is nested too deeply.")


def _inside(value):
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []
