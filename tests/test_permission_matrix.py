"""Who may look at which page: every route of the site, as everybody. A route that is not in here fails a test.

The table is written by hand and not derived from config/people/roles.py: it is what that file is checked against.
"""

import re
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.urls import URLPattern, get_resolver

from config.audit import append_only
from config.audit.triggers import tracked_models
from config.people import roles
from tests.audit.test_explorer_access import explorer_routes, filled
from tests.conftest import make_person

# Nobody signed in, signed in without a role, Omar (owner), Lena (communicator), Ravi (responder),
# Ana (facilitator), Aud (auditor), Dana (administrator), Sam (superuser)
PEOPLE = ["nobody", "stranger", "omar", "lena", "ravi", "ana", "aud", "dana", "sam"]
ROLE_OF = {
    "stranger": (),
    "omar": (roles.ACTION_OWNER,),
    "lena": (roles.COMMUNICATOR,),
    "ravi": (roles.RESPONDER,),
    "ana": (roles.FACILITATOR,),
    "aud": (roles.AUDITOR,),
    "dana": (roles.ADMINISTRATOR,),
}
STAFF = {"omar", "lena", "ravi", "ana", "aud", "dana", "sam"}
SEE_RESTRICTED = {"aud", "dana", "sam"}

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
    "retros.retrospective": (STAFF, {"ana", "dana", "sam"}, set()),
    "retros.retrospectiveincident": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.section": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.participant": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.retrofactor": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.finding": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.factor": (STAFF, {"ana", "dana", "sam"}, {"sam"}),
    "retros.template": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "retros.templatesection": (STAFF, {"ana", "dana", "sam"}, {"ana", "dana", "sam"}),
    "actions.actionitem": (STAFF, {"ravi", "ana", "dana", "sam"}, set()),
    "people.user": (STAFF, {"dana", "sam"}, set()),
    "people.membership": ({"aud", "dana", "sam"}, {"dana", "sam"}, {"dana", "sam"}),
    "people.apitoken": (None, None, None),  # one's own, by rules of its own: tests/people
    "auth.group": ({"aud", "dana", "sam"}, set(), set()),
    "outbox.delivery": ({"aud", "dana", "sam"}, set(), set()),
}
# What belongs to an incident, by the way that leads there: hidden with a restricted incident.
HIDDEN_WITH = ("incidents.incident", "retros.retrospective", "actions.actionitem")

PAGES_OF_A_MODEL = re.compile(
    r"admin/(?P<app>incidents|retros|actions|people|auth|outbox)/(?P<model>\w+)/(?P<page>|add/|<path:object_id>/(change/|delete/|history/|do/<str:verb>/|))$"
)
OPEN_TO_ALL = {
    "": {302},
    "healthz": {200},
    "readyz": {200},
    "admin/login/": {200, 302},
    "admin/logout/": {405, 302},  # by POST only; whoever is not signed in is sent to sign in
    "admin/jsi18n/": {200, 302},
}
ONLY_IN_THE_DEMO = {
    "mailbox/",
    "mailbox/<slug:name>/",
    "mailbox/<slug:name>/html",
    "mailbox/<slug:name>/source",
}
SIGNED_IN = {
    "admin/": {200},
    "admin/search/": {200},
    "admin/password_change/": {200},
    "admin/password_change/done/": {200},
    "admin/autocomplete/": {403},  # names no field
    "admin/r/<path:content_type_id>/<path:object_id>/": {404},
    "admin/^(?P<app_label>outbox|incidents|retros|actions|people|auth)/$": {200, 404},
    "admin/(?P<url>.*)$": {404},
}
# The audit explorer: tests/audit/test_explorer_access.py walks it as everybody.
EXPLORER = "admin/history/"
TESTED_BY_ITSELF = re.compile(r"admin/people/apitoken/|admin/people/user/.*(password|profile)")


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
    from incidents.models import CustomerUpdate, Incident, IncidentRegion, Region, TimelineEntry
    from retros.models import Factor, Participant, RetroFactor, Retrospective, Template

    retro, incident = item.retro, item.retro.incidents.get()
    region = Region.objects.create(slug="eu", name="Europe")
    IncidentRegion.objects.create(incident=incident, region=region)
    CustomerUpdate.objects.create(incident=incident, text="We look into it.")
    incident.assignments.create(user=ravi, role="commander")
    retro.findings.create(kind="luck", text="It was Sunday.")
    Participant.objects.create(retro=retro, user=ana, hat="on_call")
    RetroFactor.objects.create(retro=retro, factor=Factor.objects.first())
    secret = Incident.objects.create(
        title="A key was public", severity=incident.severity, visibility="restricted"
    )
    secret_retro = Retrospective.objects.open_for(secret)
    secret_item = type(item).objects.create(title="Rotate the key", why="Trust.", retro=secret_retro)
    from config.outbox.models import Delivery

    Delivery.objects.create(key="matrix", kind="actions.overdue", address="omar@example.com")
    found = {}
    for label in MODELS:
        model = apps.get_model(label)
        first = model.objects.order_by("pk").first()
        found[label] = getattr(first, "pk", None)
    found["people.user"] = omar.pk
    assert [label for label, pk in found.items() if pk is None] == ["people.apitoken"]
    assert TimelineEntry.objects.exists()
    assert Template.objects.exists()
    return found, {
        "incidents.incident": secret.pk,
        "retros.retrospective": secret_retro.pk,
        "actions.actionitem": secret_item.pk,
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


@pytest.mark.parametrize("name", PEOPLE)
def test_the_other_pages_of_the_site_answer_as_the_matrix_says(name, visitor, db):
    client = visitor(name)
    filled = {
        "<path:content_type_id>": "99999",
        "<path:object_id>": "1",
        "<slug:name>": "x",
        "(?P<url>.*)$": "x",
    }
    wrong = []
    for route, right in {**OPEN_TO_ALL, **SIGNED_IN, **{route: {404} for route in ONLY_IN_THE_DEMO}}.items():
        path = "/" + re.sub(r"\^\(\?P<app_label>.*", "incidents/", route)
        for hole, value in filled.items():
            path = path.replace(hole, value)
        status = client.get(path).status_code
        if route in SIGNED_IN and name == "nobody":
            right = {302}
        elif route in SIGNED_IN and name == "stranger":
            right = right | {200, 403, 404}
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
        elif name == "stranger":
            right = {200, 403, 404, 405} if re.search("tokens|schema|docs", route) else {403, 404, 405}
        else:
            right = {200, 404, 405, 406} | ({403} if re.search("tokens", route) else set())
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
