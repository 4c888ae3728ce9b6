"""Tells what stands around the text of a retro: marks, what people said, the meeting, and what became public."""

from datetime import UTC, datetime, time, timedelta

from config.audit.actor import MAIL_LINK
from config.demo.retro_teller import FACILITATOR
from config.demo.script import Room
from config.demo.stage import Stage
from config.people.calendar import add_working_days
from incidents.models import TimelineEntry
from retros.models import (
    Impression,
    Learning,
    Meeting,
    Perspective,
    Question,
    StepKind,
    StepRule,
    TimelineMark,
)

CHECKED_BY = "lena"  # who lets everybody read what somebody else wrote


def tell_room(stage: Stage, room: Room) -> None:
    """Everything but what is public, before the retro is read by others."""
    retro = stage.retros[room.retro]
    retro.refresh_from_db()
    _plan_as_then(stage, retro)
    for mark in room.marks:
        _mark(stage, retro, mark, stage.findings[room.retro])
    for kind, reason in room.left_out.items():
        with stage.step(FACILITATOR) as person:
            retro.steps.get(kind=kind).leave_out(by=person, reason=reason, at=_soon_after(retro))
    _hear(stage, retro, room)
    if room.meeting:
        _meet(stage, retro, room.meeting)


def _soon_after(retro):
    return retro.opened_at + timedelta(hours=2)


def _plan_as_then(stage, retro):
    """The checklist follows from the day on which the retro was opened, which was moved back."""
    days = dict(StepRule.objects.values_list("kind", "within_days"))
    with stage.sweep("plan steps"):
        for step in retro.steps.all():
            due_on = add_working_days(retro.opened_at.date(), days[step.kind])
            step.due_on = retro.due_on if step.kind == StepKind.PUBLISHED else min(due_on, retro.due_on)
            stage.save(step)


def _mark(stage, retro, mark, findings):
    entry = TimelineEntry.objects.get(incident__retro_links__retro=retro, text__startswith=mark.entry)
    with stage.step(FACILITATOR) as person:
        said = {"is_starred": mark.star, "kind": mark.kind, "note": mark.note}
        row = TimelineMark.objects.put(retro, entry, by=person, **said)
        row.marked_at = _soon_after(retro)
        stage.save(row)
    for number in mark.shows:
        with stage.step(FACILITATOR):
            findings[number].show_by([entry, *(link.entry for link in findings[number].evidence.all())])


# --- How they saw it


def _participant(stage, retro, who):
    user = stage.people.get(who)
    return retro.participants.get(**({"user": user} if user else {"name": who}))


def _hear(stage, retro, room):
    rows = [(_asked(stage, retro, room, voice), voice) for voice in room.voices]
    for row, voice in rows:
        if voice.declines:
            with stage.step(voice.who, MAIL_LINK) as person:
                row.decline(by=person)
        elif voice.days:
            _answer(stage, row, voice)


def _asked(stage, retro, room, voice):
    participant = _participant(stage, retro, voice.who)
    if voice.email:
        stage.write(FACILITATOR, participant, email=voice.email)
    questions = [Question.objects.get(text__startswith=begins) for begins in voice.answers]
    with stage.step(FACILITATOR) as person:
        (row,) = Perspective.objects.invite(
            retro,
            [participant],
            questions,
            by=person,
            due_on=stage.workday(room.due),
            text=room.invitation,
            at=stage.ago(room.asked, "09:10") if room.asked else stage.now,
        )
    return row


def _answer(stage, row, voice):
    texts = {f"answer_{number}": text for number, text in enumerate(voice.answers.values(), start=1)}
    said = {"is_attributed": voice.is_named, "at": stage.ago(voice.days, "16:25"), **texts}
    with stage.guest(voice.who, MAIL_LINK) as person:
        row.submit(by=person, **said)


# --- The meeting


def _meet(stage, retro, tale):
    day = stage.workday(-tale.days)
    starts_at = datetime.combine(day, time.fromisoformat(tale.clock), tzinfo=UTC)
    with stage.step(FACILITATOR) as person:
        meeting = Meeting.objects.schedule(
            retro, by=person, starts_at=starts_at, minutes=tale.minutes, place=tale.place
        )
    if tale.days > 0:
        _hold(stage, meeting, tale)


def _hold(stage, meeting, tale):
    at = meeting.starts_at
    with stage.step(FACILITATOR) as person:
        meeting.start(by=person, at=at)
    parts = meeting.parts()
    for number, (_, minutes) in enumerate(parts):
        for later, (who, kind, text) in enumerate(tale.notes.get(number, ()), start=1):
            with stage.step(who) as person:
                meeting.note(
                    by=person, kind=kind, text=text, at=at + timedelta(minutes=2 * later, seconds=17)
                )
        at += timedelta(minutes=minutes)
        with stage.step(FACILITATOR) as person:
            is_last = number == len(parts) - 1
            meeting.end(by=person, at=at) if is_last else meeting.next_part(by=person, at=at)
    for participant in meeting.retro.participants.select_related("user"):
        if participant.address:
            _ask_what_it_was_worth(stage, meeting, participant, tale.impressions)


def _ask_what_it_was_worth(stage, meeting, participant, impressions):
    asked_at = meeting.ended_at + timedelta(minutes=1)
    with stage.sweep("ask for impressions"):
        row = stage.save(Impression(meeting=meeting, participant=participant, asked_at=asked_at))
    keys = {user.pk: key for key, user in stage.people.items()}
    who = keys.get(participant.user_id, participant.name)
    if who in impressions:
        learned, would_attend, words = impressions[who]
        said = {"learned": learned, "would_attend": would_attend, "words": words}
        with stage.guest(who, MAIL_LINK) as person:
            row.give(by=person, at=asked_at + timedelta(hours=1), **said)


# --- What became public


def tell_learning(stage: Stage, room: Room) -> None:
    """Drafted by who led the retro, published by somebody else, and corrected where everybody sees it."""
    if room.learning is None:
        return
    tale = room.learning
    with stage.step(FACILITATOR) as person:
        learning = Learning.objects.draft_from(stage.retros[room.retro], by=person)
    if not tale.days:
        stage.write(FACILITATOR, learning, **tale.texts)
        return
    _publish(stage, learning, tale.texts, tale.days)
    if tale.corrected:
        with stage.step(CHECKED_BY) as person:
            learning.correct(by=person, note=tale.note)
        _publish(stage, learning, tale.corrections, tale.corrected)


def _publish(stage, learning, texts, days):
    stage.write(FACILITATOR, learning, **texts)
    with stage.step(FACILITATOR) as person:
        learning.send_for_review(by=person)
    with stage.step(CHECKED_BY) as person:
        learning.publish(by=person, at=stage.ago(days, "13:05"))
