"""The settings of the product with one address more, behind which there is nothing: what a page can cost at least."""

import sys

from django.http import HttpResponse

from config.settings import *  # noqa: F403


class _Urls:
    """Made when first asked for: the addresses of the product need Django to be set up."""

    @property
    def urlpatterns(self):
        from django.urls import path

        from config.urls import urlpatterns

        return [path("empty", lambda request: HttpResponse()), *urlpatterns]


sys.modules["tests.benchmarks.empty_urls"] = _Urls()
ROOT_URLCONF = "tests.benchmarks.empty_urls"
