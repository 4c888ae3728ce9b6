"""The rules, read once from rules.toml; how they are written is said at the top of that file."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.coach.writing import PERSON, compiled, expanded, leads

FILE = Path(__file__).with_name("rules.toml")
KINDS = ("blame", "counterfactual", "single_cause", "jargon")


@dataclass(frozen=True)
class Pattern:
    """What is looked for; in the text as it stands, or in the one in which people are signs."""

    expression: re.Pattern
    instead: str
    is_about_people: bool
    leads: frozenset[str]  # how a word must begin for it to be found there
    opens: bool  # only where a clause begins


@dataclass(frozen=True, eq=False)
class Rule:
    """What is marked, what is not, why, and what to write instead."""

    slug: str
    kind: str
    why: str
    instead: str
    needs: frozenset[str]
    patterns: tuple[Pattern, ...]
    exceptions: tuple[Pattern, ...]
    marked: tuple[str, ...]
    fair: tuple[str, ...]
    spares_questions: bool


@cache
def rules() -> tuple[Rule, ...]:
    """All of them, in the order of the file."""
    return tuple(_rule(slug, about) for slug, about in _told()["rules"].items())


@cache
def index(with_jargon: bool) -> dict[str, list[tuple[Rule, list[Pattern]]]]:
    """The patterns worth a try at a word, by how it begins: trying all of them everywhere took ten times as long."""
    found = {}
    for rule in rules():
        for pattern in rule.patterns if with_jargon or rule.kind != "jargon" else ():
            for lead in pattern.leads:
                found.setdefault(lead, {}).setdefault(rule, []).append(pattern)
    return {lead: list(by_rule.items()) for lead, by_rule in found.items()}


@cache
def people_words() -> tuple[re.Pattern, re.Pattern, re.Pattern]:
    """What is read as a person, as others (we, they, nobody), and as a name because of what follows it."""
    words = _told()["words"]
    names = r"[A-Z][a-z]{1,20}(?=(?:" + "|".join(words["after_a_name"]) + r")(?!\w))"
    return tuple(compiled(expanded(one, words)) for one in ("{persons}", "{others}", names))


@cache
def _told():
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _rule(slug, about):
    patterns = [(pattern, about["instead"]) for pattern in about.get("patterns", [])]
    patterns += [(term, f"For example: “{plain}”.") for term, plain in about.get("terms", {}).items()]
    return Rule(
        slug=slug,
        kind=about["kind"],
        why=about["why"],
        instead=about["instead"],
        needs=frozenset(about.get("needs", ())),
        patterns=tuple(_pattern(*one) for one in patterns),
        exceptions=tuple(_pattern(one, "") for one in about.get("exceptions", [])),
        marked=tuple(about["marked"]),
        fair=tuple(about["fair"]),
        spares_questions=not about.get("questions", True),
    )


def _pattern(written, instead):
    is_about_people = "{who}" in written or "{person}" in written or PERSON in written
    whole = expanded(written.removeprefix("^"), _told()["words"])
    return Pattern(
        expression=compiled(whole),
        instead=instead,
        is_about_people=is_about_people,
        leads=frozenset(leads(whole) or ()),
        opens=written.startswith("^"),
    )
