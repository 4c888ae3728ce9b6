"""What can be looked for in the history, and what a hand-made address may say."""

import pytest
from django.utils import timezone

from config.audit.actor import MAIL_LINK, TASK, WEB, acting
from config.audit.explorer.search import moment_of
from incidents.models import Incident, Region
from tests.audit.explorer import EXPLORER, changes_on, fields_on, opened, text_of
from tests.faults import snapshot

pytestmark = pytest.mark.django_db


def found(client, aud, **query):
    return [(change.kind, change.name) for change in changes_on(opened(client, aud, **query))]


@pytest.fixture
def europe(ravi):
    with acting(ravi, kind=WEB, reason="We moved."):
        region = Region.objects.create(slug="eu", name="Europe")
        Region.objects.filter(pk=region.pk).update(name="Union")
    return region


def test_by_model(client, aud, europe, incident):
    labels = {
        one.label for one in changes_on(opened(client, aud, model=["incidents.region", "incidents.service"]))
    }
    assert labels == {"incidents.region", "incidents.service"}


@pytest.mark.parametrize("name", ["Ravi", "ravi", "rav"])
def test_by_the_name_that_was_kept(client, aud, europe, ravi, name):
    type(ravi).objects.filter(pk=ravi.pk).update(name="Somebody Else")
    assert found(client, aud, who=name, model="incidents.region") == [
        ("changed", "Union"),
        ("created", "Europe"),
    ]


def test_by_the_number_of_a_person(client, aud, europe, ravi, ana):
    assert len(found(client, aud, who=str(ravi.pk), model="incidents.region")) == 2
    assert found(client, aud, who=str(ana.pk), model="incidents.region") == []


@pytest.mark.parametrize(("kind", "asked"), [(TASK, "task"), (MAIL_LINK, "mail-link")])
def test_by_the_road_it_took(client, aud, europe, omar, kind, asked):
    with acting(omar, kind=kind):
        Region.objects.filter(pk=europe.pk).update(name="By another road")
    assert found(client, aud, how=asked, model="incidents.region") == [("changed", "By another road")]


def test_by_nobody_known(client, aud, europe):
    Region.objects.create(slug="us", name="States")
    assert found(client, aud, how="unattributed", model="incidents.region") == [("created", "States")]


@pytest.mark.parametrize("name", ["due_on", "due", "Due"])
def test_by_the_field_that_changed(client, aud, item, omar, name):
    item.postpone(by=omar, due_on=item.due_on + timezone.timedelta(days=3), reason="Waiting for a part.")
    item.start(by=omar)
    response = opened(client, aud, model="actions.actionitem", field=name)
    assert fields_on(response) == {"Due", "Times it slipped"}
    assert "“Waiting for a part.”" in text_of(response)


def test_by_the_kind_of_change(client, aud, europe):
    europe.delete()
    assert found(client, aud, change="deleted") == [("deleted", "Union")]
    assert found(client, aud, change="changed", model="incidents.region") == [("changed", "Union")]


@pytest.mark.parametrize(
    "written", ["INC-{:04d}", "inc-{}", "incident {}", "incidents.incident:{}", "Incident #{}"]
)
def test_by_object(client, aud, incident, severity, written):
    Incident.objects.declare(by=None, title="Another", severity=severity)
    assert found(client, aud, object=written.format(incident.pk)) == [("created", str(incident))]


def test_by_request(client, aud, europe):
    request = changes_on(opened(client, aud, model="incidents.region"))[0].request
    assert len(found(client, aud, request=request)) == 2
    assert len(found(client, aud, request=request[:8])) == 2


def test_by_period_where_the_reader_is(client, aud, europe):
    type(aud).objects.filter(pk=aud.pk).update(time_zone="Pacific/Kiritimati")  # 14 hours ahead
    aud.refresh_from_db()
    today, tomorrow = aud.today(), aud.today() + timezone.timedelta(days=1)
    assert len(found(client, aud, **{"from": today, "to": today}, model="incidents.region")) == 2
    assert found(client, aud, **{"from": tomorrow}, model="incidents.region") == []


def test_a_period_may_say_the_hour(client, aud, europe):
    now = timezone.now()
    later = (now + timezone.timedelta(hours=1)).isoformat()
    assert len(found(client, aud, to=later, model="incidents.region")) == 2
    assert found(client, aud, **{"from": later}, model="incidents.region") == []


def test_several_filters_together_find_what_fits_all(client, aud, europe, incident):
    assert found(client, aud, who="Ravi", change="created", object=f"region {europe.pk}") == [
        ("created", "Europe")
    ]


def test_a_filter_can_be_taken_away_alone(client, aud, europe):
    chips = opened(client, aud, who="Ravi", change="created").context["chips"]
    assert [(chip["label"], chip["url"]) for chip in chips] == [
        ("who", "?change=created"),
        ("change", "?who=Ravi"),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026-02-30",
        "from=0001-01-01",
        "from=9999-12-31",
        "from=2026-09-30T00:00:00%2B99:99",
        "from=2026-09-30&to=2026-09-01",
        "to=%00",
        "model=incidents.nothing",
        "model=sessions.session",
        "object=nothing",
        "object=INC-99999999999999999999",
        "object=%00",
        "who=99999999999999999999",
        "who=%D9%A3",
        "who=a%00b",
        "how=telepathy",
        "field=none_such",
        "field=password",
        "change=improved",
        "request=x",
        "request=%27%3B--",
        "who=" + "x" * 300,
    ],
)
def test_what_cannot_be_understood_is_said_and_changes_nothing(client, aud, query, europe):
    client.force_login(aud)
    before = snapshot(Region)
    response = client.get(f"{EXPLORER}?{query}")
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert response.context.get("clicks") is None
    assert snapshot(Region) == before


@pytest.mark.parametrize(
    "query",
    [
        "before=nonsense",
        "before=2026-99-99T00:00:00.000000~incidents.incident~1",
        "before=0001-01-01T00:00:00.000000~x~1",
        "after=2026-09-30T00:00:00.000000~none.such~999999999999999999",
        "before=2026-09-30T00:00:00.000000~~0&after=2026-09-30T00:00:00.000000~~0",
        "before=%00",
        "object=region%201&model=incidents.incident",
        "who=%25_!",
        "unknown=1",
    ],
)
def test_a_strange_place_or_an_odd_mixture_is_no_error(client, aud, query, europe):
    client.force_login(aud)
    assert client.get(f"{EXPLORER}?{query}").status_code == 200


def test_signs_of_patterns_are_only_signs(client, aud, europe):
    assert found(client, aud, who="%") == []
    assert found(client, aud, who="R_vi") == []


def test_a_day_ends_when_the_next_begins():
    assert moment_of("2026-09-30", is_end=True) == moment_of("2026-10-01")


def test_no_filter_is_lost_on_the_way_to_the_next_page(client, aud, ravi):
    with acting(ravi, kind=WEB):
        Region.objects.bulk_create([Region(slug=f"r{n}", name=f"R {n}") for n in range(60)])
    response = opened(client, aud, who="Ravi", model="incidents.region")
    older = changes_on(client.get(EXPLORER + response.context["links"]["older"]))
    assert len(older) == 10
    assert {change.label for change in older} == {"incidents.region"}
