"""Finds what is due of retrospectives: incidents that need one, steps they lack, perspectives and meetings to tell of.

Each may run twice, at once, or late.
"""

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.audit.actor import IMPORT
from config.outbox.models import Delivery
from config.outbox.sweeps import sweep
from config.people.calendar import WorkCalendar
from incidents.models import Incident
from retros import emails
from retros.checklist import known_kinds
from retros.models import Impression, Meeting, Participant, Perspective, Retrospective, Step
from retros.models.step import lacking_steps

REMIND_BEFORE = 2  # working days
AHEAD = timedelta(days=31)  # no two working days are further apart, holidays and absence included
ASK_WITHIN = timedelta(days=7)  # later than that nobody remembers
PLAIN = WorkCalendar("UTC", "12345")  # of whoever has no account
log = logging.getLogger(__name__)


def incidents_without_retro():
    """Resolved, real, of a severity that requires a retro, lived through here rather than imported."""
    return (
        Incident.objects.resolved()
        .real()
        .filter(severity__is_retro_required=True, retro_links=None, source="")
        .select_related("severity")
        .order_by("pk")
    )


@sweep
def open_required_retros() -> int:
    """Open a retro for each of them; returns how many were opened."""
    opened = 0
    for incident in incidents_without_retro():
        try:
            with transaction.atomic():
                Retrospective.objects.open_for(incident)
            opened += 1
        except IntegrityError:  # another sweep was quicker: the unique constraint decides
            log.info("%s has a retrospective already", incident.reference)
    return opened


@sweep
def remind_of_perspectives(at=None) -> int:
    """Remind of invitations nobody has answered, once, two working days before the day; returns how many."""
    at = at or timezone.now()
    today = at.date()
    rows = Perspective.objects.waiting().select_related("participant__user")
    waiting = rows.filter(due_on__range=(today - timedelta(days=1), today + AHEAD))
    return Delivery.objects.queue(
        [emails.reminder_of(row, at) for row in waiting if is_reminder_due(row, at)]
    )


def is_reminder_due(perspective, at) -> bool:
    """Whether it is time to remind; not of what was asked so late that the invitation is reminder enough."""
    participant = perspective.participant
    if not participant.address:
        return False
    calendar = participant.user.calendar if participant.user else PLAIN
    day = calendar.add_ordinary(perspective.due_on, -REMIND_BEFORE)
    today = calendar.today(at)
    is_asked_before = day is not None and calendar.today(perspective.invited_at) < day
    return is_asked_before and day <= today <= perspective.due_on


@sweep
def tell_of_meetings(at=None) -> int:
    """Tell of a meeting whoever joined after it was planned; returns how many."""
    at = at or timezone.now()
    planned = Meeting.objects.filter(status=Meeting.Status.PLANNED, starts_at__gt=at, is_imported=False)
    brought = set(_brought().filter(retro__in=planned.values("retro")).values_list("id", flat=True))
    return sum(emails.queue_meeting(meeting, without=brought) for meeting in planned.select_related("retro"))


def _brought():
    """The first history rows of participants whom an import brought: no file invites anybody."""
    return Participant.history.filter(history_type="+", history_actor_kind=IMPORT)


@sweep
def ask_for_impressions(at=None) -> int:
    """Ask everybody who took part in a meeting that is over, once, what it was worth; returns how many."""
    at = at or timezone.now()
    ended = Meeting.objects.filter(status=Meeting.Status.ENDED, is_imported=False)
    over = ended.filter(ended_at__range=(at - ASK_WITHIN, at))
    return sum(_ask(meeting, at) for meeting in over)


def _ask(meeting, at) -> int:
    asked = meeting.impressions.values("participant")
    # Whom a file brought before it was over may have been there.
    late = _brought().filter(retro=meeting.retro_id, history_date__gt=meeting.ended_at).values("id")
    rows = Participant.objects.filter(retro=meeting.retro_id).exclude(pk__in=asked).exclude(pk__in=late)
    people = [one for one in rows.select_related("user") if one.address]
    if not people:
        return 0
    with transaction.atomic():
        made = [
            Impression.objects.get_or_create(meeting=meeting, participant=one, defaults={"asked_at": at})[0]
            for one in people
        ]
        return Delivery.objects.queue([emails.impression_question(one, at) for one in made])


@sweep
def plan_steps() -> int:
    """Give open retros the steps of their checklist that they lack; returns how many were planned.

    New retros have theirs from the start. This is for those that were there before, for a severity that turned
    out worse, and for rules that facilitators add.
    """
    kinds, planned = known_kinds(), 0
    for retro in lacking_steps(Retrospective.objects.open(), kinds).order_by("pk"):
        planned += len(Step.objects.plan(retro, kinds))
    return planned
