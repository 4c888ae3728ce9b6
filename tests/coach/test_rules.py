"""Every rule of the coach is held to its own examples."""

import pytest

from config.coach import look
from config.coach.reading import example
from config.coach.rules import KINDS, rules


def marks_in(rule, written):
    text, people = example(written)
    return look(text, audience="customers" if rule.kind == "jargon" else "team", people=people)


def each(which):
    return [
        pytest.param(rule, sentence, id=f"{rule.slug}-{number}")
        for rule in rules()
        for number, sentence in enumerate(getattr(rule, which))
    ]


@pytest.mark.parametrize(("rule", "sentence"), each("marked"))
def test_it_marks_what_it_says_it_marks(rule, sentence):
    assert rule.slug in [mark.rule for mark in marks_in(rule, sentence)]


@pytest.mark.parametrize(("rule", "sentence"), each("fair"))
def test_it_leaves_alone_what_it_says_is_fair(rule, sentence):
    assert marks_in(rule, sentence) == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.slug)
def test_it_has_two_examples_of_each_a_reason_and_other_words(rule):
    assert len(rule.marked) >= 2
    assert len(rule.fair) >= 2
    assert rule.kind in KINDS
    assert rule.why.endswith(".")
    assert rule.why.count(". ") == 0
    assert rule.instead
