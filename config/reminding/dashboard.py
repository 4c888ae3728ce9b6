"""What of reminders is in the sidebar."""

from config.dashboard import Entry, entries

entries("Messages", 60, Entry("reminding.Reminder", "notifications"))
