"""The roads between rows: what goes or is emptied with another, and relations from all their sides."""

from django.contrib.auth.models import Group, Permission
from django.db.models import ProtectedError

from config.people.models import Membership
from incidents.models import Incident, IncidentService, Service
from retros.models import Factor
from tests.audit.roads import refused, road

# --- What goes with it


@road("- incident", "- incidentservice", "- timelineentry × 3", "- retrospectiveincident", "- assignment")
def deleted_with_all_its_parts(at):
    Incident.objects.filter(pk=at.incident.pk).delete()


@road("- finding", "~ actionitem")
def emptied_because_its_target_went(at):
    at.finding.delete()


@road("- template", "- templatesection × 8", "~ retrospective")
def emptied_and_deleted_at_once(at):
    at.retro.template.delete()


@road()
def protected_from_deletion(at):
    refused(ProtectedError, at.omar.delete)


# --- Many to many


@road("+ membership", "- membership", "+ membership", "- membership")
def roles_from_the_person_s_side(at):
    at.ravi.groups.clear()
    at.ravi.groups.add(at.group)
    at.ravi.groups.add(at.group)  # has it already
    at.ravi.groups.remove(at.group)
    at.ravi.groups.set([at.group])


@road("+ membership", "- membership", "+ membership", "- membership")
def roles_from_the_role_s_side(at):
    at.group.user_set.add(at.ravi)
    at.group.user_set.remove(at.ravi)
    at.group.user_set.set([at.omar])
    at.group.user_set.clear()


@road("+ membership × 2", "- membership × 2")
def roles_through_the_model_between(at):
    Membership.objects.create(user=at.ravi, group=at.group)
    Membership.objects.bulk_create([Membership(user=at.omar, group=at.group)])
    Membership.objects.filter(group=at.group).delete()


@road("~ membership", "- membership", "+ membership")
def roles_moved_by_query(at):
    Membership.objects.filter(user=at.ravi).update(user=at.stranger)
    Membership.objects.filter(user=at.stranger).update(id=10**6)


@road("+ group_permissions × 2", "- group_permissions × 2")
def what_a_role_may_from_both_sides(at):
    permission = Permission.objects.get(codename="view_incident")
    at.group.permissions.add(permission)
    at.group.permissions.remove(permission)
    permission.group_set.add(at.group)
    permission.group_set.remove(at.group)


@road("+ group_permissions × 3", "- group_permissions × 3")
def what_a_role_may_set_cleared_and_in_bulk(at):
    through, permission = Group.permissions.through, Permission.objects.get(codename="view_incident")
    at.group.permissions.set([permission])
    at.group.permissions.clear()
    through.objects.create(group=at.group, permission=permission)
    through.objects.all().filter(group=at.group).delete()
    through.objects.bulk_create([through(group=at.group, permission=permission)])
    through.objects.filter(group=at.group)._raw_delete("default")


@road("+ group", "+ group_permissions", "+ membership", "- group", "- group_permissions", "- membership")
def a_role_with_all_that_hangs_on_it(at):
    role = Group.objects.create(name="Passer-by")
    role.permissions.add(Permission.objects.first())
    role.user_set.add(at.ravi)
    role.delete()


@road("+ incidentservice", "~ incidentservice", "- incidentservice")
def services_with_their_impact(at):
    at.incident.services.add(at.search, through_defaults={"impact": "major_outage"})
    at.incident.service_impacts.filter(service=at.search).update(impact="partial_outage")
    at.search.incidents.clear()


@road("+ incidentservice", "- incidentservice × 2")
def services_set_from_the_incident(at):
    at.incident.services.set([at.search])
    at.incident.services.set([])


@road("+ incidentservice × 2")
def services_in_bulk(at):
    more = Service.objects.exclude(pk=at.service.pk)
    IncidentService.objects.bulk_create([IncidentService(incident=at.incident, service=one) for one in more])


@road("+ retrofactor", "- retrofactor", "+ retrofactor", "- retrofactor")
def factors_from_both_sides(at):
    factor = Factor.objects.first()
    at.retro.factors.add(factor)
    at.retro.factors.clear()
    factor.retros.set([at.retro])
    factor.retros.remove(at.retro)
