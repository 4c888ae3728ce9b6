"""Puts reminders into messages: one a day for each person, or one each for those who chose that.

What a message says is read when it is sent: what was done, moved or handed over meanwhile is not in it, and a
message with nothing left to say is cancelled.
"""

from collections import defaultdict
from datetime import date, timedelta

from django.db import transaction

from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding.bulk import update_each
from config.reminding.chasing import CHASED, Entry
from config.reminding.models import Reminder
from config.reminding.unsubscribing import unsubscribe_url
from config.reminding.wording import all_told, grouped, in_short, told

AT_ONCE = 2_000  # reminders a transaction puts into messages
SHOWN = 60  # things in one mail; the rest is counted in words


def gather(at) -> int:
    """Put every reminder that waits into a message; returns how many messages are new."""
    new, last = 0, 0
    while Reminder.objects.waiting().filter(pk__gt=last).exists():
        with transaction.atomic():
            waiting = list(
                Reminder.objects.waiting()
                .filter(pk__gt=last)
                .order_by("pk")
                .values_list("pk", "recipient_id", "key")[:AT_ONCE]
            )
            new += _into_messages(waiting, at) if waiting else 0
        last = max((pk for pk, _, _ in waiting), default=last)
    return new


def _into_messages(waiting, at) -> int:
    people = User.objects.in_bulk({recipient for _, recipient, _ in waiting})
    wanted: dict[str, Delivery] = {}
    goes_to: dict[str, list[int]] = defaultdict(list)
    digests = _open_digests(people.values(), at)
    for pk, recipient, key in waiting:
        person = people[recipient]
        if person.mail_style == User.MailStyle.SINGLE:
            delivery = _delivery(person, f"reminder:{key}", "reminding.single", person.today(at), at)
        else:
            delivery = digests[person.pk]
        wanted[delivery.key] = delivery
        goes_to[delivery.key].append(pk)
    new = Delivery.objects.queue(list(wanted.values()))
    # Locked until the reminders are in: a worker that took the message now would send it without them.
    held = Delivery.objects.select_for_update().filter(key__in=wanted, state=Delivery.State.PENDING)
    pks = dict(held.values_list("key", "pk"))
    if held_rows := [(pk, pks[key]) for key in pks for pk in goes_to[key]]:
        update_each(
            Reminder._meta.db_table,
            "delivery_id = new.delivery",
            "target.id = new.id",
            {"id": "bigint", "delivery": "bigint"},
            held_rows,
        )
    return new


def _open_digests(people, at) -> dict[int, Delivery]:
    """For each person the digest that is still to be sent: today's, or the next working day's if that one is out."""
    open_digests, asked = {}, {person.pk: (person, at) for person in people}
    while asked:
        found = {pk: _digest(person, moment) for pk, (person, moment) in asked.items()}
        sent = set(
            Delivery.objects.filter(key__in=[digest.key for digest in found.values()])
            .exclude(state=Delivery.State.PENDING)
            .values_list("key", flat=True)
        )
        open_digests |= {pk: digest for pk, digest in found.items() if digest.key not in sent}
        asked = {
            pk: (asked[pk][0], _next_working_day(*asked[pk]))
            for pk, digest in found.items()
            if digest.key in sent
        }
    return open_digests


def _digest(person, moment) -> Delivery:
    # When it can be sent decides which day's it is. Somebody who never works has no better moment than now.
    due_at = person.calendar.next_working_moment(moment) or moment
    day = person.today(due_at)
    return _delivery(person, f"digest:person {person.pk}:{day}", "reminding.digest", day, due_at)


def _next_working_day(person, moment):
    due_at = person.calendar.next_working_moment(moment) or moment
    return person.calendar.start_of(person.today(due_at) + timedelta(days=1))


def _delivery(person, key, kind, day, due_at) -> Delivery:
    return Delivery(
        key=key,
        kind=kind,
        recipient=person,
        address=person.email,
        context={"day": day.isoformat()},
        due_at=due_at,
    )


# --- What the messages say


def entries_of(delivery) -> list[Entry]:
    """What a message has to say now: the longest overdue first, what came from one retro together."""
    by_kind = defaultdict(list)
    wants = delivery.recipient.wants_reminders
    for reminder in delivery.reminders.order_by("pk"):
        if reminder.is_own and not wants:
            continue
        by_kind[reminder.subject_kind].append(reminder)
    found = [
        entry
        for kind, reminders in by_kind.items()
        for entry in CHASED[kind].entries(reminders, delivery.recipient, delivery)
    ]
    return sorted(found, key=lambda entry: (-entry.days_late, entry.due_on or date.max, entry.title))


def _checked(delivery) -> list[Entry]:
    person = delivery.recipient
    if not person.is_active:
        raise NoLongerTrue(f"{person} does not work here any more.")
    if delivery.address != person.email:
        raise NoLongerTrue(f"{person} has another address now.")
    if not (entries := entries_of(delivery)):
        raise NoLongerTrue("Nothing of what it would say still holds.")
    return entries


@message("reminding.digest", in_working_hours=True)
def digest(delivery) -> Mail:
    """Tells one person once a day what of theirs, or of those they help, wants attention."""
    entries, person = _checked(delivery), delivery.recipient
    shown = all_told(entries[:SHOWN], person.today())
    late = [entry for entry in shown if entry.is_late]
    asked = [entry for entry in shown if entry.question and not entry.is_late]
    coming = [entry for entry in shown if not entry.question and not entry.is_late]
    parts = [("Overdue", late), ("To be answered", asked), ("Coming up", coming)]
    more = len(entries) - len(shown)
    context = {
        "person": person,
        "in_short": in_short(len(late), len(asked), len(coming), more),
        "sections": [(heading, grouped(part)) for heading, part in parts if part],
        "more": f"And {more:,} more" if more else "",
        "unsubscribe_url": unsubscribe_url(person, "reminders"),
    }
    return _mail("digest", delivery, entries, context, thread=f"digest:person {person.pk}")


@message("reminding.single", in_working_hours=True)
def single(delivery) -> Mail:
    """Tells of one thing, for those who chose a mail for each."""
    entry, person = _checked(delivery)[0], delivery.recipient
    context = {
        "person": person,
        "entry": told(entry, person.today()),
        "unsubscribe_url": unsubscribe_url(person, "reminders"),
    }
    subject = delivery.reminders.values_list("subject_kind", "subject_id").first()
    return _mail("reminder", delivery, [entry], context, thread="{} {}".format(*subject))


def _mail(template, delivery, entries, context, *, thread) -> Mail:
    return Mail(
        template=template,
        context=context,
        thread=thread,
        reason="escalation" if all(entry.because for entry in entries) else "owner",
        list_id="actions",
        unsubscribe=context["unsubscribe_url"],
    )
