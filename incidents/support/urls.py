from django.contrib import admin
from django.urls import path

from incidents.support import views

urlpatterns = [
    path("", admin.site.admin_view(views.show), name="support"),
    path("<int:pk>/ticket/", admin.site.admin_view(views.count), name="support-ticket"),
]
