"""Improvement actions from the last two months."""

from config.demo.script import Answer, ItemTale, then

LATE_ITEMS = [
    # --- Cards declined
    ItemTale(
        title="Alert when the share of declined payments triples",
        why=[
            "We noticed after 17 minutes, from customers.",
            "For 17 minutes clients were sent away to fetch cash while every screen of ours was green. With this "
            "alert we know within two minutes, and can tell businesses that it is not their client’s card.",
        ],
        kind="detect",
        priority=1,
        owner="omar",
        due=-26,
        created=-61,
        retro="cards-declined",
        finding=0,
        url="https://tracker.example.com/TH-1530",
        steps=[
            then("omar", "start"),
            then(
                "omar",
                "postpone",
                due=-12,
                reason="False alarms at night, when few payments are made; needs a floor for small numbers.",
            ),
        ],
    ),
    ItemTale(
        title="Put the last day of every key in the shared calendar, with an owner",
        why="Card payments stopped for 9,812 businesses because a date was known only to a mailbox that nobody "
        "reads.",
        kind="prevent",
        priority=2,
        owner="omar",
        due=-9,
        created=-60,
        retro="cards-declined",
        finding=1,
    ),
    ItemTale(
        title="Name four people who may ask the payment provider for a new key",
        why="23 of the 71 minutes went into finding somebody who was allowed to ask.",
        kind="escalation",
        priority=1,
        owner="tom",
        due=-54,
        created=-61,
        retro="cards-declined",
        finding=2,
        measure="Somebody who may ask is found within ten minutes, at any hour.",
        steps=[
            then(
                "tom",
                "complete",
                days=56,
                evidence="Confirmed by the provider in writing; one of the four is always at work.",
            )
        ],
        answers=[
            Answer("ana", 23, note="Asked for a key on a Sunday, by way of a trial: it took six minutes.")
        ],
    ),
    ItemTale(
        title="Say on the payment page when it is us and not the card",
        why="“Your card was declined” made people look penniless in front of a queue. That must never be our words "
        "again.",
        kind="communicate",
        priority=1,
        owner="priya",
        due=4,
        created=-60,
        retro="cards-declined",
        finding=3,
        steps=[then("priya", "start")],
    ),
    ItemTale(
        title="Playbook for the case that cards are declined",
        why="Businesses need to hear within ten minutes how to take money in the meantime.",
        kind="playbook",
        owner="omar",
        due=12,
        created=-60,
        retro="cards-declined",
        finding=4,
        steps=[then("omar", "start")],
    ),
    ItemTale(
        title="Exchange the signing key without a gap",
        why="A key should change while nobody at a counter notices.",
        kind="runbook",
        priority=2,
        owner="omar",
        due=-44,
        created=-60,
        retro="cards-declined",
        finding=2,
        measure="The next key is exchanged and no payment fails.",
        check=-2,
        steps=[
            then("omar", "start"),
            then(
                "omar",
                "complete",
                days=45,
                via="mail link",
                evidence="Old and new key valid side by side for a day; exchanged twice in the rehearsal system, no "
                "payment failed.",
            ),
        ],
    ),
    ItemTale(
        title="Send reminders about keys that end to whoever is on call",
        why="A reminder helps customers only if somebody reads it.",
        kind="alert_routing",
        priority=2,
        owner="ravi",
        due=-40,
        created=-60,
        retro="cards-declined",
        finding=1,
        steps=[
            then("ravi", "complete", days=42, evidence="Routing changed for all eleven keys."),
            then(
                "ana",
                "reopen",
                reason="The reminder of last week went to the old mailbox again: one of eleven was missed.",
            ),
            then("ravi", "start"),
            then(
                "ravi",
                "postpone",
                due=10,
                reason="Needs a list of all keys first, which is another action here.",
            ),
        ],
    ),
    # --- Phone and calendar
    ItemTale(
        title="Renew connections to phone calendars every twelve hours",
        why="People trust the screen in their pocket; it may not stand still unnoticed.",
        kind="prevent",
        priority=1,
        owner="mei",
        due=-41,
        created=-44,
        retro="sync-stopped",
        measure="No phone shows a calendar that is older than a day.",
        steps=[
            then(
                "mei",
                "complete",
                days=43,
                evidence="40,000 connections renewed twice a day, none older than 13 hours.",
            )
        ],
        answers=[Answer("ana", 12, note="No connection has been silent for more than a day.")],
    ),
    ItemTale(
        title="Notice when a busy connection falls silent",
        why="A hairdresser with two clients in one chair should not be our monitoring.",
        kind="monitoring",
        priority=2,
        owner="carla",
        due=-18,
        created=-43,
        retro="sync-stopped",
        finding=0,
        steps=[
            then(
                "carla",
                "postpone",
                due=-6,
                reason="A quiet day looks like silence; learning what is usual for each business.",
            ),
            then("ana", "reassign", owner="mei", reason="Carla is away for two weeks."),
            then("mei", "start"),
        ],
    ),
    ItemTale(
        title="Write what to do instead into every first text",
        why="“May not show” leaves a business guessing; “check your phone first” lets it work.",
        kind="communicate",
        owner="jonas",
        due=-30,
        created=-43,
        retro="sync-stopped",
        finding=1,
        steps=[
            then(
                "jonas",
                "complete",
                days=31,
                evidence="Checked the six first texts since: all six say what to do.",
            )
        ],
    ),
    ItemTale(
        title="Read our partners’ announcements once a week, by turns",
        why="The change that cost 63 people their appointment had been announced five weeks before.",
        kind="process",
        owner="noor",
        due=-4,
        created=-42,
        retro="sync-stopped",
        finding=2,
    ),
    # --- Late texts
    ItemTale(
        title="Take a third text carrier for North America",
        why="Reminders three hours late are missed appointments.",
        kind="mitigate",
        priority=4,
        owner="tom",
        due=-50,
        created=-90,
        steps=[
            then(
                "tom",
                "drop",
                days=63,
                reason="The second carrier took over within an hour, and has done so twice since. A third costs more "
                "than the e-mail reminder that everybody gets anyway.",
            ),
        ],
    ),
    # --- Exercise: restoring a backup
    ItemTale(
        title="Correct the name of the backup storage in the runbook",
        why="Eleven minutes of searching are eleven minutes of empty calendars.",
        kind="runbook",
        owner="noor",
        due=-25,
        created=-32,
        steps=[
            then(
                "noor",
                "complete",
                days=30,
                evidence="Corrected, and read aloud to somebody who had never seen it.",
            )
        ],
    ),
    ItemTale(
        title="Everybody on call restores a backup once a year",
        why="On the day it counts, a whole region waits for one person’s hands.",
        kind="training",
        owner="mei",
        due=55,
        created=-31,
    ),
    # --- Links expired on arrival
    ItemTale(
        title="Take a server out when its clock is off by more than a second",
        why="Customers met the difference as a door that does not open.",
        kind="prevent",
        priority=2,
        owner="omar",
        due=6,
        created=-13,
        retro="sign-in-links",
    ),
    ItemTale(
        title="Watch sign-ins by server, not only by region",
        why="Three minutes instead of nineteen, at the hour when everybody begins to work.",
        kind="monitoring",
        owner="mei",
        due=20,
        created=-13,
        retro="sign-in-links",
        finding=0,
    ),
    # --- Booked, but was it?
    ItemTale(
        title="Show at once when a change back has not reached every region",
        why="We said it was over while customers in North America still waited for their confirmation.",
        kind="prevent",
        priority=2,
        owner="ravi",
        due=14,
        created=-5,
        retro="confirmations",
        finding=0,
    ),
    ItemTale(
        title="Use names like our customers’ clients’ names in every test",
        why="Zoë and Łukasz book too.",
        kind="detect",
        owner="priya",
        due=19,
        created=-5,
        retro="confirmations",
        finding=1,
    ),
    ItemTale(
        title="Make a booking in each region before saying “resolved”",
        why="An all-clear is a promise.",
        kind="process",
        priority=2,
        owner="jonas",
        due=7,
        created=-5,
        retro="confirmations",
        finding=2,
        steps=[then("jonas", "start")],
    ),
    ItemTale(
        title="Tell partners beforehand when webhooks will be late",
        why="Partners plan their own customers’ day by our events.",
        kind="communicate",
        priority=4,
        owner=None,
        due=None,
        created=-4,
    ),
]
