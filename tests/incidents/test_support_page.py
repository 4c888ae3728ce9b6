"""The page for support: what to say now, who is affected, what to do, when we speak next; and nothing else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from config.people import roles
from incidents.models import Customer, Incident, Region, TicketCount
from tests.conftest import make_person
from tests.incidents.public import say, told, window, written
from tests.pages import queries_of

pytestmark = pytest.mark.django_db
PAGE = "/admin/support/"
CANARY = "canary-9b1c"


@pytest.fixture
def suki(db):
    """At the desk."""
    return make_person("suki@example.com", roles.SUPPORT)


@pytest.fixture
def desk(client, suki):
    client.force_login(suki)
    return client


@pytest.fixture
def public(severity, service):
    return told(severity, services=[(service, "partial_outage")])


def shown(client, **query):
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_says_what_to_say_now(desk, public, ravi):
    public.region_impacts.create(region=Region.objects.create(slug="eu", name="Europe"))
    say(public, "Cards are refused.", ago=20)
    say(
        public,
        "Cards are refused, transfers work.",
        ago=10,
        next_update_by=timezone.now() + timedelta(minutes=12, seconds=30),
    )
    public.advise(by=ravi, workaround="Pay by transfer.", workaround_is_public=True)
    page = shown(desk)
    assert "Cards are refused, transfers work.</textarea>" in page
    assert "in 12 min" in page
    assert "Checkout: out for some" in page
    assert "Europe: slow or faulty" in page
    assert "Pay by transfer.</textarea>" in page
    assert "We know of this and are working on it: Checkout fails for one in five." in page
    assert "Affected: Checkout (out for some) in Europe." in page


def test_a_promise_that_is_late_is_not_repeated_to_customers(desk, public):
    say(public, "We look.", next_update_by=timezone.now() - timedelta(minutes=5))
    page = shown(desk)
    assert "late by 5 min" in page
    assert "We will write again" not in page


def test_before_anything_is_said_it_says_so(desk, public):
    page = shown(desk)
    assert "We have told customers nothing yet." in page
    assert "No way around it is known yet" in page


def test_what_is_over_for_a_day_is_gone(desk, public, ravi):
    say(public, "It is fixed.", "resolved")
    public.resolve(by=ravi)
    assert "This is over now: Checkout fails for one in five." in shown(desk)
    Incident.objects.filter(pk=public.pk).update(
        started_at=None,
        detected_at=None,
        acknowledged_at=None,
        resolved_at=timezone.now() - timedelta(hours=25),
    )
    page = shown(desk)
    assert "Checkout fails" not in page
    assert "Nothing is open" in page


def test_nothing_that_customers_may_not_know_is_on_it(desk, public, severity, service, ravi):
    for hidden in ({"visibility": "restricted"}, {"visibility": "internal"}, {"is_drill": True}):
        incident = told(severity, f"{CANARY} {hidden}", services=[service], **hidden)
        say(incident, CANARY)
        incident.advise(by=ravi, workaround=CANARY, workaround_is_public=True)
    public.updates.create(text=f"{CANARY} draft")
    public.log("note", f"{CANARY} note")
    public.advise(by=ravi, workaround=f"{CANARY} for us")
    service.is_public = True
    Customer.objects.create(name="Fabrikam").service_links.create(service=service)
    assert CANARY not in shown(desk)
    assert CANARY not in shown(desk, q="Fabrikam")


def test_is_this_customer_affected(desk, public, service):
    row = Customer.objects.create(name="Fabrikam", external_id="c-1", domain="fabrikam.example", tier="gold")
    Customer.objects.create(name="Contoso")
    row.service_links.create(service=service)
    page = shown(desk, q="ana@fabrikam.example")
    assert "Fabrikam (c-1)" in page
    assert "Uses Checkout (out for some); the incident is not limited to a region." in page
    assert "Since <time" in page
    assert "The services of this customer are not listed." in shown(desk, q="contoso")
    assert "Nobody of that name" in shown(desk, q="northwind")
    assert "1 customer on our list" in page
    for odd in ("\0", "<script>alert(1)</script>", "%", "x" * 5_000):
        assert "<script>alert" not in shown(desk, q=odd)


def test_one_ticket_more_by_post_alone(desk, public, suki):
    address = f"{PAGE}{public.pk}/ticket/"
    assert desk.get(address).status_code == 405
    assert not TicketCount.objects.exists()
    for _ in range(2):
        assert desk.post(address).status_code == 302
    assert "<strong>2</strong> tickets so far" in shown(desk)
    assert TicketCount.history.first().history_user_name == "Suki"
    assert desk.post(f"{PAGE}{10**6}/ticket/").status_code == 404


@pytest.mark.parametrize(
    "hidden", [{"visibility": "restricted"}, {"visibility": "internal"}, {"is_drill": True}]
)
def test_no_ticket_is_counted_for_what_is_not_public(desk, public, hidden):
    Incident.objects.filter(pk=public.pk).update(**hidden)
    assert desk.post(f"{PAGE}{public.pk}/ticket/").status_code == 404
    assert not TicketCount.objects.exists()


@pytest.mark.parametrize("person", ["omar", "aud", "stranger"])
def test_it_is_for_support_and_for_those_who_answer(client, request, person, public):
    client.force_login(request.getfixturevalue(person))
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}{public.pk}/ticket/").status_code == 403
    assert not TicketCount.objects.exists()


def test_support_can_do_nothing_else(desk, public):
    for path in (
        "/admin/incidents/incident/",
        f"/admin/incidents/incident/{public.pk}/change/",
        "/admin/incidents/customer/",
        "/admin/incidents/ticketcount/",
        "/admin/incidents/ticketcount/add/",
        "/admin/incidents/feedback/",
        "/admin/feedback/",
        "/admin/customers/export/",
        "/admin/customers/import/",
        "/admin/history/",
    ):
        assert desk.get(path).status_code in (302, 403), path
    start = desk.get("/admin/").content.decode()
    assert f"{PAGE}#incident-{public.pk}" in start
    assert "no role" not in start


def test_it_costs_the_same_however_much_is_open(desk, public, severity, service):
    say(public)
    shown(desk)
    before = len(queries_of(desk, PAGE))
    for number in range(5):
        say(told(severity, f"Another {number}", services=[service]))
    assert len(queries_of(desk, PAGE)) == before
    for number in range(5):
        Customer.objects.create(name=f"Fabrikam {number}").service_links.create(service=service)
    one = len(queries_of(desk, f"{PAGE}?q=Fabrikam 1"))
    assert len(queries_of(desk, f"{PAGE}?q=Fabrikam")) <= one + 1


# --- What customers can do now


def test_a_way_around_is_public_once_it_is_said_to_be(public, ravi, lena):
    say(public)
    name = f"incidents/{public.public_id}/index.html"
    public.advise(by=lena, workaround="Pay by **transfer**.")
    assert not [file for file, text in written().items() if "transfer" in text]
    public.advise(by=ravi, workaround_is_public=True)
    files = written()
    assert "What you can do now" in files[name]
    assert "Pay by <strong>transfer</strong>." in files[name]
    assert "Pay by <strong>transfer</strong>." in files["index.html"]
    public.resolve(by=ravi)
    assert not [file for file, text in written().items() if "What you can do now" in text]


def test_a_hostile_way_around_is_harmless(public, ravi):
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) ![x](//evil.example/t.png)"
    public.advise(by=ravi, workaround=evil, workaround_is_public=True)
    page = written()[f"incidents/{public.public_id}/index.html"]
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


def test_maintenance_is_on_no_desk(desk):
    window()
    assert "New disks" not in shown(desk)
