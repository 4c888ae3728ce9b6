"""Action items in the files of retros: what each says, and how it comes back."""

from functools import partial

from django.db.models import Prefetch

from actions.models import ActionItem, EffectivenessCheck
from incidents.imports.shape import Part, Refused
from incidents.models import Incident
from retros.exchange.additions import Addition, register
from retros.exchange.identity import is_free, pass_over
from retros.exchange.keeping import by, match
from retros.exchange.plain import refuse_unknown, typed
from retros.exchange.reading import is_place, number_of, parts_of, uuid_of
from retros.exchange.telling import places_of

COLUMNS = (
    *("title", "why", "kind", "priority", "status", "owner", "due_on", "external_url", "created_at"),
    *("ended_at", "ended_by", "evidence", "drop_reason", "success_measure", "check_on"),
    *("promised_on", "slips", "snoozed_until", "snoozes", "waits_for"),
    *("offered_to", "offered_at", "offered_by", "offer_note"),
)
CHECK = (
    *("done_at", "due_on", "status", "asked_of", "created_at"),
    *("answered_at", "answered_by", "note"),
)
AGAIN = "happened_again"  # the later incident that made us ask


def tell(retro, telling) -> list[dict]:
    """The items of a retro, as the reader may see them."""
    rows = telling.seen("actions", retro.told_items, ActionItem.objects)
    places, seen = (
        places_of(retro),
        {row.pk for row in telling.seen("incidents", later(retro), Incident.objects)},
    )
    return [_told(row, places, seen, telling) for row in rows]


def later(retro) -> list[Incident]:
    """The incidents after which somebody was asked whether an item of `retro` worked."""
    checks = (check for row in retro.told_items for check in row.told_checks)
    return list({check.incident_id: check.incident for check in checks if check.incident_id}.values())


def _told(row, places, seen, telling):
    told = {"reference": row.reference, **telling.plain(row, COLUMNS)}
    checks = [_check(one, telling) for one in row.told_checks if one.incident_id in {None, *seen}]
    told |= {"checks": checks} if checks else {}
    return told | ({"finding": places[row.finding_id]} if row.finding_id in places else {})


def _check(row, telling):
    told = telling.plain(row, CHECK)
    if row.incident:
        told[AGAIN] = {"reference": row.incident.reference, "uuid": telling.uuids[row.incident_id]}
    return told


def read(value, where) -> list[dict]:
    """The items of a document, checked."""
    return [_read(part) for part in parts_of(Part(where, {"actions": value}), "actions", "action")]


def _read(part):
    refuse_unknown(part, {"reference", "finding", "checks", *COLUMNS})
    finding = part.values.get("finding", "")
    if finding and not is_place(finding):
        part.refuse("finding", "is not a kind and a number, such as “detection 2”")
    about = {"number": number_of(part, "ACT"), "finding": finding, "where": part.where}
    checks = [_read_check(one) for one in parts_of(part, "checks", "check")]
    return {**about, "checks": checks, **typed(part, ActionItem, COLUMNS)}


def _read_check(part):
    refuse_unknown(part, {AGAIN, *CHECK})
    again = part.values.get(AGAIN)
    if again is not None:
        again = Part.of(again, f"{part.where}, {AGAIN}")
        refuse_unknown(again, {"reference", "uuid"})
        number_of(again, "INC")
    return {"again": again and uuid_of(again), "columns": typed(part, EffectivenessCheck, CHECK)}


def store(retro, items, keeping) -> None:
    """Set and add; an item of which the file knows nothing stays, as somebody has promised it."""
    findings = {place: pk for pk, place in places_of(retro).items()}
    wanted = [keeping.columns(ActionItem, _columns(item, findings)) for item in items]
    held = retro.action_items.order_by("created_at", "pk")
    found, others = match(held, wanted, by("created_at", "title"), by("created_at"))
    keeping.tally.kept += len(others)
    for item, row, values in zip(items, found, wanted, strict=True):
        new = row or _new(retro, item["number"])
        keeping.put(new, values)
        pass_over(ActionItem, new.pk)
        if item["checks"]:
            # What happened again may stand in another file that is not stored yet.
            keeping.afterwards(partial(_store_checks, new, item["checks"], keeping))


def _store_checks(row, checks, keeping):
    wanted = []
    for check in checks:
        pk = check["again"] and keeping.incidents.get(check["again"])
        if check["again"] and pk is None:
            keeping.tally.passed_over += 1
            continue
        wanted.append(keeping.columns(EffectivenessCheck, check["columns"]) | {"incident_id": pk})
    found, others = match(keeping.held(row.checks), wanted, by("done_at", "incident_id"), _incident)
    keeping.tally.kept += len(others)
    for held, values in zip(found, wanted, strict=True):
        keeping.put(held or EffectivenessCheck(item=row), values)


def _incident(values):
    return values["incident_id"] or object()  # one asked on its day is of one completion, and like no other


def _columns(item, findings):
    if item["finding"] and item["finding"] not in findings:
        raise Refused(f"{item['where']}: there is no finding {item['finding']!r}")
    values = {name: item[name] for name in COLUMNS}
    return values | {"finding_id": findings.get(item["finding"])}


def _new(retro, number):
    return ActionItem(retro=retro, pk=number if is_free(ActionItem, number) else None)


def sketch(items, document) -> list[str]:
    """The items as a list of boxes, ticked when done; below each, whether it worked."""
    people = document.get("names", {}).get("people", {})
    return [line for item in items or [] for line in (_line(item, people), *_checks(item, people))]


def _line(item, people):
    owner = item.get("owner", "")
    about = [people.get(owner) or owner or "nobody yet"]
    about += [f"due {item['due_on']}"] if "due_on" in item else []
    about += [item["status"].replace("_", " ")]
    box = "x" if item["status"] == "done" else " "
    return f"- [{box}] {item['reference']} {item['title']} ({', '.join(about)})"


def _checks(item, people):
    for check in item.get("checks", []):
        who = check.get("answered_by") or check.get("asked_of", "")
        about = [people.get(who) or who or "nobody in particular"]
        about += [f"because of {check[AGAIN]['reference']}"] if AGAIN in check else []
        day = check["answered_at"][:10] if "answered_at" in check else f"due {check['due_on']}"
        said = f": {' '.join(check['note'].split())}" if "note" in check else ""
        yield f"  - {_SAID[check['status']]} ({', '.join([*about, day])}){said}"


_SAID = dict(EffectivenessCheck.Status.choices)
_CHECKS = EffectivenessCheck.objects.select_related("asked_of", "answered_by", "incident")
_ITEMS = ActionItem.objects.select_related("owner", "ended_by", "offered_to", "offered_by").prefetch_related(
    Prefetch("checks", _CHECKS.order_by("created_at", "pk"), "told_checks")
)
register(
    Addition(
        "actions",
        tell=tell,
        read=read,
        store=store,
        heading="Action items",
        sketch=sketch,
        place=30,
        incidents=later,
        fetch=(Prefetch("action_items", _ITEMS.order_by("created_at", "pk"), "told_items"),),
    )
)
