"""Where people answer without signing in: one purpose, one path."""

from django.urls import path

from retros import links
from retros.answering import ImpressionPage, PerspectivePage

urlpatterns = [
    path("perspective/<path:token>/", PerspectivePage.as_view(), name=links.PERSPECTIVE),
    path("impression/<path:token>/", ImpressionPage.as_view(), name=links.IMPRESSION),
]
