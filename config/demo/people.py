"""Who works at Tallyhour."""

from config.demo.script import Person
from config.people.roles import (
    ACTION_OWNER,
    AUDITOR,
    COMMUNICATOR,
    FACILITATOR,
    RESPONDER,
    SUPPORT,
)

# Known to everybody who reads this file: the demo refuses to run where anybody but this machine can sign in.
PASSWORD = "aftercare-demo"  # noqa: S105

PEOPLE = [
    Person(
        "admin",
        "Sam Okafor",
        "Europe/London",
        (),
        "everything, as the administrator",
        is_superuser=True,
    ),
    Person("tom", "Tom Whitfield", "Europe/London", (FACILITATOR, RESPONDER)),
    Person(
        "ana",
        "Ana Ferreira",
        "Europe/Lisbon",
        (FACILITATOR,),
        "retrospectives: one overdue, one in review, one reopened, and one that opens by itself",
        manager="tom",
    ),
    Person(
        "omar",
        "Omar Haddad",
        "Europe/Berlin",
        (ACTION_OWNER,),
        "his action items: two are overdue, and the reminder is in the mailbox within a minute",
        # Nobody is reminded on a day off or at night, and the demo may be started at any time.
        working_days="1234567",
        all_day=True,
        manager="tom",
    ),
    Person(
        "aud",
        "Aud Halvorsen",
        "Europe/Oslo",
        (AUDITOR,),
        "the history of any incident, retrospective or action: who changed what, and why",
    ),
    Person(
        "ravi",
        "Ravi Menon",
        "Asia/Kolkata",
        (RESPONDER,),
        "four open incidents, one of them not yet acknowledged",
        manager="tom",
    ),
    Person(
        "lena",
        "Lena Brandt",
        "Europe/Vienna",
        (COMMUNICATOR,),
        "what customers have been told, and an update waiting in draft",
        manager="jonas",
    ),
    Person(
        "sofia",
        "Sofia Rossi",
        "Europe/Rome",
        (SUPPORT,),
        "what to tell customers now, and whether the one on the telephone is affected",
        manager="jonas",
    ),
    Person("mei", "Mei Tanaka", "Asia/Tokyo", (RESPONDER,), manager="tom"),
    Person("noor", "Noor Khalil", "Asia/Amman", (ACTION_OWNER,), working_days="12347", manager="tom"),
    Person("carla", "Carla Jiménez", "America/Bogota", (ACTION_OWNER,), manager="tom", away=(-6, 5)),
    Person("priya", "Priya Nair", "America/New_York", (ACTION_OWNER,)),
    Person("jonas", "Jonas Weber", "Europe/Berlin", (COMMUNICATOR, ACTION_OWNER), working_days="1234"),
]
