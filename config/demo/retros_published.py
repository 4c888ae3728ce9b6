"""Retrospectives that were finished: what customers went through, and what we learnt from it."""

from config.demo.script import RetroTale, then

PUBLISHED = [
    RetroTale(
        incidents=["invoices-twice"],
        title="The same invoice, twice",
        impact="312 businesses looked unprofessional in front of about 2,900 of their clients. Nobody paid twice, "
        "but many had to explain, and some were asked whether their system had been broken into.",
        sections={
            "Customer impact": "312 businesses sent about **2,900 second copies** in a little over two hours.\n\n"
            "Nobody was charged twice. The harm was in the questions: a physiotherapist told us she spent her lunch "
            "break on the telephone, *apologising for something she did not do*.",
            "Sequence of events": [
                "- 06:38 release\n- 08:08 first customer\n- 08:59 over for customers",
                "- **06:38** A release of the invoice sender begins. The old one keeps working until its queue is "
                "empty, as designed.\n- **06:40** The new one starts on the same queue. Each invoice in the overlap "
                "goes out twice.\n- **08:08** The first business writes in. On our side every invoice looked sent, "
                "and was.\n- **08:59** One sender is stopped. No second copy after that.\n- **09:31** Resolved, "
                "after half an hour of watching.",
            ],
            "Detection": "Eleven businesses told us before any number of ours did. We count invoices that *fail*; "
            "nothing we look at would show one that is sent **too often**.",
            "Communication": "The first text said what to do (nothing) and what not to worry about (no double "
            "charge). The ready-made note to forward was opened 180 times. It would have helped an hour earlier.",
            "Remediation": "Stopping one of two senders was quick once we saw there were two. Holding the queue for "
            "six minutes first made sure that nothing went out a third time.",
            "What surprised us": "We believed that a release waits for the old sender. It does so for everything but "
            "scheduled sending, which had been added later.",
            "What went well": "Support and engineering were in one call within eight minutes, and support heard "
            "first what could be told to customers.",
            "Where we were lucky": "It happened on a morning with few invoices. At the end of a month it would have "
            "been about twenty times as many.",
        },
        factors={
            "deployment": "Old and new sender overlapped for more than two hours.",
            "missing-test": "The rehearsal before a release sends no scheduled invoices.",
            "slow-detection": "Nothing counted second copies, so customers were our alarm.",
        },
        findings=[
            ("REMEDIATION", "Nothing stops two senders from taking the same invoice."),
            ("DETECTION", "We see invoices that fail, but not those that are sent more than once."),
            ("COMMUNICATION", "Businesses want a sentence they can forward to their clients, at once."),
            ("WENT_WELL", "Support sat in the same call as engineering from the eighth minute."),
        ],
        participants=[
            ("mei", "ON_CALL"),
            ("priya", "PRODUCT"),
            ("jonas", "SUPPORT"),
            ("Marta Oliveira, Oliveira Physiotherapy", "CUSTOMER"),
        ],
        steps=[
            then("ana", "send_for_review", reviewers=["jonas", "tom"], days=166, clock="08:40"),
            then(
                "jonas",
                "request_changes",
                words="Please add what the ready-made note did for businesses: 180 of them forwarded it.",
                days=166,
            ),
            then(
                "ana",
                "return_to_draft",
                reason="Jonas asks to add what the ready-made note did for businesses.",
            ),
            then("ana", "send_for_review", reason="Added under Communication.", days=165),
            then(
                "jonas",
                "approve",
                words="Thank you, that is what our customers saw.",
                days=164,
                clock="09:05",
            ),
            then(
                "ana",
                "publish",
                days=164,
                reason="Approved by Jonas; the words of customers stay as they were said.",
            ),
        ],
    ),
    RetroTale(
        incidents=["slow-mornings", "slow-again"],
        title="Two slow mornings, a week apart",
        impact="On two mornings, in the hour when most people book, about one visitor in six gave up. Eight clients "
        "came to an appointment that somebody else had too.",
        sections={
            "Customer impact": "Two mornings of 91 and 70 minutes. We estimate **1,300 bookings** that were not made "
            "or were made elsewhere, and eight double bookings on the second day.\n\n> “The first time I thought it "
            "was my phone. The second time I thought about changing.” – a salon owner",
            "Sequence of events": [
                "First: the pool was full because of the hourly report. Second: because of reminders.",
                "**First morning.** The hourly report held 50 of 80 connections; at the 07:00 peak, booking pages "
                "queued for the rest. We moved the report and raised the limit to 140.\n\n**Second morning.** "
                "Reminders for the day, which always start at 07:00, used the new room: 60 connections. Booking "
                "pages queued again.\n\nEach step was sensible with what was known at the time; together they show "
                "that we had treated *who uses the room* as if it were *how large the room is*.",
            ],
            "Detection": "An alert told us in seven and four minutes. Visitors noticed in the first.",
            "Communication": "Both first texts came within half an hour and offered a way around. After the second "
            "morning we said that twice is too often; several businesses thanked us for that sentence.",
            "Remediation": "More room helped for a week. What helped for good was to give each kind of work its own.",
            "What surprised us": "Reminders had been moved to 07:00 two months before, at the wish of customers. "
            "Nobody who looked at the first morning knew.",
            "What went well": "The hand-over in the middle of the second morning took two minutes and lost nothing.",
            "Where we were lucky": "All eight double bookings could be settled by telephone the same day.",
        },
        factors={
            "capacity": "One pool of connections for pages, reports and reminders.",
            "config-change": "Raising the limit made room for whoever came first.",
            "unclear-ownership": "Nobody was named for the pool; three teams used it.",
        },
        findings=[
            ("REMEDIATION", "Booking pages share their connections with work that could wait."),
            ("DETECTION", "The alert looks at slow pages; the full pool could be seen 12 minutes earlier."),
            ("SURPRISE", "A change made at customers’ wish was not known to those on call two months later."),
            ("WENT_WELL", "Saying plainly that it happened again was received better than we feared."),
            ("LUCK", "Double bookings were few enough to telephone everybody."),
        ],
        participants=[
            ("ravi", "ON_CALL"),
            ("mei", "ON_CALL"),
            ("noor", "PRODUCT"),
            ("jonas", "SUPPORT"),
            ("Henrik Dahl, Salon Dahl", "CUSTOMER"),
        ],
        steps=[
            then("ana", "send_for_review", reviewers=["tom", "noor"], days=103),
            then("tom", "approve", words="Two mornings read as one story at last.", days=102),
            then(
                "ana",
                "publish",
                days=101,
                reason="Approved by Tom; the words of customers stay as they were said.",
            ),
        ],
    ),
    RetroTale(
        incidents=["open-pdfs"],
        title="Invoices behind addresses that could be guessed",
        impact="For nine days, somebody who tried could have read other people’s invoices. One person tried, and "
        "told us. Six businesses had to hear from us that their clients’ names and amounts had been seen.",
        sections={
            "Customer impact": "41 invoices of six businesses were seen by a researcher: names, amounts, what was "
            "done. For a therapist’s clients that is **more than a number**.",
            "Sequence of events": "A change of the storage library nine days before made links without a signature. "
            "They worked, so nothing looked wrong. A researcher saw the pattern in his own invoice and wrote to us "
            "the same day. 37 minutes later no unsigned link opened any more.",
            "Detection": "We learnt of it from outside. A test that asks for an invoice *without signing in* would "
            "have failed on the first day.",
            "Communication": "Six personal letters instead of one general notice. All six answered, none left; two "
            "asked for a sentence for their own clients, which we wrote with them.",
            "Remediation": "Refusing every unsigned link at once broke links in about 200 older e-mails. We chose "
            "that deliberately and made new ones the same afternoon.",
            "What surprised us": "The library’s default changed from signed to unsigned in a minor version.",
            "What went well": "The address security@ was read within four minutes.",
            "Where we were lucky": "The first person to find it was on our customers’ side.",
        },
        factors={
            "security": "An address was all one needed.",
            "dependency": "A default changed in a library we rely on.",
            "missing-test": "No test asks for an invoice as a stranger.",
        },
        findings=[
            ("DETECTION", "No test asks for each kind of document as somebody who is not signed in."),
            ("REMEDIATION", "Access logs can be searched for nine days, and we needed nine."),
            ("WENT_WELL", "Personal letters within a day kept the trust of all six businesses."),
        ],
        participants=[("ravi", "ON_CALL"), ("priya", "PRODUCT"), ("lena", "SUPPORT")],
        steps=[
            then(
                "admin",
                "confirm_facilitator",
                reason="Ana kept the record that day and decided nothing. Nobody else who may lead retrospectives may "
                "see this one.",
                days=80,
            ),
            then("ana", "send_for_review", reviewers=["ravi", "lena"], days=76),
            then("lena", "approve", words="The letters are quoted as we sent them.", days=75),
            then(
                "ana",
                "publish",
                days=74,
                reason="Approved by Lena; the words of customers stay as they were said.",
            ),
        ],
    ),
    RetroTale(
        incidents=["cards-declined"],
        title="71 minutes in which no card was accepted",
        impact=[
            "No card payments for 71 minutes.",
            "Clients stood at a counter and were told that their card was declined. About 5,300 payments did not go "
            "through; nearly a fifth of them never came in later. What hurt most was the wording: it sounded as if "
            "the client had no money.",
        ],
        sections={
            "Customer impact": [
                "5,300 payments failed. No card was charged twice.",
                "For 71 minutes, **every** card payment through Tallyhour was declined: about 5,300 payments of "
                "9,812 businesses. 81 % came in later by payment link or cash, 19 % did not.\n\nThe page said *“Your "
                "card was declined”*. A dog groomer told us: “I sent a regular client away to fetch cash. She has "
                "not come back.” No card was charged twice and no card data was exposed.",
            ],
            "Sequence of events": [
                "- 10:31 key ends\n- 10:48 support\n- 10:55 acknowledged\n- 11:42 new key",
                "| UTC | What happened | What it looked like to us |\n|---|---|---|\n"
                "| 10:31 | The key that signs payment requests ends. | Nothing; a declined card is no error. |\n"
                "| 10:48 | Three calls to support in four minutes. | Perhaps a bank has trouble. |\n"
                "| 10:55 | Acknowledged; the provider’s status page is green. | Not on their side, then. |\n"
                "| 11:19 | Their log shows an unknown key. | Now it is clear. |\n"
                "| 11:42 | New key accepted; payments work. | |\n"
                "| 12:17 | Resolved after 30 quiet minutes. | |",
            ],
            "Detection": [
                "Support noticed after 17 minutes.",
                "Support noticed after 17 minutes. Our dashboards stayed green, because a declined card counts as a "
                "normal answer. **The share of declined payments went from 2 % to 100 % within one minute**, and "
                "nothing looks at that share.",
            ],
            "Communication": "The first text came 34 minutes after the start and said the most important thing: *it "
            "is not your client’s card*. Every promise of a next text was kept. Two businesses wrote that they would "
            "have liked a text message rather than an e-mail while clients were waiting.",
            "Remediation": "Making a new key takes five minutes; having the provider accept it took 23, because the "
            "person who may ask for it has to be named beforehand and two of our three had changed teams.",
            "What surprised us": "- The reminder that the key would end **was sent**, thirty and seven days before, "
            "to a mailbox that is no longer read since two teams were joined.\n- The exercise eleven weeks before "
            "had shown that a declined or timed-out payment is not counted. The improvement was agreed and waiting.",
            "What went well": "Support’s line to engineering, practised since the duplicate invoices, worked within "
            "five minutes. The list *Missed today* was ready before we resolved, and brought four of five payments "
            "in.",
            "Where we were lucky": "It was a quiet hour. In the busiest one of the week it would have been three "
            "times as many payments.",
        },
        factors={
            "time": "A key ended on a day nobody had in a calendar.",
            "slow-detection": "Seventeen minutes, and customers noticed first.",
            "unclear-ownership": "After two teams were joined, nobody read the mailbox that got the reminders.",
            "dependency": "Only people named beforehand may ask the provider for a new key.",
        },
        findings=[
            ("DETECTION", "A rise of declined payments from 2 % to 100 % alarms nobody."),
            ("SURPRISE", "Reminders about keys that end go to mailboxes, not to people."),
            ("REMEDIATION", "Two of the three people who may ask for a new key had changed teams."),
            ("COMMUNICATION", "The payment page lets clients believe that their card is at fault."),
            ("WENT_WELL", "“Missed today” brought in four of five payments that had failed."),
            ("LUCK", "It was not the busiest hour of the week."),
        ],
        participants=[
            ("ravi", "ON_CALL"),
            ("mei", "ON_CALL"),
            ("omar", "PRODUCT"),
            ("jonas", "SUPPORT"),
            ("lena", "SUPPORT"),
            ("Samira Haq, Happy Paws Grooming", "CUSTOMER"),
        ],
        steps=[
            then("ana", "send_for_review", reviewers=["tom", "jonas"], days=58),
            then(
                "jonas",
                "comment",
                on="Customer impact",
                text="Samira asks whether it can begin at her counter.",
                days=57,
            ),
            then("ana", "return_to_draft", reason="Samira Haq wants her clients’ side told before ours."),
            then(
                "ana",
                "comment",
                answers="Samira asks",
                text="It does now. The key comes third.",
                days=57,
                clock="16:30",
            ),
            then("ana", "send_for_review", reason="Begins with the counter now, not with the key.", days=56),
            then(
                "tom",
                "approve",
                words="This is the one I will show to new colleagues.",
                days=55,
                clock="10:10",
            ),
            then(
                "ana",
                "publish",
                days=55,
                reason="Approved by Tom; the words of customers stay as they were said.",
            ),
        ],
    ),
]
