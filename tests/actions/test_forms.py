from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from actions.forms import Postpone, validate_due_day


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
