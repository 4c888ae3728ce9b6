"""Brings our customers in line with a file: all of it or nothing. Whoever is not in the file stays as they are."""

from dataclasses import dataclass

from django.db import transaction

from incidents.customers.reading import LARGEST, LINES, LISTS, Sheet, read
from incidents.imports.shape import Refused
from incidents.models import Customer, CustomerRegion, CustomerService, Region, Service

__all__ = ["LARGEST", "Plan", "plan", "store"]

AT_ONCE = 500
SHOWN = 200  # rows of each kind that are told
THROUGH = {"services": (CustomerService, "service_id"), "regions": (CustomerRegion, "region_id")}


@dataclass(frozen=True)
class Change:
    """What one line does: to a customer there is, or to one there will be."""

    number: int
    name: str
    row: Customer
    texts: dict[str, tuple[str, str]]  # column: before, after
    added: dict[str, frozenset[int]]
    removed: dict[str, frozenset[int]]

    @property
    def is_new(self) -> bool:
        return self.row.pk is None

    @property
    def is_empty(self) -> bool:
        """Whether it says what is known already."""
        return not self.is_new and not (self.texts or any(self.added.values()) or any(self.removed.values()))

    def in_words(self, names) -> list[str]:
        """What would change, a line each; `names` are of services and regions, by column and primary key."""
        said = [f"{what.replace('_', ' ')}: {a or '–'} → {b or '–'}" for what, (a, b) in self.texts.items()]
        for what in LISTS:
            said += [f"+ {names[what][pk]}" for pk in sorted(self.added.get(what, ()))]
            said += [f"− {names[what][pk]}" for pk in sorted(self.removed.get(what, ()))]
        return said


@dataclass(frozen=True)
class Plan:
    """What a file would do."""

    sheet: Sheet
    created: list[Change]
    changed: list[Change]
    unchanged: int

    @property
    def wrong(self) -> tuple[tuple[int, str], ...]:
        """The lines that are refused, and why."""
        return self.sheet.wrong

    def __str__(self):
        return f"{len(self.created)} created, {len(self.changed)} changed, {self.unchanged} unchanged"

    def refuse_wrong(self):
        """Raise Refused, naming the first lines, if any is wrong: half a list would be no answer."""
        if self.wrong:
            told = "; ".join(f"line {number}: {why}" for number, why in self.wrong[:5])
            more = f"; and {len(self.wrong) - 5} more" if len(self.wrong) > 5 else ""
            raise Refused(f"{told}{more}")


def plan(data: bytes) -> Plan:
    """What the file would do, without doing it."""
    sheet = read(data, list(Service.objects.all()), list(Region.objects.all()))
    there, held = _there(), {name: _held(name) for name in LISTS}
    changes, taken, wrong = [], {}, list(sheet.wrong)
    for line in sheet.lines:
        row = _known(line, there)
        if row is not None and row.pk in taken:
            wrong.append((line.number, f"it is the same customer as on line {taken[row.pk]}"))
            continue
        if row is not None:
            taken[row.pk] = line.number
        changes.append(_change(line, row or Customer(), held))
    sheet = Sheet(sheet.columns, sheet.ignored, sheet.lines, tuple(sorted(wrong)))
    return Plan(
        sheet,
        created=[one for one in changes if one.is_new],
        changed=[one for one in changes if not one.is_new and not one.is_empty],
        unchanged=sum(one.is_empty for one in changes),
    )


@transaction.atomic
def store(made: Plan) -> Plan:
    """Do it; Refused, with nothing done, if a line is wrong."""
    made.refuse_wrong()
    for change in made.created:
        _set(change)
    Customer.objects.bulk_create([change.row for change in made.created], AT_ONCE)
    for change in made.changed:
        if change.texts:
            _set(change)
            change.row.save()
    for name, (through, column) in THROUGH.items():
        new = [
            through(**{"customer": change.row, column: pk})
            for change in (*made.created, *made.changed)
            for pk in change.added.get(name, ())
        ]
        through.objects.bulk_create(new, AT_ONCE)
        for change in made.changed:
            if gone := change.removed.get(name):
                through.objects.filter(**{"customer": change.row, f"{column}__in": gone}).delete()
    return made


def names_of_places() -> dict[str, dict[int, str]]:
    """What services and regions are called, by column and primary key."""
    return {
        name: dict(model.objects.values_list("pk", "name"))
        for name, model in (("services", Service), ("regions", Region))
    }


def _there() -> dict:
    """The customers there are, by how a line knows them: by id, or by a name that is of one alone."""
    found, by_name = {}, {}
    for row in Customer.objects.order_by("pk"):
        if row.external_id:
            found["id", row.external_id.lower()] = row
        by_name.setdefault(row.name.casefold(), []).append(row)
    return found | {("name", name): rows[0] for name, rows in by_name.items() if len(rows) == 1}


def _known(line, there):
    row = there.get(line.key)
    if row is None and line.key[0] == "id":
        # Somebody we knew by name alone, whose id we now learn.
        named = there.get(("name", line.texts["name"].casefold()))
        return named if named and not named.external_id else None
    return row


def _held(name) -> dict[int, set[int]]:
    through, column = THROUGH[name]
    found: dict[int, set[int]] = {}
    for customer, pk in through.objects.order_by().values_list("customer", column):
        found.setdefault(customer, set()).add(pk)
    return found


def _change(line, row, held) -> Change:
    texts = {
        name: (getattr(row, name), line.texts[name])
        for name in LINES
        if name in line.texts and line.texts[name] != getattr(row, name)
    }
    # A list without ids says nothing of the id of a customer it knows by name.
    if row.pk and not line.texts.get("external_id"):
        texts.pop("external_id", None)
    added, removed = {}, {}
    for name, wanted in line.lists.items():
        has = held[name].get(row.pk, set()) if row.pk else set()
        added[name], removed[name] = frozenset(wanted - has), frozenset(has - wanted)
    return Change(line.number, line.texts["name"], row, texts, added, removed)


def _set(change):
    for name, (_, after) in change.texts.items():
        setattr(change.row, name, after)
