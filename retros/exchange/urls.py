from django.urls import path

from retros.exchange import views

urlpatterns = [
    path("<int:pk>/markdown/", views.export, {"form": "md"}, name="retro-markdown"),
    path("<int:pk>/json/", views.export, {"form": "json"}, name="retro-json"),
    path("<int:pk>/print/", views.on_paper, name="retro-print"),
]
