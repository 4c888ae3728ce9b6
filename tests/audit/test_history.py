"""Every change is in the history, whichever road it took, and nothing else is."""

import json

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from actions.models import ActionItem
from config.audit.actor import WEB, acting
from config.audit.models import StaleVersion
from config.audit.triggers import tracked_models
from config.people.models import ApiToken, Membership, User
from incidents.models import Incident, IncidentService, Region, Service
from retros.models import Finding, Retrospective
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return Region.objects.create(slug="eu", name="Europe")


def entries(of, **where):
    """Type and name of each history row, the oldest first."""
    rows = of.history.filter(**where).order_by("history_id")
    return [(row.history_type, row.name) for row in rows]


def sql(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


# --- Roads to a row


def saved(region):
    region.name = "Union"
    region.save()


def saved_in_part(region):
    region.name, region.slug = "Union", "never stored"
    region.save(update_fields=["name"])


def saved_with_an_expression(region):
    region.name = Concat(Value("Un"), Value("ion"))
    Region.objects.filter(pk=region.pk).update(name=region.name)


def updated(region):
    Region.objects.filter(slug="eu").update(name="Union")


def updated_in_bulk(region):
    region.name, region.slug = "Union", "never stored"
    Region.objects.bulk_update([region], ["name"])


def updated_or_created(region):
    Region.objects.update_or_create(slug="eu", defaults={"name": "Union"})


def upserted(region):
    new = Region(slug="eu", name="Union")
    Region.objects.bulk_create([new], update_conflicts=True, update_fields=["name"], unique_fields=["slug"])


def written_in_sql(region):
    sql("UPDATE incidents_region SET name = 'Union' WHERE slug = 'eu'")


def loaded(region, tmp_path):
    fixture = tmp_path / "regions.json"
    fields = {"slug": "eu", "name": "Union", "version": 1}
    fixture.write_text(json.dumps([{"model": "incidents.region", "pk": region.pk, "fields": fields}]))
    call_command("loaddata", str(fixture), verbosity=0)


ROADS = [
    saved,
    saved_in_part,
    saved_with_an_expression,
    updated,
    updated_in_bulk,
    updated_or_created,
    upserted,
    written_in_sql,
    loaded,
]


@pytest.mark.parametrize("road", ROADS, ids=lambda road: road.__name__)
def test_a_change_is_recorded_once_and_as_it_was_stored(region, tmp_path, road):
    more = [tmp_path] if road is loaded else []
    road(region, *more)
    assert entries(Region, slug="eu") == [("+", "Europe"), ("~", "Union")]
    assert not Region.history.filter(slug="never stored").exists()


def test_an_expression_is_recorded_as_what_it_became(region, severity):
    severity.acknowledge_minutes = F("acknowledge_minutes") + 3
    before = type(severity).objects.values_list("acknowledge_minutes", flat=True).get(pk=severity.pk)
    severity.save()
    assert severity.history.first().acknowledge_minutes == before + 3


@pytest.mark.parametrize(
    "road",
    [
        lambda region: region.delete(),
        lambda region: Region.objects.filter(slug="eu").delete(),
        lambda region: Region.objects.filter(slug="eu")._raw_delete("default"),
        lambda region: sql("DELETE FROM incidents_region WHERE slug = 'eu'"),
    ],
    ids=["delete", "queryset", "raw delete", "sql"],
)
def test_a_deletion_is_recorded_with_the_last_state(region, road):
    road(region)
    assert entries(Region) == [("+", "Europe"), ("-", "Europe")]


def test_rows_made_in_bulk_are_all_recorded():
    made = Region.objects.bulk_create([Region(slug=f"r{n}", name=f"Region {n}") for n in range(3)])
    Region.objects.bulk_create([Region(slug="r1", name="Ignored")], ignore_conflicts=True)
    assert entries(Region) == [("+", f"Region {n}") for n in range(3)]
    assert {row.id for row in Region.history.all()} == {region.pk for region in made}


def test_what_a_deletion_takes_with_it_is_recorded(incident):
    impacts = list(incident.service_impacts.values_list("pk", flat=True))
    entry = incident.timeline.get().pk
    Incident.objects.filter(pk=incident.pk).delete()
    assert [row.history_type for row in IncidentService.history.filter(id__in=impacts)] == ["-", "+"]
    assert incident.timeline.model.history.filter(id=entry).first().history_type == "-"


def test_what_a_deletion_empties_is_recorded(retro, item):
    finding = retro.findings.create(kind=Finding.Kind.LUCK, text="Nobody was buying.")
    ActionItem.objects.filter(pk=item.pk).update(finding=finding)
    finding.delete()
    assert [row.finding_id for row in item.history.all()][:2] == [None, row_id(Finding)]


def row_id(model):
    return model.history.first().id


def test_a_change_that_changes_nothing_leaves_no_row(region):
    region.save()
    Region.objects.filter(pk=region.pk).update(name="Europe")
    sql("UPDATE incidents_region SET name = name")
    Region.objects.bulk_update([region], ["name"])
    assert entries(Region) == [("+", "Europe")]


def test_bookkeeping_leaves_no_row(ana):
    before = ana.history.count()
    ana.save()  # moves the version on
    User.objects.filter(pk=ana.pk).update(last_login=ana.joined_at)
    ana.set_password("another-password")
    User.objects.filter(pk=ana.pk).update(password=ana.password)
    assert ana.history.count() == before


def test_what_is_rolled_back_leaves_no_row(region):
    with transaction.atomic():
        region.name = "Union"
        region.save()
        transaction.set_rollback(True)
    assert entries(Region) == [("+", "Europe")]


def test_a_savepoint_that_is_rolled_back_takes_only_its_own_rows(region):
    Region.objects.update(name="First")
    with transaction.atomic():
        Region.objects.update(name="Second")
        transaction.set_rollback(True)
    Region.objects.update(name="Third")
    assert entries(Region) == [("+", "Europe"), ("~", "First"), ("~", "Third")]


def test_two_changes_in_one_transaction_are_two_rows_in_order(region):
    with transaction.atomic():
        for name in ("First", "Second", "Third"):
            Region.objects.update(name=name)
    assert [name for _, name in entries(Region)] == ["Europe", "First", "Second", "Third"]


# --- Many to many


def moves_of(model, **where):
    return [row.history_type for row in model.history.filter(**where).order_by("history_id")]


def test_granting_and_taking_a_role_is_recorded(stranger):
    group = Group.objects.get(name="Auditor")
    stranger.groups.add(group)
    stranger.groups.add(group)  # has it already
    stranger.groups.remove(group)
    stranger.groups.set([group])
    stranger.groups.clear()
    group.user_set.add(stranger)  # from the other side
    group.user_set.clear()
    assert moves_of(Membership, user=stranger.pk) == ["+", "-", "+", "-", "+", "-"]


def test_what_a_role_may_do_is_recorded():
    group = Group.objects.create(name="Visitor")
    permission = Permission.objects.get(codename="view_incident")
    group.permissions.add(permission)
    permission.group_set.remove(group)
    group.permissions.set([permission])
    group.permissions.clear()
    assert moves_of(Group.permissions.through, group=group.pk) == ["+", "-", "+", "-"]


def test_affected_services_are_recorded_from_both_sides(incident):
    search = Service.objects.create(slug="search", name="Search")
    incident.services.add(search, through_defaults={"impact": "major_outage"})
    incident.service_impacts.filter(service=search).update(impact="partial_outage")
    search.incidents.remove(incident)
    rows = IncidentService.history.filter(service=search.pk).order_by("history_id")
    assert [(row.history_type, row.impact) for row in rows] == [
        ("+", "major_outage"),
        ("~", "partial_outage"),
        ("-", "partial_outage"),
    ]


def test_incidents_and_factors_of_a_retro_are_recorded(retro, resolved):
    links, factors = Retrospective.incidents.through, Retrospective.factors.through
    retro.incidents.clear()
    retro.incidents.set([resolved])
    retro.factors.add(factors._meta.get_field("factor").related_model.objects.first())
    retro.factors.clear()
    assert moves_of(links, retro=retro.pk) == ["+", "-", "+"]
    assert moves_of(factors, retro=retro.pk) == ["+", "-"]


# --- The whole state


def test_the_newest_entry_of_every_row_is_the_row(item, retro, admin_user, resolved):
    resolved.close(by=None)
    compared = 0
    for tracked in tracked_models():
        names = [field.attname for field in tracked.model.history.model.tracked_fields]
        for row in tracked.model._base_manager.all():
            newest = tracked.model.history.filter(**{tracked.model._meta.pk.attname: row.pk}).first()
            assert [getattr(newest, name) for name in names] == [getattr(row, name) for name in names]
            compared += 1
    assert compared > 100


def test_how_a_row_stood_can_be_asked_about_any_moment(region):
    before = region.history.first().history_date
    Region.objects.update(name="Union")
    assert region.history.as_of(before).name == "Europe"


def test_no_secret_is_in_any_history(ana):
    token, secret = ApiToken.issue(ana, "pager")
    ana.set_password("a-password-of-hers")
    ana.save()
    token.revoke()
    ana.refresh_from_db()
    hidden = [secret, token.digest, ana.password, PASSWORD]
    for tracked in tracked_models():
        text = str(list(tracked.model.history.values()))
        assert not [value for value in hidden if value in text], tracked.history_table


# --- Lost updates


def test_of_two_stale_editors_the_second_is_refused(region):
    first, second = Region.objects.get(), Region.objects.get()
    first.name = "Union"
    first.save()
    second.name = "Continent"
    with pytest.raises(StaleVersion), transaction.atomic():
        second.save()
    assert entries(Region) == [("+", "Europe"), ("~", "Union")]


def test_the_second_is_refused_too_if_both_save_only_a_field(region):
    first, second = Region.objects.get(), Region.objects.get()
    first.save(update_fields=["name"])
    with pytest.raises(StaleVersion), transaction.atomic():
        second.save(update_fields=["slug"])


def test_saving_the_same_row_again_and_again_is_no_conflict(region):
    for name in ("First", "Second", "Third"):
        region.name = name
        region.save()
    assert (region.version, Region.objects.get().version) == (4, 4)


def test_signing_in_twice_at_once_is_no_conflict(ana):
    first, second = User.objects.get(pk=ana.pk), User.objects.get(pk=ana.pk)
    for user in (first, second):
        user.last_login = user.joined_at
        user.save(update_fields=["last_login"])
    assert User.objects.get(pk=ana.pk).version == ana.version


def test_an_edit_of_a_row_that_is_gone_makes_no_new_one(region):
    stale = Region.objects.get()
    region.delete()
    with pytest.raises(DatabaseError, match="did not affect any rows"), transaction.atomic():
        stale.save(update_fields=["name"])
    assert not Region.objects.exists()


def test_who_edited_is_not_who_was_refused(region, ana, omar):
    first, second = Region.objects.get(), Region.objects.get()
    with acting(ana, kind=WEB):
        first.name = "Union"
        first.save()
    with acting(omar, kind=WEB), pytest.raises(StaleVersion), transaction.atomic():
        second.save()
    assert not Region.history.filter(history_user_id=omar.pk).exists()
