"""What each role may do is what the code says, after every migration, and no permission comes otherwise."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.core.management import call_command

from config.people import roles
from config.people.models import Membership
from tests.conftest import make_person
from tests.faults import snapshot

pytestmark = pytest.mark.django_db


def stored():
    groups = Group.objects.prefetch_related("permissions__content_type")
    return {
        group.name: {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.all()}
        for group in groups
    }


def test_after_migrating_the_roles_are_what_the_code_says():
    assert stored() == roles.ROLES
    assert set(roles.ROLES) == {
        *("Facilitator", "Responder", "Communicator", "Action owner", "Auditor", "Administrator"),
        "Support",
    }


def test_applying_them_again_changes_nothing_and_writes_no_history():
    before = snapshot(Group, Group.permissions.through)
    roles.apply_roles()
    call_command("migrate", verbosity=0)
    assert snapshot(Group, Group.permissions.through) == before


def test_what_somebody_changed_by_hand_is_put_right_and_both_are_history():
    group, through = Group.objects.get(name=roles.AUDITOR), Group.permissions.through
    extra = Permission.objects.get(codename="change_incident")
    missing = Permission.objects.get(codename="view_delivery")
    group.permissions.add(extra)
    group.permissions.remove(missing)
    before = through.history.count()
    call_command("migrate", verbosity=0)
    assert stored() == roles.ROLES
    rows = through.history.all()[: through.history.count() - before]
    assert {(row.history_type, row.permission_id) for row in rows} == {("-", extra.pk), ("+", missing.pk)}
    assert {(row.history_user_name, row.history_actor_kind) for row in rows} == {("migrate", "migration")}


def test_a_role_that_was_deleted_comes_back_and_others_are_left_alone():
    Group.objects.create(name="Our own")
    Group.objects.get(name=roles.RESPONDER).delete()
    roles.apply_roles()
    assert stored() == {**roles.ROLES, "Our own": set()}


def test_a_permission_that_does_not_exist_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(roles.ROLES, roles.AUDITOR, {"incidents.view_everything"})
    with pytest.raises(LookupError, match=r"Auditor .* incidents\.view_everything"):
        roles.apply_roles()


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_person_may_do_what_their_role_says_and_no_more(role):
    person = make_person("somebody@example.com", role)
    assert person.get_all_permissions() == roles.ROLES[role]


def test_roles_add_up_and_can_be_taken_away():
    person = make_person("both@example.com", roles.COMMUNICATOR, roles.ACTION_OWNER)
    assert person.get_all_permissions() == roles.ROLES[roles.COMMUNICATOR] | roles.ROLES[roles.ACTION_OWNER]
    Membership.objects.filter(user=person).delete()
    assert type(person).objects.get(pk=person.pk).get_all_permissions() == set()


def test_the_auditor_changes_nothing():
    may = {name.partition(".")[2].partition("_")[0] for name in roles.ROLES[roles.AUDITOR]}
    assert may == {"view", "verify", "export"}


def test_only_the_administrator_manages_people_and_their_roles():
    manages = {"people.change_user", "people.add_user", "people.change_membership", "people.add_membership"}
    assert {role for role, names in roles.ROLES.items() if manages & names} == {roles.ADMINISTRATOR}


@pytest.mark.parametrize("role", roles.ROLES)
def test_no_role_deletes_what_happened_or_rewrites_permissions(role):
    forbidden = {
        *("incidents.delete_incident", "incidents.delete_customerupdate", "retros.delete_retrospective"),
        *("actions.delete_actionitem", "people.delete_user", "outbox.change_delivery"),
        *("auth.change_group", "auth.add_group", "auth.delete_group", "outbox.delete_delivery"),
    }
    assert not forbidden & roles.ROLES[role]


def test_somebody_who_has_left_or_not_signed_in_may_nothing(ana):
    ana.is_active = False
    for nobody in (ana, AnonymousUser()):
        assert not nobody.has_perm("incidents.view_incident")
        assert nobody.get_all_permissions() == set()
