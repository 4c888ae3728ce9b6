"""What every resource of the REST API shares: paging, problems, versions, verbs."""

import json

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from rest_framework import exceptions, pagination, parsers, permissions
from rest_framework.response import Response

from config.audit.models import StaleVersion
from config.transitions import WrongState


class Pages(pagination.CursorPagination):
    """Pages by cursor: as quick at the end as at the start, and steady while rows are added."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "-pk"


class HasModelPermission(permissions.DjangoModelPermissions):
    """Nothing is read or written without signing in and the model's permission."""

    perms_map = {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": [],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "PUT": ["%(app_label)s.change_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }


class StrictJSONParser(parsers.JSONParser):
    """JSON that both databases can keep; what they cannot is refused before it gets near them."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("This is nested too deeply.") from error
        try:
            text = json.dumps(data, ensure_ascii=False)
            text.encode("utf-8")
        except (RecursionError, UnicodeEncodeError) as error:
            raise exceptions.ParseError("Lone surrogates are not text.") from error
        return data


def problem(error, context):
    """Every error as application/problem+json (RFC 9457)."""
    status, detail, extra = _told(error)
    if status is None:
        return None
    from rest_framework.views import set_rollback  # its module imports this one by name

    set_rollback()
    body = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail, **extra}
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))
    return Response(body, status=status, headers=headers, content_type="application/problem+json")


def _told(error):
    if isinstance(error, WrongState):
        return 409, str(error), {}
    if isinstance(error, StaleVersion):
        return 412, str(error), {}
    if isinstance(error, ValidationError):
        return 400, "Some of this is not usable.", {"errors": _by_field(error)}
    if isinstance(error, exceptions.ValidationError):
        return 400, "Some of this is not usable.", {"errors": error.detail}
    if isinstance(error, Http404):
        return 404, "There is nothing here that you may see.", {}
    if isinstance(error, PermissionDenied):
        return 403, str(error) or "You may not do this.", {}
    if isinstance(error, exceptions.APIException):
        return error.status_code, str(error.detail), {}
    return None, "", {}


def _by_field(error):
    return error.message_dict if hasattr(error, "error_dict") else {"": error.messages}


def _title(status):
    from http import HTTPStatus

    return HTTPStatus(status).phrase
