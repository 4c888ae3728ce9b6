from django.urls import path, re_path

from incidents.feedback import views

urlpatterns = [
    re_path(r"^(?P<public_id>[a-z0-9]{12})/$", views.from_page, name="feedback"),
    path("by-link/<path:token>/", views.by_link, name="feedback-link"),
]
