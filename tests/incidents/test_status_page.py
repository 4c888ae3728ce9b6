"""What customers read: how things stand, what we do, when they hear from us again."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from incidents.models import Region, Service
from incidents.status import board, days, learnt
from tests.incidents.public import index, plain, say, told, window, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail(db):
    return Service.objects.create(slug="mail", name="Mail", group="Messages", position=2)


# --- How it stands


def test_all_is_well_while_nothing_is_open(service):
    assert "All services are running" in index()
    assert "Checkout Operational" in index()


def test_a_service_stands_as_badly_as_its_worst_open_incident(severity, service, mail):
    told(severity, services=[(service, "degraded_performance")])
    told(severity, services=[(service, "major_outage"), (mail, "operational")])
    standing = board.read().standings
    assert (standing[service.pk].degree, standing[mail.pk].degree) == ("major_outage", "operational")
    assert "Checkout : out for all" in index()


def test_a_resolved_incident_hurts_no_more(severity, service):
    told(severity, services=[service]).resolve(by=None)
    assert "All services are running" in index()


def test_an_incident_that_is_not_public_changes_nothing_customers_see(severity, service):
    before = written()
    told(severity, services=[(service, "major_outage")], visibility="internal")
    told(severity, services=[(service, "major_outage")], is_drill=True)
    assert written() == before


def test_services_stand_under_their_headings_in_their_order(service, mail):
    Service.objects.create(slug="sms", name="Texts", group="Messages", position=3)
    page = index()
    assert page.index("Checkout") < page.index("Messages") < page.index("Mail") < page.index("Texts")


def test_a_service_that_is_not_public_is_not_named(severity, service, mail):
    Service.objects.filter(pk=mail.pk).update(is_public=False)
    say(told(severity, services=[service, (mail, "major_outage")]))
    assert not [name for name, text in written().items() if "Mail" in text]
    assert board.read().degree == "degraded_performance"


def test_regions_stand_for_themselves_and_beside_the_services(severity, service):
    europe = Region.objects.create(slug="eu", name="Europe")
    told(severity, services=[service]).region_impacts.create(region=europe, impact="partial_outage")
    page = index()
    assert "Checkout : slow or faulty in Europe" in page
    assert "Europe Out for some" in page


# --- What we say


def test_the_newest_update_stands_first_and_its_text_is_markdown(severity):
    incident = told(severity)
    say(incident, "We look into **payments**.", ago=30)
    say(incident, "It is a faulty server.", "identified", ago=10)
    page = written()["index.html"]
    assert page.index("faulty server") < page.index("<strong>payments</strong>")
    assert "Identified" in page


def test_what_goes_on_inside_is_not_published_by_itself(severity):
    incident = told(severity)
    say(incident)
    incident.identify(by=None, note="It was the switch in rack 9.")
    (one,) = board.read().incidents
    assert one.status == "investigating"
    assert "rack 9" not in "".join(written().values())


def test_when_customers_hear_from_us_next(severity):
    incident = told(severity)
    say(incident, next_update_by=timezone.now() + timedelta(minutes=20))
    assert "Next update by" in index()
    say(incident, ago=1)
    assert "Next update by" not in index()


def test_moments_are_for_machines_and_for_people_with_utc_said(severity, settings):
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        say(told(severity), ago=0)
        page = written()["index.html"]
    assert '<time datetime="2026-03-01T12:00:00Z">1 Mar 2026, 12:00 UTC</time>' in page


def test_where_the_page_has_a_zone_of_its_own_utc_is_said_beside_it(settings):
    from incidents.status.moments import said

    settings.TIME_ZONE = "Europe/Berlin"
    timezone.get_default_timezone.cache_clear()
    try:
        assert said(datetime(2026, 3, 1, 12, tzinfo=UTC)) == "1 Mar 2026, 13:00 CET (12:00 UTC)"
        assert said(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)) == "2 Mar 2026, 00:30 CET (1 Mar 23:30 UTC)"
    finally:
        settings.TIME_ZONE = "UTC"
        timezone.get_default_timezone.cache_clear()


def test_steps_meant_for_customers_are_shown_with_their_time_and_no_others(severity, ravi):
    incident = told(severity)
    soon = timezone.now() + timedelta(hours=2)
    incident.milestones.create(title="Refunds are out", is_public=True, expected_at=soon)
    incident.milestones.create(title="Replace rack 9", owner=ravi)
    dropped = incident.milestones.create(title="A second try", is_public=True)
    dropped.drop(by=ravi, reason="Not needed.")
    page = index()
    assert "Refunds are out Expected" in page
    assert "rack 9" not in page
    assert "second try" not in page
    assert "Ravi" not in page


# --- Maintenance


def test_a_window_is_a_draft_until_it_is_announced(service):
    window(services=[service], announced=False)
    assert not [name for name, text in written().items() if "New disks" in text]


def test_a_window_is_told_of_from_its_announcement_to_its_end(service):
    row = window(services=[service])
    assert "New disks State Scheduled" in index()
    assert "All services are running" in index()
    row.begin(by=None)
    assert "Checkout : under maintenance" in index()
    row.verify(by=None)
    assert "We are working on some services" in index()
    row.complete(by=None)
    assert "All services are running" in index()
    page = plain(written()[f"incidents/{row.public_id}/index.html"])
    assert (
        page.index("The work is complete.") < page.index("The work has begun.") < page.index("Saving takes")
    )


def test_who_knew_of_a_window_is_told_that_it_is_cancelled_and_not_why(service):
    row = window(services=[service])
    row.cancel(by=None, reason="Rack 9 has not come.")
    page = index()
    assert "New disks State Cancelled" in page
    assert "Rack 9" not in "".join(written().values())


def test_an_incident_says_more_than_the_maintenance_it_happens_in(severity, service):
    window(services=[service]).begin(by=None)
    told(severity, services=[(service, "partial_outage")])
    assert "Checkout : out for some" in index()


# --- The past


def test_ninety_days_are_drawn_and_told(severity, service):
    with time_machine.travel(datetime(2026, 3, 20, 12, tzinfo=UTC), tick=False):
        incident = told(severity, services=[(service, "partial_outage")], ago=3 * 1440)
        incident.resolve(by=None, at=timezone.now() - timedelta(days=2))
        past = days.pasts(board.read())[service.pk]
        assert len(past.days) == 90
        assert [(day.on.day, day.degree, day.minutes) for day in past.hurt] == [
            (18, "partial_outage", 720),
            (17, "partial_outage", 720),
        ]
        assert past.words == "Of the last 90 days: no trouble on 88, out for some on 2."
        assert "18 Mar: out for some, 12 h" in index()


def test_two_incidents_at_once_hurt_no_longer_than_a_day(severity, service):
    with time_machine.travel(datetime(2026, 3, 20, 12, tzinfo=UTC), tick=False):
        for _ in range(2):
            told(severity, services=[service], ago=5 * 1440)
        assert {day.minutes for day in days.pasts(board.read())[service.pk].hurt} <= {
            1440,
            720,
            1440 // 2 * 2,
        }


def test_history_is_read_by_month(severity):
    with time_machine.travel(datetime(2026, 3, 20, 12, tzinfo=UTC), tick=False):
        old = told(severity, "Long ago", ago=60 * 24 * 40)
        old.resolve(by=None)
        told(severity, "Just now")
        files = written()
    assert "February 1 " in plain(files["history/index.html"]).replace("  ", " ")
    assert "Long ago" in files["history/2026-02/index.html"]
    assert "Just now" not in files["history/2026-02/index.html"]
    assert f"../../incidents/{old.public_id}/" in files["history/2026-02/index.html"]


def test_an_incident_leads_to_what_was_learnt(severity, monkeypatch):
    incident = told(severity)
    incident.resolve(by=None)
    lesson = learnt.Learning("What failing payments taught us", "/learnings/payments/", timezone.now())
    monkeypatch.setattr(learnt, "_tellers", [(lambda rows: {row.pk: lesson for row in rows}, ())])
    files = written()
    page = files[f"incidents/{incident.public_id}/index.html"]
    assert "/learnings/payments/" in page
    assert '"status":"postmortem"' in files["api/v2/incidents.json"]


def test_an_incident_has_a_name_for_customers_that_is_no_number(incident):
    assert len(incident.public_id) == 12
    assert str(incident.pk) != incident.public_id
    assert incident.public_id.islower() or incident.public_id.isdigit()


# --- When it is written


def test_nothing_is_written_while_nothing_public_changes(severity, service):
    told(severity, services=[service])
    written()
    from incidents.status import publishing

    assert publishing.follow() == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda incident: type(incident).objects.filter(pk=incident.pk).update(visibility="restricted"),
        lambda incident: type(incident).objects.filter(pk=incident.pk).update(is_drill=True),
        lambda incident: type(incident).objects.filter(pk=incident.pk).update(visibility="internal"),
        lambda incident: incident.delete(),
    ],
    ids=["restricted", "a drill after all", "internal", "deleted"],
)
def test_what_is_public_no_longer_is_gone_from_every_file(severity, service, change):
    incident = told(severity, "A key was public", services=[service])
    say(incident, "The key of rack 9.")
    assert [name for name, text in written().items() if "A key was public" in text]
    change(incident)
    assert not [name for name, text in written().items() if "key" in text and "A key" in text]
    assert f"incidents/{incident.public_id}/index.html" not in written()


def test_a_number_that_was_taken_earlier_and_comes_later_is_seen(severity, monkeypatch):
    from incidents.status import publishing

    told(severity)
    before = publishing.stamp()
    # As after a transaction that began first and ended last: the last number is the same, there are more of them.
    monkeypatch.setattr(publishing, "WINDOW", 0)
    assert publishing.stamp() != before


def test_at_midnight_the_page_is_written_anew(severity):
    from incidents.status import publishing

    with time_machine.travel(datetime(2026, 3, 20, 23, 59, tzinfo=UTC), tick=False):
        today = publishing.stamp()
    with time_machine.travel(datetime(2026, 3, 21, 0, 1, tzinfo=UTC), tick=False):
        assert publishing.stamp() != today


def test_a_page_of_hundreds_of_incidents_costs_no_more_queries(
    severity, service, django_assert_max_num_queries
):
    for number in range(30):
        say(told(severity, f"Number {number}", services=[service], ago=number * 1440 + 5))
    with django_assert_max_num_queries(20):
        board.read()
