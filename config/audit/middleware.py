from config.audit.actor import API, WEB, acting

REQUEST_ID = "X-Request-ID"


class ActorMiddleware:
    """Everything a request writes is done by its user, under one request id that the response names."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        kind = API if request.path_info.startswith("/api/") else WEB
        with acting(request.user, kind=kind) as actor:
            request.audit_request_id = actor.request_id
            response = self.get_response(request)
        response[REQUEST_ID] = actor.request_id
        return response
