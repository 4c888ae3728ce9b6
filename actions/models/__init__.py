from actions.models.access import CalendarFeed, UsedLink
from actions.models.check import EffectivenessCheck
from actions.models.item import ActionItem
from actions.models.policy import ReminderPolicy
from actions.models.saved_view import SavedView

__all__ = ["ActionItem", "CalendarFeed", "EffectivenessCheck", "ReminderPolicy", "SavedView", "UsedLink"]
