"""How milestones are chased: remediation that was promised and has an owner and a day."""

from config.people.models import User
from config.reminding.cadence import Cadence, Chase, Rung
from config.reminding.chasing import Entry, chased, person
from config.reminding.following import among, follows
from incidents.models import Incident, Milestone

CADENCE = Cadence(before=(1,), every=1, ladder=((Rung.MANAGER, 2),))


def chases(pks):
    """What the cadence needs to know of these milestones."""
    for milestone in Milestone.objects.filter(pk__in=pks).select_related("owner__manager"):
        owner = milestone.owner
        yield (
            milestone.pk,
            Chase(
                subject=f"milestone {milestone.pk}",
                cadence=CADENCE,
                since=milestone.created_at.date(),
                due_on=milestone.due_on,
                owner=person(owner),
                people={Rung.MANAGER: person(owner and owner.manager)},
                is_open=milestone.is_open,
            ),
        )


def entries(reminders, reader, delivery):
    """What a mail says of these milestones, as far as it still holds."""
    pks = [reminder.subject_id for reminder in reminders]
    seen = Incident.objects.visible_to(reader)
    rows = {row.pk: row for row in Milestone.objects.open().filter(pk__in=pks).select_related("owner")}
    known = seen.in_bulk([row.incident_id for row in rows.values()])
    found = {}
    for reminder in reminders:
        row = rows.get(reminder.subject_id)
        if row is None or row.owner is None or not reminder.holds(row.owner_id, row.due_on):
            continue
        incident = known.get(row.incident_id)
        found[row.pk] = Entry(
            title=row.title,
            url=row.get_absolute_url() if incident else "",
            group=str(incident) if incident else "",
            why=row.note,
            due_on=row.due_on,
            days_late=max((reader.today() - row.due_on).days, 0) if row.due_on else 0,
            because=reminder.because if reader.pk != row.owner_id else "",
        )
    return list(found.values())


chased("milestone", Milestone, chases=chases, entries=entries)
follows(Milestone, lambda ids: among(Milestone.objects.all(), pk__in=ids))
follows(User, lambda ids: among(Milestone.objects.open(), owner__in=ids))
follows(User, lambda ids: among(Milestone.objects.open(), owner__manager__in=ids))
