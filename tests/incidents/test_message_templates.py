"""Templates: placeholders are typed and never run, the most specific one wins, and what is missing is named."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from incidents.models import CustomerUpdate, MessageTemplate, Service, Severity
from incidents.updates.choosing import choose
from incidents.updates.placeholders import KNOWN, Facts, fill, names_in
from tests.pages import add_page

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 10, 5, tzinfo=UTC)


@pytest.fixture
def facts(incident):
    incident.started_at = AT
    return Facts(incident, ("Checkout", "Search"), ("Europe",), AT)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ services }} fail.", "Checkout and Search fail."),
        ("{{services}} in {{  regions }}", "Checkout and Search in Europe"),
        ("Since {{ started }}.", "Since 2 Mar 2026, 10:05 UTC."),
        ("Next: {{ next_update }}", "Next: 2 Mar 2026, 10:05 UTC"),
        ("{{ title }} ({{ severity }})", "Checkout fails for one in five (SEV1)"),
        ("Nothing to fill { here }.", "Nothing to fill { here }."),
    ],
)
def test_each_placeholder_is_said_as_its_type_wants(facts, text, filled):
    assert fill(text, facts) == filled


@pytest.mark.parametrize(
    "text",
    [
        "{{ servces }}",
        "{{ services.__class__ }}",
        "{{ services|upper }}",
        "{{ }}",
        "{{ incident.declared_by.password }}",
    ],
)
def test_an_unknown_placeholder_is_refused_by_name_and_nothing_is_run(facts, text):
    with pytest.raises(ValidationError, match="There is no placeholder") as refusal:
        fill(text, facts)
    assert names_in(text)[0] in str(refusal.value)


@pytest.mark.parametrize("text", ["{{ services", "services }}", "{{ ser{vices }}"])
def test_a_brace_that_is_missing_is_refused(facts, text):
    with pytest.raises(ValidationError, match="one brace is missing"):
        fill(text, facts)


def test_template_code_is_text_like_any_other(facts):
    assert fill("{% load static %}{# x #}", facts) == "{% load static %}{# x #}"


def test_what_the_incident_cannot_fill_is_named_all_at_once(incident):
    with pytest.raises(ValidationError) as refusal:
        fill("{{ regions }} {{ data_safety }} {{ customers }} {{ next_update }}", Facts(incident))
    for name in ("regions", "data_safety", "customers", "next_update"):
        assert f"{{{{ {name} }}}}: {KNOWN[name].missing}" in str(refusal.value)


def test_what_is_decided_later_is_left_as_it_stands(facts):
    assert fill("{{ services }}: {{ next_update }}", facts, leave={"next_update"}) == (
        "Checkout and Search: {{ next_update }}"
    )


def test_a_value_that_looks_like_a_placeholder_stays_a_value(incident):
    incident.title = "{{ services }}"
    assert fill("{{ title }}", Facts(incident)) == "{{ services }}"


# --- Which one


@pytest.fixture
def make(severity):
    def template(name, **about):
        about = {"phase": "identified", "text": name, **about}
        return MessageTemplate.objects.create(name=name, **about)

    return template


def chosen(severity, *services, **about):
    return choose(phase="identified", severity=severity, services=services, **about)


def test_the_most_specific_template_wins_and_says_why(make, severity, service):
    general = MessageTemplate.objects.get(name="Identified")
    assert chosen(severity, service).template == general
    for_severity = make("Worst", severity=severity)
    assert chosen(severity, service).template == for_severity
    for_service = make("Shop", service=service)
    assert chosen(severity, service).template == for_service
    both = make("Shop, worst", service=service, severity=severity)
    choice = chosen(severity, service)
    assert choice.template == both
    assert choice.why == "“Shop, worst”: made for Checkout and SEV1; 3 less specific ones were passed over."
    assert chosen(Severity.objects.get(rank=2), service).template == for_service
    assert chosen(severity).template == for_severity


def test_the_service_named_first_decides(make, severity, service):
    other = Service.objects.create(slug="search", name="Search")
    make("Shop", service=service)
    make("Finding", service=other)
    assert chosen(severity, other, service).template.name == "Finding"


def test_another_language_is_taken_only_where_there_is_none(make, severity):
    make("Gefunden", locale="de")
    assert chosen(severity, locale="de-AT").template.name == "Gefunden"
    assert "in de because there is none in de-AT" in chosen(severity, locale="de-AT").why
    assert chosen(severity, locale="fr").template.name == "Identified"


def test_where_there_is_none_it_says_so(severity):
    MessageTemplate.objects.all().delete()
    choice = chosen(severity)
    assert choice.template is None
    assert "There is no template" in choice.why


def test_there_is_one_template_for_each_combination(make, severity, service):
    make("Shop", service=service)
    with pytest.raises(IntegrityError), transaction.atomic():
        make("Shop again", service=service)


def test_a_new_installation_has_words_for_every_phase_and_both_audiences():
    there = set(MessageTemplate.objects.values_list("phase", "audience"))
    assert there == {(p, a) for p in CustomerUpdate.Status.values for a in ("customers", "team")}
    for template in MessageTemplate.objects.all():
        template.full_clean()


def test_a_template_with_an_unknown_placeholder_is_not_saved(client, lena):
    client.force_login(lena)
    sent = {"name": "Odd", "phase": "resolved", "audience": "team", "locale": "de", "text": "{{ servces }}"}
    answer = client.post(add_page(MessageTemplate), sent)
    assert answer.status_code == 200
    assert "There is no placeholder {{ servces }}" in answer.content.decode()
    assert client.post(add_page(MessageTemplate), sent | {"text": "{{ services }}"}).status_code == 302
    saved = MessageTemplate.objects.get(name="Odd")
    assert saved.history.get().history_user_name == str(lena)
