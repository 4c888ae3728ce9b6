from django.urls import path, re_path

from incidents.status.serving import public
from incidents.status.shape import NAMES

# For `reverse`, and as a list of what there is: the middleware answers all of these before they are resolved.
urlpatterns = [
    path("", public, name="status"),
    re_path(r"^incidents/(?P<public_id>[a-z0-9]{12})/$", public, name="status-incident"),
    path("history/", public, name="status-history"),
    re_path(r"^history/(?P<month>\d{4}-\d\d)/$", public, name="status-month"),
    path("history.atom", public, name="status-atom"),
    path("history.rss", public, name="status-rss"),
    *(path(f"api/v2/{name}.json", public) for name in NAMES),
]
