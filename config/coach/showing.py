"""What the coach says, as data for a script and as a list for a page that has none."""

from collections.abc import Iterable
from dataclasses import asdict

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from config.coach.looking import Mark

KIND_IN_WORDS = {
    "blame": "blames a person",
    "counterfactual": "tells of what did not happen",
    "single_cause": "names a single cause",
    "jargon": "is not in customers' words",
}


def as_json(marks: Iterable[Mark]) -> list[dict]:
    """One dict a mark; places count characters as Python does, which a script has to know."""
    return [{**asdict(mark), "about": KIND_IN_WORDS[mark.kind]} for mark in marks]


def as_html(marks: Iterable[Mark]) -> SafeString:
    """The same list that the script makes, for a page to show on its own."""
    return render_to_string("coach/_marks.html", {"marks": as_json(marks)})
