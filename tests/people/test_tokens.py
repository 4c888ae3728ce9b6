from datetime import timedelta

import pytest
from django.utils import timezone

from config.people.models import ApiToken
from config.people.tokens import digest_of
from tests.api import Caller, is_problem


def issue(person, /, **body):
    return Caller(person, by_session=True).post("tokens/", {"name": "pager", **body})


def test_the_secret_is_shown_once_and_only_its_digest_is_kept(omar):
    answer = issue(omar, scope="write", days=30)
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    told = answer.json()
    token = ApiToken.objects.get()
    assert token.user == omar
    assert token.digest == digest_of(told["secret"])
    assert len(told["secret"]) >= 47  # 32 random bytes and the prefix
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    again = Caller(omar, by_session=True).get(answer["Location"]).json()
    assert "secret" not in again
    assert "digest" not in again


def test_a_token_signs_its_person_in(omar):
    secret = issue(omar).json()["secret"]
    answer = Caller().get("action-items/", Authorization=f"Bearer {secret}")
    assert answer.status_code == 200


def test_a_token_begets_no_token(omar):
    assert is_problem(Caller(omar).post("tokens/", {"name": "another"}), 403)
    assert ApiToken.objects.count() == 1


def test_everybody_sees_and_revokes_only_their_own(omar, aud, admin_user):
    token, _ = ApiToken.issue(omar, "mine")
    for other in (aud, admin_user):
        caller = Caller(other, by_session=True)
        assert caller.get("tokens/").json()["results"] == []
        assert is_problem(caller.get(f"tokens/{token.pk}/"), 404)
        assert is_problem(caller.post(f"tokens/{token.pk}/revoke/"), 404)
    assert ApiToken.objects.usable().get() == token


@pytest.mark.parametrize("name", ["user", "digest", "expires_at", "revoked_at", "hint", "is_staff"])
def test_nobody_writes_more_than_name_scope_and_days(omar, aud, name):
    answer = issue(omar, **{name: aud.pk})
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == [name]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "body", [{"days": 0}, {"days": 367}, {"days": 10**30}, {"scope": "admin"}, {"name": "\u200b"}]
)
def test_a_token_of_no_sense_is_refused(omar, body):
    assert is_problem(issue(omar, **body), 400)


def test_a_revoked_token_opens_nothing_and_says_why(omar):
    caller = Caller(omar)
    assert caller.post(f"tokens/{caller.token.pk}/revoke/").json()["revoked_at"]
    refused = caller.get("incidents/")
    assert is_problem(refused, 401)
    assert refused["WWW-Authenticate"] == "Bearer"


def test_revoking_twice_keeps_the_first_moment(omar):
    token, _ = ApiToken.issue(omar, "pager")
    caller = Caller(omar, by_session=True)
    first = caller.post(f"tokens/{token.pk}/revoke/").json()
    assert caller.post(f"tokens/{token.pk}/revoke/").json() == first


def test_an_expired_token_opens_nothing(omar):
    caller = Caller(omar)
    past = timezone.now() - timedelta(days=100)
    ApiToken.objects.update(created_at=past, expires_at=past + timedelta(days=90))
    assert is_problem(caller.get("incidents/"), 401)


def test_the_token_of_somebody_who_left_opens_nothing(omar):
    caller = Caller(omar)
    omar.is_active = False
    omar.save()
    assert is_problem(caller.get("incidents/"), 401)


def test_a_read_token_changes_nothing(omar, item):
    caller = Caller(omar, scope=ApiToken.Scope.READ)
    address = f"action-items/{item.reference}/"
    assert caller.get(address).status_code == 200
    assert caller.ask("HEAD", address).status_code == 200
    assert is_problem(caller.post(address + "complete/"), 403)
    assert is_problem(caller.patch(address, {"title": "x"}, version=item.version), 403)
    assert is_problem(caller.post(f"tokens/{caller.token.pk}/revoke/"), 403)
    item.refresh_from_db()
    assert item.is_open


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer aft_é", "bearer \x00", "Basic YTpi", "Bearer a b", "x" * 9000],
)
def test_a_wrong_authorization_is_refused(db, header):
    assert is_problem(Caller().get("incidents/", Authorization=header), 401)


def test_using_a_token_is_noted_once_a_minute_and_is_no_history(omar, django_assert_num_queries):
    caller = Caller(omar)
    caller.get("severities/")
    noted = ApiToken.objects.get().last_used_at
    assert timezone.now() - noted < timedelta(seconds=10)
    caller.get("severities/")
    assert ApiToken.objects.get().last_used_at == noted
    assert ApiToken.history.count() == 1
