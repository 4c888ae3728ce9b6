"""Telling customers in one gesture: one form, one preview, one POST that does all of it or nothing."""

import json
import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from config.audit.models import StaleVersion
from config.transitions import NotPermitted
from incidents.models import (
    CustomerUpdate,
    Incident,
    IncidentRegion,
    IncidentService,
    Region,
    Service,
    TimelineEntry,
)
from incidents.updates.telling import seen, tell
from tests.api import Caller, is_problem
from tests.conftest import make_person
from tests.faults import is_whole_or_absent, snapshot
from tests.incidents.public import written
from tests.pages import page

pytestmark = pytest.mark.django_db
ALL = (CustomerUpdate, Incident, IncidentService, IncidentRegion, TimelineEntry)


@pytest.fixture
def mona(db):
    """Responds and communicates, as one does in a small company."""
    return make_person("mona@example.com", "Responder", "Communicator")


@pytest.fixture
def europe(db):
    return Region.objects.create(slug="eu", name="Europe")


def tell_page(incident, preview=False):
    return reverse(f"admin:incidents_incident_tell{'_preview' if preview else ''}", args=[incident.pk])


def sent(incident, **changes):
    """What the browser sends where nothing is touched but `changes`."""
    return {
        "seen": seen(incident),
        "status": "investigating",
        "text": "Paying by card fails. Pay by invoice meanwhile.",
        "next_in": "30",
        "audience": "customers",
        "advance": "on",
        **changes,
    }


# --- The form


def test_it_begins_with_the_words_of_the_template_for_this_incident(client, incident, mona):
    client.force_login(mona)
    answer = client.get(tell_page(incident))
    form = answer.context["form"]
    assert "Checkout fails for one in five. This affects Checkout, since" in form.initial["text"]
    assert (form.initial["status"], form.initial["audience"], form.initial["next_in"]) == (
        "investigating",
        "customers",
        "30",
    )
    assert answer.context["choice"].why.startswith("“Investigating”: the one for every service")


def test_what_the_template_needs_and_the_incident_lacks_is_named(client, incident, mona):
    incident.service_impacts.all().delete()
    client.force_login(mona)
    shown = client.get(tell_page(incident)).content.decode()
    assert "{{ services }}: Say which services are affected." in shown


def test_the_same_words_are_not_offered_twice(client, incident, mona):
    client.force_login(mona)
    client.post(tell_page(incident), sent(incident))
    assert client.get(tell_page(incident)).context["form"].initial["text"] == ""


def test_the_words_for_another_phase_are_a_button_that_stores_nothing(client, incident, mona):
    client.force_login(mona)
    before = snapshot(*ALL)
    answer = client.post(tell_page(incident), sent(incident, status="identified", fill="1", next_in="60"))
    form = answer.context["form"]
    assert form["text"].value().startswith("**What we know:** We have found what is wrong with Checkout")
    assert (form["status"].value(), form["next_in"].value()) == ("identified", "60")
    assert snapshot(*ALL) == before


def test_one_post_publishes_and_changes_everything_together(client, incident, mona, service, europe):
    search = Service.objects.create(slug="search", name="Search")
    client.force_login(mona)
    more = {f"service-{service.pk}": "major_outage", f"service-{search.pk}": "degraded_performance"}
    answer = client.post(
        tell_page(incident),
        sent(incident, status="identified", **more, **{f"region-{europe.pk}": "partial_outage"}),
    )
    assert answer.status_code == 302, answer.context["form"].errors
    incident.refresh_from_db()
    update = incident.updates.get()
    assert (incident.status, incident.visibility) == ("identified", "public")
    assert dict(incident.service_impacts.values_list("service__slug", "impact")) == {
        "checkout": "major_outage",
        "search": "degraded_performance",
    }
    assert incident.region_impacts.get().impact == "partial_outage"
    assert (update.state, update.published_by) == ("published", mona)
    assert timedelta(minutes=28) < update.next_update_by - timezone.now() <= timedelta(minutes=30)
    assert {one["code"]: one["new_status"] for one in update.affected} == {
        service.public_id: "major_outage",
        search.public_id: "degraded_performance",
    }
    assert "Identified." in incident.timeline.values_list("text", flat=True)
    assert "Pay by invoice meanwhile." in written()["index.html"]


def test_the_words_are_filled_in_when_they_are_sent(client, incident, mona):
    client.force_login(mona)
    client.post(tell_page(incident), sent(incident, text="{{ services }}: again by {{ next_update }}."))
    update = incident.updates.get()
    assert update.text.startswith("Checkout: again by ")
    assert f"{update.next_update_by:%H:%M} UTC" in update.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "{{ servces }} fail"}, "text"),
        ({"text": "{{ regions }} fail"}, "text"),
        ({"text": "x\x00"}, "text"),
        ({"status": "closed"}, "status"),
        ({"next_in": ""}, "next_in"),
        ({"next_in": "7"}, "next_in"),
        ({"next_update_by": "2020-01-01T10:00"}, "next_update_by"),
        ({"next_update_by": "2190-01-01T10:00"}, "next_update_by"),
        ({"audience": "everybody"}, "audience"),
        ({"checks": ["99999"]}, "checks"),
    ],
)
def test_bad_input_is_told_and_changes_nothing(client, incident, mona, changes, field):
    client.force_login(mona)
    before = snapshot(*ALL)
    answer = client.post(tell_page(incident), sent(incident, **changes))
    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert snapshot(*ALL) == before


def test_a_degree_nobody_knows_changes_nothing(client, incident, mona, service):
    client.force_login(mona)
    before = snapshot(*ALL)
    answer = client.post(tell_page(incident), sent(incident, **{f"service-{service.pk}": "exploded"}))
    assert answer.status_code == 400
    assert snapshot(*ALL) == before


def test_after_the_last_word_nothing_is_promised(client, incident, mona):
    client.force_login(mona)
    assert client.post(tell_page(incident), sent(incident, status="resolved")).status_code == 302
    incident.refresh_from_db()
    assert (incident.status, incident.updates.get().next_update_by) == ("resolved", None)


def test_what_is_demanded_before_resolved_is_demanded_here_too(client, incident, mona):
    from incidents.models import ValidationCheck

    incident.severity.are_checks_required = True
    incident.severity.save()
    client.force_login(mona)
    before = snapshot(*ALL)
    answer = client.post(tell_page(incident), sent(incident, status="resolved"))
    assert answer.status_code == 400
    assert "unchecked_because" in answer.context["form"].errors
    assert snapshot(*ALL) == before
    checks = [check.pk for check in ValidationCheck.objects.all()]
    assert (
        client.post(tell_page(incident), sent(incident, status="resolved", checks=checks)).status_code == 302
    )


def test_whoever_only_communicates_moves_no_incident(client, incident, lena):
    client.force_login(lena)
    assert "advance" not in client.get(tell_page(incident)).context["form"].fields
    assert client.post(tell_page(incident), sent(incident, status="identified")).status_code == 302
    incident.refresh_from_db()
    assert (incident.status, incident.updates.get().state) == ("declared", "published")


def test_a_second_click_and_a_colleague_who_was_quicker_are_conflicts(client, incident, mona, lena):
    client.force_login(mona)
    asked = sent(incident)
    assert client.post(tell_page(incident), asked).status_code == 302
    before = snapshot(*ALL)
    answer = client.post(tell_page(incident), asked | {"text": "Mine is still here."})
    assert answer.status_code == 409
    assert "Mine is still here." in answer.content.decode()
    assert "Nothing was published." in answer.content.decode()
    assert snapshot(*ALL) == before
    incident.refresh_from_db()
    assert answer.context["form"]["seen"].value() == seen(incident)


def test_it_is_whole_or_absent_wherever_it_breaks(incident, mona, service, europe):
    def say():
        row = Incident.objects.get(pk=incident.pk)
        tell(
            row,
            by=mona,
            status="identified",
            text="Paying fails.",
            services={service: "major_outage"},
            regions={europe: "partial_outage"},
            audience="customers",
            advance=True,
        )

    assert is_whole_or_absent(say, *ALL) >= 10


def test_a_drill_and_a_restricted_incident_are_never_made_public(incident, mona, severity):
    for fields, words in (({"is_drill": True}, "drill"), ({"visibility": "restricted"}, "restricted")):
        row = Incident.objects.declare(by=mona, title="Keys", severity=severity, **fields)
        with pytest.raises(ValidationError, match=words):
            tell(row, by=mona, status="investigating", text="x", audience="customers")
        tell(row, by=mona, status="investigating", text="We look into it.", audience="team")
        row.refresh_from_db()
        assert not row.is_public
    incident.visibility = "public"
    incident.save()
    with pytest.raises(ValidationError, match="Customers see this incident"):
        tell(incident, by=mona, status="investigating", text="x", audience="team")


def test_who_may_not_write_is_refused(client, incident, omar, aud, ana):
    before = snapshot(*ALL)
    for person in (omar, aud, ana):
        client.force_login(person)
        assert client.get(tell_page(incident)).status_code == 403
        assert client.post(tell_page(incident), sent(incident)).status_code == 403
        assert client.post(tell_page(incident, preview=True), sent(incident)).status_code == 403
        assert tell_page(incident) not in client.get(page(incident)).content.decode()
        with pytest.raises(NotPermitted):
            tell(incident, by=person, status="investigating", text="x")
    assert snapshot(*ALL) == before


def test_a_restricted_incident_is_not_there_for_whoever_cannot_see_it(client, mona, severity, admin_user):
    secret = Incident.objects.declare(
        by=admin_user, title="A key was public", severity=severity, visibility="restricted"
    )
    client.force_login(mona)
    for answer in (client.get(tell_page(secret)), client.get(tell_page(secret, preview=True))):
        assert answer.status_code in (302, 404)
        assert b"A key was public" not in answer.content


def test_whoever_declares_and_may_speak_is_led_to_it(client, mona, ravi, severity, service):
    asked = {
        "title": "Logins fail",
        "severity": severity.pk,
        "affected": [service.pk],
        "detection": "alert",
        "visibility": "internal",
    }
    for person, view in ((mona, "tell"), (ravi, "change")):
        client.force_login(person)
        answer = client.post(reverse("admin:incidents_incident_add"), asked)
        newest = Incident.objects.latest("pk")
        assert answer["Location"] == reverse(f"admin:incidents_incident_{view}", args=[newest.pk])


def test_an_older_look_is_refused_with_nothing_done(incident, mona, ravi):
    looked_at = seen(incident)
    incident.acknowledge(by=ravi)
    before = snapshot(*ALL)
    with pytest.raises(StaleVersion):
        tell(incident, by=mona, status="investigating", text="x", looked_at=looked_at)
    assert snapshot(*ALL) == before


# --- The preview


def test_the_preview_is_the_public_page_and_stores_nothing(client, incident, mona, service):
    client.force_login(mona)
    before = snapshot(*ALL)
    asked = sent(incident, status="identified", **{f"service-{service.pk}": "major_outage"})
    answer = client.post(tell_page(incident, preview=True), asked)
    shown = answer.content.decode()
    assert "Pay by invoice meanwhile." in shown
    assert "<b>Checkout</b>: out for all" in shown
    assert "Next update by" in shown
    assert snapshot(*ALL) == before
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "Checkout fails for one in five" in client.get(tell_page(incident, preview=True)).content.decode()
    assert snapshot(*ALL) == before


def test_the_preview_differs_from_the_page_in_nothing_but_where_it_stands(client, incident, mona):
    client.force_login(mona)
    asked = sent(incident, status="identified")
    preview = client.post(tell_page(incident, preview=True), asked).content.decode()
    client.post(tell_page(incident), asked)
    shown = written()[f"incidents/{incident.public_id}/index.html"]
    assert timeless(preview.replace('="/', '="../../')) == timeless(shown)
    assert preview.count("<time") == shown.count("<time") == 3


def timeless(html):
    """Without the moments: between the preview and the page a second may pass."""
    return re.sub(r"<time.*?</time>", "", html)


def test_the_preview_says_what_is_missing(client, incident, mona):
    client.force_login(mona)
    answer = client.post(tell_page(incident, preview=True), sent(incident, text="{{ regions }}"))
    assert "{{ regions }}: Say which regions are affected." in answer.content.decode()


# --- From programs


def test_programs_write_a_plan_that_publishing_carries_out(incident, admin_user, europe):
    caller = Caller(admin_user)
    plan = {
        "services": [{"service": "checkout", "impact": "major_outage"}],
        "regions": [{"region": "eu", "impact": "partial_outage"}],
        "audience": "customers",
        "advance": True,
    }
    body = {"status": "monitoring", "text": "Rolled back.", "plan": plan}
    path = f"incidents/{incident.reference}/updates/"
    made = caller.post(path, body)
    assert made.status_code == 201, made.content
    assert made.json()["plan"]["services"] == {str(incident.services.get().pk): "major_outage"}
    assert incident.service_impacts.get().impact == "degraded_performance"
    assert caller.post(f"{path}{made.json()['id']}/publish/").status_code == 200
    incident.refresh_from_db()
    assert (incident.status, incident.visibility) == ("monitoring", "public")
    assert incident.service_impacts.get().impact == "major_outage"
    assert incident.region_impacts.get().impact == "partial_outage"
    wrong = caller.post(path, body | {"plan": {"services": [{"service": "nothing"}]}})
    assert is_problem(wrong, 400)
    assert "plan" in json.dumps(wrong.json())


def test_a_plan_that_moves_the_incident_needs_who_may_move_it(incident, lena):
    update = incident.updates.create(text="Rolled back.", status="monitoring", plan={"advance": True})
    before = snapshot(*ALL)
    with pytest.raises(NotPermitted):
        update.publish(by=lena)
    assert snapshot(*ALL) == before
