"""What of the history is in the sidebar."""

from config.dashboard import Entry, entries

EXPLORER = Entry(
    "", "manage_search", "Audit explorer", page="audit:explorer", permission="audit.view_history"
)

entries("History", 55, EXPLORER)
