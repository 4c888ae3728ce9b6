"""The OpenAPI description: every operation named, with what it takes, answers and refuses."""

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from config.api.fields import Strict, input_of
from config.api.problems import MEDIA_TYPE, Problem
from config.transitions import verbs_of

_NAMES = {"partial_update": "edit", "retrieve": "read"}
_WHY = {
    400: "Some of this is not usable.",
    401: "Not signed in, or the token is not good any more.",
    403: "You may not do this.",
    404: "There is nothing here that you may see.",
    406: "Only JSON is spoken here.",
    409: "Not in this state, or it contradicts what is stored.",
    412: "Somebody else changed it meanwhile; `version` says which version there is now.",
    413: "The body is too large.",
    415: "Send JSON in UTF-8.",
    428: "Say which version you edit.",
}
_IF_MATCH = "The ETag of the version you have read."


class Schema(AutoSchema):
    """Reads a Resource: its verbs, inputs, versions and problems."""

    def get_operation_id(self):
        action = getattr(self.view, "action", self.method.lower())
        return f"{self._resource()}_{_NAMES.get(action, action)}"

    def _resource(self):
        return getattr(self.view, "basename", type(self.view).__name__.lower()).replace("-", "_")

    def get_tags(self):
        return [self._resource().partition("_")[0]]

    def get_summary(self):
        return self.get_operation_id().replace("_", " ").capitalize()

    def get_request_serializer(self):
        if (about := self._verb()) is not None:
            return input_of(about.form_class())
        return getattr(self.view, "inputs", {}).get(self.view.action)

    def _verb(self):
        model = getattr(self.view, "model", None)
        return verbs_of(model).get(self.view.action) if model else None

    def get_override_parameters(self):
        def header(name, **said):
            return OpenApiParameter(name, str, OpenApiParameter.HEADER, **said)

        found = []
        if self._takes_version():
            is_required = self.view.action == "partial_update"
            found.append(header("If-Match", required=is_required, description=_IF_MATCH))
        if self._has_version():
            found.append(header("ETag", response=[200, 201], description="The version, in quotes."))
        if self.view.action == "create":
            found.append(header("Location", response=[201], description="Where the new row is."))
        return found

    def _takes_version(self):
        return self.view.action == "partial_update" or self._verb() is not None

    def _has_version(self):
        return hasattr(self.view.model, "version") and self.view.action not in ("list", *self.view.tells_more)

    def _get_response_bodies(self, direction="response"):
        bodies = super()._get_response_bodies(direction)
        for code in self._refusals():
            refusal = self._get_response_for_code(Problem, str(code), [MEDIA_TYPE], direction)
            bodies[str(code)] = {**refusal, "description": _WHY[code]}
        return bodies

    def _refusals(self):
        codes = {400, 401, 403, 404, 406}
        if self.method in ("POST", "PATCH"):
            codes |= {409, 413, 415}
        if self._takes_version():
            codes.add(412)
        if self.view.action == "partial_update":
            codes.add(428)
        return sorted(codes)

    def _map_basic_serializer(self, serializer, direction):
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "request" and isinstance(serializer, Strict):
            schema["additionalProperties"] = False
        return schema
