"""The reminder policies a new installation starts with; facilitators edit them to their own."""

from actions.models import ActionItem, ReminderPolicy
from incidents.models import Severity

# (priority, rank of the severity) → what differs from what a new policy says
STANDARD = {
    # Noticed in time, then every other day; whoever can help is told after one, two and four weeks.
    (None, None): {"before": "2", "every": 2, "check_after": 90},
    # What must not happen to customers again: asked every day, and no rung waits longer than a week.
    (None, 1): {
        **{"before": "5, 2, 1", "every": 1, "manager_after": 2, "facilitator_after": 3, "sponsor_after": 5},
        **{"owner_within": 1, "date_within": 2, "check_after": 30},
    },
    (None, 2): {
        **{"before": "5, 1", "every": 1, "manager_after": 3, "facilitator_after": 5, "sponsor_after": 10},
        **{"owner_within": 1, "date_within": 3, "check_after": 60},
    },
    (ActionItem.Priority.URGENT, None): {
        **{"before": "2, 1", "every": 1, "manager_after": 2, "facilitator_after": 4, "sponsor_after": 8},
        **{"owner_within": 1, "date_within": 1, "check_after": 30},
    },
    # Once a week is enough, and no sponsor is bothered with it.
    (ActionItem.Priority.LOW, None): {
        **{"before": "", "every": 5, "manager_after": 15, "facilitator_after": 20, "sponsor_after": None},
        **{"owner_within": 5, "date_within": 10, "check_after": 90},
    },
}


def add_policies(**_) -> None:
    """Fill an empty table after a migration; never touch what somebody has edited."""
    if ReminderPolicy.objects.exists():
        return
    severities = {severity.rank: severity for severity in Severity.objects.all()}
    for (priority, rank), says in STANDARD.items():
        if rank is None or rank in severities:
            ReminderPolicy.objects.create(priority=priority, severity=severities.get(rank), **says)
