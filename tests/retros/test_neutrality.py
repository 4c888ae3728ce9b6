"""Who leads a retrospective though they were part of it is told so, and somebody else says why they lead it."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.people import roles
from config.transitions import NotPermitted, WrongState
from incidents.models import Incident
from retros import gate, neutrality
from retros.models import Retrospective
from tests import pages
from tests.api import Caller, is_problem
from tests.cases import assert_refused
from tests.conftest import make_person, make_publishable
from tests.pages import verb_page

pytestmark = pytest.mark.django_db
REASON = "She only kept the record."


@pytest.fixture
def tom(db):
    """The other facilitator."""
    return make_person("tom@example.com", roles.FACILITATOR)


@pytest.fixture
def involved(retro, resolved, ana):
    """Ana leads it, and was the scribe."""
    resolved.assignments.create(user=ana, role="scribe")
    return retro


def where(retro):
    return [one.how for one in neutrality.appearances(retro)]


def test_who_was_not_there_is_neutral(retro):
    assert where(retro) == []
    assert not neutrality.is_to_confirm(retro)


def test_declaring_it_a_role_and_words_on_the_timeline_count(retro, resolved, ana):
    resolved.assignments.create(user=ana, role="scribe")
    Incident.objects.filter(pk=resolved.pk).update(declared_by=ana)
    resolved.log("note", "Cards are refused.", by=ana)
    Retrospective.objects.update(opened_at=timezone.now() + timedelta(minutes=1))
    retro.refresh_from_db()
    assert where(retro) == ["declared it", "was scribe", "wrote on its timeline"]


def test_completing_the_timeline_while_leading_does_not_count(retro, resolved, ana):
    resolved.log("note", "The log shows it began earlier.", by=ana)
    assert where(retro) == []


def test_sending_for_review_waits_for_the_confirmation_and_says_so(involved, ana, tom):
    assert_refused(ValidationError, involved, "send_for_review", by=ana)
    with pytest.raises(ValidationError, match="Ana leads it and was part of what it is about"):
        involved.send_for_review(by=ana)
    involved.confirm_facilitator(by=tom, reason=REASON)
    involved.send_for_review(by=ana)
    assert involved.status == "in_review"


def test_a_confirmation_says_who_when_and_why(involved, tom):
    involved.confirm_facilitator(by=tom, reason=REASON)
    assert (involved.neutrality_confirmed_by, involved.neutrality_because) == (tom, REASON)
    assert involved.neutrality_of == involved.facilitator
    assert involved.history.first().history_change_reason == REASON


def test_nobody_confirms_themselves_where_there_is_somebody_else(involved, ana, tom, ravi, aud, stranger):
    for person in (ana, ravi, aud, stranger):
        assert_refused(NotPermitted, involved, "confirm_facilitator", by=person, reason=REASON)


def test_where_nobody_else_may_they_confirm_it_themselves(involved, ana):
    involved.confirm_facilitator(by=ana, reason="There is nobody else yet.")
    assert involved.neutrality_confirmed_by == ana


def test_it_is_refused_without_a_reason_twice_and_where_there_is_nothing_to_confirm(involved, ana, tom):
    assert_refused(ValidationError, involved, "confirm_facilitator", by=tom, reason=" ")
    assert_refused(ValidationError, involved, "confirm_facilitator", by=None, reason=REASON)
    involved.confirm_facilitator(by=tom, reason=REASON)
    assert_refused(WrongState, involved, "confirm_facilitator", by=tom, reason=REASON)
    involved.facilitator = tom
    involved.save()
    assert_refused(ValidationError, involved, "confirm_facilitator", by=ana, reason=REASON)


def test_it_is_void_when_somebody_else_leads_it_by_whatever_road(involved, ana, ravi, tom):
    involved.confirm_facilitator(by=tom, reason=REASON)
    involved.facilitator = ravi  # who declared it
    involved.save(update_fields=["facilitator"])
    involved.refresh_from_db()
    assert (involved.neutrality_because, involved.neutrality_confirmed_at) == ("", None)
    assert neutrality.is_to_confirm(involved)
    involved.confirm_facilitator(by=tom, reason=REASON)
    Retrospective.objects.update(facilitator=ana)  # past every form
    assert neutrality.is_to_confirm(Retrospective.objects.get())


def test_the_database_keeps_the_confirmation_whole(involved, tom):
    involved.confirm_facilitator(by=tom, reason=REASON)
    for values in (
        {"neutrality_because": ""},
        {"neutrality_confirmed_by": None},
        {"neutrality_confirmed_at": None},
        {"neutrality_of": None},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Retrospective.objects.update(**values)


def test_publishing_asks_for_it_as_well_when_the_facilitator_changed_in_review(retro, ana, ravi):
    make_publishable(retro).send_for_review(by=ana)
    retro.facilitator = ravi
    retro.save()
    assert "neutrality" in [one.slug for one in gate.missing(retro)]
    assert_refused(ValidationError, retro, "publish", by=ana)


# --- On the pages


def test_the_page_says_where_they_appear_and_offers_the_confirmation_to_others(client, involved, ana, tom):
    client.force_login(ana)
    text = client.get(pages.page(involved)).content.decode()
    assert "was scribe" in text
    pages.assert_not_offered(client, involved, "confirm_facilitator")
    client.force_login(tom)
    pages.assert_offered(client, involved, "confirm_facilitator")
    assert "was scribe" in client.get(verb_page(involved, "confirm_facilitator")).content.decode()
    answers = {"version": involved.version, "reason": REASON}
    pages.assert_done(client, involved, "confirm_facilitator", answers, by=tom)
    assert REASON in client.get(pages.page(involved)).content.decode()
    pages.assert_not_offered(client, involved, "confirm_facilitator")


def test_it_is_offered_for_nobody_who_was_not_part_of_it(client, retro, tom):
    client.force_login(tom)
    pages.assert_not_offered(client, retro, "confirm_facilitator")


def test_the_page_refuses_to_send_it_and_says_why(client, involved, ana):
    client.force_login(ana)
    asked = {"version": involved.version}
    for response, status in [
        (client.get(verb_page(involved, "send_for_review")), 200),
        (client.post(verb_page(involved, "send_for_review"), asked), 400),
    ]:
        assert response.status_code == status
        assert "was part of what it is about" in response.content.decode()
        assert b'type="submit" class="aftercare-verb"' not in response.content
    involved.refresh_from_db()
    assert involved.status == "draft"


def test_who_is_set_is_told_at_once(client, retro, ravi, ana):
    client.force_login(ana)
    sent = pages.sent_back(client.get(pages.page(retro)), facilitator=ravi.pk)
    response = client.post(pages.page(retro), sent, follow=True)
    assert "Ravi leads it and was part of what it is about" in response.content.decode()


def test_a_hidden_incident_is_not_named_by_where_its_facilitator_appears(client, retro, resolved, ana):
    resolved.log("note", "The key was public.", by=ana)
    Retrospective.objects.update(opened_at=timezone.now() + timedelta(minutes=1))
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(ana)  # who leads it, and so sees the retro but not the incident
    text = client.get(retro.get_review_url()).content.decode()
    assert "An incident you may not see" in text
    assert resolved.reference not in text


# --- In the API


def test_the_api_tells_whoever_sets_them(retro, ravi, ana, tom):
    caller = Caller(ana)
    address = f"retros/{retro.reference}/"
    assert caller.get(address).json()["facilitator_appears"] is False
    told = caller.patch(address, {"facilitator": "ravi@example.com"}, version=retro.version).json()
    assert told["facilitator_appears"] is True
    assert is_problem(caller.post(f"{address}send_for_review/"), 400)
    assert is_problem(Caller(ravi).post(f"{address}confirm_facilitator/", {"reason": REASON}), 403)
    assert is_problem(caller.post(f"{address}confirm_facilitator/"), 400)
    told = caller.post(f"{address}confirm_facilitator/", {"reason": REASON}).json()
    assert told["neutrality_because"] == REASON
    assert told["neutrality_confirmed_by"]["email"] == "ana@example.com"
    told = caller.patch(address, {"facilitator": "tom@example.com"}, version=told["version"]).json()
    assert (told["neutrality_because"], told["neutrality_confirmed_at"]) == ("", None)
