"""The only place that names every app."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

import actions.api
import config.people.api
import incidents.api
import retros.api
import retros.themes
from config import health
from config.api.resources import Nowhere
from config.outbox import mailbox
from config.reminding import unsubscribing

api = SimpleRouter()
for app in (incidents, retros, actions, config.people):
    for prefix, resource, name in app.api.ROUTES:
        api.register(prefix, resource, name)
api_urls = [
    *api.urls,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    # A page for people: who is not signed in is asked to, rather than told 401.
    path("docs/", login_required(SpectacularSwaggerSplitView.as_view()), name="docs"),
    path("", Nowhere.as_view()),
    path("<path:rest>", Nowhere.as_view()),
]

handler400 = "config.api.problems.bad_request"
handler500 = "config.api.problems.server_error"

urlpatterns = [
    path("", include("incidents.status.urls")),
    path("subscribe/", include("incidents.subscribers.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
    path("mailbox/<slug:name>/", mailbox.letter, name="mailbox-letter"),
    path("mailbox/<slug:name>/html", mailbox.html, name="mailbox-html"),
    path("mailbox/<slug:name>/source", mailbox.source, name="mailbox-source"),
    path("go/", include("actions.urls")),
    path("", include("retros.urls")),
    path("u/<path:token>/", unsubscribing.unsubscribe, name="unsubscribe"),
    path("", include("actions.my_urls")),
    path("feedback/", include("incidents.feedback.urls")),
    path("learnings/", include("retros.public_urls")),
    path("retros/", include("retros.exchange.urls")),
    path("api/v1/", include(api_urls)),
    path("admin/history/verify/", include("config.audit.verifying")),
    path("admin/history/evidence/", include("config.audit.evidence.urls")),
    path("admin/history/", include("config.audit.explorer.urls")),
    path("admin/coach/", include("config.coach.urls")),
    path("admin/support/", include("incidents.support.urls")),
    path("admin/feedback/", include("incidents.feedback.admin_urls")),
    path("admin/customers/", include("incidents.customers.urls")),
    path("admin/themes/", retros.themes.view, name="themes"),
    path("admin/search/", include("config.search.urls")),
    path("admin/", admin.site.urls),
]
