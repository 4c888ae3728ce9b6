from django.utils import timezone


class TimeZoneMiddleware:
    """Every page shows moments where its reader is."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path_info.startswith("/api/"):  # moments in the API are UTC, whoever asks
            return self.get_response(request)
        zone = request.user.zone if request.user.is_authenticated else None
        with timezone.override(zone):
            return self.get_response(request)
