"""Message templates in the API: refused what their form refuses, and filled as the form on which customers are told."""

import pytest
from django.urls import reverse

from config.people.models import ApiToken
from incidents.models import CustomerUpdate, Incident, MessageTemplate, Region
from incidents.updates.placeholders import KNOWN
from tests.api import Caller, is_problem
from tests.conftest import make_person, make_role
from tests.faults import snapshot
from tests.pages import add_page, page

pytestmark = pytest.mark.django_db
BODY = {"name": "Odd", "phase": "resolved", "audience": "team", "locale": "de", "text": "{{ services }}"}


def url(template=None, *rest):
    return "/".join(["message-templates", *([str(template.pk)] if template else []), *rest, ""])


def filled(caller, template, incident):
    return caller.get(f"{url(template, 'filled')}?incident={incident.reference}")


@pytest.fixture
def template(severity, service):
    return MessageTemplate.objects.create(
        name="Shop / worst", phase="identified", severity=severity, service=service, text="{{ title }}."
    )


def test_one_is_written_read_and_edited(lena, severity, service):
    caller = Caller(lena)
    made = caller.post(url(), BODY | {"severity": "SEV1", "service": "checkout"})
    assert made.status_code == 201, made.content
    row = MessageTemplate.objects.get(name="Odd")
    assert made["Location"] == f"/api/v1/{url(row)}"
    told = caller.get(made["Location"])
    assert told.json() == BODY | {"id": row.pk, "severity": "SEV1", "service": "checkout", "version": 1}
    assert told["ETag"] == '"1"'
    edited = caller.patch(url(row), {"severity": None, "text": "{{ title }}"}, version=1)
    assert (edited.json()["severity"], edited.json()["text"], edited["ETag"]) == (None, "{{ title }}", '"2"')
    assert row.history.first().history_user_name == "Lena (token “test”)"


def test_it_is_found_by_its_number_whatever_it_is_called(lena, template):
    assert Caller(lena).get(url(template)).json()["name"] == "Shop / worst"
    template.name = "7"
    template.save()
    for key in ("Identified", "Shop / worst", "%00", "9" * 5000, "-1", f"{template.pk}x"):
        assert is_problem(Caller(lena).get(f"message-templates/{key}/"), 404)


def test_an_edit_needs_the_version_that_was_read(lena, template):
    caller = Caller(lena)
    assert is_problem(caller.patch(url(template), {"text": "x"}), 428)
    caller.patch(url(template), {"text": "x"}, version=1)
    stale = caller.patch(url(template), {"text": "y"}, version=1)
    assert is_problem(stale, 412)
    assert stale.json()["version"] == 2
    template.refresh_from_db()
    assert template.text == "x"


WRONG = {
    "an unknown placeholder": {"text": "{{ servces }}"},
    "a brace too few": {"text": "{{ services"},
    "no language": {"locale": "english"},
    "a name that is taken": {"name": "Identified"},
    "the same again": {"phase": "identified", "audience": "customers", "locale": "en"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_it_refuses_what_its_form_refuses_in_the_same_words(client, lena, wrong):
    client.force_login(lena)
    before = snapshot(MessageTemplate)
    form = client.post(add_page(MessageTemplate), BODY | wrong).context["adminform"].form
    answer = Caller(lena).post(url(), BODY | wrong)
    assert is_problem(answer, 400)
    named = {"__all__": "general"}
    assert answer.json()["errors"] == {named.get(name, name): told for name, told in form.errors.items()}
    assert form.errors
    assert snapshot(MessageTemplate) == before


def test_an_edit_to_what_another_is_for_is_refused_in_the_same_words(client, lena, template):
    client.force_login(lena)
    sent = {
        "name": template.name,
        "phase": "identified",
        "audience": "customers",
        "locale": "en",
        "text": "x",
    }
    form = client.post(page(template), sent | {"version": "1"}).context["adminform"].form
    answer = Caller(lena).patch(url(template), {"severity": None, "service": None}, version=1)
    assert is_problem(answer, 400)
    assert answer.json()["errors"] == {"general": form.non_field_errors()} != {"general": []}
    template.refresh_from_db()
    assert template.severity_id


@pytest.mark.parametrize(
    "wrong", [{"text": ""}, {"text": 7}, {"phase": "soon"}, {"severity": "SEV9"}, {"version": 7}, {"x": 1}]
)
def test_what_makes_no_sense_is_refused(lena, wrong):
    answer = Caller(lena).post(url(), BODY | wrong)
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == list(wrong)


def test_those_who_may_not_write_them_read_them(lena, ravi, aud, template):
    for person in (ravi, aud):
        caller = Caller(person)
        assert caller.get(url(template)).status_code == 200
        assert is_problem(caller.post(url(), BODY), 403)
        assert is_problem(caller.patch(url(template), {"text": "x"}, version=1), 403)
    reader = Caller(lena, scope=ApiToken.Scope.READ)
    assert is_problem(reader.post(url(), BODY), 403)


def test_they_are_found_by_what_they_are_for(lena, template):
    def names(query):
        return {row["name"] for row in Caller(lena).get(f"{url()}?{query}").json()["results"]}

    assert names("service=checkout") == names("severity=SEV1") == {template.name}
    assert names("phase=identified&audience=team") == {"Identified, for our own people"}
    assert names("phase=identified&phase=resolved&audience=customers&severity=SEV1") == {template.name}
    assert names("locale=de") == set()
    assert len(names("locale=en")) == MessageTemplate.objects.count()
    assert is_problem(Caller(lena).get(f"{url()}?phase=soon"), 400)


# --- Filled


def test_it_is_filled_as_the_form_fills_it(client, incident, service):
    mona = make_person("mona@example.com", "Responder", "Communicator")
    client.force_login(mona)
    offered = client.get(reverse("admin:incidents_incident_tell", args=[incident.pk])).context
    answer = filled(Caller(mona), offered["choice"].template, incident)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["text"] == offered["form"].initial["text"] != ""
    assert (told["incident"], told["problem"], told["missing"]) == (incident.reference, "", [])
    assert told["left"] == []


def test_what_is_missing_is_named_as_the_form_names_it(client, incident):
    mona = make_person("mona@example.com", "Responder", "Communicator")
    client.force_login(mona)
    general = MessageTemplate.objects.get(phase="investigating", audience="customers")
    general.text = "{{ title }} {{ regions }} {{ customers }} {{ next_update }} {{ regions }}"
    general.save()
    offered = client.get(reverse("admin:incidents_incident_tell", args=[incident.pk])).context
    told = filled(Caller(mona), general, incident).json()
    assert told["text"] == ""
    assert told["problem"] == offered["template_problem"] != ""
    assert told["left"] == ["next_update"]
    assert [one["name"] for one in told["missing"]] == ["regions", "customers"]
    assert [one["what_to_do"] for one in told["missing"]] == [
        KNOWN[name].missing for name in ("regions", "customers")
    ]
    incident.region_impacts.create(region=Region.objects.create(slug="eu", name="Europe"))
    Incident.objects.filter(pk=incident.pk).update(customers_affected=12000)
    told = filled(Caller(mona), general, incident).json()
    assert told["text"] == f"{incident.title} Europe 12,000 {{{{ next_update }}}} Europe"
    assert told["problem"] == ""


def test_filling_it_changes_nothing(lena, incident, template):
    caller = Caller(lena)
    caller.get(url())
    before = snapshot(MessageTemplate, Incident, CustomerUpdate)
    assert filled(caller, template, incident).status_code == 200
    assert is_problem(caller.post(url(template, "filled"), {"incident": incident.pk}), 405)
    assert snapshot(MessageTemplate, Incident, CustomerUpdate) == before


def test_an_incident_that_is_hidden_cannot_be_told_from_none(lena, aud, ravi, incident, template):
    Incident.objects.filter(pk=incident.pk).update(visibility="restricted", declared_by=None)
    hidden = filled(Caller(lena), template, incident)
    assert is_problem(hidden, 400)
    nowhere = Caller(lena).get(f"{url(template, 'filled')}?incident=INC-9999")
    assert hidden.content == nowhere.content
    assert filled(Caller(aud), template, incident).json()["text"] == f"{incident.title}."


@pytest.mark.parametrize(
    "query", ["", "?incident=", "?incident=x", "?incident=%00", "?incident=1&x=2", "?x=1"]
)
def test_what_names_no_incident_is_refused(lena, template, query):
    assert is_problem(Caller(lena).get(f"{url(template, 'filled')}{query}"), 400)


def test_whoever_may_not_see_incidents_fills_none(incident, template):
    writer = make_person("writer@example.com")
    writer.groups.add(make_role("Writer", "view_messagetemplate"))
    assert Caller(writer).get(url(template)).status_code == 200
    assert is_problem(filled(Caller(writer), template, incident), 403)
