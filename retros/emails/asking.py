"""One function per message about perspectives and the meeting.

They reach people without an account, customers among them. Such a mail says what the facilitator wrote and when;
the title of the retro is told only to those who may see it here.
"""

from datetime import date

from django.utils import timezone

from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from retros import links
from retros.answering import title_for
from retros.calendars import file_of
from retros.models import Impression, Meeting, Participant, Perspective

HELD_BACK = "It was sent to somebody else, or they have another address now."


def name_of(participant) -> str:
    """How a mail greets them."""
    return participant.user.get_short_name() if participant.user else participant.name


def delivery_to(participant, *, key, kind, context, at=None) -> Delivery:
    """A message to somebody who takes part, with an account or without, at a moment they work."""
    person, now = participant.user, at or timezone.now()
    return Delivery(
        key=key,
        kind=kind,
        recipient=person,
        address=participant.address,
        context=context,
        due_at=(person.calendar.next_working_moment(now) if person else None) or now,
    )


def still_theirs(delivery, participant) -> None:
    """Raise NoLongerTrue when the address belongs to somebody else by now, or they have left."""
    if not delivery.address or participant.address != delivery.address:
        raise NoLongerTrue(HELD_BACK)


# --- Perspectives


def queue_invitation(perspective) -> None:
    """Ask them, by a link of their own."""
    about = {"perspective": perspective.pk}
    key = f"perspective invited:{perspective.pk}"
    row = delivery_to(perspective.participant, key=key, kind="retros.perspective_invited", context=about)
    Delivery.objects.queue([row])


def reminder_of(perspective, at) -> Delivery:
    """The one reminder there is of it, for this day."""
    return delivery_to(
        perspective.participant,
        key=f"perspective reminded:{perspective.pk}:{perspective.due_on}",
        kind="retros.perspective_reminded",
        context={"perspective": perspective.pk, "due_on": str(perspective.due_on)},
        at=at,
    )


@message("retros.perspective_invited", in_working_hours=True)
def perspective_invited(delivery) -> Mail:
    """Asks somebody how they saw it."""
    return _asking("perspective_invited", _perspective(delivery))


@message("retros.perspective_reminded", in_working_hours=True)
def perspective_reminded(delivery) -> Mail:
    """Reminds them, once, two working days before the day."""
    row = _perspective(delivery)
    if row.due_on != date.fromisoformat(delivery.context["due_on"]):
        raise NoLongerTrue("Another day was agreed on.")
    return _asking("perspective_reminded", row)


def _perspective(delivery) -> Perspective:
    rows = Perspective.objects.waiting().select_related("participant__user", "retro")
    row = rows.filter(pk=delivery.context["perspective"]).first()
    if row is None:
        raise NoLongerTrue("It was answered or withdrawn, or the review has begun.")
    still_theirs(delivery, row.participant)
    return row


def _asking(template, row) -> Mail:
    context = {
        "name": name_of(row.participant),
        "title": title_for(row.retro, row.participant.user),
        "text": row.text,
        "due_on": row.due_on,
        "url": links.url_for(links.PERSPECTIVE, row),
    }
    return Mail(template, context, thread=f"perspective {row.pk}", reason="participant", list_id="retros")


# --- The meeting


def queue_meeting(meeting, without=()) -> int:
    """Tell everybody who takes part when it is, or that it is not; one mail a version of the plan."""
    people = meeting.retro.participants.select_related("user")
    return Delivery.objects.queue(
        [
            delivery_to(
                one,
                key=f"meeting planned:{meeting.retro_id}:{meeting.sequence}:{one.pk}",
                kind="retros.meeting_planned",
                context={"retro": meeting.retro_id, "participant": one.pk, "sequence": meeting.sequence},
            )
            for one in people
            if one.address and one.pk not in without
        ]
    )


@message("retros.meeting_planned", in_working_hours=True)
def meeting_planned(delivery) -> Mail:
    """Says when and where the meeting is, or that it is off, with a file for the calendar."""
    said = delivery.context
    meeting = Meeting.objects.select_related("retro").filter(retro=said["retro"]).first()
    person = Participant.objects.select_related("user").filter(pk=said["participant"]).first()
    if meeting is None or person is None or meeting.sequence != said["sequence"]:
        raise NoLongerTrue("The plan has changed since, or they do not take part any more.")
    is_off = meeting.status == Meeting.Status.CANCELLED
    if not is_off and meeting.status != Meeting.Status.PLANNED:
        raise NoLongerTrue("The meeting has begun.")
    if is_off and not _was_told(delivery):
        raise NoLongerTrue("They were never told that there would be one.")
    still_theirs(delivery, person)
    title = title_for(meeting.retro, person.user)
    zone = person.user.zone if person.user else timezone.get_default_timezone()
    context = {
        "name": name_of(person),
        "title": title,
        "state": "off" if is_off else "moved" if meeting.sequence and _was_told(delivery) else "planned",
        "when": meeting.starts_at.astimezone(zone),
        "zone": str(zone),
        "minutes": meeting.minutes,
        "place": meeting.place,
        "parts": meeting.parts(),
    }
    ics = file_of(meeting, title=title, attendee=person.address)
    thread = f"meeting {meeting.uid}"
    return Mail(
        "meeting_planned", context, thread=thread, reason="participant", list_id="retros", attachments=[ics]
    )


def _was_told(delivery) -> bool:
    said = delivery.context
    earlier = Delivery.objects.filter(kind=delivery.kind, state=Delivery.State.SENT)
    return earlier.filter(
        context__retro=said["retro"], context__participant=said["participant"], pk__lt=delivery.pk
    ).exists()


def impression_question(impression, at) -> Delivery:
    """The one mail that asks about the meeting."""
    return delivery_to(
        impression.participant,
        key=f"impression asked:{impression.pk}",
        kind="retros.impression_asked",
        context={"impression": impression.pk},
        at=at,
    )


@message("retros.impression_asked", in_working_hours=True)
def impression_asked(delivery) -> Mail:
    """Asks whether the meeting was worth it."""
    rows = Impression.objects.select_related("participant__user", "meeting__retro")
    row = rows.filter(pk=delivery.context["impression"], status=Impression.Status.ASKED).first()
    if row is None:
        raise NoLongerTrue("It was answered already.")
    still_theirs(delivery, row.participant)
    context = {
        "name": name_of(row.participant),
        "title": title_for(row.meeting.retro, row.participant.user),
        "held_on": timezone.localdate(row.meeting.started_at),
        "url": links.url_for(links.IMPRESSION, row),
    }
    return Mail(
        "impression_asked",
        context,
        thread=f"meeting {row.meeting.uid}",
        reason="participant",
        list_id="retros",
    )
