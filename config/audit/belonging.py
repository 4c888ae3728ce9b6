"""What belongs to what across the apps, so that the story of an object can be told from the history.

What is deleted with an object belongs to it and is found by itself. The rest an app says in its belonging.py,
found by itself when Django starts, and nothing here names an app:

    leads(RetrospectiveIncident, start="incident", end="retro")   # an incident has its retro in its story
    carries(ActionItem, "retro")                                  # a retro has its action items
    keeps_back(Incident, visibility="restricted")                 # who may not see it may not read its past

All of it works on history rows: what was deleted since is part of the story, and so is what belonged to it once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.db.models import CASCADE

from config.audit.explorer import sql
from config.audit.explorer.moments import as_of
from config.audit.triggers import tracked_models


@dataclass(frozen=True)
class Step:
    """From rows of one model to those of another: `part` names the first by `start` and has or names the second."""

    whole: type
    part: type
    start: str
    end: str = ""  # a foreign key of `part`; empty when the part itself is meant

    @property
    def to(self) -> type:
        """The model the step ends at."""
        return self.part._meta.get_field(self.end).remote_field.model if self.end else self.part


_steps: list[Step] = []
_kept_back: dict[type, dict] = {}


def carries(part, start) -> None:
    """Rows of `part` belong to what their foreign key `start` names, though they are not deleted with it."""
    _steps.append(Step(part._meta.get_field(start).remote_field.model, part, start))
    _tracked_steps.cache_clear()


def leads(link, *, start, end) -> None:
    """What the foreign key `end` of a `link` names belongs to what `start` names."""
    _steps.append(Step(link._meta.get_field(start).remote_field.model, link, start, end))
    _tracked_steps.cache_clear()


def keeps_back(model, **state) -> None:
    """The past of rows that ever were in `state`, and of what belongs to them, is for who sees all of `model`."""
    _kept_back[model] = state


def kept_back() -> dict[type, dict]:
    """The models with something to keep back, and in which state."""
    return dict(_kept_back)


@cache
def _tracked_steps() -> tuple[Step, ...]:
    parts = [
        Step(field.remote_field.model, tracked.model, field.name)
        for tracked in tracked_models()
        for field in tracked.model._meta.fields
        if field.remote_field and field.remote_field.on_delete is CASCADE
    ]
    return (*parts, *_steps)


def steps_from(model) -> list[Step]:
    """The steps that lead on from rows of `model`."""
    return [step for step in _tracked_steps() if step.whole is model]


def walk(model) -> Iterator[Step]:
    """Every step of the story of a `model`, each after the one that leads to where it begins."""
    seen, waiting = {model}, [model]
    while waiting:
        for step in steps_from(waiting.pop(0)):
            yield step
            if step.to not in seen:
                seen.add(step.to)
                waiting.append(step.to)


def story_of(model, pk) -> list[tuple[type, set]]:
    """All that ever belonged to an object, by model: the object first, deleted rows included."""
    return stories_of(model, {pk})


def stories_of(model, pks) -> list[tuple[type, set]]:
    """The same for several objects of a model at once."""
    found: dict[type, set] = {model: set(pks)}
    for step in walk(model):
        ids = _follow(step, found.get(step.whole, set()))
        found.setdefault(step.to, set()).update(ids)
    return [(model, ids) for model, ids in found.items() if ids]


def _follow(step, ids) -> set:
    if not ids:
        return set()
    opts = step.part._meta
    start = opts.get_field(step.start).column
    end = opts.get_field(step.end).column if step.end else opts.pk.column
    condition, params = sql.one_of(f'h."{start}"', ids)
    table = sql.history_of(step.part)._meta.db_table
    rows = sql.run(f'SELECT DISTINCT h."{end}" FROM "{table}" h WHERE {condition}', params)
    return {value for (value,) in rows if value is not None}


def story_as_of(model, pk, at, tables=None) -> list[tuple[type, list]]:
    """What belonged to an object at a moment, by model: history rows as they stood, what was gone then left out.

    The object itself comes first; the list is empty if it did not exist at `at`. With `tables` (from
    `sight.tables_for`) only what that person may read, and what it leads to, is told.
    """
    seen = None if tables is None else {table.model: table.seen("h") for table in tables}
    then = {
        kind: {
            getattr(row, kind._meta.pk.attname): row
            for row in as_of(kind, at, ids, seen[kind] if seen else ("", ()))
        }
        for kind, ids in story_of(model, pk)
        if seen is None or kind in seen
    }
    kept: dict[type, dict] = {model: then.get(model, {})}
    for step in walk(model):
        belonging = kept.setdefault(step.to, {})
        for row in _linked(step, then, kept.get(step.whole, {})):
            key = getattr(
                row, step.part._meta.get_field(step.end).attname if step.end else step.part._meta.pk.attname
            )
            if key in then.get(step.to, {}):
                belonging[key] = then[step.to][key]
    return [(kind, list(rows.values())) for kind, rows in kept.items() if rows]


def _linked(step, then, wholes):
    attname = step.part._meta.get_field(step.start).attname
    return [row for row in then.get(step.part, {}).values() if getattr(row, attname) in wholes]
