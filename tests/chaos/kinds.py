"""A kind of message for the tests of delivery: ten items to one person, no longer true once they are gone."""

from pathlib import Path

from django.conf import settings
from django.utils import timezone

KIND = "tests.chaos"
WORDS = (
    "Customers lost their baskets, and nobody here knew before the first of them called – twice in one week."
)


def register():
    """Make this process know the kind; before any template is rendered."""
    from config.outbox.messages import KINDS, Mail, NoLongerTrue

    def ten_items(delivery) -> Mail:
        person = delivery.recipient  # read now, like whatever a message is about
        if not person.is_active:
            raise NoLongerTrue("They have gone.")
        return Mail(
            "chaos",
            {"person": person, "items": items(delivery.context["run"])},
            thread=f"chaos:{person.pk}",
            unsubscribe=f"/go/{'x' * 120}/",
        )

    settings.TEMPLATES[0]["DIRS"].append(Path(__file__).parent / "templates")
    KINDS[KIND] = ten_items


def items(run) -> list[dict]:
    """As much text as a digest of ten holds."""
    return [
        {
            "reference": f"ACT-{number:04}",
            "title": f"{run}: alert on failed payments in region {number}",
            "days_late": number,
            "priority": "High",
            "why": WORDS,
            "url": f"/my/actions/{number}/",
        }
        for number in range(1, 11)
    ]


def queue(run: str, count: str = "100", people: str = "20", due_at=None) -> int:
    """Queue so many messages of one run, each to an address of its own; returns how many were new."""
    from config.audit.actor import COMMAND, acting
    from config.outbox.models import Delivery
    from config.people.models import User

    with acting(kind=COMMAND, name="chaos"):
        readers = [
            User(email=f"{run}-p{number}@example.com", name=f"Reader {number}", password="!")
            for number in range(int(people))
        ]
        User.objects.bulk_create(readers)
        return Delivery.objects.queue(
            [
                Delivery(
                    key=f"chaos:{run}:{number}",
                    kind=KIND,
                    recipient=readers[number % len(readers)],
                    address=f"{run}-{number}@example.com",
                    context={"run": run},
                    due_at=due_at or timezone.now(),
                )
                for number in range(int(count))
            ]
        )
