"""Asks whether a done item worked once something like it has happened again.

Runs every minute; running twice, at once or late changes nothing: an item is asked about once for each incident.
What may be alike is found from what has changed, so that a minute costs the same however much there is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import connection, transaction
from django.db.models import Case, When
from django.utils import timezone

from actions.checks import day_of, whom_to_ask
from actions.models import ActionItem, EffectivenessCheck
from config.outbox.sweeps import sweep
from config.reminding.models import Watermark
from incidents.models import Incident, IncidentService
from retros.models import RetroFactor, RetrospectiveIncident

LOOK_BACK = timedelta(days=365)  # an incident imported from longer ago asks nothing
# A transaction may take that long from its first write to its commit, and is still seen.
OVERLAP = timedelta(minutes=10)
CHANGES_AT_ONCE = 500
QUESTIONS_AT_ONCE = 500

# Whose changes can make two retros alike, and the column that leads to the retro or to its incident.
# Of items, only what is done can be asked about: the edits of a working day cost nothing.
DONE = Case(When(status=ActionItem.Status.DONE, then="retro_id"))
OF_RETROS = {RetroFactor: "retro_id", RetrospectiveIncident: "retro_id", ActionItem: DONE}
OF_INCIDENTS = {IncidentService: "incident_id", Incident: "id"}


@sweep
def ask_about_recurrences(at=None) -> int:
    """Ask about every done item that a later incident calls into question; returns how many questions are new."""
    at = at or timezone.now()
    heads, marks = _heads(), _marks()
    asked = 0
    for source in (*OF_RETROS, *OF_INCIDENTS):
        table = _table(source)
        mark = marks.get(_name(table), 0)
        if heads[table] > mark:
            asked += _follow(source, mark, at)
    return asked


def recurrences(retros, at) -> list[tuple[int, int]]:
    """Pairs of item and later incident not asked about yet, as far as one of these retros is behind either."""
    if not retros:
        return []
    with connection.cursor() as cursor:
        changed = ", ".join(["(%s)"] * len(retros))
        since = connection.ops.adapt_datetimefield_value(at - LOOK_BACK)
        cursor.execute(RECURRENCES.format(changed=changed), [*retros, since, QUESTIONS_AT_ONCE])
        return cursor.fetchall()


# The later incident did not begin before the item was done: what was under way cannot tell whether it worked.
RECURRENCES = """
WITH changed (id) AS (VALUES {changed}),
pair AS (
    SELECT before.retro_id AS before_id, later.retro_id AS later_id
    FROM changed
    JOIN retros_retrofactor later ON later.retro_id = changed.id
    JOIN retros_retrofactor before ON before.factor_id = later.factor_id AND before.retro_id <> later.retro_id
    UNION
    SELECT before.retro_id, later.retro_id
    FROM changed
    JOIN retros_retrofactor before ON before.retro_id = changed.id
    JOIN retros_retrofactor later ON later.factor_id = before.factor_id AND before.retro_id <> later.retro_id
)
SELECT item.id, incident.id
FROM pair
JOIN retros_retrospectiveincident later_link ON later_link.retro_id = pair.later_id
JOIN incidents_incident incident ON incident.id = later_link.incident_id
JOIN actions_actionitem item ON item.retro_id = pair.before_id
WHERE item.status = 'done'
  AND NOT incident.is_drill
  AND incident.declared_at > %s
  AND COALESCE(incident.started_at, incident.declared_at) > item.ended_at
  AND EXISTS (
      SELECT 1
      FROM retros_retrospectiveincident before_link
      JOIN incidents_incidentservice was ON was.incident_id = before_link.incident_id
      JOIN incidents_incidentservice now ON now.service_id = was.service_id
      WHERE before_link.retro_id = pair.before_id AND now.incident_id = incident.id
  )
  AND NOT EXISTS (
      SELECT 1 FROM actions_effectivenesscheck asked
      WHERE asked.item_id = item.id AND asked.incident_id = incident.id
  )
ORDER BY item.id, incident.id
LIMIT %s
"""


# --- What has changed


def _follow(source, mark, at) -> int:
    asked = 0
    for retros, settled in _changes(source, mark, at):
        asked += _ask_about(retros, at)
        # Only now: whoever is stopped before looks at the same changes again.
        if settled:
            _settle(source, settled)
    return asked


def _changes(source, mark, at) -> Iterator[tuple[list[int], int]]:
    """The retros that changes after `mark` concern, a batch at a time, and up to where no more can come."""
    column = OF_RETROS.get(source) or OF_INCIDENTS[source]
    while True:
        new = source.history.filter(history_id__gt=mark).order_by("history_id")
        rows = list(new.values_list("history_id", "history_date", column)[:CHANGES_AT_ONCE])
        if not rows:
            return
        ids = {row[2] for row in rows if row[2]}
        if source in OF_INCIDENTS:
            ids = RetrospectiveIncident.objects.filter(incident__in=ids).values_list("retro", flat=True)
        settled = [pk for pk, _, _ in takewhile(lambda row: row[1] < at - OVERLAP, rows)]
        yield sorted(set(ids)), settled[-1] if settled else 0
        mark = rows[-1][0]
        if len(rows) < CHANGES_AT_ONCE:
            return


def _table(source) -> str:
    return source.history.model._meta.db_table


def _name(table) -> str:
    """Reminders follow some of the same histories, with marks of their own."""
    return f"recurrences: {table}"


def _heads() -> dict[str, int]:
    tables = [_table(source) for source in (*OF_RETROS, *OF_INCIDENTS)]
    heads = " UNION ALL ".join(f"SELECT '{t}', COALESCE(MAX(history_id), 0) FROM {t}" for t in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(heads)
        return dict(cursor.fetchall())


def _marks() -> dict[str, int]:
    return dict(Watermark.objects.filter(table__startswith=_name("")).values_list("table", "history_id"))


def _settle(source, history_id):
    name = _name(_table(source))
    with transaction.atomic():
        # Two sweeps at once: the mark never goes back.
        if not Watermark.objects.filter(table=name, history_id__lt=history_id).update(history_id=history_id):
            Watermark.objects.get_or_create(table=name, defaults={"history_id": history_id})


# --- What is asked


def _ask_about(retros, at) -> int:
    asked = 0
    while pairs := recurrences(retros, at):
        asked += ask(pairs, at)
        if len(pairs) < QUESTIONS_AT_ONCE:
            break
    return asked


def ask(pairs: list[tuple[int, int]], at: datetime) -> int:
    """Ask whether each item that is still done worked, because of the incident; returns how many are new."""
    with transaction.atomic():
        items = (
            ActionItem.objects.filter(pk__in={item for item, _ in pairs}, status=ActionItem.Status.DONE)
            .select_related("owner__manager", "retro__facilitator", "retro__sponsor")
            # Whoever reopens one meanwhile waits, and then finds the question to withdraw.
            .select_for_update(of=("self",))
            .order_by("pk")
            .in_bulk()
        )
        before = EffectivenessCheck.objects.filter(item__in=items).count()
        EffectivenessCheck.objects.bulk_create(
            [_check(items[item], incident, at) for item, incident in pairs if item in items],
            ignore_conflicts=True,  # another sweep was quicker
        )
        return EffectivenessCheck.objects.filter(item__in=items).count() - before


def _check(item, incident, at) -> EffectivenessCheck:
    person = whom_to_ask(item)
    return EffectivenessCheck(
        item=item,
        done_at=item.ended_at,
        incident_id=incident,
        asked_of=person,
        due_on=day_of(person, at),
        created_at=at,
        next_reminder_at=at,
    )
