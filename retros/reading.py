"""What there is to read of a retrospective, what of it is new since somebody read it, and which text was approved.

The history says both, by the numbers of its rows: they only grow, whatever the clock does.
"""

import hashlib
import json
from dataclasses import dataclass

from django.core import signing
from django.db.models import Max

from config.audit import changes
from config.audit.changes import Difference
from config.audit.explorer.sql import history_of
from retros.models import Finding, ReadMark, RetroFactor, Retrospective, Section

# What reviewers read of each part; that a section was moved is no news.
READ = {
    Retrospective: ("title", "customer_impact", "no_actions_because"),
    Section: ("heading", "text"),
    RetroFactor: ("factor", "note"),
    Finding: ("kind", "text"),
}
PARTS = (Section, RetroFactor, Finding)
SALT = "retros.reading"


@dataclass(frozen=True)
class New:
    """One part that is not as it was when it was last read."""

    part: str  # section:12
    what: str
    how: str  # new, changed, taken out
    who: str
    at: object
    differences: list[Difference]


# --- Which text it is


def fingerprint(retro) -> str:
    """One short name for the whole text as it is stored now: two texts that read the same have the same."""
    itself = list(Retrospective.objects.filter(pk=retro.pk).values_list(*READ[Retrospective]))
    parts = [model.objects.filter(retro=retro.pk).values_list(*READ[model]) for model in PARTS]
    return _digest(itself, parts)


def fingerprint_of(retro, sections, factors, findings) -> str:
    """The same, of rows that somebody has read already."""

    def columns(model, row):
        fields = (model._meta.get_field(name) for name in READ[model])
        return tuple(getattr(row, field.attname) for field in fields)

    told = zip(PARTS, (sections, factors, findings), strict=True)
    parts = [[columns(model, row) for row in rows] for model, rows in told]
    return _digest([columns(Retrospective, retro)], parts)


def _digest(itself, parts) -> str:
    read = [itself, *map(sorted, parts)]
    return hashlib.sha256(json.dumps(read).encode("utf-8", "surrogatepass")).hexdigest()


# --- Up to where it was read


def stand(retro) -> dict[str, int]:
    """The number of the newest history row of each part that there is."""
    found = {_name(Retrospective, retro.pk): _newest(Retrospective, pk=retro.pk).get(retro.pk)}
    for model in PARTS:
        there = model.objects.filter(retro=retro.pk).values_list("pk", flat=True)
        newest = _newest(model, retro=retro.pk)
        found |= {_name(model, pk): newest[pk] for pk in there if pk in newest}
    return found


def _newest(model, **about):
    rows = history_of(model)._default_manager.filter(**_by_key(model, about)).order_by()
    return dict(rows.values_list(model._meta.pk.name).annotate(newest=Max("history_id")))


def _by_key(model, about):
    return {model._meta.pk.name if name == "pk" else name: value for name, value in about.items()}


def _name(model, pk) -> str:
    return f"{model._meta.model_name}:{pk}"


def seal(retro, user) -> str:
    """Up to where `user` sees it on this page; what is written while they read is not marked as read."""
    return signing.dumps({"retro": retro.pk, "user": user.pk, "seen": stand(retro)}, salt=SALT, compress=True)


def mark_read(retro, user, sealed, *, at) -> bool:
    """Remember that `user` has read what the page with this seal showed; False if it was another page."""
    try:
        told = signing.loads(sealed, salt=SALT)
    except signing.BadSignature:
        return False
    if (told["retro"], told["user"]) != (retro.pk, user.pk):
        return False
    seen = {"read_at": at, "seen": told["seen"]}
    ReadMark.objects.update_or_create(retro=retro, user=user, defaults=seen)
    return True


# --- What is new


def news(retro, seen) -> list[New]:
    """What is not as it was when it was read up to `seen`, part by part, in the order of the page."""
    now = stand(retro)
    found = []
    for model in READ:
        touched = _touched(model, seen, now)
        rows = _history(model, touched)
        names = _factors(rows) if model is RetroFactor else {}
        new = (
            _new(model, name, rows.get(old), rows.get(last), names) for name, (old, last) in touched.items()
        )
        found += [one for one in new if one is not None]
    return found


def _touched(model, seen, now):
    """The parts of one kind that moved on: the numbers of the row that was read and of the newest."""
    begins = f"{model._meta.model_name}:"
    names = [name for name in {**now, **seen} if name.startswith(begins)]
    return {name: (seen.get(name), now.get(name)) for name in names if seen.get(name) != now.get(name)}


def _history(model, touched):
    numbers = {number for pair in touched.values() for number in pair if number}
    rows = history_of(model)._default_manager.filter(history_id__in=numbers) if numbers else []
    return {row.history_id: row for row in rows}


def _factors(rows):
    model = RetroFactor._meta.get_field("factor").remote_field.model
    found = model.objects.in_bulk({row.factor_id for row in rows.values()})
    return {(model, pk): str(row) for pk, row in found.items()}


def _new(model, name, old, last, names):
    if old is None and last is None:
        return None
    differences = []
    for field in READ[model]:
        one = model._meta.get_field(field)
        before, after = (row and getattr(row, one.attname) for row in (old, last))
        if (before or "") != (after or ""):
            differences.append(changes.difference(one, before, after, names))
    if not differences:
        return None
    row = last or old
    how = "taken out" if last is None else "new" if old is None else "changed"
    who = "" if last is None else changes.who(last)
    return New(name, _title(model, row, names), how, who, last and last.history_date, differences)


def _title(model, row, names) -> str:
    if model is Retrospective:
        return "The retrospective itself"
    if model is Section:
        return row.heading
    if model is RetroFactor:
        return f"Contributing factor: {names.get((RetroFactor.factor.field.remote_field.model, row.factor_id), '?')}"
    return f"Finding: {Finding.Kind(row.kind).label}"
