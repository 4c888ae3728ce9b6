"""By what an incident is known wherever it is told of.

One that was imported has a name from where it came. One of our own is known by a UUID made of its first entry in
the history: when it was written down, to the microsecond, and under which number. Nobody can edit that, and no
other installation has the same. Where it is imported it keeps the UUID as the name from where it came.
"""

import uuid
from datetime import UTC

from django.db import connection

from incidents.models import Incident

OURS = "aftercare"  # the `source` of what came from another installation, or from a file after a loss
_SPACE = uuid.UUID("9c1d6c0e-7d0a-5b6e-9a55-6f0f4cf0a7d2")
MOST = 999_999  # a file must not move our numbers further than anybody can read


def uuids_of(incidents) -> dict[int, str]:
    """The UUID of each incident, by primary key."""
    own = [incident.pk for incident in incidents if not incident.external_id]
    born = births(own)
    return {incident.pk: _uuid_of(incident, born) for incident in incidents}


def _uuid_of(incident, born):
    if not incident.external_id:
        return _own(incident.pk, born.get(incident.pk, incident.declared_at))
    if incident.source == OURS:
        return incident.external_id
    return str(uuid.uuid5(_SPACE, f"{incident.source}\n{incident.external_id}"))


def _own(pk, at):
    return str(uuid.uuid5(_SPACE, f"{pk}\n{at.astimezone(UTC).isoformat()}"))


def everything_by_uuid() -> dict[str, int]:
    """The primary key of every incident here, by its UUID."""
    born = births()
    rows = Incident.objects.only("source", "external_id", "declared_at").iterator()
    return {_uuid_of(incident, born): incident.pk for incident in rows}


def births(pks=None) -> dict:
    """When each incident was first written down, by primary key; of all that are of our own without `pks`."""
    entries = Incident.history.filter(history_type="+")
    entries = entries.filter(external_id="") if pks is None else entries.filter(id__in=pks)
    # Backwards, so that the first entry of a row that was restored stands.
    return dict(entries.order_by("-history_id").values_list("id", "history_date"))


class Held:
    """Which incidents of these files are here, found for all files at once."""

    def __init__(self, wanted):
        names = {one["columns"]["external_id"] or one["uuid"] for one in wanted}
        rows = Incident.objects.filter(external_id__in=names).exclude(external_id="")
        self._named = {(row.source, row.external_id): row for row in rows}
        numbers = {one["number"] for one in wanted}
        near = list(Incident.objects.filter(pk__in=numbers, external_id=""))
        uuids = uuids_of(near)
        self._own = {uuids[row.pk]: row for row in near}
        self._is_whole = False

    def find(self, one) -> Incident | None:
        """The incident that a checked one of a file is."""
        columns = one["columns"]
        if columns["external_id"]:
            return self._named.get((columns["source"], columns["external_id"]))
        return self._named.get((OURS, one["uuid"])) or self._own_one(one["uuid"])

    def _own_one(self, uuid):
        if uuid not in self._own and not self._is_whole:
            # Of an installation where it has another number: it may be ours all the same.
            self._is_whole = True
            rows = Incident.objects.filter(external_id="").in_bulk()
            born = births()
            self._own = {_own(pk, born[pk]): row for pk, row in rows.items() if pk in born}
        return self._own.get(uuid)


def is_free(model, number) -> bool:
    """Whether nothing here has or had this number."""
    if not 0 < number <= MOST or model._base_manager.filter(pk=number).exists():
        return False
    return not model.history.filter(**{model._meta.pk.name: number}).exists()


def pass_over(model, number) -> None:
    """Have the next new row numbered beyond `number`. (SQLite sees to that itself.)"""
    if connection.vendor != "postgresql":
        return
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [connection.ops.quote_name(table), column])
        name = cursor.fetchone()[0]
        cursor.execute("SELECT pg_sequence_last_value(%s::regclass)", [name])
        # Never backwards: somebody may hold a number that no row has yet.
        if (cursor.fetchone()[0] or 0) < number:
            cursor.execute("SELECT setval(%s::regclass, %s)", [name, number])
