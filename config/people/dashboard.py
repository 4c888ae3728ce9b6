"""What of people is in the sidebar."""

from config.dashboard import Entry, entries

entries(
    "People",
    50,
    Entry("people.User", "person"),
    Entry("people.Membership", "badge"),
    Entry("auth.Group", "admin_panel_settings", "What roles may do"),
    Entry("people.ApiToken", "key", "API tokens"),
    Entry("people.PrivateName", "person_off", "Names kept private"),
)
