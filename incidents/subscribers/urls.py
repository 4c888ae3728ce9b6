from django.urls import path

from incidents.subscribers import views

urlpatterns = [
    path("", views.subscribe, name="subscribe"),
    path("confirm/<path:token>/", views.confirm, name="subscribe-confirm"),
    path("manage/<path:token>/", views.manage, name="subscribe-manage"),
    path("stop/<path:token>/", views.stop, name="subscribe-stop"),
]
