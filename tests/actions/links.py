"""What the tests of mail links share: the links of a mail, and the whole database as it stands."""

from urllib.parse import urlsplit

from django.utils import timezone

from actions import answers
from config.outbox.models import Delivery

EVIDENCE = "https://ci.example.com/run/7"


def a_mail(person, key="digest:person 1:2026-11-24"):
    """A delivery that need not be stored: a link is made of its key."""
    return Delivery(key=key, kind="reminding.digest", recipient=person, address=person.email)


def links_of(buttons):
    """The paths behind the buttons, by label."""
    return {button.label: urlsplit(button.url).path for button in buttons}


def link(row, person, purpose, key="digest:person 1:2026-11-24"):
    """The link of one purpose that a mail with this key would have."""
    kind = row._meta.model_name.replace("actionitem", "item").replace("effectivenesscheck", "check")
    today = timezone.now().date().toordinal()
    return answers.Link(purpose, kind, row.pk, person.pk, answers._seed(key), today)


def path(row, person, purpose, **options):
    return link(row, person, purpose, **options).path
