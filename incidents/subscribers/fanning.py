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
CORRECTION_MAIL, CORRECTION_HOOK = "incidents.correction", "incidents.correction_hook"


def tell() -> int:
    """Queue a message to everybody who is concerned by what was published; returns how many messages are new."""
    told = 0
    while (found := _tell_of_next()) is not None:
        told += found
    return told


@transaction.atomic
def _tell_of_next() -> int | None:
    ripe = Publication.objects.ripe().select_related(
        "update__incident", "maintenance_update__maintenance", "correction__update__incident"
    )
    # Of several workers each takes another one; on SQLite the IMMEDIATE transaction is the lock.
    publication = ripe.select_for_update(skip_locked=True, of=("self",)).order_by("pk").first()
    if publication is None:
        return None
    told = queue(publication) if publication.is_public and publication.is_news else 0
    Publication.objects.filter(pk=publication.pk).update(queued_at=timezone.now(), subscribers=told)
    return told


def queue(publication) -> int:
    """Insert the messages of one publication, in one statement; returns how many are new."""
    chosen, whom = (_were_told if publication.correction_id else _are_concerned)(publication)
    names, values = zip(*_columns(publication).items(), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Delivery._meta.db_table} ({', '.join(names)}) "  # noqa: S608  names of our own tables
            f"SELECT {', '.join(sql for sql, _ in values)} FROM {Subscriber._meta.db_table} s "
            f"WHERE s.status = 'confirmed' AND {chosen} ORDER BY s.id "
            "ON CONFLICT (key) DO NOTHING",
            [*(value for _, given in values for value in given), *whom],
        )
        return cursor.rowcount


def _were_told(publication) -> tuple[str, list]:
    """Whoever the text may have reached as it was: a message that is written after the correction says the new one.

    So what they chose, and what the incident names, is asked as it was then, and who came later is not told that
    something was wrong which they never read.
    """
    told = (
        f"EXISTS (SELECT 1 FROM {Delivery._meta.db_table} d "  # noqa: S608  our own table
        f"WHERE d.key = 'news:' || s.public_id || ':' || {_text()} AND d.state NOT IN ('dead', 'cancelled') "
        "AND (d.message_id <> '' OR d.state IN ('claimed', 'sending')))"
    )
    return told, [_name_of_update(publication.said)]


def _are_concerned(publication) -> tuple[str, list]:
    """Whoever chose something that it names."""
    if publication.is_maintenance:
        column, services, regions = "maintenance_id", MaintenanceService, MaintenanceRegion
    else:
        column, services, regions = "incident_id", IncidentService, IncidentRegion
    concerned = [
        _concerned(SubscriberService, services, "service_id", column),
        _concerned(SubscriberRegion, regions, "region_id", column),
    ]
    return " AND ".join(concerned), [publication.about.pk] * 4


def _concerned(chosen, named, what, column) -> str:
    """Who chose nothing hears everything; what names nothing concerns everybody: we may not know yet what it hits."""
    mine = f"SELECT 1 FROM {chosen._meta.db_table} c WHERE c.subscriber_id = s.id"  # noqa: S608
    hit = named._meta.db_table
    return (
        f"(NOT EXISTS ({mine}) OR NOT EXISTS (SELECT 1 FROM {hit} i WHERE i.{column} = %s) "  # noqa: S608
        f"OR EXISTS ({mine} AND c.{what} IN (SELECT i.{what} FROM {hit} i WHERE i.{column} = %s)))"
    )


def _text() -> str:
    """A value that is a text: PostgreSQL does not guess that in the middle of an expression."""
    return "CAST(%s AS text)" if connection.vendor == "postgresql" else "%s"


def _name(publication) -> str:
    """What a publication is called in keys, which end up in headers that customers see: so by no number of ours."""
    if publication.correction_id:
        return f"correction {publication.correction.public_id}"
    if publication.is_maintenance:
        return f"work {id_of('work', publication.maintenance_update_id)}"
    return _name_of_update(publication.said)


def _name_of_update(update) -> str:
    return f"update {update.public_id}"


def _columns(publication) -> dict[str, tuple[str, list]]:
    """Each column of a message: its SQL, and the values that go into it."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    is_postgresql, text = connection.vendor == "postgresql", _text()
    context = f"'{{\"subscriber\": ' || s.id || ', \"publication\": ' || {text} || '}}'"
    moment = "CAST(%s AS timestamptz)" if is_postgresql else "%s"
    kinds = [CORRECTION_HOOK, CORRECTION_MAIL] if publication.correction_id else [HOOK, MAIL]
    return {
        "key": (f"'news:' || s.public_id || ':' || {text}", [_name(publication)]),
        "kind": (f"CASE s.channel WHEN 'webhook' THEN {text} ELSE {text} END", kinds),
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
