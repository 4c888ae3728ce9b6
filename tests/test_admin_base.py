"""What every page of the workspace promises: no lost edit, a history that tells, lists that stay quick."""

import re

import pytest
from django.urls import reverse
from pytest_django.asserts import assertHTMLEqual

from config.admin import duration, find
from config.audit.actor import TASK, acting
from config.audit.changes import word_diff
from config.changelist import CappedPaginator
from config.people import roles
from config.templatetags.workspace import filter_field
from incidents.models import Incident, Service
from tests.conftest import make_person

CHANGE = "admin:incidents_service_change"
HISTORY = "admin:incidents_service_history"


@pytest.fixture
def keeper(db):
    """Keeps the catalogue."""
    return make_person("keeper@example.com", roles.ADMINISTRATOR, name="Keeper")


@pytest.fixture
def page(client, keeper, service):
    """The form of the service as it was opened, ready to be sent."""
    client.force_login(keeper)
    form = client.get(reverse(CHANGE, args=[service.pk])).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | {"is_public": "on"}
    return sent | {"_base": service.history.first().pk}


def hidden_inputs(response):
    """What the page of a conflict would send if somebody pressed its button."""
    tags = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", response.content.decode())
    pairs = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in tags]
    return {name[1]: value[1] if value else "" for name, value in pairs if name}


def edit(service, **fields):
    with acting(kind=TASK, name="Omar"):
        row = Service.objects.get(pk=service.pk)
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()


# --- Two people, one row


def test_a_fresh_form_is_saved_with_its_reason(client, page, service):
    sent = page | {"description": "Where customers pay.", "_reason": "It had none"}
    assert client.post(reverse(CHANGE, args=[service.pk]), sent).status_code == 302
    latest = service.history.first()
    assert (latest.description, latest.history_change_reason) == ("Where customers pay.", "It had none")
    assert latest.history_user_name == "Keeper"


def test_a_stale_form_shows_both_texts_and_saves_nothing(client, page, service):
    edit(service, description="Theirs: baskets and cards.")
    rows = service.history.count()
    response = client.post(reverse(CHANGE, args=[service.pk]), page | {"description": "Mine: where we pay."})
    text = response.content.decode()
    assert response.status_code == 409
    assert "Theirs: baskets and cards." in text
    assert "Mine: where we pay." in text
    assert "Omar changed this" in text
    assert service.history.count() == rows


def test_from_the_conflict_mine_is_saved_and_what_i_did_not_touch_stays_theirs(client, page, service):
    edit(service, description="Theirs.", position=7)
    response = client.post(reverse(CHANGE, args=[service.pk]), page | {"description": "Mine."})
    assert response.context["kept"] == ["Position"]
    sent = hidden_inputs(response) | {"description": "Mine and theirs."}
    assert client.post(reverse(CHANGE, args=[service.pk]), sent).status_code == 302
    service.refresh_from_db()
    assert (service.description, service.position) == ("Mine and theirs.", 7)
    assert (service.name, service.slug, service.is_public) == ("Checkout", "checkout", True)


def test_a_second_conflict_is_a_conflict_again(client, page, service):
    edit(service, description="Theirs.")
    response = client.post(reverse(CHANGE, args=[service.pk]), page | {"description": "Mine."})
    edit(service, description="Theirs, once more.")
    sent = hidden_inputs(response) | {"description": "Mine."}
    assert client.post(reverse(CHANGE, args=[service.pk]), sent).status_code == 409
    service.refresh_from_db()
    assert service.description == "Theirs, once more."


@pytest.mark.parametrize("version", ["", "0", "x", "٣", "9" * 40])
def test_a_form_of_no_known_version_saves_nothing(client, page, service, version):
    response = client.post(
        reverse(CHANGE, args=[service.pk]), page | {"version": version, "_base": version, "name": "Mine"}
    )
    assert response.status_code == 409
    service.refresh_from_db()
    assert service.name == "Checkout"


def test_hostile_text_is_text_on_the_conflict_page(client, page, service):
    edit(service, description="<script>theirs()</script>")
    sent = page | {"description": "<script>mine()</script>", "extra": "<script>x()</script>"}
    text = client.post(reverse(CHANGE, args=[service.pk]), sent).content.decode()
    assert "<script>theirs" not in text
    assert "<script>mine" not in text
    assert "<script>x" not in text


# --- The history of everything


def test_the_history_tells_who_how_when_why_and_what(client, service, keeper, rf):
    with acting(keeper, kind="api", reason="Renamed by marketing", request_id="abcdef1234567890"):
        service.name = "Payments"
        service.save()
    client.force_login(keeper)
    response = client.get(reverse(HISTORY, args=[service.pk]))
    change = response.context["changes"][0]
    assert (change.who, change.how, change.kind, change.reason) == (
        "Keeper",
        "API",
        "changed",
        "Renamed by marketing",
    )
    assert change.request == "abcdef12"
    assert [(one.label, one.old, one.new) for one in change.differences] == [("Name", "Checkout", "Payments")]
    text = response.content.decode()
    assert "<del>Checkout</del>" in text
    assert "<ins>Payments</ins>" in text
    assert re.search(r'<time datetime="[0-9-]+T[0-9:.]+\+00:00">\d+ \w+ \d+, \d\d:\d\d:\d\d UTC', text)


def test_unsigned_changes_are_told_apart_from_the_systems(client, service, keeper):
    Service.objects.filter(pk=service.pk).update(position=1)
    with acting(kind=TASK):
        Service.objects.filter(pk=service.pk).update(position=2)
    client.force_login(keeper)
    changes = client.get(reverse(HISTORY, args=[service.pk])).context["changes"]
    assert [change.who for change in changes[:2]] == ["System", "Unattributed"]


def test_the_history_of_an_incident_tells_of_its_parts_and_names_what_they_point_to(
    client, resolved, ravi, service, severity
):
    entry = resolved.timeline.create(text="Wrong", author=ravi)
    entry.delete()
    client.force_login(ravi)
    changes = client.get(reverse("admin:incidents_incident_history", args=[resolved.pk])).context["changes"]
    told = {(change.kind, change.thing.partition(" #")[0]) for change in changes}
    assert {("created", "incident"), ("changed", "incident"), ("created", "affected service")} <= told
    assert {("created", "timeline entry"), ("deleted", "timeline entry")} <= told
    names = {one.new for change in changes for one in change.differences}
    assert {"Checkout", "SEV1", "Ravi"} <= names


def test_parts_of_which_a_person_may_see_nothing_are_left_out(client, resolved, stranger):
    from django.contrib.auth.models import Group, Permission

    few = Group.objects.create(name="Few")
    few.permissions.add(Permission.objects.get(codename="view_incident"))
    stranger.groups.add(few)
    client.force_login(stranger)
    changes = client.get(reverse("admin:incidents_incident_history", args=[resolved.pk])).context["changes"]
    assert {change.thing for change in changes} == {"incident"}


def test_pages_of_the_history_follow_each_other_and_each_row_has_its_difference(client, service, keeper):
    for position in range(1, 120):
        Service.objects.filter(pk=service.pk).update(position=position)
    client.force_login(keeper)
    seen, address = [], reverse(HISTORY, args=[service.pk])
    while address:
        context = client.get(address).context
        seen += context["changes"]
        before = context["before"]
        address = f"{reverse(HISTORY, args=[service.pk])}?before={before}" if before else ""
    assert len(seen) == 120
    assert [[one.new for one in change.differences] for change in seen[:-1]] == [
        [str(position)] for position in range(119, 0, -1)
    ]
    assert seen[-1].kind == "created"


@pytest.mark.parametrize("rows", [3, 130])
def test_a_page_of_history_costs_the_same_however_long_it_is(
    client, django_assert_max_num_queries, resolved, ravi, rows
):
    for number in range(rows):
        resolved.log("note", f"Note {number}", by=ravi)
        Incident.objects.filter(pk=resolved.pk).update(customers_affected=number)
    client.force_login(ravi)
    with django_assert_max_num_queries(42):  # two for each kind of part, and there are many
        client.get(reverse("admin:incidents_incident_history", args=[resolved.pk]))


@pytest.mark.parametrize("before", ["x", "incidents.service:", "incidents.service:-1", "%00", ":,:,"])
def test_a_made_up_place_in_the_history_is_its_beginning(client, service, keeper, before):
    client.force_login(keeper)
    response = client.get(reverse(HISTORY, args=[service.pk]), {"before": before})
    assert [change.kind for change in response.context["changes"]] == ["created"]


def test_the_history_of_what_was_deleted_can_still_be_read(client, service, keeper, stranger):
    address = reverse(HISTORY, args=[service.pk])
    service.delete()
    client.force_login(keeper)
    response = client.get(address)
    assert [change.kind for change in response.context["changes"]] == ["deleted", "created"]
    assert "(deleted)" in response.content.decode()
    client.force_login(stranger)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("pk", ["999999", "x", "9" * 40])
def test_the_history_of_what_never_was_is_not_found(client, keeper, pk):
    client.force_login(keeper)
    assert client.get(reverse(HISTORY, args=[pk])).url == reverse("admin:index")


def test_hostile_text_is_text_in_the_history(client, service, keeper):
    with acting(kind="web", name="<script>who()</script>", reason="<script>why()</script>"):
        Service.objects.filter(pk=service.pk).update(name="<script>a()</script>", description="<script>" * 20)
    client.force_login(keeper)
    text = client.get(reverse(HISTORY, args=[service.pk])).content.decode()
    for cry in ("<script>who", "<script>why", "<script>a()", "<script><script>"):
        assert cry not in text


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("same", "same", [("=", "same")]),
        ("", "new", [("+", "new")]),
        ("old", "", [("-", "old")]),
        ("one red fox", "one brown fox", [("=", "one "), ("-", "red"), ("+", "brown"), ("=", " fox")]),
    ],
)
def test_a_word_diff_shows_what_went_and_what_came(old, new, pieces):
    assert list(word_diff(old, new)) == pieces


def test_a_word_diff_of_huge_texts_is_quick_and_complete():
    old, new = "a b " * 25_000, "b c " * 25_000
    pieces = list(word_diff(old, new))
    assert "".join(text for sign, text in pieces if sign in "=-") == old
    assert "".join(text for sign, text in pieces if sign in "=+") == new


# --- Lists


def cells_of(response):
    """What the list shows in each column, row by row."""
    found = re.findall(r'class="field-(\w+)"[^>]*><div>(.*?)</div></t[dh]>', response.content.decode())
    return {name: [html for other, html in found if other == name] for name, _ in found}


def test_a_list_says_choices_in_words_links_the_name_and_leaves_no_cell_empty(client, keeper, service):
    Service.objects.create(slug="help", name="Help", tier=3, is_public=False, position=9)
    client.force_login(keeper)
    cells = cells_of(client.get(reverse("admin:incidents_service_changelist")))
    address = reverse(CHANGE, args=[service.pk])
    assert f'<a href="{address}">Checkout</a>' in cells["name"]
    assert "3 – convenient" in cells["tier"]
    assert sorted(cells["is_public"]) == ['<span class="aftercare-quiet">–</span>', "Yes"]
    assert not any("<a" in html for html in cells["slug"])


def test_a_list_shows_people_by_name_and_a_dash_where_there_is_nobody(client, omar, item):
    client.force_login(omar)
    address = reverse("admin:actions_actionitem_changelist")
    assert cells_of(client.get(address))["owner"] == ["Omar"]
    type(item).objects.update(owner=None)
    assert cells_of(client.get(address))["owner"] == ['<span class="aftercare-quiet">–</span>']


def test_hostile_text_is_text_in_a_list(client, keeper, service):
    Service.objects.update(name="<script>name()</script>", slug='"><script>slug()')
    client.force_login(keeper)
    text = client.get(reverse("admin:incidents_service_changelist")).content.decode()
    assert "<script>name" not in text
    assert "<script>slug" not in text
    assert "&lt;script&gt;name()" in text


def test_a_filter_that_is_looked_up_as_one_types_is_the_themes_and_shows_what_is_chosen(
    client, ravi, incident, service
):
    client.force_login(ravi)

    def field_of(query):
        response = client.get(reverse("admin:incidents_incident_changelist"), query)
        services = next(spec for spec in response.context["cl"].filter_specs if spec.title == "services")
        choices = next(iter(services.choices(response.context["cl"])))
        return next(iter(choices["form"])), response.content.decode()

    empty, page = field_of({})
    assertHTMLEqual(filter_field(empty), str(empty))
    assert 'id="id_services__id__exact"' in page
    chosen, page = field_of({"services__id__exact": service.pk})
    assert f'<option value="{service.pk}" selected>Checkout</option>' in page
    assert filter_field(chosen) == str(chosen)


def test_a_list_is_counted_and_turned_up_to_its_limit(monkeypatch, db, django_assert_num_queries):
    monkeypatch.setattr("config.changelist.MOST", 30)
    Service.objects.bulk_create(Service(slug=f"s{n}", name=f"S {n}") for n in range(40))
    pages = CappedPaginator(Service.objects.order_by("pk"), 10)
    with django_assert_num_queries(1):
        assert (pages.count, pages.num_pages, pages.is_capped) == (30, 3, True)
    assert "30" in pages.in_words or "40" in pages.in_words
    assert CappedPaginator(Service.objects.filter(name="S 1"), 10).in_words == "1"


def test_a_page_past_the_last_leads_back_to_the_list(client, keeper):
    Service.objects.bulk_create(Service(slug=f"s{n}", name=f"S {n}") for n in range(60))
    client.force_login(keeper)
    address = reverse("admin:incidents_service_changelist")
    assert client.get(address, {"p": "3"}).status_code == 200
    assert client.get(address, {"p": "4"}).url == f"{address}?e=1"


def test_pages_keep_filters_and_neither_ones_own_nor_a_gap_is_a_link(client, keeper):
    Service.objects.bulk_create(Service(slug=f"s{n}", name=f"S & {n}") for n in range(400))
    client.force_login(keeper)
    page = client.get(reverse("admin:incidents_service_changelist"), {"q": "S &", "tier__exact": 2, "p": 9})
    pages = page.content.decode().partition('aria-label="Pages">')[2].partition("</nav>")[0]
    links = re.findall(r'<a href="([^"]+)">(\d+)</a>', pages)
    assert links[0] == ("?q=S+%26&amp;tier__exact=2&amp;p=1", "1")
    assert [number for _, number in links] == [*"12", *"678", "10", "11", "12", "15", "16"]
    assert ('aria-current="page">9</span>' in pages, pages.count("<span>…</span>")) == (True, 2)
    assert client.get(page.request["PATH_INFO"] + links[-1][0].replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize("term", ["INC-{pk:04d}", "inc-{pk}", "{pk}", "Checkout fails", " {pk} "])
def test_the_search_box_of_a_list_understands_references_and_words(client, incident, ravi, term):
    client.force_login(ravi)
    response = client.get(reverse("admin:incidents_incident_changelist"), {"q": term.format(pk=incident.pk)})
    assert [row.pk for row in response.context["cl"].result_list] == [incident.pk]


@pytest.mark.parametrize("term", ["INC-999999", "INC-" + "9" * 20, "9" * 30, "nothing", "%", "_"])
def test_the_search_box_finds_nothing_where_there_is_nothing(client, incident, ravi, term):
    client.force_login(ravi)
    response = client.get(reverse("admin:incidents_incident_changelist"), {"q": term})
    assert (response.status_code, list(response.context["cl"].result_list)) == (200, [])


def test_a_null_character_in_a_search_is_harmless(client, incident, ravi):
    client.force_login(ravi)
    for address, query in (("incidents_incident_changelist", "q"), ("search", "s")):
        assert client.get(reverse(f"admin:{address}"), {query: "a\x00"}).status_code == 200
    query = {"app_label": "incidents", "model_name": "timelineentry", "field_name": "incident"}
    assert client.get(reverse("admin:autocomplete"), query | {"term": "a\x00"}).status_code == 200


def test_patterns_are_not_run_from_the_address(client, incident, ravi):
    client.force_login(ravi)
    response = client.get(reverse("admin:incidents_incident_changelist"), {"title__regex": "(a+)+$"})
    assert response.status_code == 400


def test_the_search_of_every_page_finds_a_few_of_each_kind(rf, ravi, severity):
    Incident.objects.bulk_create(Incident(title=f"Outage {n}", severity=severity) for n in range(30))
    request = rf.get("/")
    request.user = ravi
    found = find(request, "outage")
    assert len(found) == 5
    assert found[0].title.endswith("Outage 29")


def test_people_without_any_role_find_nothing(rf, stranger, incident):
    request = rf.get("/")
    request.user = stranger
    assert find(request, "checkout") == []


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "under 1 min"), (59, "59 min"), (60, "1 h"), (1505, "1 d 1 h"), (1440, "1 d")]
)
def test_durations_are_said_in_two_units(minutes, words):
    from datetime import timedelta

    assert duration(timedelta(minutes=minutes)) == words
