"""How often the coach is right, and that the figures are about what they say they are about."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.coach.accuracy import HELD_OUT, RULES, labelled, score
from config.coach.rules import KINDS


def of(split):
    return [sentence for sentence in labelled() if sentence.split == split]


def run(*arguments):
    out = StringIO()
    call_command("coach", *arguments, stdout=out)
    return out.getvalue()


def test_the_set_is_large_half_fair_and_has_no_sentence_twice():
    texts = [sentence.text for sentence in labelled()]
    assert len(texts) == len(set(texts)) >= 400
    fair = sum(not sentence.kinds for sentence in labelled())
    assert 0.45 <= fair / len(texts) <= 0.55
    assert len(of(HELD_OUT)) >= 0.4 * len(texts)
    assert {sentence.split for sentence in labelled()} == {RULES, HELD_OUT}
    assert set().union(*(sentence.kinds for sentence in labelled())) == set(KINDS)


def test_every_kind_is_among_the_sentences_held_out_often_enough_to_say_something():
    for kind in KINDS:
        assert sum(kind in sentence.kinds for sentence in of(HELD_OUT)) >= 20


def test_it_is_right_on_sentences_that_no_rule_was_written_for():
    scores, _ = score(of(HELD_OUT))
    assert scores["all"].precision >= 0.90
    assert scores["all"].recall >= 0.80
    for kind in KINDS:
        assert scores[kind].precision >= 0.90
        assert scores[kind].recall >= 0.80


def test_the_command_prints_the_figures_of_both_splits():
    said = run("--evaluate")
    for split in (RULES, HELD_OUT):
        assert f"{split}: {len(of(split))} sentences" in said
    for kind in (*KINDS, "all"):
        assert said.count(f"    {kind} ") == 2
    assert "unseen:" not in said


def test_the_command_names_what_it_is_wrong_about():
    said = run("--evaluate", "--misses")
    _, misses = score(labelled())
    assert all(miss.sentence.text in said for miss in misses)


def test_the_command_marks_a_file(tmp_path):
    file = tmp_path / "retro.md"
    file.write_text("# Retro\n\nBob forgot\nthe key. Two pods ran OOM.\n")
    said = run(str(file), "--people", "Bob, Ana")
    assert "3: “Bob forgot” (blame, forgot)" in said
    assert "OOM" not in said
    assert "OOM" in run(str(file), "--customers")


def test_the_command_says_what_it_wants(tmp_path):
    with pytest.raises(CommandError, match="Name a file"):
        run()
    with pytest.raises(CommandError, match="cannot be read"):
        run(str(tmp_path / "nowhere.md"))
