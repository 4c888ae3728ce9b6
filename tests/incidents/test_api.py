import pytest

from incidents.models import CustomerUpdate, Incident, Region, Service, TimelineEntry
from tests.api import Caller, is_problem


@pytest.fixture
def restricted(incident):
    incident.visibility = Incident.Visibility.RESTRICTED
    incident.declared_by = None
    incident.save()
    return incident


def url(incident, *rest):
    return "/".join(["incidents", incident.reference, *rest, ""])


def test_an_incident_is_declared_as_in_the_admin(ravi, severity, service):
    Region.objects.create(slug="eu", name="Europe")
    answer = Caller(ravi).post(
        "incidents/",
        {
            "title": "Logins fail",
            "severity": "SEV1",
            "services": [{"service": "checkout", "impact": "partial_outage"}],
            "regions": [{"region": "eu"}],
            "started_at": "2026-01-02T03:04:05.678+02:00",
        },
    )
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert answer["Location"] == f"/api/v1/incidents/{told['reference']}/"
    assert answer["ETag"] == '"1"'
    assert told["status"] == "declared"
    assert told["started_at"] == "2026-01-02T01:04:05.678000Z"
    assert told["services"] == [{"service": "checkout", "name": "Checkout", "impact": "partial_outage"}]
    assert told["regions"] == [{"region": "eu", "name": "Europe", "impact": "degraded_performance"}]
    assert told["declared_by"]["email"] == "ravi@example.com"
    incident = Incident.objects.get()
    assert incident.timeline.get().text == "Declared as SEV1."


def test_only_responders_declare(lena, severity):
    answer = Caller(lena).post("incidents/", {"title": "Logins fail", "severity": "SEV1"})
    assert is_problem(answer, 403)
    assert not Incident.objects.exists()


def test_an_incident_is_found_by_reference_and_by_number(ravi, incident):
    caller = Caller(ravi)
    by_reference = caller.get(url(incident))
    assert by_reference.status_code == 200
    assert by_reference["ETag"] == f'"{incident.version}"'
    for key in (incident.pk, incident.reference.lower(), f"000{incident.pk}"):
        assert caller.get(f"incidents/{key}/").json() == by_reference.json()


@pytest.mark.parametrize(
    "key",
    ["INC-9999", "0", "-1", "INC-", "RETRO-0001", str(10**30), "9" * 5000, "%00", "%ED%A0%80", "1e0", "²"],
)
def test_what_is_not_there_is_not_found(ravi, incident, key):
    assert is_problem(Caller(ravi).get(f"incidents/{key}/"), 404)


def test_an_edit_needs_the_version_that_was_read(ravi, incident):
    caller = Caller(ravi)
    assert is_problem(caller.patch(url(incident), {"title": "New"}), 428)
    answer = caller.patch(url(incident), {"title": "New"}, version=incident.version)
    assert answer.status_code == 200
    assert answer["ETag"] == f'"{incident.version + 1}"'
    assert answer.json()["title"] == "New"


def test_a_stale_edit_changes_nothing_and_tells_the_version(ravi, incident):
    caller = Caller(ravi)
    caller.patch(url(incident), {"title": "First"}, version=incident.version)
    stale = caller.patch(url(incident), {"title": "Second"}, version=incident.version)
    assert is_problem(stale, 412)
    assert stale.json()["version"] == incident.version + 1
    assert stale["ETag"] == f'"{incident.version + 1}"'
    incident.refresh_from_db()
    assert incident.title == "First"


@pytest.mark.parametrize("tag", ["1", '"x"', '"1", "2"', "W/1", '"99999999999"', '"-1"'])
def test_an_etag_must_be_one_of_ours(ravi, incident, tag):
    assert is_problem(Caller(ravi).patch(url(incident), {"title": "New"}, If_Match=tag), 400)


def test_any_version_may_be_overwritten_by_saying_so(ravi, incident):
    answer = Caller(ravi).patch(url(incident), {"title": "New"}, If_Match="*")
    assert answer.json()["title"] == "New"


@pytest.mark.parametrize(
    "name",
    ["id", "version", "status", "declared_by", "resolved_at", "started_at", "severity", "source", "is_staff"],
)
def test_what_may_not_be_written_is_refused_not_ignored(ravi, incident, name):
    answer = Caller(ravi).patch(url(incident), {"title": "New", name: 1}, version=incident.version)
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == [name]
    incident.refresh_from_db()
    assert incident.title != "New"


def test_services_are_replaced_and_only_the_difference_is_history(ravi, incident, service):
    mail = Service.objects.create(slug="mail", name="Mail")
    body = {"services": [{"service": "checkout"}, {"service": mail.pk, "impact": "major_outage"}]}
    answer = Caller(ravi).patch(url(incident), body, version=incident.version)
    assert [(s["service"], s["impact"]) for s in answer.json()["services"]] == [
        ("checkout", "degraded_performance"),
        ("mail", "major_outage"),
    ]
    history = incident.service_impacts.model.history
    assert history.filter(service_id=service.pk).count() == 1
    assert history.filter(service_id=mail.pk).count() == 1


def test_a_service_is_named_once(ravi, incident):
    body = {"services": [{"service": "checkout"}, {"service": "checkout"}]}
    assert is_problem(Caller(ravi).patch(url(incident), body, version=incident.version), 400)


def test_who_may_not_say_what_was_affected_changes_nothing_at_all(ana, incident):
    answer = Caller(ana).patch(url(incident), {"title": "New", "services": []}, version=incident.version)
    assert is_problem(answer, 403)
    incident.refresh_from_db()
    assert incident.title != "New"
    assert incident.service_impacts.count() == 1


def test_a_moment_left_out_stays_and_one_sent_empty_is_unknown(ravi, resolved):
    answer = Caller(ravi).post(
        url(resolved, "correct_moments"), {"detected_at": None, "reason": "Nobody knows."}
    )
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["detected_at"] is None
    assert told["started_at"] is not None
    assert told["resolved_at"] is not None


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T10:00:00",
        "2026-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "2026-02-30T10:00:00Z",
        "2026-01-01T24:00:00Z",
        "1960-01-01T00:00:00Z",
        "2999-01-01T00:00:00Z",
        "yesterday",
        1767225600,
        True,
    ],
)
def test_a_moment_without_zone_or_sense_is_refused(ravi, incident, moment):
    answer = Caller(ravi).post(url(incident, "acknowledge"), {"at": moment})
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == ["at"]
    incident.refresh_from_db()
    assert incident.status == Incident.Status.DECLARED


def test_what_contradicts_itself_is_refused_by_verb_too(ravi, incident):
    answer = Caller(ravi).post(url(incident, "acknowledge"), {"at": "2020-01-01T00:00:00Z"})
    assert is_problem(answer, 400)
    assert "before it is started" in answer.json()["errors"]["general"][0]


def test_a_note_is_added_to_the_timeline_by_its_author(lena, incident):
    body = {"text": "Support sees twenty tickets.", "at": "2026-01-01T10:00:00Z", "is_key": True}
    answer = Caller(lena).post(url(incident, "timeline"), body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["kind"] == "note"
    assert answer.json()["author"]["name"] == "Lena"
    assert Caller(lena).get(answer["Location"]).json() == answer.json()
    assert incident.timeline.get(kind=TimelineEntry.Kind.NOTE).author == lena


def test_nobody_writes_machine_entries(lena, incident):
    answer = Caller(lena).post(url(incident, "timeline"), {"text": "Resolved.", "kind": "state"})
    assert is_problem(answer, 400)


def test_an_update_is_drafted_edited_and_published_then_it_stays(lena, incident):
    caller = Caller(lena)
    draft = caller.post(url(incident, "updates"), {"status": "identified", "text": "We know."})
    address = draft["Location"]
    edited = caller.patch(address, {"text": "We know why."}, version=1)
    assert edited.json()["text"] == "We know why."
    published = caller.post(address + "publish/")
    assert published.json()["state"] == "published"
    assert published.json()["published_by"]["name"] == "Lena"
    refused = caller.patch(address, {"text": "We never said that."}, If_Match=published["ETag"])
    assert is_problem(refused, 409)
    assert CustomerUpdate.objects.get().text == "We know why."


def test_a_restricted_incident_is_nowhere_for_others(ravi, lena, restricted):
    update = restricted.updates.create(text="Secret")
    caller = Caller(lena)
    for path in ("", "timeline/", "updates/", f"updates/{update.pk}/"):
        assert is_problem(caller.get(url(restricted) + path), 404)
    for path in ("acknowledge", "timeline", "updates", f"updates/{update.pk}/publish"):
        assert is_problem(caller.post(url(restricted, path), {}), 404)
    assert is_problem(Caller(ravi).patch(url(restricted), {"title": "x"}, version=1), 404)
    assert caller.get("incidents/").json()["results"] == []
    assert caller.get("incidents/?visibility=restricted").json()["results"] == []


def test_a_restricted_incident_is_seen_by_the_auditor_and_by_who_has_a_role_in_it(aud, lena, restricted):
    assert Caller(aud).get(url(restricted)).status_code == 200
    restricted.assignments.create(user=lena, role="communications")
    assert Caller(lena).get(url(restricted)).status_code == 200


def test_an_update_is_not_found_under_another_incident(ravi, incident, severity):
    other = Incident.objects.declare(by=ravi, title="Other", severity=severity)
    update = incident.updates.create(text="Ours")
    assert is_problem(Caller(ravi).get(url(other, "updates", str(update.pk))), 404)


FOUND = [
    ("status=declared", True),
    ("status=resolved", False),
    ("status=resolved&status=declared", True),
    ("severity=SEV1", True),
    ("severity=SEV2", False),
    ("severity=SEV77", False),
    ("service=checkout", True),
    ("service=mail", False),
    ("visibility=internal", True),
    ("visibility=public", False),
    ("drill=false", True),
    ("drill=true", False),
    ("declared_after=2020-01-01T00:00:00Z", True),
    ("declared_before=2020-01-01T00:00:00Z", False),
    ("declared_after=2020-01-01T00:00:00-21:08", True),  # PostgreSQL itself knows no such offset
    ("declared_after=2020-01-01T00:00:00%2B02:00&severity=SEV1&ordering=declared_at&page_size=200", True),
]


@pytest.mark.parametrize(("query", "is_found"), FOUND)
def test_incidents_are_filtered(ravi, incident, query, is_found):
    answer = Caller(ravi).get(f"incidents/?{query}")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == is_found


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "ordering=declared_by__password",
        "ordering=",
        "title__regex=(a%2B)%2B$",
        "declared_by__email__startswith=r",
        "status=nonsense",
        "status=",
        "drill=maybe",
        "severity=SEV1&severity=SEV2",
        "service=%00",
        "declared_after=2026-01-01",
        "declared_after=2026-01-01T00:00:00",
        "declared_after=0001-01-01T00:00:00%2B14:00",
        "page_size=0",
        "page_size=201",
        "page_size=1000000000000",
        "page_size=-1",
        "page_size=²",
        "cursor=nonsense",
        "cursor=W10",
        "cursor=" + "A" * 5000,
        "format=json",
        "page=2",
    ],
)
def test_a_wrong_question_is_an_error_never_ignored(ravi, incident, query):
    answer = Caller(ravi).get(f"incidents/?{query}")
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == [query.split("=")[0]]


def test_a_single_incident_takes_no_question(ravi, incident):
    assert is_problem(Caller(ravi).get(url(incident) + "?expand=all"), 400)


def test_services_are_kept_by_administrators(admin_user, ravi, service):
    body = {"slug": "mail", "name": "Mail", "tier": 3}
    assert is_problem(Caller(ravi).post("services/", body), 403)
    caller = Caller(admin_user)
    made = caller.post("services/", body)
    assert made["Location"] == "/api/v1/services/mail/"
    edited = caller.patch("services/mail/", {"name": "E-mail"}, version=1)
    assert edited.json()["name"] == "E-mail"
    assert is_problem(caller.patch("services/mail/", {"slug": "x"}, version=2), 400)
    assert is_problem(caller.post("services/", body), 400)
    assert [s["slug"] for s in caller.get("services/").json()["results"]] == ["checkout", "mail"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"customers_affected": 2**31}, "customers_affected"),
        ({"customers_affected": 2**63}, "customers_affected"),
        ({"customers_affected": 10**400}, "customers_affected"),
        ({"customers_affected": -1}, "customers_affected"),
        ({"customers_affected": True}, "customers_affected"),
        ({"customers_affected": 1.5}, "customers_affected"),
        ({"customers_affected": "7"}, "customers_affected"),
        ({"is_drill": "yes"}, "is_drill"),
        ({"title": "\u200b"}, "title"),
        ({"title": "\x07"}, "title"),
        ({"title": "\u0958" * 255}, "title"),  # one character each, two when normalised
        ({"title": "x" * 256}, "title"),
        ({"title": 7}, "title"),
        ({"title": ["x"]}, "title"),
        ({"title": None}, "title"),
        ({"summary": "x" * 20_001}, "summary"),
        ({"visibility": "secret"}, "visibility"),
        ({"visibility": []}, "visibility"),
        ({"services": "checkout"}, "services"),
        ({"services": [{"service": "nonsense"}]}, "services"),
        ({"services": [{"service": 10**30}]}, "services"),
        ({"services": [{"service": "checkout", "id": 1}]}, "services"),
    ],
)
def test_a_value_that_fits_no_column_is_refused_on_both_databases(ravi, incident, body, name):
    answer = Caller(ravi).patch(url(incident), body, version=incident.version)
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == [name]


def test_a_title_is_kept_as_one_visible_line(ravi, incident):
    body = {"title": "safe\u202egpj.exe\r\nBcc: a@b.c", "summary": "one\r\ntwo"}
    told = Caller(ravi).patch(url(incident), body, version=incident.version).json()
    assert told["title"] == "safegpj.exe Bcc: a@b.c"
    assert told["summary"] == "one\ntwo"
