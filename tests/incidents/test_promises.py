"""What customers were promised to hear: kept, hollow, late, broken or still open, from moments and words alone."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from incidents.promises import Verdict, promises_of
from incidents.promises.evaluation import PAIRS, evaluate
from incidents.promises.hollow import is_hollow, new_facts

REAL = Path(settings.BASE_DIR).parent / "shared/data/statuspage-github.json"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
INCIDENT = SimpleNamespace(declared_at=START, severity=SimpleNamespace(first_update_minutes=30))


@dataclass
class Told:
    """An update as customers read it; `next_in` counts minutes from its publication."""

    pk: int
    minute: float
    text: str
    status: str = "investigating"
    next_in: int | None = 30

    @property
    def published_at(self):
        return START + timedelta(minutes=self.minute)

    @property
    def next_update_by(self):
        return self.published_at + timedelta(minutes=self.next_in) if self.next_in else None


STORY = [
    Told(1, 20, "Payments by card fail for about one in five of you. Bank transfers work."),
    Told(2, 45, "The card payments that fail go through one provider. We are switching to another."),
    Told(3, 90, "Half of the payments go through the other provider now.", "identified"),
    Told(
        4,
        115,
        "We are still working on it. Half of the payments go through the other provider.",
        "identified",
    ),
    Told(5, 140, "All payments work again. Nobody was charged twice.", "resolved", next_in=None),
]


def verdicts(updates, minutes=600):
    found = promises_of(INCIDENT, updates, START + timedelta(minutes=minutes))
    return [str(promise.verdict) for promise in found]


def test_of_five_promises_three_are_kept_one_is_late_and_one_is_hollow():
    assert verdicts(STORY) == ["kept", "kept", "late", "hollow", "kept"]


def test_each_promise_says_who_made_it_what_answered_it_and_how_late_that_was():
    first, second, third, *_ = promises_of(INCIDENT, STORY, START + timedelta(hours=10))
    assert (first.by, first.answer, first.due_at) == (None, STORY[0], START + timedelta(minutes=30))
    assert (second.by, second.answer, second.late_by) == (STORY[0], STORY[1], None)
    assert third.late_by == timedelta(minutes=15)


def test_the_same_is_found_in_whatever_order_the_updates_are_read():
    assert verdicts(STORY[::-1]) == verdicts(STORY)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(10, ["open"]), (30, ["open"]), (31, ["broken"]), (46, ["kept", "kept", "open"])],
)
def test_a_promise_is_open_until_its_minute_is_over(minutes, expected):
    assert verdicts([] if minutes < 40 else STORY, minutes) == expected


def test_what_comes_within_the_minute_that_was_named_is_in_time():
    assert verdicts([Told(1, 30.9, "Cards fail.", next_in=None)]) == ["kept"]
    assert verdicts([Told(1, 31, "Cards fail.", next_in=None)]) == ["late"]


def test_after_the_last_word_nothing_is_promised():
    assert verdicts([Told(1, 5, "It works again.", "resolved", next_in=30)]) == ["kept"]


def test_an_update_that_promises_nothing_is_followed_by_no_promise():
    assert verdicts([Told(1, 5, "Cards fail.", next_in=None), Told(2, 400, "They work.", next_in=None)]) == [
        "kept"
    ]


def test_another_status_is_news_whatever_the_words():
    same = "We are still working on it."
    updates = [Told(1, 5, "Cards fail."), Told(2, 20, same), Told(3, 40, same, "monitoring", next_in=None)]
    assert verdicts(updates) == ["kept", "hollow", "kept"]


def test_what_nobody_has_read_yet_answers_nothing():
    assert verdicts(STORY, minutes=19) == ["open"]


def test_the_reminder_of_a_promise_comes_ten_minutes_before_it_or_later():
    found = promises_of(INCIDENT, [Told(1, 5, "Cards fail.", next_in=12)], START + timedelta(minutes=6))
    assert found[0].due_at - found[0].nudge_at == timedelta(minutes=10)
    assert found[1].due_at - found[1].nudge_at == timedelta(minutes=4)
    assert found[1].verdict == Verdict.OPEN


# --- What is new


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("We are investigating slow logins.", "We are continuing to investigate slow logins."),
        (
            "Logins are slow.",
            "Our engineers are working hard on it. We will post another update in 30 minutes.",
        ),
        ("Logins fail in Europe. Please retry.", "We are still investigating issues with logins in Europe."),
        ("We have applied a fix.", "The fix is applied; we are monitoring."),
        ("Uploads are delayed.", "Uploads are still delayed.<br /><br />Thank you for your patience."),
    ],
)
def test_the_same_again_is_hollow_however_it_is_put(before, after):
    assert is_hollow(after, before)


@pytest.mark.parametrize(
    ("before", "after", "fact"),
    [
        ("Logins are slow.", "Logins are slow in Europe.", "europ"),
        ("Logins fail for 10% of you.", "Logins fail for 20% of you.", "20%"),
        ("We investigate failing logins.", "We have identified what makes logins fail.", "identify"),
        ("Logins fail.", "Logins fail. Use the link in your mail to sign in instead.", "link"),
        ("It takes 3 hours.", "It takes 2 hours.", "2"),
        ("Logins fail.", "We are rolling back a change to logins.", "chang"),
    ],
)
def test_a_fact_is_new_if_the_text_before_does_not_have_it(before, after, fact):
    assert fact in new_facts(after, before)


def test_the_name_of_a_service_is_a_fact_even_if_it_is_a_common_word():
    assert is_hollow("Issues is experiencing degraded performance.", "Pages fail.", []) is True
    assert is_hollow("Issues is experiencing degraded performance.", "Pages fail.", ["Issues"]) is False


@pytest.mark.parametrize(
    "text", ["<" * 50_000, "will " * 20_000, "a." * 50_000, "update " * 14_000, "\u200b" * 100_000]
)
def test_no_text_takes_long(text):
    assert is_hollow(text, text)


def test_the_judged_pairs_are_many_of_both_kinds_in_both_halves_and_hold_no_text():
    rows = [line.split(",") for line in PAIRS.read_text().splitlines()[1:]]
    assert len(rows) >= 200
    assert {(verdict, split) for *_, verdict, split in rows} == {
        (verdict, split) for verdict in ("hollow", "new") for split in ("rules", "held_out")
    }
    assert sum(row[3] == "hollow" for row in rows) >= 90
    assert all(len(cell) <= 12 for row in rows for cell in row)


@pytest.mark.skipif(not REAL.exists(), reason="the real status page is not here")
def test_hollow_updates_of_a_real_status_page_are_told_apart():
    scores = evaluate(json.loads(REAL.read_text()))
    for half in ("held_out", "all"):
        assert scores[half].precision >= 0.85
        assert scores[half].recall >= 0.75


@pytest.mark.skipif(not REAL.exists(), reason="the real status page is not here")
def test_the_command_prints_the_figures(capsys):
    call_command("promises", evaluate=str(REAL))
    assert "held_out 1" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"incidents": [], "components": []}', None])
def test_the_command_says_what_is_wrong_with_a_file(tmp_path, text):
    file = tmp_path / "page.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CommandError, match=r"page\.json"):
        call_command("promises", evaluate=str(file))
