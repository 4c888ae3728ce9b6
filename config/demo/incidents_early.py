"""The first incidents of the story, half a year to four months ago."""

from config.demo.script import IncidentTale, at

EARLY = [
    IncidentTale(
        key="invoices-twice",
        began=(172, "06:40"),
        title="Some clients received the same invoice twice",
        severity=2,
        by="mei",
        declared=94,
        detected=88,
        detection="customer",
        services={"invoices": "PARTIAL", "reminders": "DEGRADED"},
        regions={"europe": "PARTIAL", "asia-pacific": "DEGRADED"},
        customers=(312, "312 businesses; about 2,900 of their clients received a second copy"),
        summary=[
            "Invoices went out twice.",
            "For more than two hours, invoices that were due to go out were sent a second time, with the same number "
            "and the same amount. Nobody was charged twice.",
        ],
        data_safety="No data was lost or shown to anybody else. Each second copy went to the same client as the "
        "first.",
        steps=[
            at(95, "mei", "acknowledge"),
            at(96, "mei", "take", role="commander"),
            at(97, "lena", "take", role="communications"),
            at(
                99,
                "jonas",
                "note",
                text="Eleven businesses have written in. All of them use scheduled sending.",
            ),
            at(
                108,
                "lena",
                "tell",
                status="investigating",
                text=[
                    "We are investigating duplicate invoice e-mails.",
                    "Some of your clients are receiving the same invoice twice. It is the same invoice: nobody is "
                    "charged twice, and you need not cancel anything. If you would rather wait, you can pause "
                    "scheduled sending under Invoices → Sending. We will write again within the hour.",
                ],
            ),
            at(
                121,
                "mei",
                "note",
                text=[
                    "Two senders are working on the same queue since the release at 06:38.",
                    "Two senders have been working on the same queue since the release at 06:38 UTC: the old one was "
                    "still draining when the new one began.",
                ],
                key=True,
            ),
            at(126, "mei", "identify", note="Old and new sender overlap during a release."),
            at(
                133,
                "lena",
                "tell",
                status="identified",
                text="We know why some invoices go out twice and have stopped the second sender. Invoices scheduled "
                "for this morning are on hold for a few minutes and will go out once. There is nothing you need to "
                "do.",
            ),
            at(139, "mei", "mitigate", note="Old sender stopped; queue held, then released with one sender."),
            at(
                162,
                "jonas",
                "note",
                text="Spot check with four businesses: one copy each since the release of the queue.",
            ),
            at(171, "mei", "resolve", note="No second copy in 30 minutes of sending."),
            at(
                176,
                "lena",
                "tell",
                status="resolved",
                text="Invoices are going out once, as they should. If a client asks: the two copies are the same "
                "invoice, to be paid once. We have put a short text you can forward under Help → Duplicate invoices. "
                "We are sorry for the awkward questions this may have brought you.",
            ),
            at(2_950, "tom", "close", reason="Every affected business has been written to."),
            at(4_300, "ana", "star", text="Eleven businesses"),
        ],
    ),
    IncidentTale(
        key="drill-provider",
        began=(139, "13:00"),
        title="Exercise: the card payment provider cannot be reached",
        severity=2,
        by="tom",
        declared=0,
        detected=0,
        detection="employee",
        visibility="internal",
        is_drill=True,
        services={"payments": "MAJOR"},
        regions={"europe": "MAJOR"},
        customers=(0, "None; played on the rehearsal system"),
        summary="We pretended that every call to the card payment provider timed out, and practised telling "
        "businesses how to take money in the meantime.",
        data_safety="Rehearsal data only.",
        steps=[
            at(
                2,
                "tom",
                "note",
                text="Exercise begins. The provider’s address now answers nothing on the rehearsal system.",
                key=True,
            ),
            at(9, "ravi", "acknowledge"),
            at(10, "ravi", "take", role="commander"),
            at(11, "lena", "take", role="communications"),
            at(
                24,
                "ravi",
                "note",
                text="The dashboard shows payments as healthy: it counts errors, and a timeout is not counted as "
                "one.",
                key=True,
            ),
            at(38, "ravi", "identify", note="Provider unreachable, as the script says."),
            at(
                52,
                "lena",
                "note",
                text="First customer text ready after 28 minutes. Most of that went into finding what a business can "
                "do instead.",
            ),
            at(
                66,
                "ravi",
                "mitigate",
                note="Booking pages switched to “pay on the day”, by hand, in 14 minutes.",
            ),
            at(80, "ravi", "resolve", note="Exercise ends."),
            at(1_500, "tom", "close", reason="Notes collected; three improvements written down."),
        ],
    ),
    IncidentTale(
        key="slow-mornings",
        began=(118, "06:55"),
        title="Booking pages very slow in Europe",
        severity=2,
        by="ravi",
        declared=11,
        detected=7,
        services={"booking": "PARTIAL", "calendar": "DEGRADED"},
        regions={"europe": "PARTIAL"},
        customers=(4_100, "About one booking page in three took more than ten seconds"),
        summary="In the busiest hour of the morning, booking pages in Europe took ten seconds and more, and about "
        "one visitor in six gave up before choosing a time.",
        data_safety="No data was lost. Bookings that went through are correct.",
        steps=[
            at(
                7,
                "ravi",
                "alert",
                text="Booking page, 95th percentile above 5 s for 3 minutes (Europe).",
                source="Monitoring",
            ),
            at(14, "ravi", "acknowledge"),
            at(15, "ravi", "take", role="commander"),
            at(19, "lena", "take", role="communications"),
            at(
                29,
                "lena",
                "tell",
                status="investigating",
                text="Booking pages in Europe are very slow this morning and some do not open at all. Your calendar "
                "works, so you can still add appointments yourself. We will write again by the half hour.",
            ),
            at(
                41,
                "ravi",
                "note",
                text="All connections to the calendar database are in use; new visitors queue for one.",
            ),
            at(47, "ravi", "identify", note="Connection pool exhausted by a report that runs on the hour."),
            at(
                61,
                "lena",
                "tell",
                status="identified",
                text="We have found what slows the booking pages down and are giving them more room. They are "
                "getting faster already; a page that did not open before should open when you reload it.",
            ),
            at(
                66,
                "ravi",
                "mitigate",
                note="Hourly report moved to the read replica; pool raised from 80 to 140.",
            ),
            at(98, "ravi", "resolve", note="Page times back to normal through the 08:00 peak."),
            at(
                101,
                "lena",
                "tell",
                status="resolved",
                text="Booking pages in Europe are back to their usual speed. Clients who gave up this morning can "
                "simply try again. We are sorry for the bookings this may have cost you.",
            ),
            at(1_600, "ravi", "close"),
        ],
    ),
    IncidentTale(
        key="slow-again",
        began=(111, "06:58"),
        title="Booking pages slow in Europe again",
        severity=2,
        by="ravi",
        declared=6,
        detected=4,
        services={"booking": "PARTIAL"},
        regions={"europe": "PARTIAL", "north-america": "DEGRADED"},
        customers=(3_700, "About one booking page in four"),
        summary="A week after the first time, booking pages in Europe were slow for another 70 minutes. What we had "
        "changed moved the limit; it did not remove it.",
        data_safety="No data was lost. Eight bookings were taken twice for the same time; we called all eight "
        "businesses.",
        steps=[
            at(
                4,
                "ravi",
                "alert",
                text="Booking page, 95th percentile above 5 s for 3 minutes (Europe).",
                source="Monitoring",
            ),
            at(9, "ravi", "acknowledge"),
            at(10, "ravi", "take", role="commander"),
            at(12, "lena", "take", role="communications"),
            at(
                21,
                "lena",
                "tell",
                status="investigating",
                text="Booking pages in Europe are slow again this morning. We know how this feels a week after the "
                "last time. Adding appointments in your calendar works. We will write again by 07:45 UTC.",
            ),
            at(
                33,
                "mei",
                "note",
                text="Reminder sending for the whole day starts at 07:00 and takes 60 of the 140 connections.",
                key=True,
            ),
            at(37, "ravi", "identify", note="Reminder sending and booking pages share one connection pool."),
            at(44, "ravi", "hand_over", role="commander", to="mei"),
            at(52, "mei", "mitigate", note="Reminder sending limited to 20 connections."),
            at(
                55,
                "lena",
                "tell",
                status="monitoring",
                text="Booking pages open at their usual speed again. Client reminders for today go out a little "
                "later than planned, all of them before 09:00. We are watching closely.",
            ),
            at(74, "mei", "resolve", note="Stable for 20 minutes with reminders still running."),
            at(
                77,
                "lena",
                "tell",
                status="resolved",
                text="Booking pages in Europe are back to normal. Twice in a week is twice too often: we are looking "
                "at both mornings together and will publish what we change.",
            ),
            at(
                130,
                "jonas",
                "note",
                text="Eight double bookings found and explained by phone to the businesses concerned.",
            ),
            at(
                2_000,
                "mei",
                "close",
                reason="Followed up in one retrospective together with the week before.",
            ),
        ],
    ),
]
