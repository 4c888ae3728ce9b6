"""A retrospective's story goes on in its action items, which are not deleted with it."""

from actions.models import ActionItem
from config.audit.belonging import carries

carries(ActionItem, "retro")
