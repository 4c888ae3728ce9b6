"""All models in one stream, newest first: whole, steady, and as cheap at the end as at the start."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.audit.actor import WEB, acting
from config.audit.explorer import sql, stream
from config.audit.explorer.search import Search
from config.audit.explorer.sight import tables_for
from config.audit.triggers import tracked_models
from incidents.models import Region, Service
from tests.audit.explorer import EXPLORER, changes_on, opened, text_of, walked

pytestmark = pytest.mark.django_db


def regions(count, start=0):
    return Region.objects.bulk_create(
        [Region(slug=f"r{number}", name=f"Region {number}") for number in range(start, start + count)]
    )


def recorded():
    return sum(tracked.model.history.count() for tracked in tracked_models())


def test_every_change_of_every_model_is_there_once(client, aud, item):
    regions(60)
    client.force_login(aud)
    pages = walked(client, EXPLORER)
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages[:-1]] == [50] * (len(pages) - 1)
    assert len(rows) == len(set(rows)) == recorded()


def test_the_newest_change_comes_first(client, aud, incident):
    time.sleep(0.005)  # SQLite keeps milliseconds
    Region.objects.create(slug="eu", name="Europe")
    newest = changes_on(opened(client, aud))[0]
    assert (newest.kind, newest.name, newest.label) == ("created", "Europe", "incidents.region")
    moments = [change.at for change in changes_on(opened(client, aud))]
    assert moments == sorted(moments, reverse=True)


def test_the_way_back_leads_over_the_same_pages(client, aud, item):
    regions(120)
    client.force_login(aud)
    forth, url = [], EXPLORER
    for _ in range(4):
        response = client.get(url)
        forth.append([(one.label, one.number) for one in changes_on(response)])
        last, url = response, EXPLORER + response.context["links"]["older"]
    back = []
    while newer := last.context["links"]["newer"]:
        last = client.get(EXPLORER + newer)
        back.append([(one.label, one.number) for one in changes_on(last)])
    assert back == forth[2::-1]


def test_a_page_stays_the_same_while_others_write(client, aud, item):
    first = opened(client, aud)
    before = changes_on(client.get(EXPLORER + first.context["links"]["older"]))
    regions(70)
    after = changes_on(client.get(EXPLORER + first.context["links"]["older"]))
    assert [(c.label, c.number) for c in after] == [(c.label, c.number) for c in before]


def test_rows_of_the_same_moment_are_neither_lost_nor_repeated(aud):
    """SQLite keeps milliseconds, so that many rows share one: the table and the number decide."""
    regions(30)
    Service.objects.bulk_create([Service(slug=f"s{number}", name="S") for number in range(30)])
    tables = tables_for(aud)
    found, place = [], None
    while True:
        page = stream.page(tables, Search(), before=place, count=7)
        found += [(one.label, one.number) for one in page.places]
        place = page.older
        if place is None:
            break
    assert len(found) == len(set(found)) == recorded()


def test_the_oldest_row_of_a_page_still_says_what_it_changed(client, aud):
    region = regions(1)[0]
    for number in range(60):
        Region.objects.filter(pk=region.pk).update(name=f"Name {number}")
    oldest = changes_on(opened(client, aud, model="incidents.region"))[-1]
    assert [(one.old, one.new) for one in oldest.differences] == [("Name 9", "Name 10")]


def test_what_one_click_did_stands_together(client, aud, ravi, incident):
    with acting(ravi, kind=WEB):
        incident.acknowledge(by=ravi)
    click = opened(client, aud).context["clicks"][0]
    assert {change.label for change in click.changes} == {"incidents.incident", "incidents.timelineentry"}
    assert click.is_whole
    page = client.get(EXPLORER + "?" + click.query)
    assert [(c.label, c.number) for c in changes_on(page)] == [(c.label, c.number) for c in click.changes]


def test_a_click_that_goes_on_beyond_the_page_says_so(client, aud, ravi):
    with acting(ravi, kind=WEB):
        regions(60)
    response = opened(client, aud)
    assert not response.context["clicks"][0].is_whole
    assert "50 changes on this page, all of request" in text_of(response)


def test_somebody_taking_part_reads_as_added_to_the_whole(client, aud, ana, retro):
    part = retro.participants.create(user=ana, hat="product")
    part.delete()
    removed, added = changes_on(opened(client, aud, model="retros.participant"))
    assert (added.verb, added.name, added.joined) == ("added", "Ana (Product)", str(retro))
    assert (removed.verb, removed.name, removed.sign) == ("removed", "Ana (Product)", "−")


def test_a_role_given_and_a_permission_taken_read_as_such(client, aud, stranger):
    from django.contrib.auth.models import Group

    group = Group.objects.get(name="Facilitator")
    stranger.groups.add(group)
    given = changes_on(opened(client, aud, model="people.membership"))[0]
    assert (given.verb, given.name, given.joined) == ("added", "Facilitator", "Stranger")
    permission = group.permissions.get(codename="view_incident")
    group.permissions.remove(permission)
    taken = changes_on(opened(client, aud, model="auth.group_permissions"))[0]
    assert (taken.verb, taken.name, taken.joined) == ("removed", str(permission), "Facilitator")


def test_long_text_is_marked_word_by_word(client, aud, incident):
    text = "The payment page failed for some customers who paid by card on Monday, and nobody noticed."
    type(incident).objects.filter(pk=incident.pk).update(summary=text)
    type(incident).objects.filter(pk=incident.pk).update(summary=text.replace("Monday", "Tuesday"))
    page = opened(client, aud, model="incidents.incident").content.decode()
    assert "<del>Monday</del><ins>Tuesday</ins>" in page


def test_an_empty_database_says_what_will_be_here(client, aud, monkeypatch):
    monkeypatch.setattr("config.audit.explorer.stream.page", lambda *_, **__: stream.Page([]))
    assert "Nothing has been recorded yet." in text_of(opened(client, aud))


@pytest.mark.parametrize("query", [{}, {"who": "Aud"}, {"model": "incidents.region"}, {"field": "name"}])
def test_a_page_costs_the_same_however_many_rows_there_are(client, aud, ravi, item, query):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(EXPLORER, query).status_code == 200
        return len(queries)

    client.force_login(aud)
    with acting(aud, kind=WEB):
        made = regions(5)
        Region.objects.filter(pk=made[0].pk).update(name="Another")
        few = cost()
        regions(500, start=5)
        Region.objects.filter(slug__startswith="r").update(name="Renamed")
    assert cost() <= few <= 8


def test_filters_cost_no_query_more(client, aud, item):
    client.force_login(aud)
    costs = set()
    for query in ({}, {"change": "created"}, {"how": "unattributed"}, {"from": "2020-01-01"}):
        with CaptureQueriesContext(connection) as queries:
            client.get(EXPLORER, query)
        costs.add(len(queries))
    assert costs == {8}


def test_nothing_is_counted_and_nothing_skipped_over(client, aud, item):
    client.force_login(aud)
    older = EXPLORER + client.get(EXPLORER).context["links"]["older"]
    with CaptureQueriesContext(connection) as queries:
        client.get(older)
    text = " ".join(query["sql"] for query in queries).upper()
    assert "COUNT(" not in text
    assert "OFFSET" not in text


def test_every_table_is_read_by_its_index(aud, item):
    """The row comparison is a range of (moment, number); an OR would not be."""
    if not sql.is_sqlite():
        pytest.skip("SQLite explains itself without statistics")
    tables = tables_for(aud)
    place = stream.page(tables, Search(), count=5).older
    branches = [stream._Branch(table, Search(), place, True, 5, 0) for table in tables]
    statement, params = stream._union(branches, True, 5)
    plan = [row[3] for row in sql.run(f"EXPLAIN QUERY PLAN {statement}", params)]
    searched = [line for line in plan if line.startswith(("SEARCH h", "SCAN h"))]
    assert len(searched) == len(tables)
    assert all("USING" in line and "(history_date" in line for line in searched), searched


# --- What no index leads to --------------------------------------------------------------------------------


def test_a_search_row_by_row_stops_and_says_how_far_it_came(client, aud, monkeypatch):
    regions(40)
    Region.objects.filter(slug="r0").delete()
    for start in (40, 60, 80):
        time.sleep(0.005)  # SQLite keeps milliseconds, and what shares one is looked at together
        regions(20, start=start)
    monkeypatch.setattr(stream, "WALK", 2)
    first = opened(client, aud, change="deleted", model="incidents.region")
    assert changes_on(first) == []
    assert "Searched back to" in text_of(first)
    found, response = [], first
    for _ in range(20):
        older = response.context["links"]["older"]
        if not older:
            break
        response = client.get(EXPLORER + older)
        found += changes_on(response)
    assert [one.name for one in found] == ["Region 0"]
    assert response.context["searched_to"] is None


def test_a_search_that_stops_leaves_nothing_out_on_the_way(aud, item, monkeypatch):
    regions(40)
    monkeypatch.setattr(stream, "WALK", 20)
    search = Search(change="+")
    tables, found, place = tables_for(aud), [], None
    for _ in range(500):
        page = stream.page(tables, search, before=place, count=5)
        found += [(one.label, one.number) for one in page.places]
        place = page.older
        if place is None:
            break
    created = sum(tracked.model.history.filter(history_type="+").count() for tracked in tracked_models())
    assert len(found) == len(set(found)) == created


def test_the_way_back_of_such_a_search_ends_at_the_newest(aud, item, monkeypatch):
    regions(40)
    monkeypatch.setattr(stream, "WALK", 20)
    tables, search = tables_for(aud), Search(change="+")
    place = stream.page(tables, search, count=30).older
    for _ in range(100):
        page = stream.page(tables, search, after=place, count=5)
        if page.newer is None:
            break
        place = page.newer
    assert [one.label for one in page.places] == ["incidents.region"] * 5
