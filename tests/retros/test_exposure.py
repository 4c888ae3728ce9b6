"""Whom to talk to first: whoever carried most of it, in words that blame nobody."""

import pytest

from incidents.models import Incident
from retros.exposure import exposed_in, ranked

LEAD = ("commander", "Incident commander")


def names(found):
    return [one.person for one in found]


def test_whoever_led_comes_before_whoever_wrote_a_little():
    found = ranked([("Ravi", *LEAD), ("Lena", "scribe", "Scribe")], [("Omar", False)] * 3)
    assert names(found) == ["Ravi", "Lena", "Omar"]


def test_whoever_was_there_all_night_comes_before_whoever_held_a_title():
    assert names(ranked([("Ravi", *LEAD)], [("Omar", False)] * 9)) == ["Omar", "Ravi"]


def test_a_key_event_weighs_as_much_as_several_notes():
    assert names(ranked([], [("Omar", False), ("Omar", False), ("Lena", True)])) == ["Lena", "Omar"]


def test_a_role_handed_back_and_forth_is_one_role():
    [one] = ranked([("Ravi", *LEAD)] * 4, [])
    assert one.roles == ["Incident commander"]


def test_equals_stand_by_name_and_nobody_is_nobody():
    assert names(ranked([], [("Omar", False), (None, True), ("Ana", False)])) == ["Ana", "Omar"]
    assert ranked([], []) == []


@pytest.mark.parametrize(
    ("roles", "entries", "said"),
    [
        ([("R", *LEAD)], [("R", False)] * 12, "Incident commander, on the timeline 12 times"),
        ([], [("R", True)], "On the timeline once"),
        ([("R", "scribe", "Scribe")], [], "Scribe"),
    ],
)
def test_it_says_where_somebody_appears_and_nothing_else(roles, entries, said):
    [one] = ranked(roles, entries)
    assert one.where == said


@pytest.mark.django_db
def test_it_reads_the_roles_and_the_timeline_of_the_incidents(retro, resolved, ravi, lena, ana):
    resolved.assignments.create(user=lena, role="communications")
    assert [one.person for one in exposed_in(retro, ana)] == [ravi, lena]


@pytest.mark.django_db
def test_nothing_is_told_of_a_hidden_incident(retro, ana):
    Incident.objects.update(visibility="restricted", declared_by=None)
    assert exposed_in(retro, ana) == []
