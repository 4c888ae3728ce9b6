"""Retrospectives that are being worked on: reopened, overdue, in review."""

from config.demo.script import RetroTale, then

OPEN = [
    RetroTale(
        incidents=["sync-stopped"],
        title="When phone and calendar no longer agreed",
        impact="63 people came to an appointment that somebody else had too. Businesses could not trust the screen "
        "they run their day by.",
        sections={
            "Customer impact": [
                "63 double bookings on one day, most of them with hairdressers and therapists.",
                "For most of a working day, appointments entered in a phone did not reach Tallyhour. **63 times were "
                "booked twice**, most of them with hairdressers and therapists.\n\nTwo businesses have written "
                "since: some clients who saw a taken time never tried again. We do not know yet how many; this is "
                "what we reopened the retrospective for.",
            ],
            "Sequence of events": "The maker of a phone calendar shortened how long a connection lasts, from seven "
            "days to one. Ours were renewed every six. From the morning on they ended one after the other, each "
            "quietly: no error, simply nothing new.",
            "Detection": "A hairdresser told us almost three hours after what we took for the start, and four and a "
            "half after the real one. *No news* looks the same as *nothing to tell*, so no alarm of ours could see "
            "it.",
            "Communication": "Our first text said “may not show”, which left people to guess. The second one said "
            "what to do: look at your phone before you confirm a time.",
            "Remediation": "Renewing all connections took 17 minutes, bringing in the backlog 84.",
            "What surprised us": "The shorter duration had been announced in a developers’ newsletter.",
            "What went well": "Marking the double bookings in red, with a message ready to send, was built in the "
            "same afternoon and used 58 times.",
            "Where we were lucky": "Nothing was lost: the other side kept every appointment until we asked.",
        },
        factors={
            "dependency": "A partner shortened how long connections last.",
            "slow-detection": "Silence is not an error, so nothing noticed it.",
            "time": "Renewal every six days, for connections that now end after one.",
        },
        findings=[
            ("DETECTION", "Nothing notices when a connection that was busy falls silent."),
            ("COMMUNICATION", "“May not show” leaves people to guess; say what to do instead."),
            ("SURPRISE", "Partners announce changes in places that nobody here reads."),
        ],
        participants=[
            ("mei", "ON_CALL"),
            ("ravi", "ON_CALL"),
            ("carla", "PRODUCT"),
            ("jonas", "SUPPORT"),
        ],
        steps=[
            then("ana", "send_for_review", reviewers=["tom", "mei"], days=39),
            then("tom", "approve", days=38),
            then(
                "ana",
                "publish",
                days=37,
                reason="Approved by Tom; the words of customers stay as they were said.",
            ),
            then(
                "ana",
                "reopen",
                reason="Two businesses tell us of clients who never tried again. That belongs into the customer "
                "impact.",
            ),
            then("ana", "edit", due=8),
            then("ana", "invite", name="Ines Kaya, Kaya Hair", hat="CUSTOMER"),
        ],
    ),
    RetroTale(
        incidents=["sign-in-links"],
        title="Links that were expired on arrival",
        impact="For two hours of the morning, 1,150 businesses in Asia Pacific could not open their day by link.",
        sections={
            "Customer impact": "Sign-in links were called expired although they were seconds old. Passwords worked, "
            "but many who use links have none. **What we do not know yet:** how many clients were turned away "
            "because a business could not see its calendar.",
            "Sequence of events": "*Draft, to be completed with Mei.*\n\nA server came back from a restart with its "
            "clock eleven minutes ahead. Links last ten minutes, so every link checked there was too old.",
            "Detection": "An alert on the number of sign-ins, after 19 minutes. It looks at the whole region; by "
            "server it would have been visible in three.",
        },
        factors={"time": "One clock ran eleven minutes ahead."},
        findings=[
            ("DETECTION", "Sign-ins are watched by region, not by server."),
        ],
        participants=[("mei", "ON_CALL"), ("ravi", "ON_CALL")],
    ),
    RetroTale(
        incidents=["confirmations"],
        title="Booked, but was it?",
        impact="1,420 people booked and heard nothing. Their appointments were safe; they could not know that. And "
        "we told businesses that it was over when it was not.",
        sections={
            "Customer impact": "One booking in nine was kept but not confirmed. At least 90 clients booked a second "
            "time, some of them elsewhere.\n\nWorse than the gap was our **all-clear that was none**: businesses "
            "told their clients that things were settled, on our word.",
            "Sequence of events": [
                "08:15 new template. 09:52 changed back. 10:20 resolved too early. 12:13 third region. 13:05 over.",
                "- **08:15** A new, friendlier confirmation goes live.\n- **08:45** Our daily test booking comes "
                "without one.\n- **09:52** Back to the former template.\n- **10:20** Resolved: no more failures in "
                "half an hour. That was true for the two regions we looked at.\n- **11:45** Support hears from North "
                "America; reopened.\n- **12:13** Third region changed back.\n- **13:05** Resolved, after a booking "
                "of our own in every region.",
            ],
            "Detection": "Support’s daily test booking found it after half an hour. It does so every morning; this "
            "was the first time it had to.",
            "Communication": "The first text gave the one thing people needed: *what you see in your calendar is "
            "true*. The early all-clear cost some of that trust, and the last text said so.",
            "Remediation": "Changing back took nine minutes and reached two of three regions. Nothing showed that "
            "the third was missing.",
            "What surprised us": "Names such as *Zoë* and *Łukasz* are one in nine of our customers’ clients, and "
            "none of our test names.",
            "What went well": "The confirmations that were missing went out with one honest sentence about why.",
            "Where we were lucky": "Reminders the day before go another way, so nobody missed an appointment.",
        },
        factors={
            "deployment": "Changing back reached two of three regions, and looked complete.",
            "missing-test": "No test name has an accent.",
        },
        findings=[
            ("REMEDIATION", "A change back can look complete while a region is missing."),
            ("DETECTION", "Test names do not look like the names of our customers’ clients."),
            ("COMMUNICATION", "“Resolved” needs a look at every region, through a customer’s eyes."),
            ("WENT_WELL", "The daily test booking by support found it before customers called."),
        ],
        participants=[
            ("ravi", "ON_CALL"),
            ("mei", "ON_CALL"),
            ("priya", "PRODUCT"),
            ("jonas", "SUPPORT"),
            ("Zoë Lindgren, Lindgren Yoga", "CUSTOMER"),
        ],
        steps=[
            then("ana", "edit", due=3),
            then(
                "ana",
                "send_for_review",
                reason="Please read until the day after tomorrow, customers’ part first.",
                reviewers=["tom", "jonas", "priya"],
            ),
            then(
                "jonas",
                "comment",
                on="Communication",
                text="Can we say how many businesses had already passed the all-clear on to their clients? Support "
                "heard from eleven.",
            ),
            then(
                "ana",
                "comment",
                answers="Can we say how many",
                text="Eleven is a good number to start from. I ask Lena whether the page counted them.",
            ),
            then(
                "priya",
                "comment",
                text="The customers’ part first: yes. It reads very differently this way round.",
            ),
            then(
                "jonas",
                "request_changes",
                words="Let us add what support heard after the all-clear; the rest is as I remember it.",
            ),
            then("priya", "approve", words="Nothing to add."),
        ],
    ),
]
