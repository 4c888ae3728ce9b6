"""What waits for one person, in the order in which they look at it."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import F, Prefetch, Q
from django.urls import reverse

from actions.models import ActionItem, EffectivenessCheck
from config.dashboard import due_in_words
from config.transitions import verbs_for
from incidents.models import Incident
from retros.models import Retrospective

READ = 1_000  # items of one person that are looked at; who owns more has another problem
SHOWN = 50  # of a section
WEEK = timedelta(days=7)
# What the keys of the page do, and what stands first.
KEYS = {"complete": "d", "postpone": "t", "hand_over": "h", "snooze": "s"}
FIRST = ("accept", "decline", "keep", "unblock", *KEYS)
LABELS = {"complete": "Done"}


@dataclass(frozen=True)
class Answer:
    """One thing that can be said to an item: where it is asked for, and the key that leads there."""

    label: str
    url: str
    key: str = ""


@dataclass(frozen=True)
class Line:
    """One item, or one check, as its reader sees it."""

    row: object
    item: ActionItem
    due: str
    late: str
    facts: list[str]
    answers: list[Answer]
    more: list[Answer] = field(default_factory=list)
    can_be_chosen: bool = False
    link: str = ""


@dataclass
class Section:
    """A part of the page; `hidden` counts what is not shown."""

    key: str
    title: str
    about: str
    lines: list[Line] = field(default_factory=list)
    hidden: int = 0

    def __len__(self):
        return len(self.lines) + self.hidden


def items_of(user):
    """The open items that are this person's or offered to them; of each its retro, if they may know it."""
    retros = Retrospective.objects.visible_to(user)
    return (
        ActionItem.objects.open()
        .filter(Q(owner=user) | Q(offered_to=user))
        .select_related("owner", "offered_to", "offered_by")
        # An owner need not be allowed to know which restricted incident their item comes from.
        .prefetch_related(Prefetch("retro", retros))
        .order_by(F("due_on").asc(nulls_last=True), "priority", "pk")
    )


def checks_of(user):
    """The checks that this person is asked to answer; of each the later incident, if they may know it."""
    return (
        EffectivenessCheck.objects.open()
        .filter(asked_of=user)
        .select_related("item__owner")
        .prefetch_related(Prefetch("incident", Incident.objects.visible_to(user)))
    )


def sections_of(user, term="") -> list[Section]:
    """The page of one person, section by section; `term` leaves what has it in title, reason or reference."""
    today = user.today()
    found = {
        "asked": Section("asked", "Asked of me", "Somebody waits for your answer."),
        "overdue": Section("overdue", "Overdue", "Customers were promised these by now."),
        "week": Section("week", "This week", "Due within the next seven days."),
        "later": Section("later", "Later", ""),
        "undated": Section("undated", "Without a day", "Say until when, so that others can count on it."),
        "waiting": Section("waiting", "Waiting on others", "Offered, blocked, or snoozed by you."),
    }
    for check in checks_of(user).filter(due_on__lte=today + WEEK)[:READ]:
        if _matches(check.item, term):
            _add(found["asked"], lambda check=check: _check_line(check, today))
    for item in items_of(user)[:READ]:
        if _matches(item, term):
            section = found[section_of(item, user, today)]
            _add(section, lambda item=item: item_line(item, user, today))
    return [section for section in found.values() if section.lines]


def section_of(item, user, today) -> str:
    """Where an item stands on the page of `user`."""
    if item.owner_id != user.pk:
        return "asked"
    if item.offered_to_id or item.waits_for or (item.snoozed_until and item.snoozed_until > today):
        return "waiting"
    if item.due_on is None:
        return "undated"
    if item.due_on < today:
        return "overdue"
    return "week" if item.due_on < today + WEEK else "later"


def _matches(item, term) -> bool:
    term = term.casefold()
    return not term or any(term in text.casefold() for text in (item.reference, item.title, item.why))


def _add(section, line) -> None:
    # Made only if it is shown: the fiftieth is the last that anybody reads.
    if len(section.lines) < SHOWN:
        section.lines.append(line())
    else:
        section.hidden += 1


def item_line(item, user, today) -> Line:
    """One item in words, with what can be answered."""
    due, late = due_in_words(item.due_on, today)
    verbs = {verb.name: verb for verb in verbs_for(item, user)}
    verbs.pop("reassign", None)  # decided in the workspace, for others
    if item.offered_to_id is None:
        verbs.pop("keep", None)
    if not item.waits_for:
        verbs.pop("unblock", None)
    if item.owner_id != user.pk:
        verbs = {name: verb for name, verb in verbs.items() if name in ("accept", "decline")}
    first = [name for name in FIRST if name in verbs]
    rest = [name for name in verbs if name not in first]
    return Line(
        row=item,
        item=item,
        due=due,
        late=late,
        facts=list(_facts(item, user, today)),
        answers=[_answer(item, verbs[name]) for name in first],
        more=[_answer(item, verbs[name]) for name in rest],
        can_be_chosen=item.owner_id == user.pk and "complete" in verbs,
        link=item.get_absolute_url(),
    )


def _answer(item, verb) -> Answer:
    url = reverse("my-answer", args=[item.pk, verb.name])
    return Answer(LABELS.get(verb.name, verb.label), url, KEYS.get(verb.name, ""))


def _facts(item, user, today):
    if item.owner_id != user.pk:
        yield f"{item.offered_by or 'Somebody'} asks you to take it over"
        if item.offer_note:
            yield f"“{item.offer_note}”"
    if item.priority <= ActionItem.Priority.HIGH:
        yield item.get_priority_display()
    if item.status == ActionItem.Status.IN_PROGRESS:
        yield "In progress"
    if item.slips:
        yield slips_in_words(item)
    if item.owner_id == user.pk and item.offered_to:
        yield f"Offered to {item.offered_to}, who has not answered"
    if item.waits_for:
        yield f"Blocked by: {item.waits_for}"
    if item.snoozed_until and item.snoozed_until > today:
        yield f"Quiet until {item.snoozed_until:%-d %B}"
    if item.retro:
        yield f"From {item.retro.reference} {item.retro.title}"


def slips_in_words(item) -> str:
    """How often it slipped, openly: first promised for 3 March 2026, moved twice."""
    times = {1: "once", 2: "twice"}.get(item.slips, f"{item.slips} times")
    if item.promised_on is None:
        return f"Moved {times}"
    return f"First promised for {item.promised_on:%-d %B %Y}, moved {times}"


def _check_line(check, today) -> Line:
    due, late = due_in_words(check.due_on, today)
    item = check.item
    facts = [f"Done by {item.owner}"] if item.owner else []
    facts += [f"What shows it: {item.evidence}"] if item.evidence else []
    if item.success_measure:
        facts.append(f"We said we would know by this: {item.success_measure}")
    if check.incident:
        facts.append(f"It may have happened again: {check.incident}")
    return Line(
        row=check,
        item=item,
        due=due.replace("due", "asked for", 1),
        late=late,
        facts=facts,
        answers=[Answer("Did it work?", reverse("my-check", args=[check.pk]))],
    )
