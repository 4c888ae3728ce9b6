from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from actions.forms import Block, Complete, HandOver, Postpone, Snooze
from actions.models import ActionItem
from config.forms import validate_due_day


@pytest.mark.parametrize(
    ("days", "is_usable"), [(0, True), (-1, True), (-2, False), (1, True), (365 * 200, False)]
)
def test_a_new_due_day_has_not_passed_wherever_the_owner_is(days, is_usable):
    day = timezone.localdate() + timedelta(days=days)
    assert ("due_on" not in Postpone({"due_on": day, "reason": "Waiting for parts."}).errors) == is_usable
    if is_usable:
        validate_due_day(day)
    else:
        with pytest.raises(ValidationError):
            validate_due_day(day)


def test_a_first_new_date_need_not_be_explained_and_a_second_one_says_that_it_must():
    day = timezone.localdate() + timedelta(days=9)
    assert Postpone({"due_on": day}).is_valid()
    assert Postpone({"due_on": day}, row=ActionItem(slips=0)).is_valid()
    assert "It slipped once before" in Postpone(row=ActionItem(slips=1))["reason"].help_text
    assert "It slipped 3 times before" in Postpone(row=ActionItem(slips=3))["reason"].help_text


@pytest.mark.parametrize("evidence", ["", " ", "\u200b", "a\x00b"])
def test_what_shows_that_it_is_done_can_be_seen(evidence):
    assert "evidence" in Complete({"evidence": evidence}).errors


def test_what_it_waits_for_and_until_when_are_both_needed():
    assert set(Block({}).errors) == {"waits_for", "until"}
    assert set(Snooze({}).errors) == {"until"}


def test_it_is_offered_to_those_who_work_here(omar, ana):
    type(omar).objects.filter(pk=omar.pk).update(is_active=False)
    assert "to" in HandOver({"to": omar.pk}).errors
    assert HandOver({"to": ana.pk}).is_valid()
