"""A retro that is hard on paper: long, wide, and with words that nothing breaks."""

from datetime import timedelta

from django.utils import timezone

LONG_WORD = "payments" * 25  # 200 letters
LAST_WORDS = "These are the last words of the narrative."
WIDE = 24  # columns
ENTRIES = 300


def narrative(size=100_000):
    """Markdown of about `size` characters with everything in it that people write."""
    wide = " | ".join(f"column{number}" for number in range(WIDE))
    table = f"| {wide} |\n|{'---|' * WIDE}\n| {' | '.join(f'value-{n:04d}' for n in range(WIDE))} |"
    code = (
        "```\n" + "kubectl --context=production-eu-central-1 rollout undo deployment/checkout " * 6 + "\n```"
    )
    pieces = [
        f"## In the middle of it\n\n{LONG_WORD}",
        table,
        code,
        f"`{LONG_WORD}`",
        "- one\n  - two\n    - three",
    ]
    paragraph = (
        "Customers saw a page that said nothing, tried again, and gave up; each step was sensible then. "
    )
    while sum(map(len, pieces)) + 2 * len(pieces) < size - 1_000:
        pieces.append(paragraph * 9)
    return "\n\n".join([*pieces, LAST_WORDS])


def make_big(retro, omar):
    """Fill `retro` and the timeline of its incident."""
    incident = retro.incidents.get()
    section = retro.sections.first()
    section.text = narrative()
    section.save()
    retro.customer_impact = "**One in five** could not pay for 71 minutes.\n\n" + LONG_WORD
    retro.save()
    start = timezone.now() - timedelta(hours=6)
    kind = incident.timeline.model.Kind.NOTE
    for number in range(ENTRIES):
        at = start + timedelta(minutes=number)
        text = f"Entry {number:03d} of the story. " + (
            LONG_WORD if number % 50 == 0 else "We look at the queue."
        )
        incident.log(kind, text, at=at, is_key=True, by=omar)
    retro.findings.create(kind="detection", text=f"It took too long. {LONG_WORD}")
    retro.action_items.create(title=f"Watch {LONG_WORD}", why="Customers noticed first.", owner=omar)
    retro.participants.create(hat="customer", name="Samira Haq, Happy Paws Grooming")
    return retro
