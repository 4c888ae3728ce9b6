"""What was published becomes one message for each subscriber it concerns: in one statement, however many there are.

Not in the request that publishes, which must answer while customers wait, but right after it: the publication was
written together with the update, and a sweep takes those of which no message was queued. Whoever is killed in
between leaves it to the next one; the key of a message keeps anybody from being told twice.
"""

from django.db import connection, transaction
from django.utils import timezone

from config.outbox.models import Delivery
from incidents.models import (
    IncidentRegion,
    IncidentService,
    MaintenanceRegion,
    MaintenanceService,
    Publication,
    Subscriber,
    SubscriberRegion,
    SubscriberService,
)
from incidents.public_ids import id_of

MAIL, HOOK = "incidents.news", "incidents.news_hook"
# What a publication is about: what that is, and which services and regions it names.
_NAMED = {
    True: ("incident_id", IncidentService, IncidentRegion),
    False: ("maintenance_id", MaintenanceService, MaintenanceRegion),
}


def tell() -> int:
    """Queue a message to everybody who is concerned by what was published; returns how many messages are new."""
    told = 0
    while (found := _tell_of_next()) is not None:
        told += found
    return told


@transaction.atomic
def _tell_of_next() -> int | None:
    ripe = Publication.objects.ripe().select_related("update__incident", "maintenance_update__maintenance")
    # Of several workers each takes another one; on SQLite the IMMEDIATE transaction is the lock.
    publication = ripe.select_for_update(skip_locked=True, of=("self",)).order_by("pk").first()
    if publication is None:
        return None
    told = queue(publication) if publication.is_public and publication.is_news else 0
    Publication.objects.filter(pk=publication.pk).update(queued_at=timezone.now(), subscribers=told)
    return told


def queue(publication) -> int:
    """Insert the messages of one publication, in one statement; returns how many are new."""
    about, (column, services, regions) = publication.about, _NAMED[bool(publication.update_id)]
    concerned = [
        _concerned(SubscriberService, services, "service_id", column),
        _concerned(SubscriberRegion, regions, "region_id", column),
    ]
    names, values = zip(*_columns(publication).items(), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Delivery._meta.db_table} ({', '.join(names)}) "  # noqa: S608  names of our own tables
            f"SELECT {', '.join(sql for sql, _ in values)} FROM {Subscriber._meta.db_table} s "
            f"WHERE s.status = 'confirmed' AND {' AND '.join(concerned)} ORDER BY s.id "
            "ON CONFLICT (key) DO NOTHING",
            [*(value for _, given in values for value in given), *([about.pk] * 4)],
        )
        return cursor.rowcount


def _concerned(chosen, named, what, column) -> str:
    """Who chose nothing hears everything; what names nothing concerns everybody: we may not know yet what it hits."""
    mine = f"SELECT 1 FROM {chosen._meta.db_table} c WHERE c.subscriber_id = s.id"  # noqa: S608
    hit = named._meta.db_table
    return (
        f"(NOT EXISTS ({mine}) OR NOT EXISTS (SELECT 1 FROM {hit} i WHERE i.{column} = %s) "  # noqa: S608
        f"OR EXISTS ({mine} AND c.{what} IN (SELECT i.{what} FROM {hit} i WHERE i.{column} = %s)))"
    )


def _columns(publication) -> dict[str, tuple[str, list]]:
    """Each column of a message: its SQL, and the values that go into it."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    is_postgresql = connection.vendor == "postgresql"
    context = "'{\"subscriber\": ' || s.id || ', \"publication\": ' || %s || '}'"
    text = "CAST(%s AS text)" if is_postgresql else "%s"
    moment = "CAST(%s AS timestamptz)" if is_postgresql else "%s"
    context = context.replace("%s", text)
    # It ends up in headers that customers see: so it holds no number of our tables.
    work = id_of("work", publication.maintenance_update_id)
    name = f"update {publication.said.public_id}" if publication.update_id else f"work {work}"
    return {
        "key": (f"'news:' || s.public_id || ':' || {text}", [name]),
        "kind": (f"CASE s.channel WHEN 'webhook' THEN {text} ELSE {text} END", [HOOK, MAIL]),
        "channel": ("s.channel", []),
        "address": (
            "CASE s.channel WHEN 'webhook' THEN 'webhook ' ELSE 'subscriber ' END || s.public_id",
            [],
        ),
        "context": (f"CAST({context} AS jsonb)" if is_postgresql else context, [str(publication.pk)]),
        "state": ("'pending'", []),
        "created_at": (moment, [now]),
        "due_at": (moment, [now]),
        "attempts": ("0", []),
        "ambiguous": ("0", []),
        "error": ("''", []),
        "subject": ("''", []),
        "message_id": ("''", []),
    }
