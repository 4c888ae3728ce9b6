"""What must not be public is marked before customers read it: it stays for a reason, or not at all."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.people.models import PrivateName
from incidents.models import (
    Customer,
    CustomerUpdate,
    Incident,
    MessageTemplate,
    Publication,
    TimelineEntry,
    UpdateCorrection,
)
from incidents.updates.marking import marks_of
from incidents.updates.telling import tell
from tests.api import Caller, is_problem
from tests.cases import assert_refused
from tests.conftest import make_person
from tests.faults import snapshot
from tests.incidents.test_telling import sent, tell_page
from tests.pages import page, verb_page

pytestmark = pytest.mark.django_db
BECAUSE = "It is the name of the product, too."
MODELS = (Incident, TimelineEntry, Publication)
CLEAN = "Paying by card fails. Pay by invoice meanwhile."
STAYS = {
    "person": "Omar found out why paying fails.",
    "customer": "Paying fails for Globex and others.",
    "list": "Paying fails at Initech.",
    "host": "Paying fails because of db-prod-3.",
    "address": "Paying fails at 10.12.0.7.",
    "reference": "Paying fails, see OPS-4711.",
    "rendered": "[O](https://shop.example)mar found out why paying fails.",
}
NEVER = {
    "secret": "Paying fails, the password: hunter22! was wrong.",
    "mailbox": "Paying fails, write to kim@customer.example.",
}
seen_as = pytest.mark.parametrize("text", STAYS.values(), ids=STAYS)
never = pytest.mark.parametrize("text", NEVER.values(), ids=NEVER)


@pytest.fixture(autouse=True)
def known(omar):
    """Whose names must not be public."""
    Customer.objects.create(name="Globex Ltd")
    PrivateName.objects.create(name="Initech")


@pytest.fixture
def draft(incident):
    def of(text):
        return incident.updates.create(text=text)

    return of


# --- The verb


@seen_as
def test_what_is_marked_is_published_for_a_recorded_reason_only(draft, lena, text):
    update = draft(text)
    assert_refused(ValidationError, update, "publish", *MODELS, by=lena, reason=" ")
    with pytest.raises(ValidationError) as refused:
        update.publish(by=lena)
    assert list(refused.value.message_dict) == ["reason"]
    update.publish(by=lena, reason=BECAUSE)
    assert update.is_published
    assert update.marks_because == BECAUSE
    entry = update.history.first()
    assert (entry.history_change_reason, entry.marks_because) == (BECAUSE, BECAUSE)


@never
def test_what_is_never_harmless_is_refused_whatever_is_said(draft, lena, text):
    update = draft(text)
    assert_refused(ValidationError, update, "publish", *MODELS, by=lena, reason=BECAUSE)
    with pytest.raises(ValidationError) as refused:
        update.publish(by=lena, reason=BECAUSE)
    assert list(refused.value.message_dict) == ["text"]


def test_clean_words_need_no_reason_and_keep_none(draft, lena):
    update = draft(CLEAN)
    update.publish(by=lena, reason="Just so.")
    assert update.marks_because == ""


def test_each_mark_says_what_was_seen_what_it_is_and_why(draft):
    [one] = marks_of(STAYS["host"])
    assert (one.text, one.kind, one.may_stay) == ("db-prod-3", "host", True)
    assert one.before.endswith("because of ")
    assert "machine" in one.why


def test_whoever_submits_is_asked_nothing_and_whoever_approves_is(incident, ravi, lena):
    update = tell(incident, by=ravi, status="identified", text=STAYS["host"], audience="customers")
    assert update.state == "submitted"
    assert_refused(ValidationError, update, "publish", *MODELS, by=lena)
    update.publish(by=lena, reason=BECAUSE)
    assert update.marks_because == BECAUSE


def test_looking_costs_the_same_however_many_names_there_are(draft):
    def count():
        with CaptureQueriesContext(connection) as queries:
            marks_of(STAYS["person"])
        return len(queries)

    before = count()
    Customer.objects.bulk_create(Customer(name=f"Customer {number}") for number in range(50))
    make_person("more@example.com")
    assert count() == before == 3


def test_the_words_of_every_template_are_clean(incident, lena):
    from incidents.updates.placeholders import LATER, fill
    from incidents.updates.telling import facts_of

    incident.resolved_at = incident.declared_at
    facts = facts_of(incident, {one.service: one.impact for one in incident.service_impacts.all()}, {}, None)
    templates = list(MessageTemplate.objects.all())
    assert len(templates) >= 8
    assert {one.name: marks_of(fill(one.text, facts, leave=LATER)) for one in templates} == {
        one.name: [] for one in templates
    }


# --- The same from everywhere


def by_form(client, update, lena, reason):
    client.force_login(lena)
    answer = client.post(verb_page(update, "publish"), {"version": update.version, "reason": reason})
    return answer.status_code == 302, answer.content.decode()


def by_api(client, update, lena, reason):
    path = f"incidents/{update.incident.reference}/updates/{update.pk}/publish/"
    answer = Caller(lena).post(path, {"reason": reason} if reason else {})
    assert answer.status_code == 200 or is_problem(answer, 400)
    return answer.status_code == 200, answer.content.decode()


def by_telling(client, update, lena, reason):
    client.force_login(lena)
    asked = sent(update.incident, text=update.text, reason=reason)
    answer = client.post(tell_page(update.incident), asked)
    return answer.status_code == 302, answer.content.decode()


ways = pytest.mark.parametrize("way", [by_form, by_api, by_telling])


@ways
def test_every_way_asks_why_and_takes_the_answer(client, draft, lena, way):
    update = draft(STAYS["host"])
    before = snapshot(CustomerUpdate, *MODELS)
    is_done, told = way(client, update, lena, "")
    assert not is_done
    assert "1 thing should not be public" in told
    assert "db-prod-3" in told
    assert snapshot(CustomerUpdate, *MODELS) == before
    is_done, _ = way(client, update, lena, BECAUSE)
    assert is_done
    assert CustomerUpdate.objects.published().get().marks_because == BECAUSE


@ways
def test_every_way_refuses_a_secret(client, draft, lena, way):
    update = draft(NEVER["secret"])
    before = snapshot(CustomerUpdate, *MODELS)
    is_done, told = way(client, update, lena, BECAUSE)
    assert not is_done
    assert "never harmless" in told
    assert snapshot(CustomerUpdate, *MODELS) == before


def test_programs_can_look_before_they_publish(draft, lena, stranger):
    update = draft(f"{STAYS['host']} {NEVER['mailbox']}")
    path = f"incidents/{update.incident.reference}/updates/{update.pk}/check/"
    told = Caller(lena).get(path).json()
    assert [(one["kind"], one["text"], one["may_stay"]) for one in told] == [
        ("host", "db-prod-3", True),
        ("email", "kim@customer.example", False),
    ]
    assert Caller(stranger).get(path).status_code in (403, 404)


# --- Where it is shown


def test_the_preview_marks_it_and_stores_nothing(client, incident, lena):
    client.force_login(lena)
    before = snapshot(CustomerUpdate, *MODELS)
    answer = client.post(tell_page(incident, preview=True), sent(incident, text=STAYS["host"]))
    shown = answer.content.decode()
    assert "<mark>db-prod-3</mark>" in shown
    assert "machine" in shown
    assert "Should customers read this?" in shown
    assert snapshot(CustomerUpdate, *MODELS) == before
    clean = client.post(tell_page(incident, preview=True), sent(incident)).content.decode()
    assert "Should customers read this?" not in clean


def test_the_form_asks_why_only_where_something_is_marked(client, incident, lena, ravi):
    client.force_login(lena)
    assert 'name="reason"' not in client.get(tell_page(incident)).content.decode()
    Incident.objects.filter(pk=incident.pk).update(title="Checkout fails for Globex")
    shown = client.get(tell_page(incident)).content.decode()
    assert 'name="reason"' in shown
    assert "<mark>Globex</mark>" in shown
    client.force_login(ravi)
    shown = client.get(tell_page(incident)).content.decode()
    assert "<mark>Globex</mark>" in shown
    assert 'name="reason"' not in shown  # whoever approves it says why


def test_the_page_of_the_update_shows_the_marks_and_then_why_they_stay(client, draft, lena):
    client.force_login(lena)
    update = draft(STAYS["host"])
    for address in (page(update), verb_page(update, "publish")):
        shown = client.get(address).content.decode()
        assert "<mark>db-prod-3</mark>" in shown
        assert "machine" in shown
    update.publish(by=lena, reason=BECAUSE)
    shown = client.get(page(update)).content.decode()
    assert BECAUSE in shown
    assert "<mark>" not in shown


def test_with_a_secret_in_it_the_page_offers_no_publishing(client, draft, lena):
    client.force_login(lena)
    shown = client.get(verb_page(draft(NEVER["secret"]), "publish")).content.decode()
    assert "has to go" in shown
    assert 'name="reason"' not in shown


def test_customers_never_see_what_was_marked_or_why_it_stays(draft, lena):
    from tests.incidents.public import written

    update = draft(STAYS["host"])
    Incident.objects.filter(pk=update.incident_id).update(visibility="public")
    update.publish(by=lena, reason=BECAUSE)
    public = "\n".join(written().values())
    assert "db-prod-3" in public
    assert BECAUSE not in public
    assert "<mark>" not in public


def test_what_is_marked_brings_no_script_along(client, draft, lena):
    client.force_login(lena)
    PrivateName.objects.create(name="alert")
    update = draft("Paying fails at <script>alert(1)</script>.")
    preview = reverse("admin:incidents_customerupdate_preview", args=[update.pk])
    for address in (page(update), verb_page(update, "publish"), preview):
        shown = client.get(address).content.decode()
        assert "<mark>alert</mark>" in shown
        assert "<script>alert(1)" not in shown


# --- Corrected


def test_a_correction_is_asked_for_what_it_brings_and_not_for_what_was_there(draft, lena):
    update = draft(STAYS["host"])
    update.publish(by=lena, reason=BECAUSE)
    update.correct(by=lena, text="Paying is slow because of db-prod-3.", reason="It does not fail.")
    assert update.marks_because == BECAUSE
    more = {"text": "Paying is slow because of db-prod-3 and db-prod-4.", "reason": "It was two."}
    models = (UpdateCorrection, *MODELS)
    assert_refused(ValidationError, update, "correct", *models, by=lena, **more)
    update.correct(by=lena, **more, marks_because="Customers know it.")
    assert update.marks_because == "Customers know it."


@pytest.mark.parametrize("part", ["text", "reason"])
@never
def test_a_correction_brings_no_secret_neither_in_the_text_nor_in_the_reason(draft, lena, text, part):
    update = draft(CLEAN)
    update.publish(by=lena)
    asked = {"text": "Paying is slow.", "reason": "It does not fail.", "marks_because": BECAUSE} | {
        part: text
    }
    assert_refused(ValidationError, update, "correct", UpdateCorrection, *MODELS, by=lena, **asked)


def test_the_form_and_programs_ask_for_it_too(client, draft, lena):
    update = draft(CLEAN)
    update.publish(by=lena)
    asked = {"text": STAYS["host"], "reason": "We know why."}
    path = f"incidents/{update.incident.reference}/updates/{update.pk}/correct/"
    answer = Caller(lena).post(path, asked)
    assert is_problem(answer, 400)
    assert "marks_because" in answer.content.decode()
    client.force_login(lena)
    version = {"version": CustomerUpdate.objects.get().version}
    assert client.post(verb_page(update, "correct"), asked | version).status_code == 400
    sent_with_it = asked | version | {"marks_because": BECAUSE}
    assert client.post(verb_page(update, "correct"), sent_with_it).status_code == 302
    assert CustomerUpdate.objects.get().marks_because == BECAUSE
