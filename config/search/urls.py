"""Where things are searched: for everybody who is signed in to the workspace; each finds what they may see."""

from django.contrib import admin
from django.urls import path

from config.search import views

app_name = "search"
urlpatterns = [
    path("", admin.site.admin_view(views.search), name="search"),
    path("alike/<slug:kind>/", admin.site.admin_view(views.alike), name="alike"),
]
