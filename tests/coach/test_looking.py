"""What the coach makes of a text: where its marks are, what it leaves alone, and that nothing makes it slow."""

import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.coach import look
from config.coach.reading import prose

REAL = Path(settings.BASE_DIR).parent / "shared/data/postmortems"
LONG = 100_000


def words_marked(text, **about):
    return [mark.text for mark in look(text, **about)]


def test_a_mark_is_where_its_words_are():
    text = "# Café ☕\n\n* İstanbul was slow.\n* The **root\n  cause** was a lock.\n"
    (mark,) = look(text)
    assert text[mark.start : mark.end] == mark.text == "root\n  cause"
    assert (mark.rule, mark.kind) == ("root-cause", "single_cause")
    assert mark.why
    assert mark.instead


@pytest.mark.parametrize(
    "text",
    [
        "```\nroot cause\n```",
        "~~~ text\nroot cause\n~~~",
        "`root cause`",
        "[the log](https://example.com/root-cause)",
        "https://example.com/root-cause",
        "<!-- root cause -->",
        "2026-03-02T09:31:07Z worker ERROR root cause: lock",
        "> [ERROR] root cause not found",
        "java.lang.IllegalStateException: root cause",
    ],
)
def test_code_addresses_and_logs_are_left_alone(text):
    assert look(f"Before.\n\n{text}\n\nAfter.") == []


THROUGH_MARKDOWN = [
    "_root cause_",
    "**root** cause",
    "> the root\n> cause",
    "| root cause |",
    "[root cause](x)",
]


@pytest.mark.parametrize("text", THROUGH_MARKDOWN)
def test_prose_is_read_through_its_markdown(text):
    assert len(look(text)) == 1


def test_a_fence_that_is_never_closed_hides_the_rest():
    assert look("```\nIt was human error.") == []


def test_a_person_is_marked_as_the_cause_and_not_for_being_there():
    people = ["Bob Miller", "Ana"]
    assert words_marked("Bob was on call and paged Ana.", people=people) == []
    assert words_marked("Bob Miller forgot the key.", people=people) == ["Bob Miller forgot"]
    assert words_marked("It happened because of Bob.", people=people) == ["because of Bob"]
    assert words_marked("It was bob's mistake.") == []  # nobody here is known by that name
    assert words_marked("It was @bob's mistake.") == ["@bob's mistake"]


def test_jargon_is_marked_only_for_customers():
    assert words_marked("Two pods ran OOM.") == []
    assert words_marked("Two pods ran OOM.", audience="customers") == ["pods", "OOM"]
    assert "out of memory" in look("It ran OOM.", audience="customers")[0].instead


def test_of_marks_of_one_kind_that_overlap_one_is_left():
    assert words_marked("The real root cause was it.") == ["real root cause"]


def test_a_question_about_what_could_have_helped_is_fair():
    assert look("What could have told us earlier?") == []


def test_an_audience_it_does_not_know_is_refused():
    with pytest.raises(ValueError, match="audience"):
        look("", audience="everybody")


def test_lower_case_moves_nothing():
    text = "".join(sign for sign in map(chr, range(sys.maxunicode + 1)) if len(sign.lower()) != 1)
    assert text
    for part in prose(text):
        assert len(part) == len(text)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text):
    for audience in ("team", "customers"):
        for mark in look(text + " root cause", audience=audience, people=[text[:10], "Bob"]):
            assert (text + " root cause")[mark.start : mark.end] == mark.text


def seconds(text, **about):
    started = time.process_time()
    look(text, audience="customers", people=["Bob", "Ana Lopez"], **about)
    return time.process_time() - started


# fmt: off
HOSTILE = [
    "a", " ", "\n", "`", "[", "](", "<!--", "_", "*", "> ", "|", "@a", "```\n", "http://", "'", "-", "a-", "é", "İ",
    "should ", "the ", "he ", "Bob ", "if only ", "would have ", "had we ", "the engineer ", "the very ", "root ",
    "the engineer, really ", "nobody could ", "we had in a ", "because of the ", "caused by the team ", "502 ",
    "was the was not ", "Bob's ", "the engineer of the team on call ", "mistake by the ", "human error not ",
    "2026-01-01 00:00 ", "a single lone ", "down to just ", "simply ", "\ue000", "\ue003 should ", "x.Error: ",
]
# fmt: on


@pytest.mark.parametrize("part", HOSTILE, ids=repr)
def test_hostile_text_costs_little_more_than_other_text(part):
    assert seconds((part * LONG)[:LONG]) < 3


def test_every_real_postmortem_is_read():
    if not REAL.is_dir():
        pytest.skip("the shared postmortems are not here")
    files = [path for path in REAL.rglob("*") if path.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        for audience in ("team", "customers"):
            for mark in look(text, audience=audience):
                assert text[mark.start : mark.end] == mark.text
