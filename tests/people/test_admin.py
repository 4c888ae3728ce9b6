"""The pages of people: who may change whom, and that nobody makes more of themselves than they are."""

from datetime import time

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from config.people import roles
from config.people.models import ApiToken, Membership, User
from config.people.tokens import digest_of
from tests import pages
from tests.conftest import PASSWORD, make_person
from tests.pages import add_page, list_of, page

NEW = "a long and fresh passphrase"


@pytest.fixture
def boss(db):
    """An administrator, who is no superuser."""
    return make_person("boss@example.com", roles.ADMINISTRATOR)


def page_of(client, row, reader):
    client.force_login(reader)
    return client.get(page(row))


def save(client, row, reader, **changes):
    return client.post(page(row), pages.sent_back(page_of(client, row, reader), **changes))


def set_password(client, person, reader, password=NEW):
    client.force_login(reader)
    sent = {"new_password1": password, "new_password2": password}
    return client.post(pages.verb_page(person, "set-password"), sent)


def role(name):
    return Group.objects.get(name=name)


def new_role(group):
    """What the inline of roles sends when one is added."""
    return {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0, "memberships-0-group": group.pk}


# --- Privileges


def test_an_administrator_cannot_make_anybody_a_superuser(client, boss, omar):
    for person in (boss, omar):
        assert "is_superuser" not in pages.fields_of(page_of(client, person, boss))
        assert save(client, person, boss, is_superuser="on").status_code == 302
        person.refresh_from_db()
        assert not person.is_superuser


def test_an_administrator_cannot_add_a_superuser(client, boss):
    client.force_login(boss)
    sent = pages.sent_back(client.get(add_page(User)), name="Eve", email="eve@example.com", is_superuser="on")
    assert client.post(add_page(User), sent).status_code == 302
    assert not User.objects.get(email="eve@example.com").is_superuser


def test_an_administrator_cannot_take_over_a_superuser(client, boss, admin_user):
    before = pages.stored(admin_user)
    assert pages.fields_of(page_of(client, admin_user, boss)) == set()
    pages.assert_not_offered(client, admin_user, "set-password")
    assert client.post(page(admin_user), {"email": "boss2@example.com"}).status_code == 403
    assert set_password(client, admin_user, boss).status_code == 403
    assert client.get(pages.verb_page(admin_user, "set-password")).status_code == 403
    assert pages.stored(admin_user) == before


def test_nobody_gives_a_role_that_may_do_more_than_they_may(client, boss, omar, admin_user):
    overlord = Group.objects.create(name="Overlord")
    overlord.permissions.add(Permission.objects.get(codename="delete_user"))
    assert "Overlord" not in page_of(client, omar, boss).content.decode()
    assert save(client, omar, boss, **new_role(overlord)).status_code == 200
    client.force_login(boss)
    assert client.post(add_page(Membership), {"user": boss.pk, "group": overlord.pk}).status_code == 200
    assert not overlord.memberships.exists()
    assert save(client, omar, admin_user, **new_role(overlord)).status_code in (200, 302)


def test_an_administrator_gives_and_takes_roles_and_both_are_history(client, boss, stranger):
    given = {**new_role(role(roles.AUDITOR)), "_reason": "Audit in March"}
    assert save(client, stranger, boss, **given).status_code == 302
    membership = stranger.memberships.get()
    assert membership.group.name == roles.AUDITOR
    assert membership.history.first().history_change_reason == "Audit in March"
    taken = {"memberships-0-id": membership.pk, "memberships-0-DELETE": "on"}
    assert save(client, stranger, boss, **taken).status_code == 302
    assert not stranger.memberships.exists()
    last = Membership.history.first()
    assert (last.history_type, last.history_user_name) == ("-", "Boss")


def test_nobody_else_gives_roles(client, ana, ravi, aud, omar):
    for person in (ana, ravi, aud, omar):
        client.force_login(person)
        assert client.get(add_page(Membership)).status_code == 403
        page_text = client.get(page(person)).content.decode()
        assert "memberships-TOTAL_FORMS" not in page_text or 'name="memberships-0-group"' not in page_text
    assert Membership.objects.filter(user=omar).count() == 1


def test_roles_themselves_are_written_in_code_alone(client, admin_user, aud):
    group = role(roles.RESPONDER)
    for person in (admin_user, aud):
        assert pages.fields_of(page_of(client, group, person)) == set()
        assert client.post(page(group), {"name": "Mine"}).status_code == 403
        assert client.post(page(group, "delete"), {"post": "yes"}).status_code == 403
        assert client.get(add_page(Group)).status_code == 403


def test_the_page_of_a_role_says_what_it_may_do(client, aud, ravi):
    text = page_of(client, role(roles.RESPONDER), aud).content.decode()
    assert "Incidents: see, add, change" in text
    assert page(ravi) in text


def test_the_last_superuser_cannot_be_switched_off_nor_made_less(client, admin_user):
    for name in ("is_active", "is_superuser"):
        sent = pages.sent_back(page_of(client, admin_user, admin_user))
        sent.pop(name)
        response = client.post(page(admin_user), sent)
        assert "This is the last person who may do everything" in response.content.decode()
    admin_user.refresh_from_db()
    assert (admin_user.is_active, admin_user.is_superuser) == (True, True)


def test_one_of_two_superusers_can_be_switched_off(client, admin_user):
    other = User.objects.create_superuser("second@example.com", PASSWORD, name="Second")
    sent = pages.sent_back(page_of(client, other, admin_user))
    sent.pop("is_active")
    assert client.post(page(other), sent).status_code == 302
    other.refresh_from_db()
    assert not other.is_active


def test_nobody_is_deleted(client, admin_user, omar):
    client.force_login(admin_user)
    assert client.post(page(omar, "delete"), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=omar.pk).exists()


# --- Passwords


def test_an_administrator_gives_a_new_person_a_way_in(client, boss):
    client.force_login(boss)
    sent = pages.sent_back(
        client.get(add_page(User)),
        name="Eve",
        email="Eve@Example.com",
        time_zone="Asia/Kolkata",
        working_days=["7", "1", "2"],
    )
    assert client.post(add_page(User), sent).status_code == 302
    eve = User.objects.get(email="eve@example.com")
    assert (eve.working_days, eve.time_zone, eve.has_usable_password()) == ("127", "Asia/Kolkata", False)
    assert set_password(client, eve, boss).status_code == 302
    client.logout()
    assert client.login(username="eve@example.com", password=NEW)


def test_a_new_password_is_history_and_ends_the_persons_sessions(client, boss, omar):
    client.force_login(omar)
    session = client.cookies["sessionid"].value
    set_password(client, omar, boss)
    latest = omar.history.first()
    assert (latest.history_user_name, latest.history_actor_kind) == ("Boss", "web")
    client.cookies["sessionid"] = session
    assert client.get(reverse("admin:index")).status_code == 302


@pytest.mark.parametrize("weak", ["short", "password1234", "1234567890123"])
def test_a_weak_password_is_refused(client, boss, omar, weak):
    assert set_password(client, omar, boss, weak).status_code == 400
    omar.refresh_from_db()
    assert omar.check_password(PASSWORD)


def test_asking_to_set_a_password_changes_nothing(client, boss, omar):
    client.force_login(boss)
    pages.assert_asking_changes_nothing(client, omar, "set-password")


def test_nobody_else_sets_passwords(client, ana, aud, omar, ravi):
    for person in (ana, aud, omar, ravi):
        pages.assert_not_offered(_as(client, person), omar, "set-password")
        assert set_password(client, omar, person).status_code == 403
    omar.refresh_from_db()
    assert omar.check_password(PASSWORD)


def test_ones_own_password_is_changed_by_whoever_knows_it(client, boss, admin_user):
    for person in (boss, admin_user):
        assert set_password(client, person, person).status_code == 403
        assert reverse("admin:password_change") in client.get(page(person)).content.decode()


def test_no_page_shows_a_password_hash(client, admin_user, omar):
    for row in (omar, admin_user):
        assert row.password not in page_of(client, row, admin_user).content.decode()


# --- Everybody's own profile


WHEN_THEY_WORK = {
    *("time_zone", "working_days", "works_from", "works_until", "quiet_from", "quiet_until"),
    *("country", "subdivision", "away_from", "away_until"),
}
WHAT_THEY_ARE_SENT = {"mail_style", "wants_reminders", "wants_summary"}
WORK = {
    "time_zone": "Asia/Tokyo",
    "working_days": ["1", "3"],
    "country": "JP",
    "works_from": "08:30",
    "quiet_from": "12:00",
    "quiet_until": "13:00",
    "mail_style": "single",
    "wants_reminders": "",
}


def test_everybody_says_when_and_where_they_work(client, stranger, omar, aud):
    for person in (stranger, omar, aud):
        fields = pages.fields_of(page_of(client, person, person))
        assert fields == {"name", *WHEN_THEY_WORK, *WHAT_THEY_ARE_SENT}
        response = save(client, person, person, **WORK)
        assert response.status_code == 302
        person.refresh_from_db()
        assert (person.time_zone, person.working_days) == ("Asia/Tokyo", "13")
        assert (person.country, person.works_from, person.quiet_until) == ("JP", time(8, 30), time(13))
        assert (person.mail_style, person.wants_reminders, person.wants_summary) == ("single", False, True)


def test_ones_own_profile_gives_nobody_another_address_manager_or_power(client, omar, ana):
    sent = {"email": "x@example.com", "manager": ana.pk, "is_superuser": "on", "is_staff": "", "groups": "1"}
    assert save(client, omar, omar, **sent).status_code == 302
    omar.refresh_from_db()
    assert (omar.email, omar.manager, omar.is_superuser, omar.is_staff) == (
        "omar@example.com",
        None,
        False,
        True,
    )


def test_others_profiles_are_read(client, omar, ana, stranger):
    assert pages.fields_of(page_of(client, ana, omar)) == set()
    assert client.post(page(ana), {"name": "x"}).status_code == 403
    assert page_of(client, ana, stranger).status_code in (302, 403)
    assert client.get(list_of(User)).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"working_days": ["8"]},
        {"working_days": []},
        {"away_from": "01/03/2026"},
        {"away_from": "05/03/2026", "away_until": "01/03/2026"},
        {"name": "\u200b"},
        {"country": "ZZ"},
        {"country": "DE", "subdivision": "CA"},
        {"works_until": "08:00"},
        {"quiet_from": "12:00"},
        {"quiet_from": "08:00", "quiet_until": "18:00"},
        {"mail_style": "never"},
    ],
)
def test_what_cannot_be_is_refused(client, omar, wrong):
    before = pages.stored(omar)
    assert save(client, omar, omar, **wrong).status_code == 200
    assert pages.stored(omar) == before


def test_an_address_belongs_to_one_person_whatever_its_case(client, boss, omar, ana):
    response = save(client, omar, boss, email="ANA@example.com")
    assert response.status_code == 200
    assert response.context["adminform"].form.errors


# --- Finding people


def test_people_are_found_by_name_address_role_and_whether_they_work_here(client, aud, omar, ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)
    client.force_login(aud)

    def found(**query):
        return set(client.get(list_of(User), query).context["cl"].queryset)

    assert found(q="oma") == {omar}
    assert found(q="ana@") == {ana}
    assert found(active="no") == {ana}
    assert found(active="yes") == {aud, omar}
    assert found(groups__id__exact=role(roles.AUDITOR).pk) == {aud}


@pytest.mark.parametrize("size", [5, 60])
def test_every_list_costs_the_same_however_long_it_is(client, admin_user, size):
    for number in range(size):
        person = make_person(f"p{number}@example.com", roles.RESPONDER, roles.AUDITOR)
        ApiToken.issue(person, "pager")
    client.force_login(admin_user)
    for model in (User, Membership, Group, ApiToken):
        pages.assert_cheap(client, list_of(model))


def test_the_page_of_a_person_leads_to_what_is_theirs(client, omar, aud, item):
    text = page_of(client, omar, aud).content.decode()
    assert f"{list_of(item)}?owner__id__exact={omar.pk}" in text


# --- API tokens


def make_token(client, person, **sent):
    client.force_login(person)
    return client.post(add_page(ApiToken), {"name": "pager", "scope": "read", "days": "30", **sent})


def test_a_secret_is_shown_once_and_kept_nowhere(client, omar):
    response = make_token(client, omar)
    secret = response.context["secret"]
    assert secret in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    token = ApiToken.objects.get()
    assert (token.user, token.digest, token.scope) == (omar, digest_of(secret), "read")
    for address in (page(token), list_of(ApiToken), page(token, "history")):
        assert secret not in client.get(address).content.decode()


def test_a_token_is_always_ones_own(client, omar, ana):
    make_token(client, omar, user=ana.pk)
    assert ApiToken.objects.get().user == omar


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "\u200b"}, {"scope": "root"}, {"days": "9999"}])
def test_a_token_that_says_too_little_or_asks_too_much_is_not_made(client, omar, wrong):
    assert "secret" not in make_token(client, omar, **wrong).context
    assert not ApiToken.objects.exists()


def test_everybody_sees_their_own_tokens_and_auditors_all(client, omar, ana, aud, stranger):
    token, _ = ApiToken.issue(omar, "pager")
    for person, sees in [(omar, True), (aud, True), (ana, False), (stranger, False)]:
        assert (page_of(client, token, person).status_code == 200) == sees
        assert (token in client.get(list_of(ApiToken)).context["cl"].queryset) == sees


def test_a_token_is_revoked_by_its_owner_or_an_administrator(client, omar, boss):
    for person in (omar, boss):
        token, _ = ApiToken.issue(omar, "pager")
        client.force_login(person)
        pages.assert_offered(client, token, "revoke")
        pages.assert_asking_changes_nothing(client, token, "revoke")
        pages.assert_done(client, token, "revoke", {}, by=person)
        pages.assert_refused(client, token, "revoke", {}, 403)
        assert token not in ApiToken.objects.usable()


def test_nobody_else_revokes_a_token(client, omar, aud, ana):
    token, _ = ApiToken.issue(omar, "pager")
    client.force_login(aud)
    pages.assert_not_offered(client, token, "revoke")
    pages.assert_refused(client, token, "revoke", {}, 403)
    client.force_login(ana)
    pages.assert_refused(client, token, "revoke", {}, 302)


def test_a_token_cannot_be_edited_or_deleted(client, omar, admin_user):
    token, _ = ApiToken.issue(omar, "pager")
    for person in (omar, admin_user):
        assert pages.fields_of(page_of(client, token, person)) == set()
        assert client.post(page(token), {"scope": "write"}).status_code == 403
        assert client.post(page(token, "delete"), {"post": "yes"}).status_code == 403


def _as(client, person):
    client.force_login(person)
    return client
