"""Tells of one thing why somebody was reminded of it, or was not, and what comes next.

Nothing here is kept: what was sent is in the reminders and their messages, everything else follows from the
policy of cadence.py, asked once as things are and once as they would be without snooze, absence and wishes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.db import models
from django.utils import timezone

from config.outbox.models import Delivery
from config.people.calendar import zone_of
from config.reminding.cadence import Chase, Kind, Person, Rung, Step, in_words, plan, steps
from config.reminding.chasing import CHASED, person
from config.reminding.models import Reminder

AHEAD, BACK = timedelta(days=30), timedelta(days=60)  # how far it is looked for what is not sent
MOST = 12  # of these, the newest
OWNED_BY = ("owner_id", "facilitator_id", "asked_of_id")  # what the ones chased call whose it is
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WORDS = {
    Kind.BEFORE: "reminder {} working days before the due day",
    Kind.DUE: "reminder for the due day",
    Kind.OVERDUE: "overdue reminder number {}",
    Kind.BACK: "reminder that the snooze is over",
    Kind.NO_OWNER: "reminder number {} that nobody owns it",
    Kind.NO_DATE: "question number {} for a due day",
    Kind.ESCALATED: "escalation to the {}",
}


@dataclass(frozen=True)
class Told:
    """A step that was taken, and what became of its message."""

    step: str
    to: Person
    made_at: datetime
    because: str
    state: str
    sent_at: datetime | None = None
    tries: int = 0
    error: str = ""
    message_id: str = ""
    delivery: int | None = None


@dataclass(frozen=True)
class Passed:
    """A step that is not taken, or waits, and why."""

    step: str
    day: date | None
    because: str


@dataclass(frozen=True)
class Coming:
    """What will be told next if nothing changes."""

    step: str
    to: Person
    at: datetime
    because: str


@dataclass(frozen=True)
class Explanation:
    """All that is known about the reminders of one thing."""

    row: models.Model
    at: datetime
    sentence: str  # what its policy does
    told: list[Told]  # newest first
    passed: list[Passed]
    silence: list[str]  # why nothing is sent, or less than the policy says
    coming: Coming | None
    calendar: list[str] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """What it is about."""
        return str(self.row)

    @property
    def policy(self) -> str:
        """The policy in force; what has none of its own is chased like all of its kind."""
        of_its_own = getattr(self.row, "policy", None)
        return str(of_its_own()) if of_its_own else f"All {self.row._meta.verbose_name_plural}"


def explain(kind, pk, at=None, row=None) -> Explanation:
    """What was sent about one thing, what was not and why, and what comes next. LookupError if it is not there.

    Whoever shows it has asked whether the reader may see the thing; `row` spares reading it again.
    """
    at = at or timezone.now()
    row = row or CHASED[kind].model._base_manager.filter(pk=pk).first()
    chase = next((chase for _, chase in CHASED[kind].chases([pk])), None)
    if row is None or chase is None:
        raise LookupError(f"There is no {kind} {pk}.")
    reminders = list(Reminder.objects.about(kind, pk).select_related("delivery", "recipient"))
    made = {reminder.key for reminder in reminders}
    states = _states(row)
    planned = plan(chase, made, at)
    passed = list(_passed(chase, made, _so_since(states), planned, at))
    return Explanation(
        row=row,
        at=at,
        sentence=in_words(chase.cadence),
        told=[_told(reminder, states, at) for reminder in reminders],
        passed=[*passed[-MOST:], *_rungs(chase)],
        silence=[*_silence(chase)],
        coming=_coming(planned),
        calendar=[*calendar_facts(chase, at)],
    )


def step_in_words(step: str) -> str:
    """What a step says, of its name in keys: `overdue 3`, `escalated manager`."""
    kind, _, number = step.rpartition(" ")
    if kind == Kind.BEFORE and number == "1":
        return "reminder one working day before the due day"
    return WORDS[kind].format(number) if kind in WORDS else step


def name_of(step: Step) -> str:
    """What a step says."""
    return step_in_words(step.key.partition(":")[0])


def local(moment: datetime, who: Person) -> datetime:
    """A moment where somebody is."""
    return moment.astimezone(zone_of(who.calendar.zone))


def spoken(day: date) -> str:
    """A day as people say it."""
    return f"{day:%a} {day.day} {day:%b %Y}"


# --- What was


@dataclass(frozen=True)
class _State:
    """Since when whose it was, due when, and whether it was open."""

    since: datetime
    owner: int | None
    due_on: date | None
    is_open: bool


def _states(row) -> list[_State]:
    """What the history tells of it, the oldest first."""
    owner = next(name for name in OWNED_BY if hasattr(row, name))
    kept = row.history.order_by("history_id").values_list("history_date", owner, "due_on", "status")
    return [
        _State(since, owned_by, due_on, type(row)(status=status).is_open)
        for since, owned_by, due_on, status in kept
    ]


def _so_since(states) -> datetime | None:
    """Since when owner, due day and whether it is open are as they are now; None without a history."""
    since = None
    for state in reversed(states):
        if replace(state, since=states[-1].since) != states[-1]:
            break
        since = state.since
    return since


def _told(reminder, states, at) -> Told:
    delivery = reminder.delivery
    known = {
        "step": step_in_words(reminder.step),
        "to": person(reminder.recipient),
        "made_at": reminder.made_at,
        "because": reminder.because,
    }
    if delivery is None:
        return Told(**known, state="Goes into a message within a minute")
    return Told(
        **known,
        state=_delivered(delivery, reminder, states, at),
        sent_at=delivery.sent_at,
        tries=delivery.attempts,
        error=delivery.error,
        message_id=delivery.message_id,
        delivery=delivery.pk,
    )


def _delivered(delivery, reminder, states, at) -> str:
    """How far its message has come, in words."""
    State = Delivery.State
    if delivery.state == State.SENT:
        then = next((state for state in reversed(states) if state.since <= delivery.sent_at), None)
        if then and not (then.is_open and reminder.holds(then.owner, then.due_on)):
            return "Left out of the message: owner, due day or state had changed"
        return "Sent, perhaps twice" if delivery.ambiguous else "Sent"
    if delivery.state == State.CANCELLED:
        return f"Cancelled, because {_because(delivery.error)}"
    if delivery.state == State.PENDING:
        return _waits(delivery, reminder.recipient, at)
    return delivery.get_state_display()


def _because(error) -> str:
    line = (error.splitlines() or ["nothing of it was true any more."])[0].rstrip(".")
    return line[0].lower() + line[1:] if line.startswith("Nothing") else line


def _waits(delivery, recipient, at) -> str:
    moment = max(delivery.due_at, at)
    if not recipient.calendar.is_at_work(moment):
        moment = recipient.calendar.next_working_moment(moment) or moment
    if moment <= at:
        return "Waiting for a worker"
    why = "" if recipient.calendar.is_at_work(at) else f" because {recipient} is not at work"
    there = moment.astimezone(recipient.zone)
    return f"Waits until {spoken(there)}, {there:%H:%M %Z}{why}"


# --- What was not, and will not be


def _passed(chase: Chase, made, so_since, planned, at) -> Iterator[Passed]:
    """The steps that the policy names and nobody is told, each with the reason."""
    if not chase.is_open or chase.owner is None or not chase.owner.wants:
        return  # said once, by _silence
    actual = {step.key: step for step in steps(chase, at - BACK, at + AHEAD)}
    newest = max((s for s in actual.values() if s.key in made), key=lambda s: s.send_at, default=None)
    coming = planned[1] if planned else None
    for step in steps(_plain(chase), at - BACK, at + AHEAD):
        if step.key in made or (coming and _is_told(step) == _is_told(coming)):
            continue
        if because := _why_not(step, actual.get(step.key), chase, so_since, newest or coming, at):
            yield Passed(name_of(step), step.day, because)


def _is_told(step: Step) -> tuple:
    """What makes two steps the same to whoever is told."""
    return step.key, step.recipient.id, step.send_at


def _plain(chase: Chase) -> Chase:
    """The same without what keeps steps back: snooze and absence."""
    calendar = replace(chase.owner.calendar, away_from=None, away_until=None)
    return replace(chase, snoozed_until=None, owner=replace(chase.owner, calendar=calendar))


def _why_not(step: Step, actual: Step | None, chase: Chase, so_since, later, at) -> str:
    """Why a step that is not made is not; empty if it simply is still to come."""
    owner = chase.owner
    if so_since and step.send_at < so_since:
        return f"its owner, due day and state are what they are only since {_moment(so_since, owner)}"
    is_owners = step.kind != Kind.ESCALATED
    if is_owners and chase.snoozed_until and step.day < chase.snoozed_until:
        return f"it is snoozed until {spoken(chase.snoozed_until)}"
    if is_owners and owner.calendar.is_away(step.day):
        return _while_away(actual, owner)
    if actual and actual.send_at > at:
        return ""
    took = (
        f"{name_of(later)} takes its place" if later and later.key != step.key else "a later one says it all"
    )
    return f"superseded: nothing was sent at its time, and {took}"


def _while_away(actual: Step | None, owner: Person) -> str:
    away = f"{owner.name} is away until {spoken(owner.calendar.away_until)}"
    if actual is None:
        return f"{away}, and a later one says it all"
    when = _moment(actual.send_at, actual.recipient)
    if actual.rung is Rung.MANAGER:
        return f"{away}: {actual.recipient.name}, their manager, is told instead on {when}"
    return f"{away}, and nobody stands in: it waits until {when}"


def _moment(moment, who: Person) -> str:
    there = local(moment, who)
    return f"{spoken(there)}, {there:%H:%M %Z}"


def _rungs(chase: Chase) -> Iterator[Passed]:
    """The rungs of the ladder on which nobody stands."""
    if not chase.is_open or chase.owner is None or chase.due_on is None or not chase.owner.is_active:
        return
    told = {chase.owner.id: "owns it"}
    for rung, days in sorted(chase.cadence.ladder, key=lambda pair: pair[1]):
        who, step = chase.people.get(rung), step_in_words(f"escalated {rung}")
        day = chase.owner.calendar.add_ordinary(chase.due_on, days)
        if who is None:
            whose = f"{chase.owner.name} has" if rung is Rung.MANAGER else "it has"
            yield Passed(step, day, f"{whose} no {rung}")
        elif not who.is_active:
            yield Passed(step, day, f"{who.name} no longer works here")
        elif who.id in told:
            yield Passed(step, day, f"{who.name} {told[who.id]}")
        else:
            told[who.id] = f"is told as the {rung} already"


def _silence(chase: Chase) -> Iterator[str]:
    """What keeps whole kinds of steps from being sent."""
    owner, cadence = chase.owner, chase.cadence
    if not chase.is_open:
        yield "It is closed: nobody is told any more."
    elif owner is None or not owner.is_active:
        yield f"{owner.name}, who owns it, no longer works here." if owner else "Nobody owns it."
        told = [
            p for rung in (Rung.FACILITATOR, Rung.SPONSOR) if (p := chase.people.get(rung)) and p.is_active
        ]
        if cadence.owner_within is None:
            yield "Its policy tells nobody of that."
        elif not told:
            yield "There is neither a facilitator nor a sponsor to tell."
    else:
        if not owner.wants:
            yield f"{owner.name} has unsubscribed from reminders; escalations are sent all the same."
        if chase.due_on is None:
            asks = "its owner is asked for one" if cadence.date_within else "its policy does not ask for one"
            yield f"It has no due day: {asks}."
        if owner.calendar.next_working_moment(timezone.now()) is None:
            yield f"{owner.name} has no working days at all."


# --- What comes


def _coming(planned) -> Coming | None:
    if planned is None:
        return None
    moment, step = planned
    return Coming(name_of(step), step.recipient, moment, step.because)


def calendar_facts(chase: Chase, at: datetime) -> Iterator[str]:
    """What of the owner's calendar decides about the days and hours of reminders."""
    owner = chase.owner
    if owner is None:
        return
    calendar = owner.calendar
    yield f"{owner.name} is in {calendar.zone}, where it is {local(at, owner):%a %H:%M} now"
    hours = f"{calendar.works_from:%H:%M}–{calendar.works_until:%H:%M}"
    if calendar.quiet_from and calendar.quiet_until:
        hours += f", but for {calendar.quiet_from:%H:%M}–{calendar.quiet_until:%H:%M}"
    days = ", ".join(WEEKDAYS[int(day) - 1] for day in calendar.working_days)
    yield f"works {days}, {hours}"
    today = calendar.today(at)
    coming = (today + timedelta(days=n) for n in range(AHEAD.days + 1))
    if holidays := [spoken(day) for day in coming if calendar.is_holiday(day)]:
        yield f"holidays: {', '.join(holidays)}"
    if calendar.away_until and calendar.away_until >= today:
        boss = chase.people.get(Rung.MANAGER)
        stands_in = f"{boss.name} stands in" if boss and boss.is_active else "nobody stands in"
        yield f"away {spoken(calendar.away_from)} – {spoken(calendar.away_until)}, {stands_in}"
