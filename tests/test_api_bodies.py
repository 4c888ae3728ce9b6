"""What may be sent to the API, and what never gets near a row."""

import pytest

from incidents.models import Incident
from tests.api import Caller, is_problem

GOOD = b'{"title": "Logins fail", "severity": "SEV1"%s}'
BAD_BODIES = {
    "nested lists": b"[" * 100_000,
    "nested objects": GOOD % (b', "summary": ' + b'{"a":' * 60_000 + b"1" + b"}" * 60_000),
    "nested a little too deep": GOOD % (b', "summary": ' + b"[" * 40 + b"]" * 40),
    "null character": GOOD % b', "summary": "a\\u0000b"',
    "null character in a key": GOOD % b', "a\\u0000b": 1',
    "lone surrogate": GOOD % b', "summary": "\\ud800"',
    "lone surrogate in a key": GOOD % b', "\\udfff": 1',
    "lone surrogate in UTF-8": GOOD % b', "summary": "\xed\xa0\x80"',
    "not a number": GOOD % b', "customers_affected": NaN',
    "infinity": GOOD % b', "customers_affected": -Infinity',
    "too large a float": GOOD % b', "customers_affected": 1e999',
    "an integer of 5,000 digits": GOOD % (b', "customers_affected": ' + b"9" * 5000),
    "2^31": GOOD % b', "customers_affected": 2147483648',
    "2^63": GOOD % b', "customers_affected": 9223372036854775808',
    "the same key twice": GOOD % b', "title": "Other"',
    "byte order mark": b"\xef\xbb\xbf" + GOOD % b"",
    "UTF-16": (GOOD % b"").decode().encode("utf-16"),
    "not UTF-8": GOOD % b', "summary": "\xff"',
    "an array": b"[" + GOOD % b"" + b"]",
    "a string": b'"x"',
    "null": b"null",
    "nothing but a space": b" ",
    "half of it": (GOOD % b"")[:-5],
    "two of them": (GOOD % b"") * 2,
    "a form": b"title=Logins&severity=SEV1",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_hostile_body_is_a_problem_never_an_accident(ravi, severity, body):
    assert is_problem(Caller(ravi).ask("POST", "incidents/", body), 400)
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "application/json; charset=bogus",
            "application/json; charset=utf-7",
            "application/json;charset=utf-16",
        ),
        *(
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ),
        *("", "nonsense", "application/problem+json"),
    ],
)
def test_only_json_in_utf_8_is_read(ravi, severity, content_type):
    answer = Caller(ravi).ask("POST", "incidents/", GOOD % b"", content_type=content_type)
    assert is_problem(answer, 415)
    assert not Incident.objects.exists()


def test_utf_8_may_be_named(ravi, severity):
    answer = Caller(ravi).ask(
        "POST", "incidents/", GOOD % b"", content_type='application/json; charset="UTF-8"'
    )
    assert answer.status_code == 201


def test_a_body_beyond_the_limit_is_refused(ravi, severity):
    body = GOOD % (b', "summary": "' + b"x" * 2_600_000 + b'"')
    assert is_problem(Caller(ravi).ask("POST", "incidents/", body), 413)
