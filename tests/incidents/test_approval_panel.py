"""The dashboard of those who may approve shows what waits for them, and takes no room where nothing does."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.people import roles
from incidents.models import Assignment, CustomerUpdate, Incident, PublishingRight, Severity
from incidents.models.rights import may_publish
from tests.conftest import make_person
from tests.pages import page

pytestmark = pytest.mark.django_db
TITLE = "Updates waiting for your approval"


def dashboard_of(client, person):
    client.force_login(person)
    return client.get(reverse("admin:index"))


def panel_of(client, person):
    panels = dashboard_of(client, person).context["panels"]
    return next((panel for panel in panels if panel.title == TITLE), None)


def waiting(incident, by, *, ago=10, text="Paying by card fails."):
    """An update that was submitted so many minutes ago."""
    update = incident.updates.create(text=text)
    update.submit(by=by, at=timezone.now() - timedelta(minutes=ago, seconds=30))
    return update


def declared(rank, title="Search is slow", **fields):
    return Incident.objects.declare(by=None, title=title, severity=Severity.objects.get(rank=rank), **fields)


def test_it_shows_what_waits_the_oldest_first_and_leads_to_it(client, incident, ravi, lena):
    new = waiting(declared(3), ravi, ago=10)
    old = waiting(incident, ravi, ago=130)
    panel = panel_of(client, lena)
    assert [row.url for row in panel.rows] == [page(old), page(new)]
    first, second = panel.rows
    assert (first.title, first.mark, first.tone) == (str(incident), "SEV1", "danger")
    assert (second.mark, second.tone) == ("SEV3", "")
    assert first.facts[0] == "asked by Ravi"
    assert [row.facts[1].text for row in panel.rows] == ["waits 2 hours", "waits 10 minutes"]
    assert first.facts[1].at == old.submitted_at
    assert "Paying by card fails." in first.note
    shown = client.get(reverse("admin:index")).content.decode()
    assert TITLE in shown
    assert "waits 2 hours" in shown
    assert [client.get(url).status_code for url in (first.url, panel.all.url)] == [200, 200]


def test_the_link_to_all_lists_what_waits_and_nothing_else(client, incident, ravi, lena):
    incident.updates.create(text="A draft.")
    waiting(incident, ravi)
    panel = panel_of(client, lena)
    listed = client.get(panel.all.url).context["cl"].result_list
    assert [row.state for row in listed] == ["submitted"]


def test_where_nothing_waits_there_is_no_panel(client, incident, ravi, lena):
    assert panel_of(client, lena) is None
    incident.updates.create(text="A draft.")
    update = waiting(incident, ravi)
    assert panel_of(client, lena) is not None
    update.publish(by=lena)
    assert panel_of(client, lena) is None
    back = waiting(incident, ravi)
    back.send_back(by=lena, reason="Shorter.")
    assert panel_of(client, lena) is None


def test_only_those_who_may_approve_it_see_it(client, incident, ravi, lena, aud, ana, stranger):
    waiting(incident, ravi)
    for person in (ravi, aud, ana, stranger):
        assert panel_of(client, person) is None, person
    assert panel_of(client, lena) is not None
    Assignment.objects.create(incident=incident, user=ravi, role=Assignment.Role.COMMUNICATIONS)
    PublishingRight.objects.filter(severity=incident.severity).delete()
    PublishingRight.objects.create(severity=incident.severity, who=Assignment.Role.COMMUNICATIONS)
    assert panel_of(client, ravi) is not None
    assert panel_of(client, lena) is None


def test_what_is_restricted_is_shown_to_nobody_who_may_not_know_of_it(client, ravi, lena, admin_user):
    hidden = declared(1, "Keys were leaked", visibility=Incident.Visibility.RESTRICTED)
    waiting(hidden, ravi)
    assert panel_of(client, lena) is None
    assert "Keys were leaked" not in dashboard_of(client, lena).content.decode()
    assert panel_of(client, admin_user).total == "1"


def test_the_list_and_the_row_answer_alike_who_may_publish(ravi, lena, aud, admin_user, stranger):
    """Every person at every severity, with rights by role, by part in the incident, ended, or with none at all."""
    gone = make_person("gone@example.com", roles.COMMUNICATOR, is_active=False)
    PublishingRight.objects.all().delete()
    severities = list(Severity.objects.order_by("rank"))
    PublishingRight.objects.create(severity=severities[0], who=Assignment.Role.COMMANDER)
    PublishingRight.objects.create(severity=severities[1], who=roles.COMMUNICATOR)
    PublishingRight.objects.create(severity=severities[2], who=roles.RESPONDER)
    PublishingRight.objects.create(severity=severities[2], who=Assignment.Role.SCRIBE)
    updates = []
    for severity in severities:
        one = declared(severity.rank)
        Assignment.objects.create(incident=one, user=lena, role=Assignment.Role.COMMANDER)
        ended = {"from_at": timezone.now() - timedelta(hours=2), "until_at": timezone.now()}
        Assignment.objects.create(incident=one, user=stranger, role=Assignment.Role.COMMANDER, **ended)
        Assignment.objects.create(incident=one, user=aud, role=Assignment.Role.SCRIBE)
        updates.append(waiting(one, ravi))
    people = (ravi, lena, aud, admin_user, stranger, gone)
    listed = {who: set(CustomerUpdate.objects.publishable_by(who)) for who in people}
    answers = {
        (who, one): (may_publish(one.incident, who), one in listed[who])
        for who, one in product(people, updates)
    }
    assert [pair for pair, (row, found) in answers.items() if row != found] == []
    assert {row for row, _ in answers.values()} == {True, False}


def test_it_shows_eight_and_counts_the_rest_at_the_same_cost(client, ravi, lena):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("admin:index"))
        return [query["sql"] for query in captured if "django_session" not in query["sql"]]

    for _ in range(9):
        waiting(declared(2), ravi)
    panel_of(client, lena)  # signs in, and reads once what is kept between requests
    before = cost()
    for _ in range(20):
        waiting(declared(2), ravi)
    after = cost()
    assert len(after) == len(before), "\n".join(sql[:200] for sql in after)
    panel = panel_of(client, lena)
    assert (len(panel.rows), panel.total) == (8, "29")
    assert panel.all.label == "All updates that wait"
