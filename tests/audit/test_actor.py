"""Who did it: the right person by the right road, and never the one before."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory

from config.audit.actor import API, COMMAND, TASK, WEB, acting, because, current, identify
from config.audit.commands import AuditedCommand
from config.audit.middleware import REQUEST_ID, ActorMiddleware
from config.celery import app
from config.people.authentication import TokenAuthentication
from config.people.models import ApiToken
from incidents.models import Region

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return Region.objects.create(slug="eu", name="Europe")


def write(name="Union"):
    Region.objects.update(name=name)


def who():
    """Whom the newest history row names, and how they came."""
    row = Region.history.first()
    return row.history_user_id, row.history_user_name, row.history_actor_kind


NOBODY = (None, "", "")


def test_what_nobody_signed_is_unattributed(region):
    write()
    row = Region.history.first()
    assert who() == NOBODY
    assert (row.history_request_id, row.history_change_reason) == ("", "")


def test_the_actor_is_kept_with_name_road_request_and_reason(region, ana):
    with acting(ana, kind=WEB, request_id="req-1", reason="Tidied up."):
        write()
    row = Region.history.first()
    assert who() == (ana.pk, "Ana", "web")
    assert (row.history_request_id, row.history_change_reason) == ("req-1", "Tidied up.")


def test_the_name_outlives_the_account(region, ana):
    with acting(ana, kind=WEB):
        write()
    ana.name = "Ana Maria"
    ana.save()
    gone = ana.pk
    ana.delete()
    assert who() == (gone, "Ana", "web")


@pytest.mark.parametrize("name", ["O'Brien", 'Ana "A" F.', "アナ", "a\x1fb", "x%s%%", "😀", "a\\b\nc"])
def test_any_name_and_reason_arrive_whole(region, name):
    with acting(kind=COMMAND, name=name, reason=name):
        write()
    row = Region.history.first()
    shown = name if connection.vendor == "sqlite" else name.replace("\x1f", " ")
    assert (row.history_user_name, row.history_change_reason, row.history_actor_kind) == (
        shown,
        shown,
        "command",
    )


# --- It never leaks


def test_the_next_write_is_not_signed_by_the_one_before(region, ana):
    with acting(ana, kind=WEB):
        write("First")
    write("Second")
    assert who() == NOBODY


def test_nor_in_the_same_transaction(region, ana, omar):
    with transaction.atomic():
        with acting(ana, kind=WEB):
            write("First")
        write("Second")
        assert who() == NOBODY
        with acting(omar, kind=WEB):
            write("Third")
        assert who() == (omar.pk, "Omar", "web")


def test_nor_after_a_rollback_to_a_savepoint(region, ana, omar):
    with transaction.atomic(), acting(ana, kind=WEB):
        write("First")
        with acting(omar, kind=WEB), transaction.atomic():
            write("Second")
            transaction.set_rollback(True)
        write("Third")
    assert who() == (ana.pk, "Ana", "web")
    write("Fourth")
    assert who() == NOBODY


def test_nor_after_a_statement_that_failed(region, ana):
    with acting(ana, kind=WEB), pytest.raises(Exception, match=r"(?i)unique"), transaction.atomic():
        Region.objects.create(slug="eu", name="Twice")
    write()
    assert who() == NOBODY


def test_nor_through_a_statement_that_explains_what_it_does(region, ana):
    with acting(ana, kind=WEB):
        write("First")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN ANALYZE UPDATE incidents_region SET name = 'Second'")
    else:
        write("Second")
    assert who() == NOBODY


def test_an_actor_within_another_gives_way_to_it_afterwards(region, ana, omar):
    with acting(ana, kind=WEB):
        with acting(omar, kind=API):
            write("First")
            assert who() == (omar.pk, "Omar", "api")
        write("Second")
    assert who() == (ana.pk, "Ana", "web")
    assert current() is None


def test_a_reason_holds_for_what_is_done_for_it(region, ana):
    with acting(ana, kind=WEB, reason="Spring clean."):
        with because("Typing error."):
            write("First")
        with because(""):
            write("Second")
        write("Third")
    reasons = [row.history_change_reason for row in Region.history.all()[:3]]
    assert reasons == ["Spring clean.", "Spring clean.", "Typing error."]


def test_a_reason_without_anybody_names_nobody(region):
    with because("No idea."):
        write()
    assert who() == NOBODY


# --- Roads


def test_a_request_signs_for_its_user_under_one_id(region, ana):
    def view(request):
        write("First")
        write("Second")
        return HttpResponse()

    request = RequestFactory().post("/admin/")
    request.user = ana
    response = ActorMiddleware(view)(request)
    first, second = Region.history.all()[:2]
    assert who() == (ana.pk, "Ana", "web")
    assert first.history_request_id == second.history_request_id == response[REQUEST_ID] != ""
    assert current() is None


def test_two_requests_have_two_ids(ana):
    request = RequestFactory().get("/admin/")
    request.user = ana
    middleware = ActorMiddleware(lambda request: HttpResponse())
    assert middleware(request)[REQUEST_ID] != middleware(request)[REQUEST_ID]


def test_a_request_that_fails_leaves_nobody_behind(region, ana):
    def view(request):
        raise RuntimeError

    request = RequestFactory().post("/admin/")
    request.user = ana
    with pytest.raises(RuntimeError):
        ActorMiddleware(view)(request)
    write()
    assert who() == NOBODY


def test_somebody_not_signed_in_has_no_name(region):
    request = RequestFactory().post("/admin/")
    request.user = AnonymousUser()
    ActorMiddleware(lambda request: write() or HttpResponse())(request)
    assert who() == (None, "", "web")


def test_a_token_is_named_with_its_owner(region, ana):
    _, secret = ApiToken.issue(ana, "pager", scope=ApiToken.Scope.WRITE)

    def view(request):
        TokenAuthentication().authenticate(request)
        write()
        return HttpResponse()

    request = RequestFactory().post("/api/v1/", HTTP_AUTHORIZATION=f"Bearer {secret}")
    request.user = AnonymousUser()
    ActorMiddleware(view)(request)
    assert who() == (ana.pk, "Ana (token “pager”)", "api")


def test_a_task_signs_with_its_name(region):
    @app.task(name="tests.tidy_regions")
    def tidy():
        write()

    try:
        tidy()
    finally:
        app.tasks.unregister("tests.tidy_regions")
    assert who() == (None, "tidy regions", TASK)
    write("Later")
    assert who() == NOBODY


class Command(AuditedCommand):
    requires_system_checks = []

    def handle(self, **options):
        write()


def test_a_command_signs_with_its_name(region):
    Command().execute(no_color=True, force_color=False, skip_checks=True)
    assert who() == (None, "test_actor", COMMAND)


def test_a_command_called_by_somebody_is_signed_by_them(region, ana):
    with acting(ana, kind=WEB):
        Command().execute(no_color=True, force_color=False, skip_checks=True)
    assert who() == (ana.pk, "Ana", "web")


def test_a_verb_outside_any_request_is_signed_by_whom_it_is_done_for(incident, ravi):
    incident.acknowledge(by=ravi)
    row = incident.history.first()
    assert (row.history_user_id, row.history_user_name, row.history_actor_kind) == (
        ravi.pk,
        "Ravi",
        "command",
    )


def test_a_verb_inside_a_request_is_signed_by_the_request(incident, ravi):
    with acting(ravi, kind=API, name="Ravi (token “pager”)", request_id="req-2"):
        incident.acknowledge(by=ravi, reason="Paged.")
    row = incident.history.first()
    assert (row.history_user_name, row.history_actor_kind, row.history_request_id) == (
        "Ravi (token “pager”)",
        "api",
        "req-2",
    )
    assert row.history_change_reason == "Paged."


def test_naming_the_actor_later_keeps_the_request(region, ana):
    with acting(kind=API, request_id="req-3"):
        identify(ana)
        write()
    assert (*who(), Region.history.first().history_request_id) == (ana.pk, "Ana", "api", "req-3")
    identify(ana)
    assert current() is None
