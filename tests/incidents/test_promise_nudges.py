"""Who writes to customers is told before a promise is due, and others when it was not kept; nothing is published."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from config.outbox import sending
from config.outbox.models import Delivery
from config.people import roles
from incidents.models import Assignment, CustomerUpdate, Incident
from incidents.promises.nudging import communicators, escalated_to, live_incidents
from incidents.sweeps import nudge_communicators
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 7, 22, tzinfo=UTC)  # a Saturday night: customers do not wait for Monday


@pytest.fixture
def at():
    """Go to so many minutes after the incident was declared."""
    travel = time_machine.travel(START, tick=False)
    clock = travel.start()
    yield lambda minutes: clock.move_to(START + timedelta(minutes=minutes))
    travel.stop()


@pytest.fixture
def live(at, ravi, severity, service):
    """Seen by customers since `START`; its severity promises a first word within half an hour."""
    severity.first_update_minutes = 30
    severity.save()
    return Incident.objects.declare(
        by=ravi, title="Cards fail", severity=severity, services=[service], visibility="public"
    )


@pytest.fixture
def writer(live, lena):
    """Lena writes to customers, and has a manager."""
    lena.manager = make_person("mara@example.com", roles.FACILITATOR)
    lena.save()
    live.assignments.create(user=lena, role=Assignment.Role.COMMUNICATIONS)
    return lena


def tell(
    incident, by, text="Cards of one provider fail. Bank transfers work.", next_in=30, status="investigating"
):
    update = CustomerUpdate(incident=incident, text=text, status=status)
    update.next_update_by = datetime.now(UTC) + timedelta(minutes=next_in) if next_in else None
    update.save()
    update.publish(by=by)
    return update


def told():
    return sorted(
        (row.recipient.name, row.key.partition(":")[0].removeprefix("promise "))
        for row in Delivery.objects.filter(kind="incidents.promise")
    )


def test_who_writes_to_customers_is_told_ten_minutes_before(at, writer):
    at(19)
    assert nudge_communicators() == 0
    at(20)
    assert nudge_communicators() == 1
    assert nudge_communicators() == 0
    assert told() == [("Lena", "soon")]


def test_when_it_was_not_kept_their_manager_and_who_commands_are_told_too(at, live, writer, omar):
    live.assignments.create(user=omar, role=Assignment.Role.COMMANDER)
    at(31)
    nudge_communicators()
    assert told() == [("Lena", "late"), ("Mara", "late"), ("Omar", "late")]


def test_what_was_said_in_time_nobody_is_told_of(at, live, writer):
    at(15)
    tell(live, writer)
    at(31)
    assert nudge_communicators() == 0
    at(35)
    nudge_communicators()
    assert told() == [("Lena", "soon")], "of the next promise, due at 45"


def test_what_nobody_promised_nobody_is_told_of(at, live, writer):
    at(15)
    tell(live, writer, next_in=None)
    at(600)
    assert nudge_communicators() == 0


@pytest.mark.parametrize("change", [{"visibility": "internal"}, {"is_drill": True}, {"source": "statuspage"}])
def test_of_what_customers_cannot_see_nothing_was_promised(at, live, writer, change):
    Incident.objects.filter(pk=live.pk).update(**change)
    at(40)
    assert nudge_communicators() == 0


def test_without_a_communications_lead_who_commands_is_told_and_else_who_declared_it(at, live, ravi, omar):
    assert communicators(live_incidents().get()) == [ravi]
    live.assignments.create(user=omar, role=Assignment.Role.COMMANDER)
    assert communicators(live_incidents().get()) == [omar]
    omar.is_active = False
    omar.save()
    assert communicators(live_incidents().get()) == [ravi]
    assert escalated_to(live_incidents().get()) == [ravi]


def test_the_mail_says_what_customers_read_last_and_by_when_they_expect_more(at, live, writer, mailoutbox):
    writer.time_zone = "Europe/Berlin"
    writer.save()
    at(15)
    tell(live, writer)
    at(40)
    nudge_communicators()
    assert sending.deliver() == {"sent": 1}
    [letter] = mailoutbox
    assert letter.subject == f"{live.reference}: customers expect to hear from us by 23:45 CET"
    for body in (letter.body, letter.alternatives[0][0]):
        assert "Bank transfers work." in body
        assert "23:45 CET" in body
        assert reverse("admin:incidents_incident_change", args=[live.pk]) in body


def test_what_was_said_meanwhile_makes_the_mail_untrue(at, live, writer, mailoutbox):
    at(20)
    nudge_communicators()
    tell(live, writer)
    assert sending.deliver() == {"cancelled": 1}
    assert mailoutbox == []


def test_nothing_is_ever_published_by_it(at, live, writer):
    at(20)
    CustomerUpdate.objects.create(incident=live, text="A draft.")
    for minute in (20, 31, 90):
        at(minute)
        nudge_communicators()
    assert not live.updates.published().exists()


def test_it_asks_as_much_of_the_database_for_many_incidents_as_for_one(
    at, live, writer, ravi, severity, django_assert_num_queries
):
    at(20)
    with django_assert_num_queries(5):
        live_incidents_told()
    for number in range(5):
        Incident.objects.declare(by=ravi, title=f"Another {number}", severity=severity, visibility="public")
    with django_assert_num_queries(5):
        live_incidents_told()


def live_incidents_told():
    from incidents.promises.nudging import nudges

    return nudges()


def test_the_page_of_the_incident_tells_what_became_of_each_promise(client, at, live, writer, ravi):
    at(15)
    tell(live, writer)
    at(50)
    tell(live, writer, "It works again.", status="resolved", next_in=None)
    client.force_login(ravi)
    page = client.get(reverse("admin:incidents_incident_change", args=[live.pk])).content.decode()
    assert "Promises to customers" in page
    assert "Kept: 1" in page
    assert "Late: 1" in page
    assert "by 5 min" in page
