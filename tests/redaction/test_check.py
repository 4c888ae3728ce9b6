"""The redaction check: it finds what must not be public however it is written, and leaves ordinary words alone."""

import html
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.redaction import KINDS, NEVER_CONFIRMED, check, in_words, without
from tests.redaction.sentences import HARMLESS

PEOPLE = [
    "Ana Ruiz",
    "ana.ruiz@example.com",
    "Will Mark",
    "Grace Hopper",
    "José Núñez",
    "Bo Li",
    "Sam",
    "Admin",
]
CUSTOMERS = ["Northwind Traders GmbH", "Fabrikam"]
TABLE = {
    "person": [
        *(
            "Ana Ruiz",
            "ana",
            "RUIZ",
            "A. Ruiz",
            "Ruiz, Ana",
            "ana_ruiz",
            "aruiz",
            "anaruiz",
            "AR restarted it",
        ),
        *("Jose Nunez", "asked Will", "Will Mark", "Ana’s change", "Bo Li"),
    ],
    "customer": [
        "Northwind Traders GmbH",
        "northwind traders",
        "northwindtraders",
        "FABRIKAM",
        "fabrikam.com",
    ],
    "email": [
        *("ops@example.com", "first.last+tag@mail.example.co.uk", "ops [at] example [dot] com"),
        *("ops at example dot com", "ops(at)example.com", "ops @ example.com"),
    ],
    "host": [
        *("db-7.eu.internal", "ip-10-2-3-4", "build.corp", "printer.local", "pay.svc.cluster.local", "db-7"),
        *("web03", "prod-db-02", "payments-7d9c5b6f4-x2x9z", "i-0abc1234def567890", "localhost:8080"),
        "shop.c9akciq32.eu-west-1.rds.amazonaws.com",
    ],
    "address": [
        *("10.0.0.1", "192.168.12.7:8080", "10.1.0.0/16", "10[.]0[.]0[.]1", "fe80::1", "::1"),
        *("2001:db8::ff00:42:8329", "00:1A:2b:3c:4d:5e"),
    ],
    "url": [
        *("https://acme.slack.com/archives/C1", "https://wiki.example.com/x", "http://grafana/d/1"),
        *(
            "http://10.1.1.1/",
            "postgres://db/x",
            "https://x.example.com:8443/",
            "/admin/retros/retrospective/1/",
        ),
        *(
            "acme.atlassian.net/browse/X",
            "https://db.eu.internal/",
            "s3://bucket/key",
            "jenkins.example.com/job/1",
        ),
    ],
    "secret": [
        *(
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        ),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
        *("password=hunter2", "Password: hunter2!", "api_key = 'abcd1234'", "DB_PASSWORD=correct-horse"),
        *("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "d41d8cd98f00b204e9800998ecf8427e"),
        *("Bearer abc123def456ghi", "xoxb-123456789012-abcdefGHIJKL", "https://user:pa55word@example.com/"),
    ],
    "phone": ["+49 30 12345678", "(555) 123-4567", "555-123-4567", "030 1234567", "call 5551234567"],
    "reference": [
        *("INC-0042", "inc-0042", "RETRO-0001", "ACT-7", "JIRA-123", "PLAT-99", "#inc-checkout", "@omar"),
        *("ticket 48213", "#48213", "LRN-0001"),
    ],
    "path": [
        *(
            "/var/log/syslog",
            "~/.ssh/id_rsa",
            "C:\\Users\\ruth",
            "src/pay/retry.py",
            "retry.py:12",
            "3f2a9c1",
        ),
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
    "payment": [
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "123-45-6789",
    ],
    "account": [
        *(
            "550e8400-e29b-41d4-a716-446655440000",
            "cus_NffrFeUfNV2Hib",
            "account 12345678",
            "customer id 8842",
        ),
    ],
}
CASES = [(kind, text) for kind, texts in TABLE.items() for text in texts]
each_case = pytest.mark.parametrize(("kind", "text"), CASES, ids=[text[:40] for _, text in CASES])


def kinds_in(text):
    return {one.kind for one in check(text, people=PEOPLE, customers=CUSTOMERS)}


def test_there_are_more_than_ten_kinds_and_each_says_why():
    assert set(TABLE) == set(KINDS)
    assert len(KINDS) >= 10
    assert all(why.endswith(".") and in_words(kind) for kind, why in KINDS.items())


@each_case
def test_it_is_found_alone_and_within_a_sentence(kind, text):
    assert kind in kinds_in(text)
    assert kind in kinds_in(f"At 10:04 we saw that {text} was part of it, and told you.")
    assert kind in kinds_in(f"* We learnt that ({text}) matters.\n* And more.")


@each_case
def test_what_it_says_it_found_stands_in_the_text_as_typed(kind, text):
    typed = f"Before & after: {text}."
    for one in check(typed, people=PEOPLE, customers=CUSTOMERS):
        assert typed[one.start : one.end] == one.text
        assert one.why == KINDS[one.kind]


def full_width(text):
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def first_letter_alike(text):
    alike = str.maketrans("AaeopcxiHKMTB", "АаеорсхіНКМТВ")
    return text.translate(alike)


def in_the_middle(what):
    def hide(text):
        at = next((i for i in range(1, len(text)) if text[i - 1].isalnum() and text[i].isalnum()), 1)
        return text[:at] + what + text[at:]

    return hide


HIDDEN = {
    "full width": full_width,
    "letters of another alphabet": first_letter_alike,
    "zero-width space": in_the_middle("\u200b"),
    "soft hyphen": in_the_middle("\u00ad"),
    "word joiner": in_the_middle("\u2060"),
    "emphasis": in_the_middle("**"),
    "empty emphasis": lambda text: f"**{text}**",
    "code": lambda text: f"`{text}`",
    "backslash": in_the_middle("\\"),
    "entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "named entities": html.escape,
    "percent signs": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent signs twice": lambda text: quote("".join(f"%{byte:02x}" for byte in text.encode())),
    "entity of a zero-width space": in_the_middle("&#8203;"),
    "escapes": lambda text: "".join(f"\\{c}" if c in "@._-#/:[]()" else c for c in text),
}


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize("kind", list(KINDS))
def test_it_is_found_however_it_is_hidden(how, kind):
    # As whatever: what splits a host may leave an address.
    hidden = [f"Then {HIDDEN[how](text)} was part of it." for text in TABLE[kind]]
    assert [text for text in hidden if not kinds_in(text)] == []


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("kind", ["person", "customer", "email", "host", "url"])
def test_case_hides_nothing(kind, case):
    told_by_case = {"AR restarted it", "asked Will", "Bo Li"}
    texts = [text for text in TABLE[kind] if text not in told_by_case]
    assert [text for text in texts if not kinds_in(f"Then {case(text)} was part of it.")] == []


@pytest.mark.parametrize("sentence", HARMLESS)
def test_ordinary_sentences_for_customers_are_clean(sentence):
    assert check(sentence, people=PEOPLE, customers=CUSTOMERS) == []


def test_all_of_them_together_are_clean_too():
    assert check("\n".join(HARMLESS), people=PEOPLE, customers=CUSTOMERS) == []


def test_secrets_and_mailboxes_are_never_harmless():
    assert {"secret", "email"} == NEVER_CONFIRMED
    found = check("ops@example.com and password=hunter2 and INC-0042")
    assert [one.can_be_confirmed for one in found] == [False, False, True]


def test_a_secret_inside_an_address_is_told_beside_it():
    assert {"url", "secret"} <= kinds_in("https://wiki.example.com/?key=AKIAIOSFODNN7EXAMPLE")


def test_hosts_that_are_named_to_it_are_found():
    assert [one.text for one in check("Then Kraken failed.", hosts=["kraken"])] == ["Kraken"]


HOSTILE = [
    *(
        "a",
        "a.",
        "a@",
        "-",
        "1 ",
        "1.",
        ":",
        "f:",
        "a/",
        "&",
        "&#1",
        "%41",
        "\\",
        "*a",
        "_",
        "a-",
        "password=",
    ),
    *(
        "eyJ",
        "eyJaaaaaaaa.",
        "-----BEGIN ",
        "http://",
        "0",
        "+1",
        "\u200b",
        "Ａ",
        "Ana ",
        "db-",
        "[.]",
        "#",
        "#a",
    ),
    *("@a", "DE89 3704 ", "C:\\", "x at y dot ", "sk-", "://", "://a:", "github.com/", "admin.", "account "),
    *(
        "AR ",
        "a1",
        "( ",
        "[(<{",
        "AKIA",
        "db-a-a-a-",
        "ip-1-1-1-",
        "aa-aa-aa-",
        "bearer ",
        "a::",
        "a_b.",
        "%",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_it_takes_time_in_proportion_to_the_text(piece):
    def seconds(length):
        text = (piece * length)[:length]
        start = time.process_time()
        check(text, people=PEOPLE, customers=CUSTOMERS)
        return time.process_time() - start

    def is_in_proportion():
        short, long = seconds(10_000), seconds(100_000)
        return long < 5 and long < 40 * max(short, 0.02)

    seconds(100)
    # 100 kB of anything; and ten times as much takes about ten times as long, never a hundred times. What else the
    # machine does can spoil one look, hardly three.
    assert any(is_in_proportion() for _ in range(3))


@given(st.text(max_size=300))
def test_any_text_is_looked_at_without_a_fall(text):
    for one in check(text, people=PEOPLE, customers=CUSTOMERS):
        assert text[one.start : one.end] == one.text
        assert one.text


# --- Taking it out


def clean(text):
    return without(text, lambda one: check(one, people=PEOPLE, customers=CUSTOMERS))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ana Ruiz saw it first.", "One of our engineers saw it first."),
        ("Then db-7.eu.internal was full.", "Then an internal system was full."),
        ("Northwind Traders called us.", "A customer called us."),
        ("It was slow. The password=hunter2 was in a log. We are sorry.", "It was slow. We are sorry."),
        ("See INC-0042.", ""),
        ("Fine.\n\nSee ticket 48213.\n\nFine again.", "Fine.\n\nFine again."),
        ("* Paying failed.\n* @ana rolled back.\n* It works.", "* Paying failed.\n* It works."),
    ],
)
def test_names_become_roles_and_sentences_that_cannot_be_saved_are_left_out(text, left):
    assert clean(text) == left


@each_case
def test_nothing_is_left_that_would_be_found(kind, text):
    assert check(clean(f"We saw {text} fail. Then it was over."), people=PEOPLE, customers=CUSTOMERS) == []


@given(
    st.lists(st.sampled_from([text for _, text in CASES] + HARMLESS[:10]), max_size=6),
    st.sampled_from(" \n.*_`"),
)
def test_nothing_is_left_whatever_stands_together(parts, between):
    assert check(clean(between.join(parts)), people=PEOPLE, customers=CUSTOMERS) == []
