"""A finding, what shows it on the timeline, and what follows from it: an action, or the decision to live with it."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from actions.models import ActionItem
from incidents.models import Incident
from retros.models import Finding, FindingEvidence
from tests import pages
from tests.api import Caller, is_problem
from tests.conftest import make_publishable
from tests.pages import add_page, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding(retro):
    return retro.findings.create(kind="detection", text="Customers noticed first.")


@pytest.fixture
def entry(resolved, ravi):
    return resolved.log("note", "Three calls about the checkout", by=ravi)


@pytest.fixture
def foreign(severity):
    """An entry of an incident that this retro is not about."""
    other = Incident.objects.create(title="Something else", severity=severity)
    return other.log("note", "Elsewhere", by=None)


def shown(finding):
    return set(finding.evidence.values_list("entry", flat=True))


def url(retro, *rest):
    return f"retros/{retro.pk}/" + "".join(f"{part}/" for part in rest)


# --- What follows from it


def test_it_is_answered_by_an_action_or_by_a_reason(finding, retro):
    assert not finding.is_answered
    finding.accepted_because = "  "
    assert not finding.is_answered
    finding.accepted_because = "The supplier goes away in May."
    assert finding.is_answered
    finding.accepted_because = ""
    ActionItem.objects.create(title="Alert", why="Trust.", retro=retro, finding=finding)
    assert finding.is_answered


# --- What shows it


def test_only_entries_of_its_incidents_show_it(finding, entry, foreign):
    finding.show_by([entry])
    with pytest.raises(ValidationError, match="Choose an entry of the timeline"):
        finding.show_by([entry, foreign])
    assert shown(finding) == {entry.pk}


def test_evidence_is_recorded_and_replaced(finding, entry, resolved, ravi):
    finding.show_by([entry])
    link = finding.evidence.get()
    assert link.history.count() == 1
    other = resolved.log("note", "A fourth call", by=ravi)
    finding.show_by([other])
    assert shown(finding) == {other.pk}
    assert FindingEvidence.history.filter(history_type="-").count() == 1
    before = FindingEvidence.history.count()
    finding.show_by([other])
    assert FindingEvidence.history.count() == before


def test_evidence_goes_with_the_entry(finding, entry):
    finding.show_by([entry])
    entry.delete()
    assert shown(finding) == set()


# --- Its page


def test_evidence_and_acceptance_are_written_on_its_page(client, finding, entry, foreign, ana):
    client.force_login(ana)
    response = client.get(page(finding))
    choices = response.context["adminform"].form.fields["entries"].queryset
    assert entry in choices
    assert foreign not in choices
    sent = pages.sent_back(response, entries=[entry.pk], accepted_because="It ends in May.")
    assert client.post(page(finding), sent).status_code == 302
    finding.refresh_from_db()
    assert shown(finding) == {entry.pk}
    assert finding.accepted_because == "It ends in May."
    text = client.get(page(finding)).content.decode()
    assert "Answered" in text
    assert entry.text in text


def test_a_new_one_of_a_known_retro_chooses_among_its_entries(client, retro, entry, ana):
    client.force_login(ana)
    response = client.get(f"{add_page(Finding)}?retro={retro.pk}")
    assert entry in response.context["adminform"].form.fields["entries"].queryset
    sent = {"retro": retro.pk, "kind": "luck", "text": "It was Sunday.", "position": 0, "entries": [entry.pk]}
    assert client.post(add_page(Finding), sent).status_code == 302
    assert shown(Finding.objects.get()) == {entry.pk}


@pytest.mark.parametrize("entries", [["x"], ["9" * 40], ["²"], ["\x00"]])
def test_what_is_no_entry_is_refused_in_words(client, finding, ana, entries):
    client.force_login(ana)
    sent = pages.sent_back(client.get(page(finding)), entries=entries)
    response = client.post(page(finding), sent)
    assert response.status_code == 200
    assert "Choose among what is listed" in response.content.decode()


def test_an_entry_of_another_incident_is_refused_on_the_page(client, finding, foreign, ana):
    client.force_login(ana)
    sent = pages.sent_back(client.get(page(finding)), entries=[foreign.pk])
    assert client.post(page(finding), sent).status_code == 200
    assert shown(finding) == set()


def test_what_the_writer_may_not_see_is_neither_offered_nor_lost(client, finding, entry, ana):
    finding.show_by([entry])
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(ana)  # who leads the retro, and so sees it
    response = client.get(page(finding))
    assert entry.text not in response.content.decode()
    sent = pages.sent_back(response, text="Customers told us.", entries=[])
    assert client.post(page(finding), sent).status_code == 302
    assert shown(finding) == {entry.pk}


def test_a_reader_sees_the_evidence_and_changes_nothing(client, finding, entry, ravi):
    finding.show_by([entry])
    client.force_login(ravi)
    text = client.get(page(finding)).content.decode()
    assert page(entry) in text
    assert client.post(page(finding), {"entries": []}).status_code == 403


# --- The API


def test_the_api_tells_evidence_acceptance_and_whether_it_is_answered(finding, entry, retro, aud):
    finding.show_by([entry])
    [row] = Caller(aud).get(url(retro, "findings")).json()["results"]
    assert row["evidence"] == [{"id": entry.pk, "kind": "note", "text": entry.text}]
    assert (row["accepted_because"], row["is_answered"]) == ("", False)


def test_the_api_writes_them(retro, entry, foreign, ana):
    caller = Caller(ana)
    new = {"kind": "luck", "text": "It was Sunday.", "evidence": [entry.pk], "accepted_because": "So be it."}
    answer = caller.post(url(retro, "findings"), new)
    assert answer.status_code == 201, answer.content
    assert answer.json()["is_answered"]
    assert answer.json()["evidence"][0]["id"] == entry.pk
    where = answer["Location"]
    emptied = caller.patch(where, {"evidence": []}, version=1)
    assert emptied.json()["evidence"] == []
    for wrong in ([foreign.pk], [2**62], [0], ["x"], "x", [True]):
        assert is_problem(caller.patch(where, {"evidence": wrong}, version=2), 400)
    left_alone = caller.patch(where, {"text": "It was a Sunday."}, version=2)
    assert left_alone.status_code == 200, left_alone.content


def test_the_api_neither_shows_nor_loses_what_is_hidden(finding, entry, retro, ana):
    finding.show_by([entry])
    Incident.objects.update(visibility="restricted", declared_by=None)
    caller = Caller(ana)
    answer = caller.patch(url(retro, "findings", finding.pk), {"evidence": []}, version=1)
    assert answer.json()["evidence"] == []
    assert shown(finding) == {entry.pk}


def test_a_published_one_keeps_its_evidence(finding, entry, retro, ana, client):
    make_publishable(retro)
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    caller = Caller(ana)
    answer = caller.patch(url(retro, "findings", finding.pk), {"evidence": [entry.pk]}, version=1)
    assert is_problem(answer, 409)
    assert shown(finding) == set()


# --- People without an account


def test_an_address_is_for_whoever_has_no_account_and_is_there_once(client, retro, omar, ana):
    retro.participants.create(name="Kim", hat="customer", email="kim@acme.example")
    for wrong in (
        {"name": "Lee", "email": "KIM@acme.example"},
        {"user": omar, "email": "x@example.com"},
        {"name": "Lee", "email": "nobody"},
    ):
        row = retro.participants.model(retro=retro, hat="customer", **wrong)
        with pytest.raises(ValidationError):
            row.full_clean()


def test_only_whoever_writes_to_people_reads_their_address(client, retro, ana, ravi):
    kim = retro.participants.create(name="Kim", hat="customer", email="kim@acme.example")
    for person, may in ((ana, True), (ravi, False)):
        client.force_login(person)
        for address in (page(retro), page(kim), reverse("admin:retros_participant_changelist")):
            seen = "kim@acme.example" in client.get(address).content.decode()
            assert seen == (may and "/change/" in address)
    listed = Caller(ravi).get(url(retro, "participants")).content.decode()
    assert "kim@acme.example" not in listed
