"""Incidents of the last three months that are over and closed."""

from config.demo.script import IncidentTale, at

PAST = [
    IncidentTale(
        key="late-texts",
        began=(96, "15:10"),
        title="Text reminders up to three hours late in North America",
        severity=3,
        by="mei",
        declared=52,
        detected=40,
        detection="partner",
        services={"reminders": "DEGRADED"},
        regions={"north-america": "PARTIAL"},
        customers=(860, "Text reminders to clients of 860 businesses"),
        summary="Text reminders in North America arrived up to three hours late because a telephone network our "
        "carrier uses was congested. E-mail reminders were on time.",
        data_safety="No data was lost; every reminder arrived.",
        steps=[
            at(
                40,
                "mei",
                "alert",
                text="Carrier notice: delays on two North American networks.",
                source="Carrier",
            ),
            at(58, "mei", "acknowledge"),
            at(60, "mei", "take", role="commander"),
            at(
                84,
                "lena",
                "tell",
                status="identified",
                text="Text reminders to your clients in North America are arriving late, some by as much as three "
                "hours. E-mail reminders are on time. For appointments later today you may want to send a short "
                "e-mail; for tomorrow’s you need do nothing.",
            ),
            at(90, "mei", "identify", note="Congestion at the carrier’s partner."),
            at(148, "mei", "mitigate", note="Routed through our second carrier."),
            at(230, "mei", "resolve", note="Backlog delivered."),
            at(
                235,
                "lena",
                "tell",
                status="resolved",
                text="Text reminders in North America are on time again and every delayed one has been delivered.",
            ),
            at(1_700, "mei", "close"),
        ],
    ),
    IncidentTale(
        key="open-pdfs",
        began=(83, "09:20"),
        title="Invoice PDFs could be opened with a guessed address",
        severity=1,
        by="ravi",
        declared=18,
        detected=12,
        detection="partner",
        visibility="restricted",
        services={"invoices": "PARTIAL"},
        regions={"europe": "PARTIAL", "north-america": "PARTIAL", "asia-pacific": "PARTIAL"},
        customers=(41, "41 invoices of 6 businesses were opened by the researcher; no others"),
        summary="A security researcher told us that addresses of invoice PDFs made in the last nine days could be "
        "guessed. We closed the hole the same morning and wrote to the six businesses concerned.",
        data_safety="41 invoices were opened by the researcher, who has confirmed in writing that they are deleted. "
        "The access log of the whole nine days shows nobody else.",
        steps=[
            at(
                12,
                "ravi",
                "note",
                text="Report from a security researcher, with three working examples. We have thanked them.",
                key=True,
                source="security@",
            ),
            at(19, "ravi", "acknowledge"),
            at(20, "ravi", "take", role="commander"),
            at(21, "ana", "take", role="scribe"),
            at(26, "lena", "take", role="liaison"),
            at(
                34,
                "ravi",
                "identify",
                note="Links without a signature since the change of the storage library nine days ago.",
            ),
            at(
                49,
                "ravi",
                "mitigate",
                note="All unsigned links refused; invoices open from the app as before.",
            ),
            at(
                75,
                "mei",
                "note",
                text="Access log of nine days read through: the researcher’s 41 requests, and no other without a "
                "sign-in.",
                key=True,
            ),
            at(140, "ravi", "resolve", note="Signed links everywhere; old links dead."),
            at(
                420,
                "lena",
                "note",
                text=[
                    "Letters sent.",
                    "Personal letters sent to the six businesses: what could be seen, by whom, what we did, whom to "
                    "call.",
                ],
            ),
            at(
                7_300,
                "tom",
                "close",
                reason="Data protection officer agrees; all six businesses have answered.",
            ),
        ],
    ),
    IncidentTale(
        key="cards-declined",
        began=(64, "10:31"),
        title="Card payments declined for everybody",
        severity=1,
        by="ravi",
        declared=22,
        detected=17,
        detection="customer",
        services={"payments": "MAJOR", "booking": "PARTIAL"},
        regions={"europe": "MAJOR", "north-america": "MAJOR", "asia-pacific": "MAJOR"},
        customers=(9_800, "Every business that takes cards; about 5,300 payments did not go through"),
        summary=[
            "Card payments failed from 10:31 to 11:42 UTC.",
            "For 71 minutes every card payment was declined, with a message that sounded as though the client’s card "
            "was at fault. No card was charged. Bookings that ask for a deposit could not be made.",
        ],
        data_safety="No card data was exposed and no card was charged twice. Payments that failed were not captured.",
        steps=[
            at(
                17,
                "jonas",
                "note",
                text="Three calls in four minutes: “your system says my client’s card is declined”.",
                key=True,
                source="Support line",
            ),
            at(24, "ravi", "acknowledge"),
            at(25, "ravi", "take", role="commander"),
            at(26, "lena", "take", role="communications"),
            at(27, "jonas", "take", role="liaison"),
            at(
                34,
                "lena",
                "tell",
                status="investigating",
                text=[
                    "We are investigating an issue with card payments.",
                    "Card payments are being declined for everybody. It is not your client’s card, and no card is "
                    "charged. Please take cash or note the amount and send a payment link later. Booking pages that "
                    "ask for a deposit cannot take bookings just now. We will write again by 11:20 UTC.",
                ],
            ),
            at(
                39,
                "mei",
                "note",
                text="The provider reports no trouble. Their log shows our requests refused: unknown signing key.",
            ),
            at(
                48,
                "omar",
                "note",
                text=[
                    "Signing key expired.",
                    "The key we sign payment requests with ended at 10:31 UTC. A reminder of its end was sent to a "
                    "mailbox that is no longer read since two teams were joined.",
                ],
                key=True,
            ),
            at(50, "ravi", "identify", note="Our signing key for payment requests has expired."),
            at(
                53,
                "lena",
                "tell",
                status="identified",
                text="We know why cards are declined: a key of ours has run out. We are putting a new one in place "
                "with our payment provider. It is still not your client’s card. Next word by 11:50 UTC.",
            ),
            at(71, "mei", "mitigate", note="New key accepted by the provider."),
            at(
                73,
                "lena",
                "tell",
                status="monitoring",
                text="Card payments are going through again. You can ask clients to try once more; nobody will be "
                "charged twice. We are watching for a while before we call it over.",
            ),
            at(76, "ravi", "note", text="First hour’s success rate: 98.6 %, the usual figure."),
            at(106, "ravi", "resolve", note="Thirty minutes at the usual success rate."),
            at(
                109,
                "lena",
                "tell",
                status="resolved",
                text="Card payments work normally. Under Payments → Missed today you will find each payment that did "
                "not go through, with a button that sends your client a payment link. We are sorry: this cost you "
                "time and embarrassment in front of your clients, and we will tell you what we change.",
            ),
            at(140, "ravi", "edit", customers_affected=9_812),
            at(2_900, "tom", "close", reason="All affected businesses have the list of missed payments."),
            at(3_100, "ana", "star", text="The provider reports"),
        ],
    ),
    IncidentTale(
        key="sync-stopped",
        began=(47, "11:05"),
        title="Appointments made on the phone did not reach Tallyhour",
        severity=3,
        by="mei",
        declared=190,
        detected=176,
        detection="customer",
        services={"sync": "MAJOR", "calendar": "DEGRADED"},
        regions={"north-america": "MAJOR", "europe": "PARTIAL"},
        customers=(2_240, "Businesses that use one of the two big phone calendars"),
        summary="Appointments entered in a phone calendar did not reach Tallyhour for most of a day, so booking "
        "pages offered times that were taken.",
        data_safety="No appointment was lost: all of them were waiting at the other side and came across when the "
        "connection was back. 63 times had been booked twice by then.",
        steps=[
            at(
                176,
                "jonas",
                "note",
                text="A hairdresser with two clients in one chair writes in. Her phone shows an appointment "
                "Tallyhour does not.",
                source="Support",
            ),
            at(194, "mei", "acknowledge"),
            at(196, "mei", "take", role="commander"),
            at(203, "lena", "take", role="communications"),
            at(
                231,
                "lena",
                "tell",
                status="investigating",
                text="Appointments you enter in your phone’s calendar may not show in Tallyhour at the moment. "
                "Appointments entered in Tallyhour are safe. If you can, enter new ones in Tallyhour today.",
            ),
            at(
                246,
                "mei",
                "change_severity",
                severity=2,
                reason="Booking pages offer times that are taken: clients are standing in front of closed doors.",
            ),
            at(
                262,
                "mei",
                "identify",
                note="The other side ends its subscriptions since this morning; ours are not renewed.",
            ),
            at(
                270,
                "lena",
                "tell",
                status="identified",
                text="The phone calendar’s maker changed how long our connection to it lasts, and ours has run out. "
                "We are connecting every calendar anew. Until then, please check your phone before you confirm a "
                "time.",
            ),
            at(301, "mei", "hand_over", role="commander", to="ravi"),
            at(318, "ravi", "mitigate", note="All connections renewed; backlog is coming in."),
            at(402, "ravi", "resolve", note="Backlog done: 18,400 appointments."),
            at(
                406,
                "lena",
                "tell",
                status="resolved",
                text="Phone calendars and Tallyhour agree again. Times that were booked twice are marked in red in "
                "your calendar, with a ready-made message to your client. We are sorry for every one of them.",
            ),
            at(1_650, "ravi", "close"),
            at(
                3_200,
                "ravi",
                "correct_moments",
                started=-95,
                reason="The other side’s log shows that the first subscriptions ended 95 minutes before we thought.",
            ),
        ],
    ),
    IncidentTale(
        key="drill-restore",
        began=(33, "12:30"),
        title="Exercise: restoring the calendar database from a backup",
        severity=1,
        by="tom",
        declared=0,
        detected=0,
        detection="employee",
        visibility="internal",
        is_drill=True,
        services={"calendar": "MAJOR"},
        regions={"asia-pacific": "MAJOR"},
        customers=(0, "None; played on a copy"),
        summary="We restored last night’s backup of one region on a copy, with the people who would be on call.",
        data_safety="A copy, deleted afterwards.",
        steps=[
            at(6, "mei", "acknowledge"),
            at(7, "mei", "take", role="commander"),
            at(8, "ana", "take", role="scribe"),
            at(
                31,
                "mei",
                "note",
                text="Backup found and readable. The page in the runbook names a storage that we left last year.",
                key=True,
            ),
            at(95, "mei", "mitigate", note="Restore complete, 64 minutes; the plan says 45."),
            at(118, "noor", "note", text="Count of appointments agrees with the original to the last one."),
            at(121, "mei", "resolve", note="Exercise ends."),
            at(1_500, "tom", "close", reason="Went better than last time: 64 minutes instead of 110."),
        ],
    ),
]
