"""How retrospectives chase their own lateness: unpublished past their due day."""

from config.people.models import User
from config.reminding.cadence import Cadence, Chase, Rung
from config.reminding.chasing import Entry, chased, person
from config.reminding.following import among, follows
from retros.models import Retrospective

CADENCE = Cadence(before=(2,), every=2, ladder=((Rung.MANAGER, 5), (Rung.SPONSOR, 10)), owner_within=1)


def chases(pks):
    """What the cadence needs to know of these retros; their facilitator owns them."""
    rows = Retrospective.objects.filter(pk__in=pks).select_related("facilitator__manager", "sponsor")
    for retro in rows:
        owner = retro.facilitator
        yield (
            retro.pk,
            Chase(
                subject=f"retro {retro.pk}",
                cadence=CADENCE,
                since=retro.opened_at.date(),
                due_on=retro.due_on,
                owner=person(owner),
                people={
                    Rung.MANAGER: person(owner and owner.manager),
                    Rung.SPONSOR: person(retro.sponsor),
                },
                is_open=not retro.is_published,
            ),
        )


def entries(reminders, reader, delivery):
    """What a mail says of these retros, as far as it still holds."""
    pks = [reminder.subject_id for reminder in reminders]
    rows = Retrospective.objects.open().visible_to(reader).select_related("facilitator").in_bulk(pks)
    found = {}
    for reminder in reminders:
        row = rows.get(reminder.subject_id)
        if row is None or not reminder.holds(row.facilitator_id, row.due_on):
            continue
        is_theirs = reader.pk == row.facilitator_id
        found[row.pk] = Entry(
            title=row.title,
            reference=row.reference,
            url=row.workspace_url,
            why=row.customer_impact,
            due_on=row.due_on,
            days_late=max((reader.today() - row.due_on).days, 0),
            question="" if row.facilitator else "Nobody leads this retrospective yet.",
            facts=[row.get_status_display()],
            because="" if is_theirs else reminder.because,
        )
    return list(found.values())


chased("retro", Retrospective, chases=chases, entries=entries)
follows(Retrospective, lambda ids: among(Retrospective.objects.all(), pk__in=ids))
follows(User, lambda ids: among(Retrospective.objects.open(), facilitator__in=ids))
follows(User, lambda ids: among(Retrospective.objects.open(), facilitator__manager__in=ids))
follows(User, lambda ids: among(Retrospective.objects.open(), sponsor__in=ids))
