"""What the tests of learnings start from: a retro of a public incident, and its learning in each of its states."""

from datetime import UTC, datetime, timedelta

from incidents.models import Incident
from retros.models import Learning

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
TEXTS = {
    "title": "Paying failed for one in five",
    "what_happened": "For 95 minutes one payment in five failed. Nothing was charged twice.",
    "what_we_learnt": "Our tests did not cover the new format of cards.",
    "what_we_do": "We now test each release with a few customers first.",
}


def make_public(retro):
    """Customers may know of its incidents."""
    Incident.objects.filter(retro_links__retro=retro).update(visibility="public")
    return retro


def draft(retro, *, by, **texts):
    """A draft whose words are these, whatever the retro says."""
    learning = Learning.objects.draft_from(make_public(retro), by=by)
    for name, text in (TEXTS | texts).items():
        setattr(learning, name, text)
    learning.save()
    return learning


def published(retro, *, writer, reviewer, at=AT, **texts):
    """Written by one, read and published by the other."""
    learning = draft(retro, by=writer, **texts)
    learning.send_for_review(by=writer)
    learning.publish(by=reviewer, at=at)
    return learning


def corrected(learning, *, writer, reviewer, note="It was one in four, not in five.", at=None, **texts):
    """The next edition of a published one."""
    learning.correct(by=writer, note=note)
    for name, text in texts.items():
        setattr(learning, name, text)
    learning.save()
    learning.send_for_review(by=writer)
    learning.publish(by=reviewer, at=at or AT + timedelta(days=1))
    return learning
