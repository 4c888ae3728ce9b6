from django.contrib import admin
from django.urls import path

from config.audit.evidence import views

app_name = "evidence"
urlpatterns = [path("", admin.site.admin_view(views.evidence), name="make")]
