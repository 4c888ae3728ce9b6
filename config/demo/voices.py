"""Who Tallyhour’s customers are, what they said of how they were told, and who asked to be told."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CustomerTale:
    """One customer: what they use, and from where; nothing named means everything."""

    name: str
    external_id: str
    tier: str
    domain: str
    services: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """One answer, so many minutes after the mail that asked: about an update (`known`) or about all of it."""

    minutes: int
    known: str = ""
    sentiment: int | None = None
    support: int | None = None
    transparency: int | None = None
    words: str = ""


@dataclass(frozen=True)
class VoicesTale:
    """What customers said of one incident, of so many who were asked; and what support had to answer."""

    incident: str
    asked: int
    answers: list[Said] = field(default_factory=list)
    tickets: tuple[tuple[int, int], ...] = ()  # minutes from its start, tickets by then
    workaround: str = ""


CUSTOMERS = [
    CustomerTale(
        *("Sommer Physiotherapy", "c-1004", "Practice", "sommer-physio.example"), regions=("europe",)
    ),
    CustomerTale(
        *("Harbour Yoga", "c-1011", "Studio", "harbouryoga.example"),
        services=("booking", "calendar", "payments"),
        regions=("north-america",),
    ),
    CustomerTale(
        *("Lindqvist Bike Works", "c-1019", "Workshop", "lindqvist-bikes.example"),
        services=("booking", "invoices", "reminders"),
        regions=("europe",),
    ),
    CustomerTale(
        *("Nakamura Dental", "c-1023", "Practice", "nakamura-dental.example"),
        services=("booking", "calendar", "reminders"),
        regions=("asia-pacific",),
    ),
    CustomerTale(
        *("Prairie Veterinary Group", "c-1040", "Group", "prairievets.example"),
        regions=("north-america",),
    ),
    CustomerTale(
        *("Ateliê Rocha", "c-1052", "Studio", "atelierocha.example"),
        services=("booking", "payments"),
    ),
    CustomerTale(
        *("Fennimore Piano Tuning", "c-1066", "Workshop", "fennimore.example"),
        services=("calendar", "sync", "invoices"),
        regions=("europe",),
    ),
    CustomerTale(*("Bookwell Integrations", "c-2001", "Partner", "bookwell.example"), services=("webhooks",)),
]

VOICES = [
    VoicesTale(
        incident="confirmations",
        asked=31,
        answers=[
            Said(40, sentiment=4, support=5, transparency=5),
            Said(
                55, sentiment=3, transparency=4, words="I would have liked to know which clients got nothing."
            ),
            Said(71, sentiment=4, transparency=5),
            Said(
                90, sentiment=2, support=3, transparency=3, words="The second mail said less than the first."
            ),
            Said(130, sentiment=5, support=5, transparency=5),
            Said(380, sentiment=4, support=4, transparency=4),
            Said(
                600, sentiment=3, transparency=5, words="The list of bookings to look at saved my afternoon."
            ),
            Said(1_500, sentiment=4, transparency=4),
        ],
        tickets=((60, 9), (240, 26), (700, 34)),
    ),
    VoicesTale(
        incident="blank-payments",
        asked=18,
        answers=[
            Said(
                30, sentiment=2, support=4, transparency=4, words="Which telephones? I could not tell mine."
            ),
            Said(48, sentiment=3, transparency=4),
            Said(75, sentiment=4, support=4, transparency=5),
            Said(220, sentiment=3, support=2, transparency=4),
            Said(600, sentiment=4, transparency=4),
        ],
        tickets=((90, 12), (300, 17)),
    ),
    VoicesTale(
        incident="no-pdfs",
        asked=12,
        answers=[
            Said(9, known="yes"),
            Said(14, known="yes", words="Sending it to myself works."),
            Said(31, "partly"),
        ],
        tickets=((70, 6),),
        workaround="Send the invoice to your own address: the PDF is attached to that mail.",
    ),
    VoicesTale(incident="texts-waiting", asked=9, answers=[Said(6, known="yes")], tickets=((30, 4),)),
]

# address, what they want to hear of
SUBSCRIBERS = [
    ("office@sommer-physio.example", ("reminders",)),
    ("mara@harbouryoga.example", ("payments",)),
    ("tools@bookwell.example", ("webhooks",)),
]
