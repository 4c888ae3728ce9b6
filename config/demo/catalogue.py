"""What Tallyhour sells: online booking, reminders and invoices for small practices and workshops."""

# slug, name, description, tier, on the status page, under which heading
SERVICES = [
    ("booking", "Booking pages", "Where your clients choose a time and book it.", 1, True, "Booking"),
    (
        "calendar",
        "Calendar",
        "Your day, your team’s week, and every appointment in them.",
        1,
        True,
        "Booking",
    ),
    (
        "payments",
        "Card payments",
        "Deposits and payments by card, on the booking page and by link.",
        1,
        True,
        "Money",
    ),
    (
        "sign-in",
        "Sign-in",
        "Signing in to Tallyhour, by password or by e-mailed link.",
        1,
        True,
        "Account",
    ),
    ("reminders", "Client reminders", "Text and e-mail reminders sent to your clients.", 2, True, "Booking"),
    ("invoices", "Invoices", "Writing, sending and downloading invoices.", 2, True, "Money"),
    ("sync", "Calendar sync", "Keeps Tallyhour and the calendar on your phone in step.", 2, True, "Booking"),
    ("reports", "Reports", "Takings, bookings and no-shows, by week and month.", 3, True, "Money"),
    ("webhooks", "API and webhooks", "For partners who build on Tallyhour.", 2, True, "Account"),
    ("ledger", "Ledger export", "Nightly figures for our own finance team.", 3, False, ""),
]

# slug, name
REGIONS = [
    ("europe", "Europe"),
    ("north-america", "North America"),
    ("asia-pacific", "Asia Pacific"),
]
