"""What is found by whom: words in any form, never what is hidden, and no question breaks it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from actions.models import ActionItem
from config.search import following
from config.search.alike import typed
from config.search.asking import read
from config.search.finding import CANDIDATES, PAGE, find, quickly
from config.search.kinds import KINDS
from config.search.models import Document
from incidents.models import Incident
from retros.models import Retrospective
from tests.pages import MOST_QUERIES

pytestmark = pytest.mark.django_db

SEARCH = "/admin/search/"


def incident(severity, title, summary="", **fields):
    return Incident.objects.create(title=title, summary=summary, severity=severity, **fields)


def found(words, user, **asked):
    return [hit.document.title for hit in find(read({"q": words, **asked}), user).hits]


@pytest.fixture
def past(severity):
    """Four incidents of the past."""
    incident(severity, "Gateway timeouts at checkout", "The payments gateway answered too late, then failed.")
    incident(severity, "Café page says “naïve” things", "Encoding was wrong in São Paulo.")
    incident(severity, "Repayments were counted twice", "A retry without a key.")
    incident(severity, "Login is slow", "Everything waited for db_replica-2.eu.example.com:5432.")
    following.follow()


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("timeout", "Gateway timeouts at checkout"),
        ("failing gateways", "Gateway timeouts at checkout"),
        ("GATEWAY late", "Gateway timeouts at checkout"),
        ("gat tim", "Gateway timeouts at checkout"),
        ("cafe naive", "Café page says “naïve” things"),
        ("CAFÉ sao", "Café page says “naïve” things"),
        ("replica 5432", "Login is slow"),
        ("db_replica-2.eu.example.com", "Login is slow"),
        ("*payment retry", "Repayments were counted twice"),
        ("the retry of the key", "Repayments were counted twice"),
        ('"retry" key', "Repayments were counted twice"),
    ],
)
def test_a_word_is_found_in_any_form_and_by_its_beginning(past, ana, asked, title):
    assert found(asked, ana) == [title]


def test_what_no_word_begins_with_is_looked_for_inside_words(past, ana):
    result = find(read({"q": "plica"}), ana)
    assert [hit.document.title for hit in result.hits] == ["Login is slow"]
    assert result.is_inside
    both = {"Repayments were counted twice", "Gateway timeouts at checkout"}
    assert set(found("*payment", ana)) == both


def test_every_word_has_to_be_there(past, ana):
    assert found("gateway replica", ana) == []


HOSTILE = [
    *(
        '"',
        "*",
        "NEAR(",
        "NEAR(a b, 2)",
        "a AND",
        "NOT",
        "OR OR",
        "^a",
        "title:a",
        "{a b}: c",
        "a*",
        "**",
        "***a",
    ),
    *(
        "'",
        "''",
        "\\",
        "a\\'b",
        "!",
        "&",
        "|",
        "<->",
        "a <-> b",
        "a:*",
        ":A",
        "()",
        ")",
        "%",
        "_",
        "\x00",
        "\x00a",
    ),
    *("'); DROP TABLE search_document; --", "日本", "ﷺ" * 60, "é" * 300, "a" * 5_000, "- -- -a"),
    *(
        " ".join(f"w{n}" for n in range(500)),
        "🙂",
        "\u202eabc",
        "1e5",
        "0x1",
        "a\tb\nc",
        "$1",
        "%s %(x)s {0}",
    ),
]


def test_no_question_is_an_error(past, ana):
    rows = KINDS["incident"].visible_to(ana)
    for question in HOSTILE:
        find(read({"q": question}), ana)
        find(read({"q": f"gateway {question}"}), ana)
        quickly(KINDS["incident"], rows, question.replace("\x00", ""), 5)
        typed(
            "incident", QueryDict(urlencode({"title": question, "body": question, "service": question})), ana
        )


@pytest.mark.parametrize("question", ['"NEAR(a* b', "\x00a* 'b", "%_\\ & !c | (d <-> :*"])
def test_no_page_breaks_over_a_question(past, ana, client, question):
    client.force_login(ana)
    for name in ("q", "s"):
        assert client.get(SEARCH, {name: question}).status_code == 200
    answer = client.get(reverse("search:alike", args=["incident"]), {"title": question, "service": question})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"from": "yesterday"}, 400),
        ({"to": "2026-13-45"}, 400),
        ({"from": "0001-01-01"}, 400),
        ({"from": "9999-12-31"}, 400),
        ({"kind": "nothing", "order": "odd", "after": "NaN_1"}, 200),
        ({"after": "1" * 400 + "_1"}, 200),
        ({"after": "1.5_" + "9" * 40}, 200),
        ({"from": "2026-09-01", "to": "2026-08-01"}, 200),
    ],
)
def test_what_is_wrong_in_an_address_is_said_or_ignored(past, ana, client, asked, status):
    client.force_login(ana)
    assert client.get(SEARCH, {"q": "gateway", **asked}).status_code == status


def test_a_reference_leads_straight_there(past, ana, client, severity):
    fresh = incident(severity, "Not in the index yet")
    incident(severity, "It came back", f"As in {fresh.reference}, but worse.")
    Document.objects.all().delete()
    following.read_everything()
    Document.objects.filter(object_id=fresh.pk, kind="incident").delete()
    client.force_login(ana)
    page = client.get(SEARCH, {"q": fresh.reference.lower()})
    assert page.context["named"]["row"] == fresh
    assert [hit.document.title for hit in page.context["found"].hits] == ["It came back"]


def test_words_are_marked_and_everything_else_is_escaped(ana, client, severity):
    incident(
        severity,
        "<script>alert(1)</script> gateway",
        "x " * 300 + "the <b>gateway</b> failed & " + "y " * 300,
    )
    following.follow()
    client.force_login(ana)
    html = client.get(SEARCH, {"q": "gateways"}).content.decode()
    assert "&lt;b&gt;<mark>gateway</mark>&lt;/b&gt; failed &amp;" in html
    assert "<script>alert(1)" not in html
    assert "… " in re.sub(r"<[^>]*>", "", html)


def test_more_goes_on_where_the_page_ended(ana, client, severity):
    Incident.objects.bulk_create(
        Incident(title=f"Gateway {n}", summary="gateway " * (n % 7), severity=severity)
        for n in range(2 * PAGE + 5)
    )
    following.follow()
    client.force_login(ana)
    for order in ("", "newest"):
        seen, url = [], f"{SEARCH}?q=gateway&order={order}"
        while url:
            page = client.get(url)
            seen += [hit.document.pk for hit in page.context["found"].hits]
            url = page.context["more"] and SEARCH + page.context["more"]
        assert len(seen) == len(set(seen)) == 2 * PAGE + 5


def test_newest_is_by_the_moment_and_periods_are_days(ana, severity):
    now = timezone.now()
    for days in (10, 400, 50):
        incident(severity, f"Gateway {days}", declared_at=now - timedelta(days=days))
    following.follow()
    assert found("gateway", ana, order="newest") == ["Gateway 10", "Gateway 50", "Gateway 400"]
    day = (now - timedelta(days=100)).date().isoformat()
    assert set(found("gateway", ana, **{"from": day})) == {"Gateway 10", "Gateway 50"}
    assert found("gateway", ana, to=day) == ["Gateway 400"]


def test_of_very_many_the_latest_are_looked_at_and_the_page_says_so(ana, client, severity):
    Incident.objects.bulk_create(Incident(title="Gateway", severity=severity) for _ in range(CANDIDATES + 1))
    following.follow()
    client.force_login(ana)
    page = client.get(SEARCH, {"q": "gateway"})
    assert page.context["found"].is_capped
    assert f"{CANDIDATES}+" in page.content.decode()


def test_the_page_costs_the_same_whatever_it_finds(past, ana, client, severity):
    client.force_login(ana)
    Incident.objects.bulk_create(Incident(title=f"Gateway {n}", severity=severity) for n in range(40))
    following.follow()
    counts = []
    for question in ("timeouts", "gateway"):
        with CaptureQueriesContext(connection) as queries:
            client.get(SEARCH, {"q": question})
        counts.append(len(queries))
    assert counts[0] == counts[1] <= MOST_QUERIES


def test_a_question_changes_nothing(past, ana, client):
    client.force_login(ana)
    with CaptureQueriesContext(connection) as queries:
        client.get(SEARCH, {"q": "gateway"})
        client.get(reverse("search:alike", args=["incident"]), {"title": "gateway timeout"})
    wrong = [q["sql"] for q in queries if re.match(r"\s*(INSERT|UPDATE|DELETE)", q["sql"], re.IGNORECASE)]
    assert wrong == []


# --- What is hidden ----------------------------------------------------------------------------------------

CANARY = "Zanzibar"


@pytest.fixture
def secret(severity, past, ravi, omar):
    """A restricted incident with a retro and an item, all of which say the canary; and one that is open to all."""
    hidden = incident(severity, f"{CANARY} key was public", visibility="restricted")
    hidden.log("note", f"{CANARY} gateway was rotated.")
    retro = Retrospective.objects.open_for(hidden)
    retro.sections.update(text=f"The {CANARY} gateway had no owner.")
    ActionItem.objects.create(title=f"Rotate {CANARY}", why="gateway", retro=retro)
    following.follow()
    return hidden


def test_what_is_restricted_is_neither_found_nor_counted_nor_named(secret, ana, aud, client):
    client.force_login(ana)
    addresses = [
        (SEARCH, {"q": CANARY}),
        (SEARCH, {"q": "zanz"}),
        (SEARCH, {"q": "*anziba"}),
        (SEARCH, {"q": "gateway"}),
        (SEARCH, {"q": secret.reference}),
        (SEARCH, {"s": CANARY, "extended": "1"}),
        (reverse("search:alike", args=["incident"]), {"title": f"{CANARY} key public gateway"}),
    ]
    for url, asked in addresses:
        page = client.get(url, asked)
        assert page.status_code == 200
        text = page.content.decode()
        said = [
            words for words in ("key was public", "was rotated", "had no owner", "Rotate") if words in text
        ]
        assert said == [], (url, asked)
    assert sum(client.get(SEARCH, {"q": CANARY}).context["found"].counts.values()) == 0
    assert client.get(SEARCH, {"q": "gateway"}).context["found"].counts == {"incident": 1}
    client.force_login(aud)
    assert client.get(SEARCH, {"q": CANARY}).context["found"].counts == {"incident": 1, "retro": 1, "item": 1}


def test_who_has_a_part_in_it_finds_it(secret, ana):
    secret.assignments.create(user=ana, role="scribe")
    assert f"{CANARY} key was public" in found(CANARY, ana)


def test_what_stops_being_visible_is_gone_at_once(past, ana, severity):
    row = incident(severity, f"{CANARY} is slow")
    following.follow()
    assert found(CANARY, ana) == [f"{CANARY} is slow"]
    Incident.objects.filter(pk=row.pk).update(visibility="restricted")
    assert found(CANARY, ana) == []
    Incident.objects.filter(pk=row.pk).update(visibility="public")
    assert found(CANARY, ana) == [f"{CANARY} is slow"]
    Incident.objects.filter(pk=row.pk).delete()
    assert found(CANARY, ana) == []


def test_who_has_no_role_finds_nothing(past, stranger, client):
    assert find(read({"q": "gateway"}), stranger).hits == []
    client.force_login(stranger)
    assert client.get(reverse("search:alike", args=["incident"]), {"title": "gateway"}).status_code in (
        302,
        403,
    )
    assert typed("incident", QueryDict("title=gateway"), stranger) == []


def test_a_kind_that_nobody_searches_is_not_there(past, ana, client):
    client.force_login(ana)
    assert client.get(reverse("search:alike", args=["nothing"])).status_code == 404


def test_the_search_box_of_every_page_finds_forms_and_what_is_new(past, ana, client, severity):
    incident(severity, "Zanzibar is down")
    client.force_login(ana)
    for term, title in (("failing gateways", "Gateway timeouts"), ("zanzi", "Zanzibar is down")):
        assert title in client.get(SEARCH, {"s": term, "extended": "1"}).content.decode()
