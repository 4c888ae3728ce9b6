"""Who may publish at which severity is data; whoever may not submits, and somebody who may decides."""

import pytest
from django.urls import reverse

from config.outbox.models import Delivery
from config.outbox.sending import deliver
from config.transitions import NotPermitted
from incidents.models import CustomerUpdate, Incident, PublishingRight, Severity, TimelineEntry
from incidents.models.rights import approvers, may_publish
from incidents.updates.telling import tell
from tests.api import Caller, is_problem
from tests.cases import assert_refused
from tests.conftest import make_person
from tests.pages import page, verb_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(incident):
    return incident.updates.create(text="Paying by card fails.", status="identified")


@pytest.fixture
def submitted(incident, ravi, service, lena):
    """Ravi's, with all that goes with it; Lena may publish it."""
    return tell(
        incident,
        by=ravi,
        status="identified",
        text="Paying by card fails.",
        services={service: "major_outage"},
        audience="customers",
        advance=True,
    )


# --- The rights


def test_a_new_installation_lets_communicators_and_who_leads_speak(incident, lena, ravi, ana, admin_user):
    assert [may_publish(incident, one) for one in (lena, ravi, ana, admin_user)] == [True, False, False, True]
    part = incident.assignments.create(user=ravi, role="commander")
    assert may_publish(incident, ravi)
    part.until_at = part.from_at
    part.save()
    assert not may_publish(incident, ravi)


def test_without_a_row_the_permission_decides(incident, lena, ravi):
    PublishingRight.objects.all().delete()
    assert may_publish(incident, lena)
    assert not may_publish(incident, ravi)


def test_rows_decide_by_severity(incident, lena, ravi, draft):
    worst, mild = Severity.objects.get(rank=1), Severity.objects.get(rank=4)
    worst.publishing_rights.exclude(who="commander").delete()
    mild.publishing_rights.create(who="Responder")
    assert_refused(NotPermitted, draft, "publish", TimelineEntry, by=lena)
    assert is_problem(Caller(lena).post(f"incidents/{incident.pk}/updates/{draft.pk}/publish/"), 403)
    incident.change_severity(by=ravi, severity=mild, reason="Few notice.")
    draft.refresh_from_db()
    draft.publish(by=ravi)
    assert draft.is_published


def test_who_has_left_may_nothing(incident, lena):
    lena.is_active = False
    lena.save()
    assert not may_publish(incident, lena)


def test_administrators_keep_the_rights_on_the_page_of_the_severity(client, severity, lena):
    dana = make_person("dana@example.com", "Administrator")
    for person, sees in ((dana, True), (lena, False)):
        client.force_login(person)
        shown = client.get(page(severity)).content.decode()
        assert ("publishing_rights-TOTAL_FORMS" in shown) == sees or person == lena
    client.force_login(lena)
    assert client.post(page(severity), {}).status_code == 403


def test_those_with_a_part_in_the_incident_are_asked_first(incident, lena):
    nils = make_person("nils@example.com", "Communicator")
    assert approvers(incident) == [lena, nils]
    incident.assignments.create(user=nils, role="communications")
    assert approvers(incident) == [nils]
    assert approvers(incident, besides=nils) == [lena]


# --- Submitted


def test_who_may_not_publish_submits_and_nothing_changes_for_customers(submitted, incident, ravi):
    incident.refresh_from_db()
    assert (submitted.state, submitted.submitted_by) == ("submitted", ravi)
    assert (incident.status, incident.visibility) == ("declared", "internal")
    assert incident.service_impacts.get().impact == "degraded_performance"
    assert_refused(NotPermitted, submitted, "publish", TimelineEntry, by=ravi)


def test_whoever_may_is_asked_by_mail(submitted, lena, mailoutbox):
    deliver()
    [mail] = mailoutbox
    assert mail.to == [lena.email]
    assert mail.subject.startswith("Customers wait for your approval: INC-")
    for body in (mail.body, mail.alternatives[0].content):
        for part in ("Ravi has written", "SEV1", "Identified", "Paying by card fails.", page(submitted)):
            assert part in body


def test_who_approves_sees_what_customers_will_see_and_what_goes_with_it(client, submitted, lena):
    client.force_login(lena)
    shown = client.get(verb_page(submitted, "publish")).content.decode()
    for part in ("Checkout: out for all", "Customers can see this incident from then on", "itself: Identify"):
        assert part in shown
    preview = reverse("admin:incidents_customerupdate_preview", args=[submitted.pk])
    assert preview in shown
    seen = client.get(preview).content.decode()
    assert "Paying by card fails." in seen
    assert "<b>Checkout</b>: out for all" in seen
    assert submitted.incident.history.count() == 1


def test_approving_does_all_of_it_and_tells_the_author(client, submitted, incident, lena, ravi, mailoutbox):
    client.force_login(lena)
    answer = client.post(verb_page(submitted, "publish"), {"version": submitted.version})
    assert answer.status_code == 302
    incident.refresh_from_db()
    submitted.refresh_from_db()
    assert (incident.status, incident.visibility) == ("identified", "public")
    assert incident.service_impacts.get().impact == "major_outage"
    assert (submitted.published_by, submitted.submitted_by) == (lena, ravi)
    assert incident.timeline.get(text="Identified.").author == ravi
    deliver()
    [mail] = mailoutbox  # what asked Lena is no longer true
    assert mail.to == [ravi.email]
    assert mail.subject.startswith("Published: your update on INC-")
    assert "Lena published your update. Customers read it now." in mail.body


def test_sending_back_says_why_and_makes_it_a_draft_again(client, submitted, lena, ravi, mailoutbox):
    client.force_login(lena)
    sent = {"version": submitted.version, "reason": "Say what to do meanwhile."}
    assert client.post(verb_page(submitted, "send_back"), sent | {"reason": ""}).status_code == 400
    assert client.post(verb_page(submitted, "send_back"), sent).status_code == 302
    submitted.refresh_from_db()
    assert (submitted.state, submitted.sent_back_because) == ("draft", "Say what to do meanwhile.")
    assert "Say what to do meanwhile." in client.get(page(submitted)).content.decode()
    deliver()
    [mail] = mailoutbox
    assert mail.to == [ravi.email]
    for body in (mail.body, mail.alternatives[0].content):
        assert "Say what to do meanwhile." in body
        assert "Customers have not read it." in body
    submitted.submit(by=ravi)
    assert Delivery.objects.filter(kind="incidents.approval_asked").count() == 2


def test_who_approves_an_older_text_is_refused(client, submitted, lena):
    client.force_login(lena)
    version = submitted.version
    submitted.text = "Paying by card and by invoice fails."
    submitted.save()
    assert client.post(verb_page(submitted, "publish"), {"version": version}).status_code == 409
    assert not CustomerUpdate.objects.get().is_published


def test_the_page_submits_for_whoever_may_not_publish(client, incident, ravi, lena):
    client.force_login(ravi)
    address = reverse("admin:incidents_incident_tell", args=[incident.pk])
    shown = client.get(address)
    assert "Submit for approval" in shown.content.decode()
    assert "Communicator" in shown.content.decode()
    sent = {
        "seen": shown.context["form"].initial["seen"],
        "status": "investigating",
        "text": "We look into it.",
        "next_in": "30",
        "audience": "customers",
    }
    assert client.post(address, sent).status_code == 302
    assert incident.updates.get().state == "submitted"
    assert Delivery.objects.get(kind="incidents.approval_asked").recipient == lena


def test_nobody_is_told_of_an_incident_they_may_not_see(severity, admin_user, lena):
    secret = Incident.objects.declare(by=admin_user, title="Keys", severity=severity, visibility="restricted")
    assert approvers(secret) == [admin_user]


def test_what_was_never_submitted_tells_nobody(draft, lena):
    draft.publish(by=lena)
    assert not Delivery.objects.exists()
