"""Brings our rows in line with what a source says, without undoing what people did here."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import models
from tqdm import tqdm

from config.audit.actor import IMPORT, acting, current

BATCH = 500


@dataclass(frozen=True)
class Wanted:
    """A row as the source has it: what it keeps saying, and what we only start with."""

    owned: dict
    first: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Together:
    """Fields that only make sense together.

    Ours stay if people here have changed the `lead`, or if a mixture of ours and theirs does not fit.
    """

    lead: str
    names: frozenset
    fits: Callable[[models.Model], bool]


@dataclass
class Followed:
    """The rows we hold now, by key, and which of them are new or changed."""

    rows: dict
    created: set = field(default_factory=set)
    changed: set = field(default_factory=set)


def importing(source):
    """Sign what is written inside as an import from `source`, by whoever runs it."""
    actor = current()
    return acting(
        actor.user,
        name=actor.name,
        kind=IMPORT,
        request_id=actor.request_id,
        reason=f"Imported from {source}.",
    )


def follow(model, key, wanted, *, together=None, stays_deleted=True, **scope) -> Followed:
    """Create what is missing, update what differs; `key` names the fields that tell rows apart.

    A field follows the source until somebody here changes it; from then on it stays as they left it.
    What somebody here has deleted stays deleted, unless `stays_deleted` is False. What the source no
    longer has stays too: it was said. The history knows which changes were an import's and which not.
    """
    held = {_key(row, key): row for row in model._base_manager.filter(**scope)}
    followed = Followed(held)
    followed.changed.update(_update(held, {k: w for k, w in wanted.items() if k in held}, together))
    missing = [name for name in wanted if name not in held]
    if missing and stays_deleted:
        gone = _deleted_by_people(model, key)
        missing = [name for name in missing if name not in gone]
    for row in _create(model, key, {name: wanted[name] for name in missing}):
        followed.rows[_key(row, key)] = row
    followed.created.update(missing)
    return followed


def _key(row, names):
    return tuple(getattr(row, name) for name in names)


def _create(model, key, wanted):
    rows = [
        model(**dict(zip(key, name, strict=True)), **row.owned, **row.first) for name, row in wanted.items()
    ]
    for batch in _batches(rows, f"Writing {model._meta.verbose_name_plural}"):
        model._base_manager.bulk_create(batch)
    return rows


def _update(held, wanted, together):
    different = {
        name: news
        for name, row in wanted.items()
        if (news := {n: value for n, value in row.owned.items() if getattr(held[name], n) != value})
    }
    if not different:
        return
    names = {name for news in different.values() for name in news}
    names = sorted(names | {together.lead} if together else names)
    ours = changed_by_people([held[name] for name in different], names)
    for name, news in tqdm(different.items(), desc="Updating", disable=None, leave=False):
        row = held[name]
        news = {n: value for n, value in news.items() if n not in ours[row.pk]}
        if together and not _is_fitting(row, news, together, ours[row.pk]):
            news = {n: value for n, value in news.items() if n not in together.names}
        if news:
            _save(row, news)
            yield name


def _is_fitting(row, news, together, ours):
    if together.lead in ours:
        return False
    merged = copy.copy(row)
    _set(merged, news)
    return together.fits(merged)


def _save(row, news):
    # One by one, not in bulk: a form that somebody has open must notice that the version has moved.
    _set(row, news)
    row.save(update_fields=list(news))


def _set(row, values):
    for name, value in values.items():
        setattr(row, name, value)


def changed_by_people(rows, names) -> dict[int, set]:
    """Per primary key, which of `names` anything but an import has set, as the history has it."""
    ours = {row.pk: set() for row in rows}
    for batch in _batches(rows):
        history = batch[0].history.model.objects.filter(id__in=[row.pk for row in batch])
        before = {}
        columns = ("id", "history_actor_kind", *names)
        for pk, kind, *values in history.order_by("history_id").values_list(*columns):
            if kind != IMPORT:
                was = before.get(pk) or [object()] * len(values)
                ours[pk].update(n for n, old, new in zip(names, was, values, strict=True) if old != new)
            before[pk] = values
    return ours


def _deleted_by_people(model, key):
    deleted = model.history.filter(history_type="-").exclude(history_actor_kind=IMPORT)
    return set(deleted.values_list(*key))


def _batches(rows, label=""):
    starts = range(0, len(rows), BATCH)
    for start in tqdm(starts, desc=label, disable=None if label else True, leave=False):
        yield rows[start : start + BATCH]
