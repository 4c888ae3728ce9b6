"""Asks the API as a person does who holds a token."""

import json

from django.test import Client

from config.people.models import ApiToken

ROOT = "/api/v1/"


class Caller:
    """A client with a token, or with the session of somebody signed in."""

    def __init__(self, user=None, *, scope=ApiToken.Scope.WRITE, by_session=False):
        self.client = Client(raise_request_exception=False)
        self.headers = {}
        if by_session:
            self.client.force_login(user)
        elif user is not None:
            self.token, self.secret = ApiToken.issue(user, "test", scope=scope)
            self.headers = {"Authorization": f"Bearer {self.secret}"}

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None, **headers):
        return self.ask("POST", path, {} if body is None else body, **headers)

    def patch(self, path, body, version=None, **headers):
        return self.ask("PATCH", path, body, **_if_match(version), **headers)

    def ask(self, method, path, body=None, content_type="application/json", **headers):
        """`body` is sent as it is if it is bytes, else as JSON."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = path if path.startswith("/") else ROOT + path
        return self.client.generic(method, path, raw, content_type, headers=self.headers | named)


def _if_match(version):
    return {} if version is None else {"If_Match": f'"{version}"'}


def is_problem(response, status):
    """Whether this is an RFC 9457 answer of this status; fails with what it is instead."""
    assert response.status_code == status, (response.status_code, response.content[:500])
    assert response.headers["Content-Type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert told["type"] == "about:blank"
    assert told["title"]
    assert told["detail"]
    return True
