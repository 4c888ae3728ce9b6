from django.utils import timezone


class TimeZoneMiddleware:
    """Every page shows moments where its reader is."""

    # In the API moments are UTC, whoever asks; a page for everybody is the same for everybody, and to know who
    # asks would open a session.
    same_for_all = ("/api/", "/learnings/", "/subscribe/", "/feedback/")

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path_info.startswith(self.same_for_all):
            return self.get_response(request)
        zone = request.user.zone if request.user.is_authenticated else None
        with timezone.override(zone):
            return self.get_response(request)
