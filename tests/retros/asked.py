"""What the tests of perspectives and meetings share: who takes part, and how they are asked."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone

from retros import links
from retros.models import Meeting, Perspective, Question

TEXT = "You were there when paying failed. Please tell us how it was."


def questions(count=3, hat="support"):
    return [one for one in Question.objects.all() if one.is_for(hat)][:count]


def take_part(retro, name="Kim of Acme", hat="customer", email="kim@acme.example"):
    return retro.participants.create(name=name, hat=hat, email=email)


def invite(retro, *participants, by=None, text=TEXT, days=10, asked=None, at=None):
    """Ask them; one participant gives one invitation back, several a list."""
    due_on = timezone.now().date() + timedelta(days=days)
    rows = Perspective.objects.invite(
        retro, participants, asked or questions(), by=by, due_on=due_on, text=text, at=at
    )
    return rows[0] if len(rows) == 1 else rows


def path(row, purpose=links.PERSPECTIVE):
    row.refresh_from_db()
    return urlsplit(links.url_for(purpose, row)).path


def in_two_days():
    return (timezone.now() + timedelta(days=2)).replace(microsecond=0)


def schedule(retro, by=None, **fields):
    about = {"starts_at": in_two_days(), "minutes": 60, "place": "https://meet.example/room", **fields}
    return Meeting.objects.schedule(retro, by=by, **about)
