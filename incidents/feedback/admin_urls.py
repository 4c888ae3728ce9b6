from django.contrib import admin
from django.urls import path

from incidents.feedback import index

urlpatterns = [path("", admin.site.admin_view(index.show), name="feedback-index")]
