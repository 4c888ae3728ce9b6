from django.contrib import admin
from django.urls import path

from config.coach import views

app_name = "coach"
urlpatterns = [path("", admin.site.admin_view(views.marks), name="marks")]
