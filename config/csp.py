from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update

ADMIN = "/admin/"


class AdminScriptsMiddleware:
    """Lets the admin theme's Alpine.js evaluate its attributes; every other page keeps the strict policy."""

    def __init__(self, get_response):
        self.strict = get_response
        self.relaxed = csp_update({"script-src": [UNSAFE_EVAL, UNSAFE_INLINE]})(get_response)

    def __call__(self, request):
        get_response = self.relaxed if request.path_info.startswith(ADMIN) else self.strict
        return get_response(request)
