"""How action items, and the checks whether they worked, are chased: what the cadence needs, and what mails tell."""

from django.db.models import Min, Prefetch

from actions.answers import buttons_for, check_buttons_for
from actions.models import ActionItem, EffectivenessCheck, ReminderPolicy
from actions.models.policy import pick
from config.people.models import User
from config.reminding.cadence import Cadence, Chase, Rung
from config.reminding.chasing import Entry, chased, person
from config.reminding.following import among, follows
from incidents.models import Incident, Severity
from retros.models import Retrospective, RetrospectiveIncident

CHECK_CADENCE = Cadence(every=5, ladder=((Rung.FACILITATOR, 5), (Rung.SPONSOR, 10)), owner_within=1)
WHY_AT_MOST = 500  # characters of a mail


# --- Items


def item_chases(pks):
    """What the cadence needs to know of these items, in three queries."""
    items = ActionItem.objects.filter(pk__in=pks).select_related(
        "owner__manager", "retro__facilitator", "retro__sponsor"
    )
    cadences = _Cadences(pks)
    known = {}  # the same few people own thousands of items

    def known_person(user):
        if user is None:
            return None
        if user.pk not in known:
            known[user.pk] = person(user)
        return known[user.pk]

    for item in items:
        yield item.pk, item_chase(item, cadences.of(item), known_person)


def item_chase(item, cadence, as_person=person) -> Chase:
    """One item as the cadence sees it."""
    owner, retro = item.owner, item.retro
    return Chase(
        subject=f"item {item.pk}",
        cadence=cadence,
        since=item.created_at.date(),
        due_on=item.due_on,
        owner=as_person(owner),
        people={
            Rung.MANAGER: as_person(owner and owner.manager),
            Rung.FACILITATOR: as_person(retro and retro.facilitator),
            Rung.SPONSOR: as_person(retro and retro.sponsor),
        },
        is_open=item.is_open,
        snoozed_until=item.snoozed_until,
    )


class _Cadences:
    """The cadence of each of many items: by its priority, and by the worst severity behind its retro."""

    def __init__(self, pks):
        self.policies = list(ReminderPolicy.objects.select_related("severity"))
        self.ranks = dict(
            RetrospectiveIncident.objects.filter(retro__action_items__in=pks)
            .values_list("retro")
            .annotate(worst=Min("incident__severity__rank"))
        )
        self.known = {}

    def of(self, item) -> Cadence:
        asked = item.priority, self.ranks.get(item.retro_id)
        if asked not in self.known:
            self.known[asked] = pick(self.policies, *asked).cadence
        return self.known[asked]


def item_entries(reminders, reader, delivery):
    """What a mail says of these items, as far as it still holds."""
    retros = Retrospective.objects.visible_to(reader)
    rows = (
        ActionItem.objects.open()
        .filter(pk__in=[reminder.subject_id for reminder in reminders])
        .select_related("owner", "offered_to")
        # The owner of an item need not be allowed to know which restricted incident it comes from.
        .prefetch_related(Prefetch("retro", retros))
        .in_bulk()
    )
    found = {}
    for reminder in reminders:
        row = rows.get(reminder.subject_id)
        if row is not None and reminder.holds(row.owner_id, row.due_on):
            found[row.pk] = _item_entry(row, reminder, reader, delivery)
    return list(found.values())


def _item_entry(item, reminder, reader, delivery) -> Entry:
    is_theirs = reader.pk == item.owner_id
    today = reader.today()
    return Entry(
        title=item.title,
        reference=item.reference,
        url=item.get_absolute_url(),
        group=str(item.retro) if item.retro else "",
        why=_short(item.why),
        due_on=item.due_on,
        days_late=max((today - item.due_on).days, 0) if item.due_on else 0,
        question=_question(item),
        facts=list(_facts(item, today, is_theirs)),
        because="" if is_theirs else reminder.because,
        buttons=buttons_for(item, reader, delivery) if is_theirs else [],
    )


def _question(item) -> str:
    if item.owner is None:
        return "Nobody owns it yet."
    return "" if item.due_on else "It has no due day yet."


def _facts(item, today, is_theirs):
    """Age, promise and slips, told openly."""
    yield item.get_priority_display()
    yield item.get_status_display()
    if not is_theirs and item.owner:
        yield f"owned by {item.owner}"
    age = (today - item.created_at.date()).days
    yield f"agreed {age} days ago" if age > 1 else "agreed yesterday" if age == 1 else "agreed today"
    if item.slips:
        times = "once" if item.slips == 1 else f"{item.slips} times"
        yield f"first promised for {item.promised_on:%-d %B %Y}, moved {times}"
    if item.waits_for:
        yield f"blocked by: {item.waits_for}"
    if item.offered_to:
        yield f"offered to {item.offered_to}, who has not answered"


def _short(text) -> str:
    return text if len(text) <= WHY_AT_MOST else f"{text[: WHY_AT_MOST - 1].rstrip()}…"


# --- Checks


def check_chases(pks):
    """What the cadence needs to know of these checks; whoever is asked owns the question."""
    checks = EffectivenessCheck.objects.filter(pk__in=pks).select_related(
        "asked_of__manager", "item__owner", "item__retro__facilitator", "item__retro__sponsor"
    )
    for check in checks:
        retro, owner = check.item.retro, check.item.owner
        others = {Rung.FACILITATOR: retro and retro.facilitator, Rung.SPONSOR: retro and retro.sponsor}
        yield (
            check.pk,
            Chase(
                subject=f"check {check.pk}",
                cadence=CHECK_CADENCE,
                since=check.due_on,
                due_on=check.due_on,
                owner=person(check.asked_of),
                # Never the item's owner, who cannot judge their own work.
                people={rung: person(user) for rung, user in others.items() if user and user != owner},
                is_open=check.is_open,
            ),
        )


def check_entries(reminders, reader, delivery):
    """What a mail asks about these items, as far as it is still to be answered."""
    checks = (
        EffectivenessCheck.objects.open()
        .filter(pk__in=[reminder.subject_id for reminder in reminders])
        .select_related("item__owner", "asked_of")
        .prefetch_related(Prefetch("incident", Incident.objects.visible_to(reader)))
        .in_bulk()
    )
    found = {}
    for reminder in reminders:
        check = checks.get(reminder.subject_id)
        if check is not None and reminder.holds(check.asked_of_id, check.due_on):
            found[check.pk] = _check_entry(check, reminder, reader, delivery)
    return list(found.values())


def _check_entry(check, reminder, reader, delivery) -> Entry:
    item = check.item
    facts = [f"done by {item.owner}" if item.owner else "done", f"evidence: {_short(item.evidence)}"]
    if item.success_measure:
        facts.append(f"we said we would know by this: {_short(item.success_measure)}")
    if check.incident:
        facts.append(f"it may have happened again: {check.incident}")
    return Entry(
        title=item.title,
        reference=item.reference,
        url=item.get_absolute_url(),
        why=_short(item.why),
        question="Did it work?",
        facts=facts,
        because="" if reader.pk == check.asked_of_id else reminder.because,
        buttons=check_buttons_for(check, reader, delivery),
    )


# --- Registered


def _open_items(**those):
    return among(ActionItem.objects.open(), **those)


def _open_checks(**those):
    return among(EffectivenessCheck.objects.open(), **those)


chased("item", ActionItem, chases=item_chases, entries=item_entries)
chased("check", EffectivenessCheck, chases=check_chases, entries=check_entries)
follows(ActionItem, lambda ids: among(ActionItem.objects.all(), pk__in=ids))
follows(EffectivenessCheck, lambda ids: among(EffectivenessCheck.objects.all(), pk__in=ids))
for road in ("owner", "owner__manager", "retro__facilitator", "retro__sponsor"):
    follows(User, lambda ids, road=road: _open_items(**{f"{road}__in": ids}))
for road in ("asked_of", "asked_of__manager", "item__retro__facilitator", "item__retro__sponsor"):
    follows(User, lambda ids, road=road: _open_checks(**{f"{road}__in": ids}))
follows(Retrospective, lambda ids: _open_items(retro__in=ids))
follows(Incident, lambda ids: _open_items(retro__incidents__in=ids))
follows(RetrospectiveIncident, lambda ids: _open_items(retro__incident_links__in=ids))
# A policy or a severity may concern any item.
follows(ReminderPolicy, lambda ids: ActionItem.objects.open())
follows(Severity, lambda ids: ActionItem.objects.open())
