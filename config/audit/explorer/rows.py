"""History rows of any tables by their numbers, each with the one before it; and what related rows are called."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404

from config.audit.explorer import sql
from config.audit.explorer.sight import table_of
from config.audit.explorer.stream import Place

LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Entry:
    """One history row with the one before it that the reader may read."""

    table: object
    row: object
    previous: object = None

    @property
    def key(self):
        """The key of the object it is about."""
        return getattr(self.row, self.table.model._meta.pk.attname)


def entries(tables, places) -> list[Entry]:
    """The rows at `places`, in that order, each with its predecessor: one statement."""
    numbers = {}
    for place in places:
        numbers.setdefault(place.label, []).append(place.number)
    known = {table.label: table for table in tables}
    parts = [_rows_of(known[label], numbers[label]) for label in sorted(numbers)]
    found = {}
    for label, text, before in _run_union(parts):
        table = known[label]
        row = sql.from_json(table.history, text)
        found[label, row.history_id] = Entry(table, row, sql.from_json(table.history, before))
    return [found[place.label, place.number] for place in places if (place.label, place.number) in found]


def entry_at(tables, label, pk, number) -> Entry:
    """One version of one object; 404 if the reader has no such version."""
    table = table_of(tables, label)
    found = [] if max(pk, number) > LARGEST else entries([table], [Place(datetime.now(UTC), label, number)])
    if not found or found[0].key != pk:
        raise Http404("There is no such version.")
    return found[0]


def _run_union(parts) -> list[tuple]:
    if not parts:
        return []
    return sql.run(
        " UNION ALL ".join(text for text, _ in parts), [one for _, params in parts for one in params]
    )


def _rows_of(table, numbers):
    seen, params = table.seen("p")
    before = (
        f'SELECT {sql.as_json(table.history, "p")} FROM "{table.name}" p'
        f' WHERE p."{table.pk}" = h."{table.pk}" AND p.history_id < h.history_id'
        f"{' AND ' + seen if seen else ''} ORDER BY p.history_id DESC LIMIT 1"
    )
    where, given = sql.both(sql.one_of("h.history_id", numbers), table.seen("h"))
    return (
        f"SELECT '{table.label}', {sql.as_json(table.history, 'h')}, ({before})"
        f' FROM "{table.name}" h WHERE {where}',
        [*params, *given],
    )


# --- Names -------------------------------------------------------------------------------------------------


class Unknown:
    """Stands for a related row that is not to be had: it is called by its number."""

    def __init__(self, pk):
        self.pk = pk

    def __str__(self):
        return f"#{self.pk}"


class Names:
    """What objects are called, as their newest history tells: also what is gone, never what the reader may not see.

    Two statements, whatever is asked for: the objects named, and those that their own names need.
    """

    def __init__(self, tables):
        self.tables = {table.model: table for table in tables}
        self.found = {}

    def learn(self, wanted) -> "Names":
        """Find out about `wanted`: the keys of objects by model."""
        first = self._read(wanted)
        for instance in first:
            for field in relations(type(instance)):
                key = getattr(instance, field.attname)
                if key is not None and not field.null:
                    wanted = _with(wanted, field.remote_field.model, key)
        self._read(wanted)
        for (model, key), instance in list(self.found.items()):
            self.found[model, key] = self.complete(instance)
        return self

    def _read(self, wanted):
        asked = {}
        for model, keys in wanted.items():
            missing = {key for key in keys if (model, key) not in self.found}
            if missing and (model in self.tables or not hasattr(model, "history")):
                asked[model._meta.label_lower] = (model, missing)
        parts = [self._newest(*wanted) for wanted in asked.values()]
        instances = [self._instance(asked[label][0], text) for label, text in _run_union(parts)]
        self.found |= {(type(one), one.pk): one for one in instances}
        return instances

    def _newest(self, model, keys):
        table = self.tables.get(model)
        source = model if table is None else table.history
        start = f"SELECT '{model._meta.label_lower}', {sql.as_json(source, 'h')} FROM \"{source._meta.db_table}\" h"
        listed, given = sql.one_of(f'h."{model._meta.pk.column}"', keys)
        if table is None:  # not tracked, and so nothing that anybody may not see
            return f"{start} WHERE {listed}", given
        seen, params = table.seen("h")
        later = f'SELECT max(n.history_id) FROM "{table.name}" n WHERE n."{table.pk}" = h."{table.pk}"'
        where = f"{listed} AND h.history_id = ({later}){' AND ' + seen if seen else ''}"
        return f"{start} WHERE {where}", [*given, *params]

    def _instance(self, model, text):
        if model in self.tables:
            return instance_of(sql.from_json(self.tables[model].history, text))
        return sql.from_json(model, text)

    def complete(self, instance):
        """Give an instance its related rows, so that naming it asks the database for nothing."""
        for field in relations(type(instance)):
            key = getattr(instance, field.attname)
            if key is not None:
                other = self.found.get((field.remote_field.model, key), Unknown(key))
                field.set_cached_value(instance, other)
        return instance

    def get(self, key, default=None):
        """What (model, key) is called; `default` if that is not known."""
        instance = self.found.get(key)
        return default if instance is None else name_of(instance)

    def of(self, row) -> str:
        """What the object of a history row was called then."""
        return name_of(self.complete(instance_of(row)))


def _with(wanted, model, key):
    return {**wanted, model: {*wanted.get(model, ()), key}}


def relations(model):
    """The foreign keys of a model."""
    return [field for field in model._meta.concrete_fields if field.many_to_one]


def instance_of(row):
    """The object as a history row tells it; what is not tracked has its default, and nothing is asked for."""
    model = row.instance_type
    values = {field.attname: getattr(row, field.attname) for field in row.tracked_fields}
    return model(**values)


def name_of(instance) -> str:
    """What an object is called; one that only links two others is called after the second."""
    if type(instance)._meta.auto_created:
        others = relations(type(instance))[1:]
        return ", ".join(str(getattr(instance, field.name)) for field in others)
    try:
        return str(instance)
    except (ObjectDoesNotExist, AttributeError, TypeError):  # an old state may lack what a name is made of
        return f"#{instance.pk}"
