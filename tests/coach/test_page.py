"""What a page gets when it asks the coach, and which fields ask."""

import json

import pytest
from django.urls import reverse

from config.coach import look
from config.coach.showing import as_html
from tests.pages import page

ADDRESS = "/admin/coach/"


def ask(client, question, **about):
    body = question if isinstance(question, str) else json.dumps(question)
    return client.post(ADDRESS, body, content_type="application/json", **about)


@pytest.fixture
def writer(client, ana):
    client.force_login(ana)
    return client


def test_it_answers_with_marks(writer):
    answer = ask(writer, {"text": "It was human error.", "audience": "team"})
    assert answer.status_code == 200
    (mark,) = answer.json()["marks"]
    assert mark["text"] == "human error"
    assert mark.keys() == {"start", "end", "text", "rule", "kind", "why", "instead", "about"}


def test_it_knows_the_people_of_the_house(writer, omar):
    (mark,) = ask(writer, {"text": "It happened because of Omar."}).json()["marks"]
    assert mark["kind"] == "blame"
    assert ask(writer, {"text": "It happened because of Tuesday."}).json()["marks"] == []


def test_it_marks_jargon_for_customers_only(writer):
    assert ask(writer, {"text": "Two pods were lost."}).json()["marks"] == []
    assert ask(writer, {"text": "Two pods were lost.", "audience": "customers"}).json()["marks"] != []


NO_QUESTIONS = [
    *("", "{", "[]", "null", "[" * 50_000, '"text"', '{"audience": "team"}', '{"text": 1}', "\xff"),
    *('{"text": "a", "audience": "all"}', '{"text": "a", "audience": []}', '{"text": "a", "more": 1}'),
]


@pytest.mark.parametrize("question", NO_QUESTIONS)
def test_it_refuses_what_is_no_question(writer, question):
    answer = ask(writer, question)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_it_reads_lone_halves_of_characters(writer):
    assert ask(writer, '{"text": "\\ud800 human error"}').status_code == 200


def test_it_refuses_what_is_too_long(writer):
    assert ask(writer, {"text": "a" * 99_000}).status_code == 200
    assert ask(writer, {"text": "a" * 100_001}).status_code == 413


def test_it_is_for_those_who_are_signed_in_and_by_post_only(client, writer):
    assert client.get(ADDRESS).status_code == 405
    client.logout()
    assert ask(client, {"text": "a"}).status_code == 302


def test_a_list_for_pages_without_a_script_escapes_what_was_written():
    html = as_html(look("It was <b>Bob</b>'s mistake, human error.", people=["Bob"]))
    assert "human error" in html
    assert "<b>" not in html
    assert "Why?" in html
    assert as_html([]).strip() == ""


def coached(client, url, audience):
    html = client.get(url).content.decode()
    assert "aftercare/coach.js" in html
    return html.count(f'data-coach="{audience}"')


def test_the_fields_of_a_retro_have_its_hints(writer, retro):
    retro.findings.create(kind="luck", text="It was Sunday.")
    sections = retro.sections.count()
    # Customer impact, the sections with one empty row to add from, the finding with one, and the empty factor.
    assert coached(writer, page(retro), "team") == 1 + sections + 1 + 2 + 1
    assert coached(writer, page(retro.sections.first()), "team") == 1
    assert coached(writer, page(retro.findings.get()), "team") == 1


def test_what_customers_are_told_has_its_hints(client, incident, lena, ravi):
    client.force_login(ravi)
    assert coached(client, page(incident), "customers") == 1
    client.force_login(lena)
    assert coached(client, reverse("admin:incidents_customerupdate_add"), "customers") == 1
