"""Whichever road a change takes, the history gains exactly the true rows, in the right name."""

import json
import sys
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection, connections
from django.urls import reverse

import manage
from config.audit import triggers
from config.audit.actor import IMPORT, MIGRATION, WEB, acting
from config.people.apps import after_migrating
from config.people.models import ApiToken, User
from incidents.models import Incident, Region, Service
from retros.models import Finding
from retros.tasks import open_required_retros
from tests import pages
from tests.api import Caller
from tests.audit import relation_roads  # noqa: F401 - its roads go into the table by being imported
from tests.audit.ledger import contradictions, marks, moves_since
from tests.audit.roads import ROADS, road
from tests.conftest import PASSWORD
from tests.incidents.pages import a_document

pytestmark = pytest.mark.django_db
NOBODY = (None, "", "")


@pytest.fixture
def at(resolved, retro, item, ana, omar, ravi, stranger, admin_user, client, tmp_path, monkeypatch):
    """Where every road begins."""
    resolved.assignments.create(user=ravi, role="commander")
    item.finding = retro.findings.create(kind=Finding.Kind.LUCK, text="Nobody was buying.")
    item.save()
    unread = Incident.objects.declare(by=ravi, title="Mails are late", severity=resolved.severity)
    unread.resolve(by=ravi)
    return SimpleNamespace(
        **{"ana": ana, "omar": omar, "ravi": ravi, "stranger": stranger, "admin": admin_user},
        **{"client": client, "tmp_path": tmp_path, "monkeypatch": monkeypatch},
        **{"incident": resolved, "severity": resolved.severity, "retro": retro},
        **{"item": item, "finding": item.finding, "service": resolved.services.get()},
        region=Region.objects.create(slug="eu", name="Europe"),
        asia=Region.objects.create(slug="asia", name="Asia"),
        search=Service.objects.create(slug="search", name="Search"),
        mail=Service.objects.create(slug="mail", name="Mail"),
        group=Group.objects.create(name="Visitor"),
    )


# --- Doors of the product


def admin(at):
    return at.admin.pk, "Admin", "web"


def post(at, address, sent, user=None):
    at.client.force_login(user or at.admin)
    if callable(sent):
        sent = sent(at.client.get(address))
    answer = at.client.post(address, sent)
    assert answer.status_code == 302, answer.content.decode()[:2000]


@road("+ region", doer=admin)
def added_in_the_admin(at):
    post(at, pages.add_page(Region), {"slug": "us", "name": "States"})


@road("~ region", doer=admin)
def changed_in_the_admin(at):
    post(at, pages.page(at.region), lambda page: pages.sent_back(page, name="Union"))


@road()
def saved_unchanged_in_the_admin(at):
    post(at, pages.page(at.retro), pages.sent_back)


@road("~ section", "~ retrospective", doer=admin)
def changed_inline_in_the_admin(at):
    text = {"title": "Baskets lost", "sections-0-text": "Nobody could pay."}
    post(at, pages.page(at.retro), lambda page: pages.sent_back(page, **text))


@road("- finding", "~ actionitem", doer=admin)
def deleted_inline_in_the_admin(at):
    post(at, pages.page(at.retro), lambda page: pages.sent_back(page, **{"findings-0-DELETE": "on"}))


@road("- region", doer=admin)
def deleted_in_the_admin(at):
    post(at, pages.page(at.region, "delete"), {"post": "yes"})


@road("~ incident", "+ timelineentry", doer=lambda at: (at.ravi.pk, "Ravi", "web"))
def a_verb_s_page(at):
    post(at, pages.verb_page(at.incident, "close"), {"version": at.incident.version}, at.ravi)


@road("~ user", doer=lambda at: (at.ana.pk, "Ana", "web"))
def a_password_changed_by_its_owner(at):
    new = "a long and fresh passphrase"
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    post(at, reverse("admin:password_change"), sent, at.ana)


@road()
def signing_in_and_out(at):
    sent = {"username": at.ana.email, "password": PASSWORD}
    assert at.client.post(reverse("admin:login"), sent).status_code == 302
    at.client.post(reverse("admin:logout"))


@road("+ apitoken", doer=lambda at: (at.ana.pk, "Ana", "web"))
def a_token_made_on_its_page(at):
    at.client.force_login(at.ana)
    sent = {"name": "pager", "scope": "read", "days": "90"}
    assert at.client.post(pages.add_page(ApiToken), sent).status_code == 200


def with_token(at):
    return at.ravi.pk, "Ravi (token “test”)", "api"


def token_of(at):
    """A call with a token; making the token is not part of the road."""
    caller = Caller()
    caller.headers = {"Authorization": f"Bearer {at.secret}"}
    return caller


def answered(answer, status):
    assert answer.status_code == status, answer.content


@road("+ incident", "+ incidentservice", "+ timelineentry", doer=with_token)
def created_by_api_with_a_token(at):
    sent = {"title": "Logins fail", "severity": "SEV1", "services": [{"service": "checkout"}]}
    answered(token_of(at).post("incidents/", sent), 201)


@road("~ incident", doer=with_token)
def changed_by_api_with_a_token(at):
    path = f"incidents/{at.incident.reference}/"
    answered(token_of(at).patch(path, {"title": "New"}, version=at.incident.version), 200)


@road("~ incident", "+ timelineentry", doer=with_token)
def a_verb_by_api_with_a_token(at):
    answered(token_of(at).post(f"incidents/{at.incident.reference}/close/"), 200)


@road("~ incident", doer=lambda at: (at.ravi.pk, "Ravi", "api"))
def changed_by_api_in_a_session(at):
    path = f"incidents/{at.incident.reference}/"
    caller = Caller(at.ravi, by_session=True)
    answered(caller.patch(path, {"title": "New"}, version=at.incident.version), 200)


# --- Work that nobody clicks


@road(
    "+ retrospective",
    "+ retrospectiveincident",
    "+ section × 8",
    "+ step × 11",
    doer=lambda at: (None, "open required retros", "task"),
)
def a_task_that_sweeps(at):
    open_required_retros.apply(throw=True)


def page_of_incidents(at):
    path = at.tmp_path / "page.json"
    path.write_text(json.dumps(a_document()))
    return str(path)


IMPORTED = (
    "+ service × 2",
    "+ incident",
    "+ incidentservice × 2",
    "+ customerupdate × 2",
    "+ timelineentry × 2",
)


@road(*IMPORTED, doer=lambda at: (None, "import_statuspage", IMPORT))
def an_import_called_from_code(at):
    call_command("import_statuspage", page_of_incidents(at), stdout=sys.stderr)


def from_the_shell(at, *arguments):
    at.monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
    at.monkeypatch.setattr(manage, "_operator", lambda: "olga")
    # A command run from the shell closes its connections, and with them the transaction of this test.
    at.monkeypatch.setattr(connections, "close_all", lambda: None)
    assert manage.main() == 0


@road(*IMPORTED, doer=lambda at: (None, "olga (manage.py import_statuspage)", IMPORT))
def an_import_from_the_shell(at):
    from_the_shell(at, "import_statuspage", page_of_incidents(at))


@road("+ region", doer=lambda at: (None, "olga (manage.py loaddata)", "command"))
def a_command_from_the_shell(at):
    path = at.tmp_path / "regions.json"
    fields = {"slug": "us", "name": "States", "version": 1}
    path.write_text(json.dumps([{"model": "incidents.region", "fields": fields}]))
    from_the_shell(at, "loaddata", str(path), "-v0")


@road(
    "~ region", "- region", "+ service", "+ group_permissions", doer=lambda at: (None, "migrate", MIGRATION)
)
def a_migration_that_changes_data(at):
    triggers.drop()
    Region.objects.filter(slug="eu").update(name="Through")
    Region.objects.filter(slug="eu").update(name="Union")
    at.asia.delete()
    Service.objects.create(slug="chat", name="Chat")
    at.group.permissions.add(Permission.objects.first())
    after_migrating("default")


@road("~ incident", "+ timelineentry", doer=lambda at: (at.ravi.pk, "Ravi", "command"))
def a_verb_in_a_shell(at):
    at.incident.close(by=at.ravi)


# --- What each of them must keep to

HERE = [road for road in ROADS if road.only in ("", connection.vendor)]
PLAIN = [pytest.param(one, id=one.go.__name__) for one in HERE if one.doer is None]
DOORS = [pytest.param(one, id=one.go.__name__) for one in HERE if one.doer]


def gained(at, go):
    """What the histories gain while `go` goes, and who is named; everything is true before and after."""
    assert contradictions() == []
    before = marks()
    go(at)
    assert contradictions() == []
    return moves_since(before)


@pytest.mark.parametrize("one", PLAIN)
def test_a_road_that_somebody_takes_is_theirs(at, one):
    def go(at):
        with acting(at.ana, kind=WEB):
            one.go(at)

    moves, doers = gained(at, go)
    assert moves == one.moves
    assert doers <= {(at.ana.pk, "Ana", "web")}


@pytest.mark.parametrize("one", PLAIN)
def test_a_road_that_nobody_signs_is_nobody_s(at, one):
    with acting(at.ana, kind=WEB):
        User.objects.filter(pk=at.stranger.pk).update(name="Somebody")  # the writer before must not be named
    moves, doers = gained(at, one.go)
    assert moves == one.moves
    assert doers <= {NOBODY}


@pytest.mark.parametrize("one", DOORS)
def test_a_door_signs_for_whoever_comes_through_it(at, one):
    _, at.secret = ApiToken.issue(at.ravi, "test", scope=ApiToken.Scope.WRITE)
    moves, doers = gained(at, one.go)
    assert moves == one.moves
    assert doers == {one.doer(at)}


def test_there_are_at_least_the_kinds_of_change_that_were_counted():
    assert len({one.go for one in HERE}) >= 46
    assert sum(not one.moves for one in HERE) >= 8  # that a history must not invent


@pytest.mark.parametrize(
    "act",
    [
        lambda at: Region.objects.filter(slug="eu").update(name="Union"),
        lambda at: Region.objects.create(slug="us", name="States"),
        lambda at: at.asia.delete(),
        lambda at: Incident.services.through.objects.all()._raw_delete("default"),
    ],
    ids=["change", "creation", "deletion", "relation"],
)
def test_the_ledger_would_see_an_escape(at, act):
    triggers.drop()
    act(at)
    assert len(contradictions()) == 1
    triggers.install()
    assert contradictions() == []
