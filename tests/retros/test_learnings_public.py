"""What everybody reads of what we learnt: the same for each reader, gone when it must be, safe whatever was typed."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
from django.test import Client

from incidents.models import Incident
from incidents.status import publishing
from retros.models import Learning, Retrospective
from tests.retros.learnings import AT, TEXTS, corrected, draft, published

pytestmark = pytest.mark.django_db

LIST, ATOM, RSS, JSON = "/learnings/", "/learnings/feed.atom", "/learnings/feed.rss", "/learnings/feed.json"
NS = {"a": "http://www.w3.org/2005/Atom"}


@pytest.fixture
def learning(retro, ana, lena):
    return published(retro, writer=ana, reviewer=lena)


def page_of(learning):
    return f"/learnings/{learning.slug}/"


def everywhere(learning):
    return (LIST, ATOM, RSS, JSON, page_of(learning))


def shows(client, path, words):
    return words.encode() in client.get(path).content


def another(number, severity, *, writer, reviewer, **texts):
    incident = Incident.objects.create(title=f"Again {number}", severity=severity, visibility="public")
    retro = Retrospective.objects.open_for(incident)
    texts = {"title": f"Learning number {'i' * number}"} | texts
    return published(retro, writer=writer, reviewer=reviewer, at=AT + timedelta(days=number), **texts)


def test_what_was_published_is_on_its_page_in_the_list_and_in_each_feed(client, learning):
    for path in everywhere(learning):
        answer = client.get(path)
        assert answer.status_code == 200
        assert TEXTS["title"].encode() in answer.content
    for words in TEXTS.values():
        assert shows(client, page_of(learning), words)


@pytest.mark.parametrize("is_stale", [False, True], ids=["now", "at the next question"])
def test_readers_signed_in_or_not_get_the_same_bytes_and_no_cookie(client, learning, admin_user, is_stale):
    admin_user.time_zone = "Pacific/Auckland"  # in which it was another day
    admin_user.save()
    signed_in = Client()
    signed_in.force_login(admin_user)
    for path in (*everywhere(learning), "/learnings/nowhere/"):
        one, other = client.get(path), signed_in.get(path)
        assert one.content == other.content
        assert not one.cookies
        assert not other.cookies
        assert "Cookie" not in other.headers.get("Vary", "")
        assert other["Cache-Control"] == "public, max-age=60"
        if is_stale:
            again = {"HTTP_IF_NONE_MATCH": one.headers.get("ETag", "")}
            assert signed_in.get(path, **again).status_code == (304 if one.status_code == 200 else 404)


def test_its_policy_allows_nothing_but_our_own_styles_and_pictures(client, learning):
    for path in everywhere(learning):
        policy = client.get(path)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        assert "script" not in policy


def test_pages_hold_no_script_no_style_of_their_own_and_nothing_of_the_workspace(client, learning):
    for path in (LIST, page_of(learning)):
        text = client.get(path).content.decode()
        assert not re.search(r"<script|style=|<style|/admin/|unfold|csrf", text)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_sent_to_them(client, learning, method):
    for path in everywhere(learning):
        assert getattr(client, method)(path).status_code == 405


def test_without_any_the_list_says_so_and_the_feeds_are_whole_and_steady(client, db):
    assert shows(client, LIST, "Nothing has been published yet")
    for path in (ATOM, RSS):
        ET.fromstring(client.get(path).content)
        assert client.get(path)["ETag"] == client.get(path)["ETag"]
    assert json.loads(client.get(JSON).content)["items"] == []


# --- What is not public


def test_drafts_and_reviews_are_nowhere(client, retro, ana):
    row = draft(retro, by=ana, title="Not for anybody yet")
    for state in ("draft", "in_review"):
        assert row.status == state
        assert client.get(page_of(row)).status_code == 404
        for path in (LIST, ATOM, RSS, JSON):
            assert not shows(client, path, "Not for anybody yet")
        if state == "draft":
            row.send_for_review(by=ana)


@pytest.mark.parametrize(
    "change", [{"visibility": "internal"}, {"visibility": "restricted"}, {"is_drill": True}]
)
def test_it_is_gone_at_once_when_customers_may_not_know_of_the_incident(client, learning, change):
    before = client.get(page_of(learning))["ETag"]
    Incident.objects.update(**change)
    for path in everywhere(learning):
        answer = client.get(path, HTTP_IF_NONE_MATCH=before)
        assert TEXTS["title"].encode() not in answer.content
    assert client.get(page_of(learning), HTTP_IF_NONE_MATCH=before).status_code == 404
    assert client.get(page_of(learning) + "earlier/1/").status_code == 404


def test_a_hidden_one_cannot_be_told_from_none(client, learning):
    Incident.objects.update(visibility="restricted")
    assert client.get(page_of(learning)).content == client.get("/learnings/nowhere/").content


def test_a_correction_being_written_is_not_seen(client, learning, ana):
    learning.correct(by=ana, note="Being corrected now.")
    learning.what_happened = "Something quite different."
    learning.save()
    assert shows(client, page_of(learning), TEXTS["what_happened"])
    for path in everywhere(learning):
        assert not shows(client, path, "Something quite different")
        assert not shows(client, path, "Being corrected now")


# --- Corrections and withdrawals


def test_a_correction_is_told_on_the_page_the_list_and_the_feed(client, learning, ana, lena):
    corrected(learning, writer=ana, reviewer=lena, what_happened="One in four payments failed.")
    text = client.get(page_of(learning)).content.decode()
    assert re.search(r"Corrected on <time[^>]*>5 March 2026</time>:</strong> It was one in four", text)
    assert "One in four payments failed." in text
    assert shows(client, LIST, "Corrected")
    assert shows(client, ATOM, "It was one in four, not in five.")


def test_what_it_said_before_can_be_read_and_is_struck_out(client, learning, ana, lena):
    corrected(learning, writer=ana, reviewer=lena, what_happened="For 95 minutes one payment in four failed.")
    before = f"{page_of(learning)}earlier/1/"
    assert shows(client, page_of(learning), before)
    text = client.get(before).content.decode()
    assert TEXTS["what_happened"] in text
    assert "This is an earlier version" in text
    assert "<del>" in text
    assert "<ins>" in text
    for number in (0, 2, 3, 10**9):
        assert client.get(f"{page_of(learning)}earlier/{number}/").status_code == 404


def test_a_text_that_was_taken_down_is_not_shown_but_known_of(client, learning, ana, lena):
    learning.correct(by=ana, note="A name was in it.", earlier="hidden")
    learning.what_happened = "One payment in four failed."
    learning.save()
    learning.send_for_review(by=ana)
    learning.publish(by=lena)
    answer = client.get(f"{page_of(learning)}earlier/1/")
    assert answer.status_code == 410
    assert b"taken down" in answer.content
    assert TEXTS["what_happened"].encode() not in answer.content
    assert not shows(client, page_of(learning), "earlier/1/")


def test_of_a_withdrawn_one_its_page_says_that_and_nothing_else(client, learning, ana, lena):
    corrected(learning, writer=ana, reviewer=lena, what_happened="One payment in four failed.")
    learning.withdraw(by=lena, reason="Our secret reason.", told="We had the wrong week.")
    answer = client.get(page_of(learning))
    assert answer.status_code == 410
    assert b"We had the wrong week." in answer.content
    for words in (*TEXTS.values(), "Our secret reason", "in four"):
        assert words.encode() not in answer.content
    for path in (LIST, ATOM, RSS, JSON):
        assert not shows(client, path, TEXTS["title"])
    assert client.get(f"{page_of(learning)}earlier/1/").status_code == 404


# --- The list


def numbers_on(html):
    return [len(found) for found in re.findall(r">Learning number (i+)</a>", html)]


def test_the_list_goes_on_where_it_stopped_whatever_came_meanwhile(client, severity, ana, lena):
    for number in range(1, 24):
        another(number, severity, writer=ana, reviewer=lena)
    first = client.get(LIST).content.decode()
    assert numbers_on(first) == list(range(23, 3, -1))
    another(30, severity, writer=ana, reviewer=lena)
    older = re.search(r'href="(\?before=[^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    rest = client.get(LIST + older).content.decode()
    assert numbers_on(rest) == [3, 2, 1]
    assert 'rel="next"' not in rest


@pytest.mark.parametrize(
    "before",
    ["x", "2026-03-04", "2026-03-04T12:00:00_x", "9999-12-31T23:59:59+00:00_x", "\x00", "'--", "_" * 9000],
)
def test_a_place_that_never_was_is_nothing_here(client, learning, before):
    assert client.get(LIST, {"before": before}).status_code == 404


def test_the_list_costs_the_same_whatever_its_length(client, severity, ana, lena, django_assert_num_queries):
    for number in range(1, 4):
        another(number, severity, writer=ana, reviewer=lena)
    with django_assert_num_queries(2):
        client.get(LIST)
    for number in range(4, 24):
        another(number, severity, writer=ana, reviewer=lena)
    for path in (LIST, ATOM, JSON):
        with django_assert_num_queries(2):
            client.get(path)


# --- Hostile text

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&#58;alert(1))",
    "![t](https://evil.example.com/track.png)",
    "![x](//evil.example.com/x.png)",
    "<svg><animate onbegin=alert(1)>",
    "]]></summary><entry>",
    "</title><script>",
    "a\x0bb\x01c\x1fd\ufffe",
    "\u202egpj.exe",
    "& &amp; < > \" '",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_runs_nowhere_loads_nothing_and_breaks_no_feed(client, retro, ana, lena, text):
    row = published(retro, writer=ana, reviewer=lena, title=f"Title {text}", what_happened=f"Body {text}")
    for path in (LIST, page_of(row)):
        html = client.get(path).content.decode()
        assert not re.search(
            r"<script|<img|<svg|<animate|<[^>]*\sonerror|href=\"javascript|src=\"//|<form|<iframe", html, re.I
        )
    feed = ET.fromstring(client.get(ATOM).content)
    entries = feed.findall("a:entry", NS)
    assert len(entries) == 1
    assert entries[0].find("a:title", NS).text.startswith("Title")
    summary = entries[0].find("a:summary", NS).text
    assert not re.search(r"<script|<img|<[^>]*\sonerror|href=\"javascript", summary, re.I)
    assert len(ET.fromstring(client.get(RSS).content).findall("channel/item")) == 1
    assert len(json.loads(client.get(JSON).content)["items"]) == 1


def test_the_atom_feed_has_all_that_the_standard_asks_for(client, learning, ana, lena, settings):
    corrected(learning, writer=ana, reviewer=lena, what_happened="One payment in four failed.")
    answer = client.get(ATOM)
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.content)
    for name in ("id", "title", "updated", "author/a:name"):
        assert feed.find(f"a:{name}", NS).text
    selves = [link.get("href") for link in feed.findall("a:link", NS) if link.get("rel") == "self"]
    assert selves == [settings.SITE_URL + ATOM]
    entry = feed.find("a:entry", NS)
    assert entry.find("a:id", NS).text == settings.SITE_URL + page_of(learning)
    assert entry.find("a:published", NS).text.startswith("2026-03-04T12:00")
    assert entry.find("a:updated", NS).text.startswith("2026-03-05T12:00")
    assert entry.find("a:summary", NS).get("type") == "html"


def test_the_title_of_the_incident_and_of_the_retro_are_not_what_readers_see(client, learning, resolved):
    resolved.title = "Internal wording of the incident"
    resolved.save()
    Retrospective.objects.update(title="Internal wording of the retro")
    for path in everywhere(learning):
        assert not shows(client, path, "Internal wording")


def test_looking_changes_nothing(client, learning):
    before = [row.history.count() for row in Learning.objects.all()]
    for path in everywhere(learning):
        client.get(path)
        client.head(path)
    assert [row.history.count() for row in Learning.objects.all()] == before


def test_the_incident_on_the_status_page_leads_to_what_was_learnt_from_it(client, learning):
    incident = learning.retro.incidents.get()
    publishing.publish()
    assert shows(client, f"/incidents/{incident.public_id}/", page_of(learning))
    [told] = client.get("/api/v2/incidents.json").json()["incidents"]
    assert TEXTS["what_we_learnt"] in told["postmortem_body"]
    learning.withdraw(by=learning.published_by, told="It named a customer.", reason="A name.")
    publishing.follow()
    assert not shows(client, f"/incidents/{incident.public_id}/", page_of(learning))
