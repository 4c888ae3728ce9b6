"""Who may open the explorer, and that what is restricted stays so in every corner of it."""

import re

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import URLPattern, get_resolver

from config.audit.belonging import story_as_of
from config.audit.explorer.sight import tables_for
from config.audit.filters import AuditExport, SavedFilter
from config.audit.triggers import tracked_models
from config.people import roles
from incidents.models import Incident
from tests.audit.explorer import EXPLORER, changes_on, opened
from tests.conftest import make_person
from tests.faults import snapshot

pytestmark = pytest.mark.django_db
SECRET = "A key was public"


@pytest.fixture
def secret(severity, ravi, omar, ana):
    """A restricted incident with a part, a retro and an action item, each naming it."""
    from actions.models import ActionItem
    from retros.models import Retrospective

    incident = Incident.objects.declare(by=None, title=SECRET, severity=severity, visibility="restricted")
    incident.assignments.create(user=ravi, role="commander")
    retro = Retrospective.objects.open_for(incident, title=f"{SECRET}: retro")
    retro.findings.create(kind="luck", text=f"{SECRET} for an hour only.")
    ActionItem.objects.create(title=f"{SECRET}: rotate it", why="Trust.", retro=retro)
    return incident


@pytest.fixture
def reader(db):
    """Reads the history, but no restricted incidents: no role of ours is like that, somebody's may be."""
    group = Group.objects.create(name="Reader of history")
    names = {name.partition(".")[2] for name in roles.ROLES[roles.AUDITOR]} - {"view_restricted_incident"}
    group.permissions.set(Permission.objects.filter(codename__in=names))
    person = make_person("reader@example.com")
    person.groups.add(group)
    return person


def explorer_routes(patterns=None, before=""):
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            yield from explorer_routes(pattern.url_patterns, route)
        elif route.startswith("admin/history/"):
            yield "/" + route


def filled(route, incident):
    number = incident.history.first().history_id
    holes = {"<str:label>": "incidents.incident", "<int:pk>": incident.pk, "<int:number>": number}
    for hole, value in holes.items():
        route = route.replace(hole, str(value))
    return route


@pytest.mark.parametrize("person", ["stranger", "omar", "lena", "ravi", "ana"])
def test_it_is_for_those_who_may_read_the_history(client, request, incident, person):
    client.force_login(request.getfixturevalue(person))
    statuses = {route: client.get(filled(route, incident)).status_code for route in explorer_routes()}
    assert set(statuses.values()) == {403}, statuses


def test_who_is_not_signed_in_is_asked_to(client, incident):
    answers = [client.get(filled(route, incident)) for route in explorer_routes()]
    assert {answer.status_code for answer in answers} == {302}
    assert all("/admin/login/" in answer["Location"] for answer in answers)


def test_the_auditor_and_the_administrator_open_every_page(client, incident, aud):
    incident.save()
    dana = make_person("dana@example.com", roles.ADMINISTRATOR)
    type(incident).objects.filter(pk=incident.pk).update(title="Renamed")
    for person, restores in ((aud, 403), (dana, 200)):
        client.force_login(person)
        for route in explorer_routes():
            right = restores if route.endswith("restore/") else 200
            if re.search("filters/|export/", route):
                right = 405
            query = "?one=1&with=1" if "compare" in route else ""
            answer = client.get(filled(route, incident) + query, follow="compare" in route)
            assert answer.status_code in (right, 404 if "compare" in route else right), route


def test_looking_changes_nothing(client, aud, incident, retro, item):
    client.force_login(aud)
    before = snapshot(Incident, SavedFilter, AuditExport)
    for route in explorer_routes():
        for query in ("", "?at=2026-09-30", "?format=csv", "?name=x&query=", "?delete=yes"):
            client.get(filled(route, incident) + query)
    assert snapshot(Incident, SavedFilter, AuditExport) == before


# --- What is restricted ------------------------------------------------------------------------------------


def every_page_about(secret):
    number = secret.history.first().history_id
    retro, item = secret.retros.get(), secret.retros.get().action_items.get()
    yield from (EXPLORER, f"{EXPLORER}?who=Ravi", f"{EXPLORER}?field=title", f"{EXPLORER}?change=created")
    for row in (secret, retro, item, retro.findings.get(), secret.assignments.get(), secret.timeline.get()):
        label = row._meta.label_lower
        yield f"{EXPLORER}?object={label}:{row.pk}"
        yield f"{EXPLORER}as-of/{label}/{row.pk}/"
        yield f"{EXPLORER}as-of/{label}/"
        yield f"{EXPLORER}as-of/?object={label}:{row.pk}"
        yield f"{EXPLORER}{label}/{row.pk}/{row.history.first().history_id}/"
    yield f"{EXPLORER}incidents.incident/{secret.pk}/compare/?one={number}&with={number}"
    yield f"{EXPLORER}deleted/"
    yield f"{EXPLORER}?object=INC-{secret.pk}"


def shown_on(client, pages):
    return [page for page in pages if SECRET in client.get(page).content.decode()]


def test_what_is_restricted_is_on_no_page_of_who_may_not_see_it(client, reader, aud, secret, incident):
    pages = list(every_page_about(secret))
    client.force_login(reader)
    assert shown_on(client, pages) == []
    assert changes_on(client.get(EXPLORER + f"?object=INC-{incident.pk}"))
    client.force_login(aud)
    assert len(shown_on(client, pages)) > 20


def test_no_answer_tells_that_it_is_there(client, reader, secret):
    """What is hidden answers like what never was."""
    client.force_login(reader)
    never = secret.pk + 1_000
    for address in ("?object=INC-{}", "as-of/incidents.incident/{}/", "as-of/?object=INC-{}"):
        hidden = client.get(EXPLORER + address.format(secret.pk))
        absent = client.get(EXPLORER + address.format(never))
        assert hidden.status_code == absent.status_code
        same = [re.sub(r"\d+|[\w-]{20,}", "", page.content.decode()) for page in (hidden, absent)]
        assert same[0] == same[1], address


def test_what_was_restricted_once_stays_out_of_the_past(client, reader, secret):
    """Public by now: what it is called now may be read, what was said of it then may not."""
    Incident.objects.filter(pk=secret.pk).update(visibility="internal", title="A key was changed")
    page = opened(client, reader, object=f"INC-{secret.pk}")
    assert [change.name for change in changes_on(page)] == [f"{secret.reference} A key was changed"]
    assert shown_on(client, every_page_about(secret)) == []


def test_what_belonged_to_a_deleted_one_stays_hidden(client, reader, aud, secret):
    secret.retro_links.all().delete()
    Incident.objects.filter(pk=secret.pk).delete()
    client.force_login(reader)
    pages = [
        EXPLORER,
        f"{EXPLORER}deleted/",
        f"{EXPLORER}?change=deleted",
        f"{EXPLORER}as-of/incidents.incident/",
    ]
    assert shown_on(client, pages) == []
    client.force_login(aud)
    assert f"{EXPLORER}deleted/" in shown_on(client, pages)


def test_an_export_holds_no_more_than_the_page(client, reader, secret, incident):
    client.force_login(reader)
    for kind in ("csv", "jsonl"):
        answer = client.post(f"{EXPLORER}export/", {"format": kind, "query": ""})
        text = b"".join(answer.streaming_content).decode()
        assert incident.title in text
        assert SECRET not in text


def test_what_is_hidden_has_no_name_where_others_point_at_it(client, reader, secret, retro):
    """A retro of two incidents, one of them restricted: neither the retro nor the link tells the other's name."""
    retro.incident_links.create(
        incident=Incident.objects.declare(by=None, title=SECRET, severity=secret.severity)
    )
    Incident.objects.filter(title=SECRET).update(visibility="restricted")
    client.force_login(reader)
    assert (
        shown_on(client, [EXPLORER, f"{EXPLORER}as-of/incidents.incident/{retro.incidents.first().pk}/"])
        == []
    )


def test_a_story_told_to_somebody_stops_where_they_may_not_look(reader, aud, secret):
    from django.utils import timezone

    now = timezone.now()
    assert story_as_of(Incident, secret.pk, now, tables_for(reader)) == []
    told = {model._meta.label for model, _ in story_as_of(Incident, secret.pk, now, tables_for(aud))}
    assert {"incidents.Incident", "retros.Retrospective", "actions.ActionItem", "retros.Finding"} <= told


def test_a_kind_of_row_one_may_not_see_has_no_history_either(client, reader, incident):
    group = reader.groups.get()
    group.permissions.remove(group.permissions.get(codename="view_timelineentry"))
    reader = type(reader).objects.get(pk=reader.pk)
    assert "incidents.timelineentry" not in {one.label for one in changes_on(opened(client, reader))}
    assert opened(client, reader, model="incidents.timelineentry").status_code == 400
    assert client.get(f"{EXPLORER}as-of/incidents.timelineentry/").status_code == 404


def test_the_auditor_may_read_the_history_of_everything(aud):
    assert {table.model for table in tables_for(aud)} == {tracked.model for tracked in tracked_models()}
    assert all(table.conditions == () for table in tables_for(aud))


def test_no_secret_is_on_any_page(client, aud, ana):
    from config.people.models import ApiToken

    token, secret = ApiToken.issue(ana, "pager")
    ana.set_password("a-password-of-hers")
    ana.save()
    page = opened(client, aud).content.decode()
    assert "pager" in page
    assert not [hidden for hidden in (secret, token.digest, ana.password) if hidden in page]


def test_an_objects_history_page_leads_on_only_for_those_who_may_follow(client, aud, ana, incident):
    address = f"/admin/incidents/incident/{incident.pk}/history/"
    for person, leads in ((aud, True), (ana, False)):
        client.force_login(person)
        page = client.get(address).content.decode()
        assert (f"{EXPLORER}incidents.incident/{incident.pk}/compare/" in page) == leads
        assert (f"{EXPLORER}as-of/incidents.incident/{incident.pk}/" in page) == leads
