"""What is brought up when something like it happened before, and why; and who is told what."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from actions.models import ActionItem
from config.search import following
from config.search.similarity import Trait, similar, similar_to
from incidents.models import Incident, Service, TimelineEntry
from retros.models import Factor, Retrospective
from tests.pages import page
from tests.search import recurring

pytestmark = pytest.mark.django_db

HEADING = "Have we seen this before?"


@pytest.fixture
def told(admin_user):
    return recurring.tell()


def test_the_set_is_as_large_and_as_divided_as_it_says():
    families = recurring.families()
    assert len(families) >= 20
    assert sum(len(family["incident"]) for family in families) >= 60
    assert {family["split"] for family in families} == {"tuning", "held-out"}


def test_what_happened_again_is_found_better_than_by_full_text_rank_alone(told, admin_user):
    recurring.prepare_plain()
    plain = recurring.recall(told, recurring.plain)
    ours = recurring.recall(told, recurring.ours(admin_user, traits=()))
    declaring = recurring.recall(told, recurring.ours(admin_user))
    assert plain["held-out"] < ours["held-out"] < declaring["held-out"]
    assert declaring["held-out"] >= 0.45


@pytest.fixture
def before(severity, service, ana, omar):
    """An old incident, with a factor, an alert, an item that is not done and one that nobody knows to have worked."""
    old = Incident.objects.create(
        title="Gateway timeouts at checkout", summary="The payments gateway answered late.", severity=severity
    )
    old.service_impacts.create(service=service)
    old.log(TimelineEntry.Kind.ALERT, "CheckoutErrors above 5 %")
    retro = Retrospective.objects.open_for(old, facilitator=ana)
    factor = Factor.objects.create(slug="gateway-limit", name="Gateway limit")
    retro.retro_factors.create(factor=factor)
    ActionItem.objects.create(title="Alert on the gateway", why="Trust.", owner=omar, retro=retro)
    done = ActionItem.objects.create(title="Try again once", why="Trust.", owner=omar, retro=retro)
    done.complete(by=omar, evidence="It does.")
    Incident.objects.create(title="Newsletter sent late", severity=severity)
    following.follow()
    return old


def test_each_is_brought_up_with_the_reasons_in_words(before, service, ana):
    traits = {
        Trait("service", service.pk, ""),
        Trait("factor", Factor.objects.get(slug="gateway-limit").pk, ""),
    }
    [hit] = similar("incident", "Payment gateway timed out", "", traits, ana)
    assert hit.pk == before.pk
    assert (
        hit.why
        == "same factor Gateway limit · same service Checkout · words: payment, gateway · alike: timed"
    )


def test_an_alert_that_rang_before_is_remembered_whatever_its_numbers(before, severity, ana):
    again = Incident.objects.create(title="Something odd", severity=severity)
    again.log(TimelineEntry.Kind.ALERT, "CheckoutErrors above 17 %")
    following.follow()
    assert "same alert CheckoutErrors above 5 %" in similar_to("incident", [again.pk], ana)[0].why


def test_nothing_is_brought_up_for_what_is_like_nothing(before, ana):
    assert similar("incident", "Zebra", "", (), ana) == []
    assert similar("incident", "", "", (), ana) == []
    assert similar("incident", "the of and", "", (), ana) == []


@pytest.fixture
def again(before, severity, service, ravi):
    incident = Incident.objects.declare(
        by=ravi, title="Payment gateway times out", severity=severity, services=[service]
    )
    following.follow()
    return incident


def test_the_incident_and_the_retro_bring_up_what_was_promised_then(again, before, ana, client):
    client.force_login(ana)
    retro = Retrospective.objects.open_for(again, facilitator=ana)
    for row in (again, retro):
        html = client.get(page(row)).content.decode()
        assert HEADING in html
        assert str(before) in html
        assert "Alert on the gateway" in html
        assert "Not done" in html
        assert "Try again once" in html
        assert "Done, not known to have worked" in html


def test_what_is_known_to_have_worked_is_not_asked_about(again, ana, client):
    item = ActionItem.objects.get(title="Try again once")
    check = item.checks.get()
    check.answer(by=ana, result=check.Status.EFFECTIVE)
    client.force_login(ana)
    html = client.get(page(again)).content.decode()
    assert ("Alert on the gateway" in html, "Try again once" in html) == (True, False)


def test_similar_ones_cost_the_same_however_many_there_are(again, severity, service, ana, client):
    client.force_login(ana)
    similar_to("incident", [again.pk], ana)  # asks for the permissions, once
    counts = []
    for number in (0, 12):
        for n in range(number):
            more = Incident.objects.create(title=f"Gateway timeout {n}", severity=severity)
            more.service_impacts.create(service=service)
            retro = Retrospective.objects.open_for(more)
            ActionItem.objects.create(title=f"Mend {n}", why="Trust.", retro=retro)
        following.follow()
        with CaptureQueriesContext(connection) as queries:
            similar_to("incident", [again.pk], ana)
            client.get(reverse("search:alike", args=["incident"]), {"title": "gateway timeout"})
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_declaring_leads_to_the_incident_and_what_it_is_like(before, severity, service, ravi, client):
    client.force_login(ravi)
    asks = client.get(reverse("admin:incidents_incident_add")).content.decode()
    assert f'data-alike="{reverse("search:alike", args=["incident"])}"' in asks
    assert "aftercare/alike.js" in asks
    answer = client.post(
        reverse("admin:incidents_incident_add"),
        {
            "title": "Gateway timeouts again",
            "severity": severity.pk,
            "affected": [service.pk],
            "detection": "unknown",
            "visibility": "internal",
            "_save": "",
        },
        follow=True,
    )
    new = Incident.objects.order_by("-pk").first()
    assert answer.redirect_chain[-1][0] == page(new)


def test_while_typing_the_services_that_are_ticked_count(before, service, ravi, client):
    client.force_login(ravi)
    url = reverse("search:alike", args=["incident"])
    html = client.get(url, {"title": "payments", "service": service.pk}).content.decode()
    assert str(before) in html
    assert "same service Checkout" in html
    assert client.get(url, {"title": "zebra"}).content.strip() == b""


CANARY = "Zanzibar"


def test_what_is_restricted_is_brought_up_for_nobody_it_is_hidden_from(
    again, before, severity, service, ana, aud, client
):
    hidden = Incident.objects.create(
        title=f"{CANARY} gateway timeouts", severity=severity, visibility="restricted"
    )
    hidden.service_impacts.create(service=service)
    other = Service.objects.create(slug="other", name="Other")
    again.service_impacts.create(service=other)
    # One retro about both: its factor and items are hidden with it, though the other incident is not.
    retro = Retrospective.objects.open_for(again, hidden)
    retro.retro_factors.create(factor=Factor.objects.create(slug="secret", name=f"{CANARY} factor"))
    ActionItem.objects.create(title=f"Rotate {CANARY}", why="Trust.", retro=retro)
    following.follow()
    for person, sees in ((ana, False), (aud, True)):
        client.force_login(person)
        pages = [client.get(page(before)), client.get(page(again))]
        pages.append(client.get(reverse("search:alike", args=["incident"]), {"title": "gateway timeouts"}))
        assert any(CANARY in answer.content.decode() for answer in pages) == sees
