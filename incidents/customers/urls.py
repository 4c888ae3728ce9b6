from django.contrib import admin
from django.urls import path

from incidents.customers import views

urlpatterns = [
    path("import/", admin.site.admin_view(views.upload), name="customers-import"),
    path("export/", admin.site.admin_view(views.download), name="customers-export"),
]
