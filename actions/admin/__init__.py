"""Action items in the workspace; every module of this package registers its own pages."""

from actions import workspace  # noqa: F401  brings its form to the workspace of retros
from actions.admin.access import CalendarFeedAdmin, UsedLinkAdmin
from actions.admin.checks import CheckAdmin
from actions.admin.item import ActionInline, ActionItemAdmin, due_badge
from actions.admin.policies import ReminderPolicyAdmin

__all__ = [
    "ActionInline",
    "ActionItemAdmin",
    "CalendarFeedAdmin",
    "CheckAdmin",
    "ReminderPolicyAdmin",
    "UsedLinkAdmin",
    "due_badge",
]
