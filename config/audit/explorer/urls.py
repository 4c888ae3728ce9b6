"""Where the explorer's pages are, and who may open them."""

from functools import wraps

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.urls import path

from config.audit.explorer import export, restoring, saving, versions, views
from config.audit.explorer.sight import may_explore

app_name = "audit"


def opened(view):
    """Only for those who are signed in and may read the history."""

    @wraps(view)
    def ask_first(request, *args, **kwargs):
        if not may_explore(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return admin.site.admin_view(ask_first)


urlpatterns = [
    path("", opened(views.explorer), name="explorer"),
    path("deleted/", opened(views.deleted), name="deleted"),
    path("export/", opened(export.export), name="export"),
    path("exports/", opened(export.exports), name="exports"),
    path("filters/", opened(saving.save), name="save-filter"),
    path("filters/<int:pk>/", opened(saving.change), name="change-filter"),
    path("as-of/", opened(versions.moments), name="moments"),
    path("as-of/<str:label>/", opened(versions.objects_as_of), name="list-as-of"),
    path("as-of/<str:label>/<int:pk>/", opened(versions.object_as_of), name="as-of"),
    path("<str:label>/<int:pk>/compare/", opened(versions.compare), name="compare"),
    path("<str:label>/<int:pk>/<int:number>/", opened(versions.version), name="version"),
    path("<str:label>/<int:pk>/<int:number>/restore/", opened(restoring.restore), name="restore"),
]
