"""Text is kept clean and the same on both databases, however it comes in."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from config.fields import Prose
from config.forms import (
    Moment,
    NothingToAsk,
    OptionalReason,
    Reason,
    clean_line,
    storable,
    validate_moment,
    validate_text,
    validate_visible,
)
from incidents.models import Region, TimelineEntry

SEEN_AS = [
    ("  Checkout   fails ", "Checkout fails"),
    ("a\r\nBcc: b", "a Bcc: b"),
    ("a\rb\nc\x0bd\x0ce\tf", "a b c d e f"),
    ("a\u2028b\u2029c\x85d", "a b cd"),
    ("safe\u202egpj.exe", "safegpj.exe"),
    ("\u2066a\u2069\u200e\u200f\u061c\ufeff", "a"),
    ("a\x00b\x1b[31mc\x7fd\x9f", "ab[31mcd"),
    ("e\u0301", "é"),
    ("e\u200e\u0301", "é"),
    ("\ud800a", "a"),
    ("👩\u200d🚒 on call", "👩\u200d🚒 on call"),
    ("עברית", "עברית"),
    ("", ""),
]


@pytest.mark.parametrize(("typed", "kept"), SEEN_AS)
def test_a_line_is_one_line_that_can_be_seen(typed, kept):
    assert clean_line(typed) == kept


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=[]), max_size=80))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_cleaned_line_is_clean(text):
    line = clean_line(text)
    assert clean_line(line) == line
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(c) for c in line}
    assert line == line.strip()
    line.encode()


@pytest.mark.parametrize("text", ["\u200b", "\u2060\u200d", "\u3164", "\u2800", "\u0301", " \u200b "])
def test_what_cannot_be_seen_is_refused(text):
    with pytest.raises(ValidationError):
        validate_visible(text)


@pytest.mark.parametrize("text", ["a", "?", "日", "👍", "€", ""])
def test_what_can_be_seen_is_not(text):
    validate_visible(text)


@pytest.mark.parametrize("text", ["\x00", "a\ud800", "\udfff"])
def test_what_one_database_cannot_keep_is_refused(text):
    with pytest.raises(ValidationError):
        validate_text(text)
    validate_text(storable(text))


def test_validators_say_no_more_than_they_must():
    validate_text("ordinary\ttext\nof two lines 😀")


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\u200b", "x" * 201])
def test_a_line_that_is_none_is_refused(text):
    with pytest.raises(ValidationError) as refused:
        Region(slug="eu", name=text).clean_fields()
    assert "name" in refused.value.error_dict


@pytest.mark.parametrize("text", ["\x00", "a\ud800b", "", "x" * 20_001])
def test_prose_that_is_none_is_refused(text):
    with pytest.raises(ValidationError) as refused:
        TimelineEntry(text=text, kind="note").clean_fields(exclude=["incident"])
    assert "text" in refused.value.error_dict


def test_prose_is_limited_where_no_form_asks():
    with pytest.raises(ValidationError):
        Prose().clean("x" * (Prose.LIMIT + 1), None)
    assert Prose().clean("x" * Prose.LIMIT, None)


@pytest.mark.django_db
def test_what_is_stored_is_cleaned_on_every_road_that_saves(incident):
    assert Region.objects.create(slug="eu", name=" Eu\u202erope\r\n").name == "Europe"
    entry = incident.log("note", "one\r\ntwo\rthree")
    entry.refresh_from_db()
    assert entry.text == "one\ntwo\nthree"
    Region.objects.bulk_create([Region(slug="us", name="States\x0b")])
    assert Region.objects.get(slug="us").name == "States"


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",
        "2999-01-01T00:00:00Z",
        "2026-01-01T10:00:00-21:08",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_moments_no_incident_has_had_are_refused(text):
    with pytest.raises(ValidationError):
        validate_moment(timezone.datetime.fromisoformat(text))


def test_a_clock_that_is_a_little_ahead_is_believed():
    validate_moment(timezone.now() + timezone.timedelta(minutes=4))


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "a\x00b", "x" * 2_001])
def test_a_reason_must_be_one(text):
    assert "reason" in Reason({"reason": text}).errors


def test_an_optional_reason_may_be_left_out_but_not_be_nonsense():
    assert OptionalReason({}).is_valid()
    assert OptionalReason({"reason": ""}).is_valid()
    assert "reason" in OptionalReason({"reason": "\u200b"}).errors


def test_a_moment_may_be_left_out():
    form = Moment({})
    assert form.is_valid()
    assert form.cleaned_data["at"] is None
    assert NothingToAsk({}).is_valid()


@pytest.mark.parametrize("text", ["2026-03-02 24:00", "2026-03-02 10:00:60", "0001-01-01 00:00", "now"])
def test_a_moment_that_is_none_is_refused(text):
    assert "at" in Moment({"at": text}).errors


def test_an_hour_that_the_clock_skipped_is_asked_about():
    with timezone.override("Europe/Berlin"):
        assert "at" in Moment({"at": "2026-03-29 02:30"}).errors
