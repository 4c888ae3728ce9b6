"""One version of an object, two side by side, and how everything stood at a moment."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from config.audit.belonging import story_as_of, story_of
from config.audit.explorer import moments
from config.audit.explorer.sight import tables_for
from incidents.models import Incident, Region, TimelineEntry
from retros.models import Retrospective
from tests.audit.explorer import EXPLORER, changes_on, opened, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    region = Region.objects.create(slug="eu", name="Europe")
    for name in ("Union", "Continent"):
        Region.objects.filter(pk=region.pk).update(name=name)
    return region


def versions(row):
    return list(row.history.order_by("history_id").values_list("history_id", flat=True))


def version_page(client, aud, row, number, **query):
    return opened(client, aud, f"{EXPLORER}{row._meta.label_lower}/{row.pk}/{number}/", **query)


def pause():
    """SQLite keeps milliseconds: two moments that must differ need one between them."""
    time.sleep(0.005)
    now = timezone.now()
    time.sleep(0.005)
    return now


# --- Versions ----------------------------------------------------------------------------------------------


def test_a_version_shows_the_object_as_it_was_and_what_changed(client, aud, region):
    _, second, _ = versions(region)
    response = version_page(client, aud, region, second)
    shown = {value.label: (value.text, value.is_changed) for value in response.context["values"]}
    assert shown["Name"] == ("Union", True)
    assert shown["Slug"] == ("eu", False)
    assert [(one.old, one.new) for one in response.context["change"].differences] == [("Europe", "Union")]


def test_from_a_version_one_goes_to_its_neighbours(client, aud, region):
    first, second, third = versions(region)
    response = version_page(client, aud, region, second)
    assert response.context["previous"].endswith(f"/{first}/")
    assert response.context["next"].endswith(f"/{third}/")
    assert version_page(client, aud, region, first).context["previous"] == ""
    assert version_page(client, aud, region, third).context["next"] == ""


def test_a_version_page_offers_nothing_to_change(client, aud, region):
    page = version_page(client, aud, region, versions(region)[0]).content.decode()
    assert 'method="post"' not in page.split("<main")[1].split("</main>")[0]


def test_any_two_versions_can_be_compared(client, aud, region):
    first, _, third = versions(region)
    for one, other in ((first, third), (third, first)):
        response = version_page(client, aud, region, one, **{"with": other})
        assert [(d.label, d.old, d.new) for d in response.context["differences"]] == [
            ("Name", "Europe", "Continent")
        ]


def test_versions_that_say_the_same_are_said_to(client, aud, region):
    Region.objects.filter(pk=region.pk).update(name="Europe")
    first, *_, last = versions(region)
    assert "These two versions say the same." in text_of(
        version_page(client, aud, region, first, **{"with": last})
    )


def test_two_versions_are_chosen_on_the_history_page(client, aud, region):
    first, _, third = versions(region)
    page = opened(client, aud, f"/admin/incidents/region/{region.pk}/history/").content.decode()
    assert f'name="one" value="{first}"' in page
    chosen = client.get(f"{EXPLORER}incidents.region/{region.pk}/compare/", {"one": first, "with": third})
    assert len(chosen.context["differences"]) == 1
    forgot = client.get(f"{EXPLORER}incidents.region/{region.pk}/compare/", {"one": first}, follow=True)
    assert "Mark two versions" in text_of(forgot)


@pytest.mark.parametrize("number", [999_999, 2**63, 10**25])
def test_a_version_that_never_was_is_not_found(client, aud, region, number):
    assert version_page(client, aud, region, number).status_code == 404
    assert (
        opened(client, aud, f"{EXPLORER}incidents.region/{number}/{versions(region)[0]}/").status_code == 404
    )
    assert opened(client, aud, f"{EXPLORER}no.such/1/1/").status_code == 404


def test_a_version_of_another_object_is_not_found(client, aud, region):
    other = Region.objects.create(slug="us", name="States")
    assert version_page(client, aud, other, versions(region)[0]).status_code == 404
    assert (
        version_page(client, aud, region, versions(region)[0], **{"with": versions(other)[0]}).status_code
        == 404
    )


def test_the_last_page_of_a_long_history_is_one_click_away(client, aud, region):
    for number in range(60):
        Region.objects.filter(pk=region.pk).update(name=f"Name {number}")
    first = opened(client, aud, f"/admin/incidents/region/{region.pk}/history/")
    assert "?page=oldest" in first.content.decode()
    oldest = client.get(f"/admin/incidents/region/{region.pk}/history/?page=oldest").context["changes"]
    assert len(oldest) == 50
    assert oldest[-1].kind == "created"
    assert [(one.old, one.new) for one in oldest[0].differences] == [("Name 45", "Name 46")]


# --- As of a moment ----------------------------------------------------------------------------------------


def test_the_record_as_it_stood_with_what_is_gone_by_now(client, aud, ana, omar, item):
    incident, retro = item.retro.incidents.get(), item.retro
    finding = retro.findings.create(kind="luck", text="It was Sunday.")
    retro.participants.create(user=ana, hat="product")
    then = pause()
    finding.delete()
    retro.participants.all().delete()
    item.complete(by=omar, evidence="It rang.")
    Incident.objects.filter(pk=incident.pk).update(title="Renamed since")
    text = text_of(opened(client, aud, f"{EXPLORER}as-of/", object=incident.reference, at=then.isoformat()))
    for said in (
        "It was Sunday.",
        "Ana (Product)",
        "Checkout fails for one in five",
        "Alert on failed payments",
    ):
        assert said in text
    assert "Renamed since" not in text
    assert "Status Open" in text


def test_a_day_means_its_end_and_nothing_means_now(client, aud, incident):
    Incident.objects.filter(pk=incident.pk).update(title="Renamed")
    for query in ({}, {"at": timezone.localdate()}):
        page = opened(client, aud, f"{EXPLORER}as-of/incidents.incident/{incident.pk}/", **query)
        assert "Renamed" in text_of(page)


def test_before_it_was_there_was_nothing(client, aud, incident):
    page = opened(client, aud, f"{EXPLORER}as-of/incidents.incident/{incident.pk}/", at="2020-01-01")
    assert "At that moment there was no incident" in text_of(page)


def test_a_list_as_of_a_moment_holds_what_existed_then(client, aud):
    made = Region.objects.bulk_create([Region(slug=f"r{n}", name=f"Region {n}") for n in range(60)])
    then = pause()
    Region.objects.all().update(name="Renamed")
    Region.objects.filter(slug="r3").delete()
    Region.objects.create(slug="new", name="Too new")
    names, url, pages = (
        [],
        f"{EXPLORER}as-of/incidents.region/?at={then.isoformat().replace('+00:00', 'Z')}",
        0,
    )
    while url:
        response = opened(client, aud, url)
        names += [one["name"] for one in response.context["objects"]]
        older, pages = response.context["older"], pages + 1
        base = url.partition("&before")[0]
        url = f"{base}&before={older}" if older else ""
    assert pages == 2
    assert sorted(names) == sorted(region.name for region in made)


def test_a_list_as_of_a_moment_shows_each_object_once_in_its_state_then(aud, region):
    table = next(table for table in tables_for(aud) if table.model is Region)
    assert [row.name for row in moments.list_as_of(table, timezone.now())] == ["Continent"]
    created = region.history.order_by("history_id").first().history_date
    assert [row.name for row in moments.list_as_of(table, created - timedelta(seconds=1))] == []


def test_the_newest_row_before_the_moment_counts(region):
    rows = list(region.history.order_by("history_id"))
    assert moments.as_of(Region, timezone.now(), {region.pk})[0].name == "Continent"
    assert moments.as_of(Region, rows[0].history_date - timedelta(seconds=1), {region.pk}) == []
    region.delete()
    assert moments.as_of(Region, timezone.now(), {rows[0].id, 999}) == []


@pytest.mark.parametrize("at", ["never", "2026-13-01", "0000-01-01", "9999-12-31", "%00", "2026-09-30T99:00"])
def test_a_moment_that_is_none_is_said(client, aud, incident, at):
    for path in ("as-of/", f"as-of/incidents.incident/{incident.pk}/", "as-of/incidents.incident/"):
        client.force_login(aud)
        response = client.get(f"{EXPLORER}{path}?at={at}&object=INC-{incident.pk}")
        assert response.status_code == 400
        assert 'role="alert"' in response.content.decode()


@pytest.mark.parametrize("name", ["nothing", "INC-", "INC-99999999999999999999", "%00"])
def test_an_object_that_is_none_is_said(client, aud, name):
    client.force_login(aud)
    assert client.get(f"{EXPLORER}as-of/?object={name}").status_code == 400


# --- What belongs to what ----------------------------------------------------------------------------------


def test_an_incidents_story_goes_on_in_its_retro_and_its_action_items(item):
    incident, retro = item.retro.incidents.get(), item.retro
    story = dict(story_of(Incident, incident.pk))
    assert story[Incident] == {incident.pk}
    assert story[TimelineEntry] == set(incident.timeline.values_list("pk", flat=True))
    assert story[Retrospective] == {retro.pk}
    assert story[type(item)] == {item.pk}
    assert next(iter(story)) is Incident


def test_a_story_knows_what_was_deleted_and_what_belonged_to_it_once(item, severity):
    incident, retro = item.retro.incidents.get(), item.retro
    gone = incident.assignments.create(user=item.owner, role="scribe")
    key = gone.pk
    gone.delete()
    other = Retrospective.objects.create(title="Another", due_on=retro.due_on)
    type(item).objects.filter(pk=item.pk).update(retro=other)
    story = dict(story_of(Incident, incident.pk))
    assert key in story[type(gone)]
    assert item.pk in story[type(item)]
    assert other.pk not in story[Retrospective]


def test_a_retros_story_does_not_swallow_its_incident(retro):
    assert Incident not in dict(story_of(Retrospective, retro.pk))


def test_a_story_as_of_a_moment_holds_only_what_belonged_then(item):
    incident, retro = item.retro.incidents.get(), item.retro
    other = Retrospective.objects.create(title="Another", due_on=retro.due_on)
    before = pause()
    type(item).objects.filter(pk=item.pk).update(retro=other)
    now = timezone.now()
    assert type(item) in dict(story_as_of(Incident, incident.pk, before))
    assert type(item) not in dict(story_as_of(Incident, incident.pk, now))
    assert story_as_of(Incident, incident.pk, now - timedelta(days=1)) == []


# --- Deleted objects ---------------------------------------------------------------------------------------


def test_what_was_deleted_is_listed_with_its_last_state(client, aud, ana, retro):
    from config.audit.actor import WEB, acting

    finding = retro.findings.create(kind="luck", text="It was Sunday.")
    with acting(ana, kind=WEB, reason="Said twice."):
        finding.delete()
    response = opened(client, aud, f"{EXPLORER}deleted/")
    gone = response.context["changes"][0]
    assert (gone.who, gone.reason, gone.name) == ("Ana", "Said twice.", "Where we were lucky: It was Sunday.")
    assert "It was Sunday." in text_of(response)
    assert client.get(gone.history_url).status_code == 200


def test_what_came_back_is_no_longer_listed_as_deleted(client, aud):
    region = Region.objects.create(slug="eu", name="Europe")
    key = region.pk
    region.delete()
    assert len(opened(client, aud, f"{EXPLORER}deleted/").context["changes"]) == 1
    Region.objects.create(pk=key, slug="eu", name="Europe")
    assert opened(client, aud, f"{EXPLORER}deleted/").context["changes"] == []


def test_the_list_of_what_was_deleted_can_be_filtered(client, aud, incident):
    Region.objects.create(slug="eu", name="Europe").delete()
    incident.service_impacts.all().delete()
    response = opened(client, aud, f"{EXPLORER}deleted/", model="incidents.region")
    assert [one.name for one in response.context["changes"]] == ["Europe"]


def test_somebody_who_is_gone_keeps_their_name(client, aud, retro):
    from django.contrib.auth.models import Group

    group = Group.objects.create(name="Visitors")
    group.user_set.add(aud)
    group.delete()
    page = opened(client, aud, model="people.membership")
    assert [(one.verb, one.name) for one in changes_on(page)[:2]] == [
        ("removed", "Visitors"),
        ("added", "Visitors"),
    ]
