"""Who may look at which page: every route of the site, as everybody. A route that is not in here fails a test.

The table is written by hand and not derived from config/people/roles.py: it is what that file is checked against.
"""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from config.audit import append_only
from config.audit.triggers import tracked_models
from config.people import roles
from incidents.api import ROUTES
from incidents.status.shape import NAMES
from tests.audit.test_explorer_access import explorer_routes, filled
from tests.conftest import make_person

# Nobody signed in, signed in without a role, Omar (owner), Lena (communicator), Ravi (responder),
# Ana (facilitator), Aud (auditor), Dana (administrator), Sam (superuser), Suki (support)
PEOPLE = ["nobody", "stranger", "suki", "omar", "lena", "ravi", "ana", "aud", "dana", "sam"]
ROLE_OF = {
    "stranger": (),
    "suki": (roles.SUPPORT,),
    "omar": (roles.ACTION_OWNER,),
    "lena": (roles.COMMUNICATOR,),
    "ravi": (roles.RESPONDER,),
    "ana": (roles.FACILITATOR,),
    "aud": (roles.AUDITOR,),
    "dana": (roles.ADMINISTRATOR,),
}
STAFF = {"omar", "lena", "ravi", "ana", "aud", "dana", "sam"}
SEE_RESTRICTED = {"aud", "dana", "sam"}
WRITE_RETROS = {"ana", "dana", "sam"}

# model: who sees it, who adds it, who may ask to delete it
MODELS = {
    "incidents.service": (STAFF, {"dana", "sam"}, {"dana", "sam"}),
    "incidents.region": (STAFF, {"dana", "sam"}, {"dana", "sam"}),
    "incidents.severity": (STAFF, {"dana", "sam"}, {"dana", "sam"}),
    "incidents.incident": (STAFF, {"ravi", "dana", "sam"}, {"sam"}),
    "incidents.incidentservice": (STAFF, {"ravi", "dana", "sam"}, {"ravi", "dana", "sam"}),
    "incidents.incidentregion": (STAFF, {"ravi", "dana", "sam"}, {"ravi", "dana", "sam"}),
    "incidents.assignment": (STAFF, {"ravi", "dana", "sam"}, {"ravi", "dana", "sam"}),
    # One that Aftercare wrote: what people wrote, people may take back.
    "incidents.timelineentry": (
        STAFF,
        {"lena", "ravi", "ana", "dana", "sam"},
        {"sam"},
    ),
    "incidents.customerupdate": (STAFF, {"lena", "ravi", "dana", "sam"}, {"sam"}),
    "incidents.messagetemplate": (STAFF, {"lena", "dana", "sam"}, {"lena", "dana", "sam"}),
    "incidents.validationcheck": (STAFF, {"dana", "sam"}, {"dana", "sam"}),
    "incidents.milestone": (STAFF, {"ravi", "dana", "sam"}, set()),
    "incidents.feedback": (STAFF, set(), set()),  # customers alone: tests/incidents/test_feedback_links.py
    "incidents.ticketcount": (STAFF, {"lena", "ravi", "ana", "dana", "sam"}, set()),
    "incidents.supportticket": (
        STAFF,
        {"lena", "ravi", "ana", "dana", "sam"},
        {"lena", "ravi", "ana", "dana", "sam"},
    ),
    "incidents.customer": (
        STAFF - {"omar"},
        {"lena", "dana", "sam"},
        {"lena", "dana", "sam"},
    ),
    "incidents.maintenance": (STAFF, {"lena", "ravi", "dana", "sam"}, set()),
    # Addresses of customers. Unsubscribed, not deleted: tests/incidents/test_subscribers_admin.py
    "incidents.subscriber": ({"lena", "aud", "dana", "sam"}, {"lena", "dana", "sam"}, set()),
    "retros.retrospective": (STAFF, {"ana", "dana", "sam"}, set()),
    "retros.retrospectiveincident": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.section": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.participant": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.retrofactor": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.finding": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.review": (STAFF, set(), set()),  # made by asking: tests/retros/test_reviews.py
    "retros.comment": (STAFF, set(), set()),  # made on the review's page: tests/retros/test_review_page.py
    # Drafted on the page of its retro; taken back by withdrawing it: tests/retros/test_learnings_admin.py
    "retros.learning": (STAFF, set(), set()),
    "retros.factor": (STAFF, {"ana", "dana", "sam"}, {"sam"}),
    "retros.question": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.template": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.templatesection": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.step": (STAFF, set(), set()),
    "retros.steprule": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.timelinemark": (STAFF, set(), {"ana", "dana", "sam"}),
    "actions.actionitem": (STAFF, {"ravi", "ana", "dana", "sam"}, set()),
    "actions.effectivenesscheck": (STAFF, set(), set()),
    # One that is not for all other items: that one stays.
    "actions.reminderpolicy": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "actions.usedlink": ({"aud", "dana", "sam"}, set(), set()),
    "actions.calendarfeed": ({"aud", "dana", "sam"}, set(), set()),
    "reminding.reminder": ({"ana", "aud", "dana", "sam"}, set(), set()),
    "people.user": (STAFF, {"dana", "sam"}, set()),
    "people.membership": ({"aud", "dana", "sam"}, {"dana", "sam"}, {"dana", "sam"}),
    "people.privatename": (
        {"lena", "ana", "aud", "dana", "sam"},
        {"lena", "ana", "dana", "sam"},
        {"lena", "ana", "dana", "sam"},
    ),
    "people.apitoken": (None, None, None),  # one's own, by rules of its own: tests/people
    "auth.group": ({"aud", "dana", "sam"}, set(), set()),
    "outbox.delivery": ({"aud", "dana", "sam"}, set(), set()),
}
# What belongs to an incident, by the way that leads there: hidden with a restricted incident.
HIDDEN_WITH = ("incidents.incident", "retros.retrospective", "actions.actionitem")

PAGES_OF_A_MODEL = re.compile(
    r"admin/(?P<app>incidents|retros|actions|people|auth|outbox|reminding)/(?P<model>\w+)/(?P<page>|add/|<path:object_id>/(change/|delete/|history/|do/<str:verb>/|))$"
)
OPEN_TO_ALL = {
    # The status page is for everybody: tests/incidents/test_status_serving.py
    "": {200},
    "^incidents/(?P<public_id>[a-z0-9]{12})/$": {404},
    "history/": {200},
    r"^history/(?P<month>\d{4}-\d\d)/$": {404},
    "history.atom": {200},
    "history.rss": {200},
    **{f"api/v2/{name}.json": {200} for name in NAMES},
    "healthz": {200},
    "readyz": {200, 503},  # whether it is ready is not a question of who asks
    "admin/login/": {200, 302},
    # For everybody, and the same for each: tests/incidents/test_feedback_links.py
    "feedback/^(?P<public_id>[a-z0-9]{12})/$": {404},
    "feedback/by-link/<path:token>/": {404},
    "admin/logout/": {405, 302},  # by POST only; whoever is not signed in is sent to sign in
    "admin/jsi18n/": {200, 302},
    # Whoever has the address: signed in or not, a wrong one is refused. tests/actions/test_answer_links.py
    "go/<path:token>/": {404},
    "u/<path:token>/": {404},
    # For everybody, and the same for each: tests/incidents/test_subscribing.py
    "subscribe/": {200},
    "subscribe/confirm/<path:token>/": {404},
    "subscribe/manage/<path:token>/": {404},
    "subscribe/stop/<path:token>/": {404},
    "perspective/<path:token>/": {404},  # tests/retros/test_perspective_links.py
    "impression/<path:token>/": {404},  # tests/retros/test_impressions.py
    "calendar/<str:token>.ics": {404},  # tests/actions/test_calendar_feed.py
    # For everybody, and the same for each: tests/retros/test_learnings_public.py
    "learnings/": {200},
    "learnings/feed.atom": {200},
    "learnings/feed.rss": {200},
    "learnings/feed.json": {200},
    "learnings/<slug:slug>/": {404},
    "learnings/<slug:slug>/earlier/<int:number>/": {404},
}
ONLY_IN_THE_DEMO = {
    "mailbox/",
    "mailbox/<slug:name>/",
    "mailbox/<slug:name>/html",
    "mailbox/<slug:name>/source",
}
SIGNED_IN = {
    "admin/": {200},
    "admin/outbox/delivery/send-again/": {200, 403},  # by permission: tests/outbox/test_send_again.py
    "admin/incidents/subscriber/import/": {
        200,
        403,
    },  # by permission: tests/incidents/test_subscribers_admin.py
    "admin/search/": {200},
    "admin/coach/": {405},  # by POST only: tests/coach/test_page.py
    "admin/themes/": {200},
    "admin/feedback/": {200},
    # By permission: tests/incidents/test_support_page.py and test_customers_page.py
    "admin/support/": {200, 403},
    "admin/support/<int:pk>/ticket/": {405, 403},
    "admin/customers/import/": {200, 403},
    "admin/customers/export/": {200, 403},
    "admin/search/alike/<slug:kind>/": {404},  # by permission: tests/search/test_finding.py
    "admin/password_change/": {200},
    "admin/password_change/done/": {200},
    "admin/autocomplete/": {403},  # names no field
    "admin/r/<path:content_type_id>/<path:object_id>/": {404},
    "admin/^(?P<app_label>outbox|reminding|incidents|retros|actions|people|auth)/$": {200, 404},
    "admin/(?P<url>.*)$": {404},
    # One's own: tests/actions/test_my_actions.py
    "my/actions/": {200},
    "my/actions/together/": {405},
    "my/actions/undo/": {405},
    "my/actions/<int:pk>/<slug:verb>/": {404},
    "my/checks/<int:pk>/": {404},
    "my/preferences/": {200},
    "my/preferences/calendar/": {405},
    # By who sees the retro: tests/retros/test_exchange_pages.py
    "retros/<int:pk>/markdown/": {404},
    "retros/<int:pk>/json/": {404},
    "retros/<int:pk>/print/": {404},
}
# The audit explorer: tests/audit/test_explorer_access.py walks it as everybody.
EXPLORER = "admin/history/"
# The page on which a retro is prepared: each of its addresses is asked for as everybody below.
WORKSPACE = "admin/retros/retrospective/<path:object_id>/workspace/"
WORKSPACE_READ = {"", "timeline/"}
WORKSPACE_WRITTEN = {
    # address: what is sent, and what whoever may do it is answered.
    "preview/": ({"text": "INC-0001"}, 200),
    "text/": ({"part": "impact", "text": "Nobody could pay.", "version": "1"}, 302),
    "marks/": ({"mark": "{entry}:star:1"}, 302),
    "entries/<int:pk>/correct/": ({"at": "2026-03-02T09:00:00", "reason": "The clock was fast."}, 302),
    "steps/<int:pk>/<slug:verb>/": ({"reason": "Nobody is left who was there."}, 302),
    "add/<slug:what>/": (
        {"entry-at": "2026-03-02T09:00:00", "entry-incident": "{incident}", "entry-text": "x"},
        302,
    ),
}
TESTED_BY_ITSELF = re.compile(
    r"admin/people/apitoken/|admin/people/user/.*(password|profile)"
    r"|admin/retros/retrospective/<path:object_id>/(perspectives|meeting|review)"  # tests/retros/test_*_page.py
    # tests/incidents/test_telling.py
    r"|admin/incidents/(incident/<path:object_id>/tell|customerupdate/<path:object_id>/preview)/"
    r"|admin/retros/learning/<path:object_id>/(preview|check)/|admin/retros/retrospective/<path:object_id>/learning/"
)


def routes(patterns=None, before=""):
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern.url_patterns, route)


def test_every_route_is_in_the_matrix():
    known = {*OPEN_TO_ALL, *ONLY_IN_THE_DEMO, *SIGNED_IN}
    strange = [
        route
        for route in routes()
        if route not in known
        and not route.startswith(WORKSPACE)
        and not route.startswith(("api/v1/", EXPLORER))
        and not PAGES_OF_A_MODEL.match(route)
        and not TESTED_BY_ITSELF.match(route)
    ]
    assert strange == []


def test_every_model_of_the_workspace_is_in_the_matrix():
    of_routes = {f"{m['app']}.{m['model']}" for route in routes() if (m := PAGES_OF_A_MODEL.match(route))}
    assert of_routes == set(MODELS)


@pytest.fixture
def rows(item, service, ravi, ana, omar):
    """One row of each model, and a restricted incident with its retro and item that only some may see."""
    from incidents.models import (
        Customer,
        CustomerUpdate,
        Feedback,
        Incident,
        IncidentRegion,
        Maintenance,
        Region,
        Subscriber,
        TimelineEntry,
    )
    from retros.models import Factor, Learning, Participant, RetroFactor, Retrospective, Template

    retro, incident = item.retro, item.retro.incidents.get()
    region = Region.objects.create(slug="eu", name="Europe")
    IncidentRegion.objects.create(incident=incident, region=region)
    CustomerUpdate.objects.create(incident=incident, text="We look into it.")
    incident.assignments.create(user=ravi, role="commander")
    retro.findings.create(kind="luck", text="It was Sunday.")
    Participant.objects.create(retro=retro, user=ana, hat="on_call")
    RetroFactor.objects.create(retro=retro, factor=Factor.objects.first())
    retro.reviews.create(reviewer=omar, asked_by=ana)
    retro.comments.create(author=omar, text="How many were there?")
    retro.marks.put(retro, incident.timeline.first(), by=ana, is_starred=True)
    secret = Incident.objects.create(
        title="A key was public", severity=incident.severity, visibility="restricted"
    )
    secret_retro = Retrospective.objects.open_for(secret)
    secret_retro.reviews.create(reviewer=ravi, asked_by=ana)
    secret_retro.comments.create(author=ravi, text="Rotate the key, was it?")
    Learning.objects.create(retro=retro, title="Paying failed", slug="paying-failed")
    secret_learning = Learning.objects.create(retro=secret_retro, title="A key was public", slug="a-key")
    secret_item = type(item).objects.create(title="Rotate the key", why="Trust.", retro=secret_retro)
    incident.milestones.create(title="Refunds are out", owner=ravi)
    Maintenance.objects.create(
        title="New disks",
        text="Slow.",
        scheduled_for=timezone.now(),
        scheduled_until=timezone.now() + timedelta(1),
    )
    Subscriber.objects.create(address="kim@customer.example")
    update = incident.updates.get()
    Feedback.objects.give(incident, "update", "matrix", source="mail", update=update, known="yes")
    Feedback.objects.give(secret, "after", "hidden", source="mail", sentiment=1, transparency=1)
    for about in (incident, secret):
        about.ticket_counts.create(count=3)
        about.support_tickets.create(reference="#1")
    Customer.objects.create(name="Fabrikam", external_id="c-1")
    secret_milestone = secret.milestones.create(title="A key was public no more")
    from actions.models import CalendarFeed, UsedLink

    for about in (item, secret_item):
        about.checks.create(done_at=timezone.now(), due_on=timezone.now().date())
    from config.outbox.models import Delivery
    from config.people.models import PrivateName
    from config.reminding.models import Reminder

    PrivateName.objects.create(name="Fabrikam")

    UsedLink.objects.create(nonce="n", purpose="done", item=item, user=omar)
    CalendarFeed.issue(omar)
    for about in (item, secret_item):
        key = f"overdue 1:item {about.pk}:2026-03-02:{omar.pk}"
        Reminder.objects.create(key=key, subject_kind="item", subject_id=about.pk, recipient=omar)
    Delivery.objects.create(key="matrix", kind="actions.overdue", address="omar@example.com")
    found = {}
    for label in MODELS:
        model = apps.get_model(label)
        first = model.objects.order_by("pk").first()
        found[label] = getattr(first, "pk", None)
    found["people.user"] = omar.pk
    found["actions.reminderpolicy"] = apps.get_model("actions.reminderpolicy").objects.get(priority=1).pk
    assert [label for label, pk in found.items() if pk is None] == ["people.apitoken"]
    assert TimelineEntry.objects.exists()
    assert Template.objects.exists()
    return found, {
        "incidents.incident": secret.pk,
        "retros.retrospective": secret_retro.pk,
        "retros.learning": secret_learning.pk,
        "actions.actionitem": secret_item.pk,
        "actions.effectivenesscheck": secret_item.checks.get().pk,
        "incidents.milestone": secret_milestone.pk,
        "incidents.feedback": secret.feedback.get().pk,
        "incidents.ticketcount": secret.ticket_counts.get().pk,
        "incidents.supportticket": secret.support_tickets.get().pk,
        "reminding.reminder": Reminder.objects.get(subject_id=secret_item.pk).pk,
    }


@pytest.fixture
def visitor(client, admin_user, request):
    """Sign somebody of the table in."""

    def sign_in(name):
        from config.people.models import User

        if name == "nobody":
            return client
        known = User.objects.filter(email=f"{name}@example.com").first()
        user = admin_user if name == "sam" else known or make_person(f"{name}@example.com", *ROLE_OF[name])
        client.force_login(user)
        return client

    return sign_in


def expected(name, label, page, *, is_hidden=False):
    """The answers that are right for a GET of one page of a model."""
    if name == "nobody":
        return {302}
    sees, adds, deletes = MODELS[label]
    if page == "add/":
        return {200} if name in adds else {403}
    if is_hidden and name not in SEE_RESTRICTED:
        # As if it were not there: Django says so by sending back to the start.
        return {302, 403}
    if page.endswith("delete/"):
        return {200} if name in deletes else {403}
    if page.endswith(("do/<str:verb>/", "<path:object_id>/")):
        return {302, 403, 404, 200, 409}
    return {200} if name in sees else {403}


def model_routes():
    for route in routes():
        match = PAGES_OF_A_MODEL.match(route)
        if match and not TESTED_BY_ITSELF.match(route):
            yield route, f"{match['app']}.{match['model']}", match["page"]


@pytest.mark.parametrize("name", PEOPLE)
def test_the_workspace_shows_everybody_what_the_matrix_says(name, visitor, rows):
    client, (visible, hidden) = visitor(name), rows
    wrong = []
    for route, label, page in model_routes():
        for pk, is_hidden in ((visible[label], False), (hidden.get(label), True)):
            if pk is None or (is_hidden and "<path" not in route):
                continue
            path = "/" + route.removesuffix("$").replace("<path:object_id>", str(pk)).replace(
                "<str:verb>", "start"
            )
            status = client.get(path).status_code
            if status not in (right := expected(name, label, page, is_hidden=is_hidden)):
                wrong.append(f"{path}: {status} instead of {sorted(right)}")
    assert wrong == []


@pytest.mark.parametrize("name", PEOPLE)
def test_a_restricted_incident_is_named_nowhere_to_those_it_is_hidden_from(name, visitor, rows):
    client, (_, hidden) = visitor(name), rows
    named = []
    for route, label, page in model_routes():
        for pk in {hidden.get(label), None}:
            if ("<path" in route) == (pk is None) or page.endswith("do/<str:verb>/"):
                continue
            path = "/" + route.removesuffix("$").replace("<path:object_id>", str(pk))
            answer = client.get(path)
            if b"A key was public" in answer.content or b"Rotate the key" in answer.content:
                named.append(path)
    for path in ("/admin/", "/admin/search/?s=key", "/admin/incidents/incident/?q=key", "/api/v1/incidents/"):
        if b"A key was public" in client.get(path).content:
            named.append(path)
    assert bool(named) == (name in SEE_RESTRICTED), named


def workspace_of(retro, route):
    step = retro.steps.get(kind="factors").pk
    entry = retro.incidents.get().timeline.filter(kind="note").order_by("pk").first()
    path = f"/{WORKSPACE}{route}".replace("<path:object_id>", str(retro.pk)).replace("<slug:what>", "entry")
    path = path.replace("entries/<int:pk>", f"entries/{entry.pk}").replace("<slug:verb>", "leave_out")
    return path.replace("<int:pk>", str(step)), entry


def test_every_address_of_the_workspace_of_a_retro_is_in_the_matrix():
    found = {route.removeprefix(WORKSPACE) for route in routes() if route.startswith(WORKSPACE)}
    assert found == WORKSPACE_READ | set(WORKSPACE_WRITTEN)


@pytest.fixture
def with_notes(rows):
    """The two retros, each with something on its timeline that people wrote."""
    from retros.models import Retrospective

    found = [Retrospective.objects.get(pk=of["retros.retrospective"]) for of in rows]
    for retro in found:
        retro.incidents.get().log("note", "The queue is full.")
    return found


@pytest.mark.parametrize("name", PEOPLE)
def test_the_workspace_of_a_retro_answers_as_the_matrix_says(name, visitor, with_notes):
    client, wrong = visitor(name), []
    for retro, is_hidden in zip(with_notes, (False, True), strict=True):
        for route in sorted(WORKSPACE_READ | set(WORKSPACE_WRITTEN)):
            path, entry = workspace_of(retro, route)
            sent, done = WORKSPACE_WRITTEN.get(route, ({}, 200))
            about = {"entry": entry.pk, "incident": entry.incident_id}
            sent = {key: value.format(**about) for key, value in sent.items()}
            answer = client.post(path, sent) if route in WORKSPACE_WRITTEN else client.get(path)
            if name == "nobody":
                right = 302
            elif name in ("stranger", "suki") or (is_hidden and name not in SEE_RESTRICTED):
                right = 404
            else:
                right = done if route in WORKSPACE_READ or name in WRITE_RETROS else 403
            signed_in = name == "nobody" or "/login/" not in getattr(answer, "url", "")
            if answer.status_code != right or not signed_in:
                wrong.append(f"{path}: {answer.status_code} instead of {right}")
    assert wrong == []


@pytest.mark.parametrize("route", sorted(WORKSPACE_WRITTEN))
def test_looking_at_an_address_that_writes_changes_nothing(route, visitor, with_notes):
    client, retro = visitor("sam"), with_notes[0]
    path, _ = workspace_of(retro, route)
    before = changes()
    assert client.get(path).status_code in (405, 200)
    assert changes() == before


@pytest.mark.parametrize("name", PEOPLE)
def test_the_other_pages_of_the_site_answer_as_the_matrix_says(name, visitor, db):
    client = visitor(name)
    filled = {
        "<path:content_type_id>": "99999",
        "<path:object_id>": "1",
        "<slug:name>": "x",
        "<slug:kind>": "x",
        "<int:pk>": "1",
        "<slug:verb>": "complete",
        "<slug:slug>": "nowhere",
        "<int:number>": "1",
        "<str:token>": "x",
        "(?P<url>.*)$": "x",
    }
    wrong = []
    for route, right in {**OPEN_TO_ALL, **SIGNED_IN, **{route: {404} for route in ONLY_IN_THE_DEMO}}.items():
        path = "/" + re.sub(r"\^\(\?P<app_label>.*", "incidents/", route)
        path = re.sub(r"\(\?P<public_id>.*?\)", "a" * 12, path)
        path = re.sub(r"\(\?P<month>.*?\)", "1999-01", path).replace("^", "").replace("/$", "/")
        for hole, value in filled.items():
            path = path.replace(hole, value)
        status = client.get(path).status_code
        if route in SIGNED_IN and name == "nobody":
            right = {302}
        elif route in SIGNED_IN and name in ("stranger", "suki"):
            right = right | {200, 403, 404}
        if status not in right:
            wrong.append(f"{path}: {status} instead of {sorted(right)}")
    assert wrong == []


# Lists of the API: who reads them, and who may add to them; None: nobody can. `{i}` is an incident that is not hidden,
# `{m}` a window of maintenance.
CATALOGUE = {"dana", "sam"}
TELL = {"lena", "ravi", "dana", "sam"}
COUNT = {"lena", "ravi", "ana", "dana", "sam"}
API = {
    "services/": (STAFF, CATALOGUE),
    "regions/": (STAFF, None),
    "severities/": (STAFF, None),
    "incidents/": (STAFF, {"ravi", "dana", "sam"}),
    "incidents/{i}/timeline/": (STAFF, COUNT),
    "incidents/{i}/updates/": (STAFF, TELL),
    "incidents/{i}/milestones/": (STAFF, {"ravi", "dana", "sam"}),
    "incidents/{i}/ticket-counts/": (STAFF, COUNT),
    "incidents/{i}/ticket-counts/add_one/": (None, COUNT),
    "incidents/{i}/support-tickets/": (STAFF, COUNT),
    "message-templates/": (STAFF, {"lena", "dana", "sam"}),
    "publishing-rights/": (STAFF, CATALOGUE),
    "validation-checks/": (STAFF, CATALOGUE),
    "maintenances/": (STAFF, TELL),
    "maintenances/{m}/updates/": (STAFF, None),
    "subscribers/": ({"lena", "aud", "dana", "sam"}, None),
}


NOTHING_TO_SAY = {"incidents/{i}/updates/", "incidents/{i}/ticket-counts/add_one/"}  # a draft may be empty


def test_every_list_of_incidents_in_the_api_is_in_the_matrix():
    short = {"(?P<incident>[^/]+)": "{i}", "(?P<maintenance>[^/]+)": "{m}"}
    lists = set()
    for prefix, _, _ in ROUTES:
        for key, hole in short.items():
            prefix = prefix.replace(key, hole)
        lists.add(f"{prefix}/")
    assert lists == set(API) - {"incidents/{i}/ticket-counts/add_one/"}


@pytest.mark.parametrize("name", PEOPLE)
def test_the_lists_of_the_api_answer_as_the_matrix_says(name, visitor, rows):
    client, (visible, _) = visitor(name), rows
    wrong = []
    for path, (readers, writers) in API.items():
        about = {"i": visible["incidents.incident"], "m": visible["incidents.maintenance"]}
        address = f"/api/v1/{path.format(**about)}"
        asked = [(client.get(address).status_code, readers, {200})]
        # An empty body says nothing that could be added, which only whoever may add is told.
        added = client.post(address, {}, "application/json").status_code
        asked.append((added, writers, {201} if path in NOTHING_TO_SAY else {400}))
        for status, people, done in asked:
            if name == "nobody":
                right = {401}
            elif people is None:
                right = {405} if name in (readers or STAFF) else {403}
            else:
                right = done if name in people else {403}
            if status not in right:
                wrong.append(f"{path}: {status} instead of {sorted(right)}")
    assert wrong == []


def api_routes():
    for route in routes():
        if route.startswith("api/v1/"):
            yield route.replace("^", "").replace("$", "")


@pytest.mark.parametrize("name", PEOPLE)
def test_the_api_shows_nothing_to_those_without_a_role(name, visitor, rows):
    client, (visible, _) = visitor(name), rows
    wrong = []
    for route in api_routes():
        key = "1" if "incidents/" not in route else str(visible["incidents.incident"])
        path = "/" + re.sub(r"\(\?P<\w+>\[\^/\]\+\)|<path:rest>", key, route)
        status = client.get(path).status_code
        if name == "nobody":
            right = {302} if "docs" in route else {401, 404}
        elif name in ("stranger", "suki"):
            right = {200, 403, 404, 405} if re.search("tokens|schema|docs", route) else {403, 404, 405}
        else:
            right = {200, 404, 405, 406} | ({403} if re.search("tokens|subscribers", route) else set())
            right |= {400} if route.endswith("filled/") else set()  # for which incident?
        if status not in right:
            wrong.append(f"{path}: {status} instead of {sorted(right)}")
    assert wrong == []


def changes() -> int:
    with connection.cursor() as cursor:
        total = 0
        for tracked in tracked_models():
            cursor.execute(f'SELECT count(*) FROM "{tracked.history_table}"')
            total += cursor.fetchone()[0]
    return total + sum(model.objects.count() for model in append_only.models())


def test_looking_at_every_page_changes_nothing(visitor, rows):
    client, (visible, hidden) = visitor("sam"), rows
    before = changes()
    looked = 0
    for route, label, _ in model_routes():
        for pk in (visible[label], hidden.get(label, visible[label])):
            for verb in ("resolve", "publish", "complete", "requeue"):
                path = "/" + route.removesuffix("$").replace("<path:object_id>", str(pk))
                client.get(path.replace("<str:verb>", verb))
                looked += 1
                if "<str:verb>" not in path:
                    break
    incident = apps.get_model("incidents.incident").objects.get(pk=visible["incidents.incident"])
    for route in explorer_routes():
        assert client.get(filled(route, incident)).status_code in (200, 302, 404, 405)
    for route in api_routes():
        client.get("/" + re.sub(r"\(\?P<\w+>\[\^/\]\+\)|<path:rest>", str(incident.pk), route))
    call_command("check", stdout=StringIO())
    assert looked > 100
    assert changes() == before
