"""Where a person finds what is theirs: their actions, their preferences, and the feed of their calendar."""

from django.urls import path

from actions import feed, my, preferences

urlpatterns = [
    path("my/actions/", my.my_actions, name="my-actions"),
    path("my/actions/together/", my.together, name="my-together"),
    path("my/actions/undo/", my.undo, name="my-undo"),
    path("my/actions/<int:pk>/<slug:verb>/", my.answer, name="my-answer"),
    path("my/checks/<int:pk>/", my.check, name="my-check"),
    path("my/preferences/", preferences.preferences, name="my-preferences"),
    path("my/preferences/calendar/", preferences.calendar, name="my-calendar"),
    path("calendar/<str:token>.ics", feed.feed, name="calendar-feed"),
]
