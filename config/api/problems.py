"""Every error as application/problem+json (RFC 9457): what went wrong, in words, and never more."""

import json
import logging
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import (
    NON_FIELD_ERRORS,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import IntegrityError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions, serializers, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings

from config.audit.models import StaleVersion
from config.transitions import WrongState

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TOO_LARGE = f"A request may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."
GENERAL = "general"  # what is wrong with no one field


class Problem(serializers.Serializer):
    """An error (RFC 9457). `errors` names fields; what concerns no one field is under `general`."""

    type = serializers.CharField()
    title = serializers.CharField(help_text="The phrase that goes with the status.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong, for people.")
    errors = serializers.DictField(required=False, help_text="What is wrong with each field.")
    version = serializers.IntegerField(required=False, help_text="With 412: the version there is now.")


class VersionRequired(exceptions.APIException):
    """An edit must say which version it is based on. HTTP 428."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Say which version you edit: send its ETag as If-Match."
    default_code = "version_required"


def problem(error, context):
    """Answer `error`; what nobody foresaw is logged and answered without a word about its inside."""
    code, detail, extra = _told(error)
    if code >= 500:
        log.error("unexpected error in the API", exc_info=error)
    from rest_framework.views import set_rollback  # its module imports this one by name

    set_rollback()
    if (request := context.get("request")) is not None:  # also where the answer would have been a page
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
    return Response(
        _body(code, detail, **extra), status=code, headers=_headers(error), content_type=MEDIA_TYPE
    )


def bad_request(request, exception):
    """Django's handler400, with a problem for the API."""
    if _is_api(request):
        return _plain(400, "This request cannot be understood.")
    return defaults.bad_request(request, exception)


def server_error(request):
    """Django's handler500, with a problem for the API."""
    if _is_api(request):
        return _plain(500, UNFORESEEN)
    return defaults.server_error(request)


UNFORESEEN = "Something went wrong here. The X-Request-ID of this answer helps us to find out what."


def _is_api(request):
    return request.path_info.startswith("/api/v1/")


def _plain(code, detail):
    return HttpResponse(json.dumps(_body(code, detail)), status=code, content_type=MEDIA_TYPE)


def _body(code, detail, **extra):
    return {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": detail,
        **extra,
    }


def _headers(error):
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))
    if getattr(error, "version", None):
        headers["ETag"] = f'"{error.version}"'
    return headers


def _told(error):
    if isinstance(error, WrongState):
        return 409, str(error), {}
    if isinstance(error, StaleVersion):
        return 412, str(error), {"version": error.version} if getattr(error, "version", None) else {}
    if isinstance(error, ValidationError | exceptions.ValidationError):
        return 400, "Some of this is not usable.", {"errors": _by_field(error)}
    if isinstance(error, IntegrityError):
        return 409, "This contradicts something that is stored already.", {}
    if isinstance(error, Http404):
        return 404, "There is nothing here that you may see. Addresses end with a slash.", {}
    if isinstance(error, PermissionDenied):
        return 403, str(error) or "You may not do this.", {}
    if isinstance(error, RequestDataTooBig):
        return 413, TOO_LARGE, {}
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return 400, "This request cannot be understood.", {}
    if isinstance(error, exceptions.APIException):
        return error.status_code, str(error.detail), {}
    return 500, UNFORESEEN, {}


def _by_field(error):
    if isinstance(error, ValidationError):
        found = error.message_dict if hasattr(error, "error_dict") else {GENERAL: error.messages}
    else:
        found = error.detail if isinstance(error.detail, dict) else {GENERAL: error.detail}
    general = (NON_FIELD_ERRORS, api_settings.NON_FIELD_ERRORS_KEY)
    return {GENERAL if name in general else name: told for name, told in found.items()}
