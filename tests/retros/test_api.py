import pytest

from config.people.models import User
from incidents.models import Incident
from retros.models import Factor, Retrospective
from tests.api import Caller, is_problem


def url(retro, *rest):
    return "/".join(["retros", retro.reference, *(str(part) for part in rest), ""])


@pytest.fixture
def published(publishable, ana):
    retro = publishable
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    return retro


@pytest.fixture
def restricted(retro, resolved):
    Incident.objects.filter(pk=resolved.pk).update(visibility="restricted", declared_by=None)
    Retrospective.objects.filter(pk=retro.pk).update(facilitator=None)
    return retro


def test_a_retro_is_opened_for_an_incident_with_the_sections_of_the_template(ana, resolved):
    caller = Caller(ana)
    body = {"incidents": [resolved.reference], "facilitator": "ANA@example.com"}
    answer = caller.post("retros/", body)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["title"] == resolved.title
    assert told["incidents"] == [{"reference": resolved.reference, "title": resolved.title}]
    assert told["facilitator"]["email"] == "ana@example.com"
    sections = caller.get(answer["Location"] + "sections/").json()["results"]
    assert sections[0]["heading"] == "Customer impact"


def test_an_incident_has_one_retro(ana, retro, resolved):
    assert is_problem(Caller(ana).post("retros/", {"incidents": [resolved.pk]}), 409)


@pytest.mark.parametrize("incidents", [[], ["INC-9999"], "INC-0001", [None], [True], [10**30], [{}]])
def test_a_retro_is_about_incidents_there_are(ana, resolved, incidents):
    assert is_problem(Caller(ana).post("retros/", {"incidents": incidents}), 400)


def test_a_hidden_incident_gets_no_retro_by_guessing(ana, resolved):
    Incident.objects.update(visibility="restricted", declared_by=None)
    told = Caller(ana).post("retros/", {"incidents": [resolved.reference]})
    unknown = Caller(ana).post("retros/", {"incidents": ["INC-9999"]})
    assert told.json() == unknown.json()


def test_only_facilitators_edit(ravi, ana, retro):
    assert is_problem(Caller(ravi).patch(url(retro), {"title": "New"}, version=retro.version), 403)
    answer = Caller(ana).patch(url(retro), {"title": "New", "facilitator": None}, version=retro.version)
    assert answer.json()["title"] == "New"
    assert answer.json()["facilitator"] is None


def test_a_section_is_written_by_whoever_read_its_version(ana, retro):
    section = retro.sections.first()
    caller = Caller(ana)
    written = caller.patch(url(retro, "sections", section.pk), {"text": "# What\r\nhappened"}, version=1)
    assert written.json()["text"] == "# What\nhappened"
    assert written["ETag"] == '"2"'
    assert is_problem(caller.patch(url(retro, "sections", section.pk), {"text": "Lost"}, version=1), 412)
    section.refresh_from_db()
    assert section.text == "# What\nhappened"


def test_a_heading_is_there_once(ana, retro):
    answer = Caller(ana).post(url(retro, "sections"), {"heading": "Detection"})
    assert is_problem(answer, 400)
    other = retro.sections.exclude(heading="Detection").first()
    renamed = Caller(ana).patch(url(retro, "sections", other.pk), {"heading": "Detection"}, version=1)
    assert is_problem(renamed, 409)


def test_findings_factors_and_participants_are_added(ana, retro):
    caller = Caller(ana)
    finding = caller.post(url(retro, "findings"), {"kind": "luck", "text": "It was a Sunday."})
    assert finding.status_code == 201, finding.content
    assert caller.get(finding["Location"]).json() == finding.json()
    factor = caller.post(url(retro, "factors"), {"factor": "config-change", "note": "A flag."})
    assert factor.json()["name"] == "Config change"
    edited = caller.patch(factor["Location"], {"note": "Two flags."}, version=1)
    assert edited.json()["note"] == "Two flags."
    customer = caller.post(url(retro, "participants"), {"name": "Kim of Acme", "hat": "customer"})
    assert customer.json() == {
        "id": customer.json()["id"],
        "user": None,
        "name": "Kim of Acme",
        "hat": "customer",
    }
    nobody = caller.post(url(retro, "participants"), {"hat": "customer"})
    assert is_problem(nobody, 400)


def test_the_kinds_of_factor_can_be_read(aud):
    names = [factor["slug"] for factor in Caller(aud).get("factors/").json()["results"]]
    assert sorted(names) == sorted(Factor.objects.values_list("slug", flat=True))


def test_a_published_retro_is_edited_by_nobody(ana, published):
    caller = Caller(ana)
    section = published.sections.first()
    assert is_problem(caller.patch(url(published), {"title": "New"}, version=published.version), 409)
    assert is_problem(caller.patch(url(published, "sections", section.pk), {"text": "x"}, version=1), 409)
    assert is_problem(caller.post(url(published, "findings"), {"kind": "luck", "text": "x"}), 409)
    assert is_problem(caller.post(url(published, "factors"), {"factor": "time"}), 409)
    assert is_problem(caller.post(url(published, "participants"), {"name": "x", "hat": "customer"}), 409)
    section.refresh_from_db()
    assert section.text == ""


def test_a_reopened_retro_is_edited_again(ana, published):
    caller = Caller(ana)
    reopened = caller.post(url(published, "reopen"), {"reason": "A finding was missing."})
    edited = caller.patch(url(published), {"title": "New"}, If_Match=reopened["ETag"])
    assert edited.json()["title"] == "New"


def test_the_retro_of_a_restricted_incident_is_nowhere_for_others(ana, aud, restricted):
    caller = Caller(ana)
    for path in ("", "sections/", "findings/", "factors/", "participants/"):
        assert is_problem(caller.get(url(restricted) + path), 404)
        assert Caller(aud).get(url(restricted) + path).status_code == 200
    for verb in ("send_for_review", "publish"):
        assert is_problem(caller.post(url(restricted, verb)), 404)
    assert is_problem(caller.patch(url(restricted), {"title": "x"}, version=1), 404)
    assert caller.get("retros/").json()["results"] == []


def test_a_hidden_incident_is_not_found_by_asking_for_its_retro(ana, retro, resolved):
    Incident.objects.update(visibility="restricted", declared_by=None)
    caller = Caller(ana)  # who leads it, and so sees the retro itself
    assert caller.get(url(retro)).json()["incidents"] == []
    assert caller.get(f"retros/?incident={resolved.reference}").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("status=draft", True),
        ("status=published", False),
        ("facilitator=ana@example.com", True),
        ("facilitator=ravi@example.com", False),
        ("facilitator=7777", False),
        ("incident=INC-9999", False),
        ("overdue=false", True),
        ("overdue=true", False),
        ("ordering=due_on", True),
    ],
)
def test_retros_are_filtered(ana, retro, query, is_found):
    answer = Caller(ana).get(f"retros/?{query}")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == is_found


def test_retros_are_found_by_person_number_and_incident(ana, retro, resolved):
    for query in (f"facilitator={ana.pk}", f"incident={resolved.reference}", f"incident={resolved.pk}"):
        assert len(Caller(ana).get(f"retros/?{query}").json()["results"]) == 1


def test_overdue_is_what_the_model_says(ana, retro):
    retro.due_on = "2020-01-01"
    retro.save()
    (found,) = Caller(ana).get("retros/?overdue=true").json()["results"]
    assert found["is_overdue"] is True
    assert Caller(ana).get("retros/?overdue=false").json()["results"] == []


@pytest.mark.parametrize(
    "query", ["facilitator__password=x", "facilitator=%00", "overdue=1", "ordering=title"]
)
def test_a_wrong_question_about_retros_is_an_error(ana, retro, query):
    assert is_problem(Caller(ana).get(f"retros/?{query}"), 400)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "31/12/2026", 20261231, None])
def test_a_day_nobody_means_is_refused(ana, retro, day):
    assert is_problem(Caller(ana).patch(url(retro), {"due_on": day}, version=retro.version), 400)


def test_somebody_who_left_leads_no_retro(ana, retro, ravi):
    User.objects.filter(pk=ravi.pk).update(is_active=False)
    body = {"facilitator": "ravi@example.com"}
    assert is_problem(Caller(ana).patch(url(retro), body, version=retro.version), 400)
