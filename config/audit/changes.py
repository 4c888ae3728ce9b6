"""The history read as people read it: who did what when, and what was different from before."""

import difflib
import heapq
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import CASCADE, ForeignKey, OuterRef, QuerySet, Subquery
from django.utils import timezone

from config.audit.actor import COMMAND, IMPORT, MIGRATION, TASK
from config.audit.explorer.sql import history_of
from config.visibility import visible

PER_PAGE = 50
LONG = 60  # characters from which a text is shown as one text with marks instead of “old → new”
CONTEXT = 80  # characters of unchanged text shown on either side of a change
MOST_WORK = 1_000_000  # comparisons of words; beyond, a passage is shown as replaced whole
FEWEST = 6  # unchanged words, spaces and marks in a row that are worth showing as unchanged
KINDS = {"+": "created", "~": "changed", "-": "deleted"}


@dataclass(frozen=True)
class Difference:
    """One field before and after; for long text `pieces` of what stayed (=), went (-) and came (+)."""

    label: str
    old: str = ""
    new: str = ""
    pieces: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Change:
    """One history row, in words."""

    kind: str
    thing: str
    is_part: bool
    who: str
    how: str
    at: datetime
    reason: str
    request: str
    differences: list[Difference]
    label: str = ""  # of the model: incidents.incident
    pk: int | None = None
    number: int | None = None  # of the history row


@dataclass
class Source:
    """The history of one model that goes on a page: the rows shown, and all that may come before them."""

    model: type
    rows: QuerySet
    earlier: QuerySet
    parent: str = ""  # the foreign key to the object whose page it is
    anchor: str = "pk"  # the column that names the object
    found: list = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.model._meta.label_lower


def sources_of(model, pk) -> list[Source]:
    """The object's own history and that of everything that belongs to it, deleted parts included."""
    history = history_of(model)._default_manager.all()
    found = [Source(model, of_object(history, model._meta.pk.name, pk), history, anchor=model._meta.pk.name)]
    for relation in model._meta.get_fields(include_hidden=True):
        if not relation.one_to_many or relation.field.remote_field.on_delete is not CASCADE:
            continue
        part = relation.related_model
        if hasattr(part, "history"):
            history = history_of(part)._default_manager.all()
            rows = of_object(history, relation.field.attname, pk)
            parent, anchor = relation.field.name, relation.field.attname
            found.append(Source(part, rows, history, parent=parent, anchor=anchor))
    return found


def of_object(history, anchor, pk):
    """The history rows that name an object by their column `anchor`; order them by that, then by -history_id.

    As a range and not as an equality: so PostgreSQL takes the index (object, number). Knowing that an object has
    a share of all rows, it would walk the numbers instead, past everything that came since.
    """
    return history.filter(**{f"{anchor}__gte": pk, f"{anchor}__lte": pk})


def read(sources, user, before="", per_page=PER_PAGE) -> tuple[list[Change], str]:
    """A page of changes, newest first, and the cursor of the next page ("" on the last one).

    The cursor holds the last history number per table: numbers only grow, whatever the clock does, and no
    row is counted or skipped over. The number of queries depends on the tables, not on the rows.
    """
    cursor, sources = _parse(before), list(sources)
    for source in sources:
        source.found = _fetch(source, cursor.get(source.label), per_page + 1)
    merged = heapq.merge(
        *([(row, source) for row in source.found] for source in sources),
        key=lambda pair: pair[0].history_date,
        reverse=True,
    )
    taken = [pair for pair, _ in zip(merged, range(per_page + 1), strict=False)]
    more, taken = len(taken) > per_page, taken[:per_page]
    for row, source in taken:
        cursor[source.label] = row.history_id
    changes = _described(taken, user)
    return changes, ",".join(f"{label}:{last}" for label, last in cursor.items()) if more else ""


def read_oldest(sources, user, per_page=PER_PAGE) -> list[Change]:
    """The last page: the very first changes, newest of them first. As quick as the first page."""
    sources = list(sources)
    for source in sources:
        source.found = list(
            _with_previous(source, source.rows).order_by(f"-{source.anchor}", "history_id")[:per_page]
        )
    merged = heapq.merge(
        *([(row, source) for row in source.found] for source in sources),
        key=lambda pair: pair[0].history_date,
    )
    taken = [pair for pair, _ in zip(merged, range(per_page), strict=False)]
    return _described(taken[::-1], user)


def _parse(before) -> dict[str, int]:
    return {label: int(last) for label, last in re.findall(r"([a-z_.]+):(\d{1,18})(?:,|$)", before)}


def _fetch(source, last, count):
    rows = source.rows if last is None else source.rows.filter(history_id__lt=last)
    return list(_with_previous(source, rows).order_by(source.anchor, "-history_id")[:count])


def _with_previous(source, rows):
    pk = source.model._meta.pk.name
    before = source.earlier.filter(**{pk: OuterRef(pk)}, history_id__lt=OuterRef("history_id"))
    return rows.annotate(previous_id=Subquery(before.order_by("-history_id").values("history_id")[:1]))


def _described(taken, user) -> list[Change]:
    pairs = [(row, previous, source) for (row, source), previous in zip(taken, _previous(taken), strict=True)]
    names = _names(pairs, user)
    return [_change(row, previous, source, names) for row, previous, source in pairs]


def _previous(taken):
    """The row before each, from the page itself where it is there and else with one query per table."""
    known = {(source.label, row.history_id): row for row, source in taken}
    wanted = {}
    for row, source in taken:
        if row.previous_id and (source.label, row.previous_id) not in known:
            wanted.setdefault(source.label, (source, []))[1].append(row.previous_id)
    for label, (source, ids) in wanted.items():
        known |= {(label, row.history_id): row for row in source.earlier.filter(history_id__in=ids)}
    return [known.get((source.label, row.previous_id)) for row, source in taken]


# --- What changed ------------------------------------------------------------------------------------------


def changed_fields(row, previous, parent=""):
    """The fields that differ, before and after; of a new or deleted row those that say something."""
    if row.history_type == "~" and previous is not None:
        yield from differing_fields(row, previous)
        return
    for one in row.tracked_fields:
        value = getattr(row, one.attname)
        if one.primary_key or (one.name == parent and previous is None) or value in (None, "", False):
            continue
        yield (one, value, None) if row.history_type == "-" else (one, None, value)


def differing_fields(row, previous):
    """The fields in which two rows of one history differ, with the value of `previous` first."""
    for one in row.tracked_fields:
        old, new = getattr(previous, one.attname), getattr(row, one.attname)
        if new != old and not one.primary_key:
            yield one, old, new


def _names(pairs, user) -> dict[tuple[type, Any], str]:
    """What related rows are called now, with one query per model; what the person may not see has no name."""
    wanted: dict[type, set] = {}
    for row, previous, source in pairs:
        for one, old, new in changed_fields(row, previous, source.parent):
            if isinstance(one, ForeignKey):
                wanted.setdefault(one.remote_field.model, set()).update({old, new} - {None})
    names = {}
    for model, ids in wanted.items():
        rows = visible(model._default_manager.filter(pk__in=ids), user).select_related()
        names |= {(model, row.pk): str(row) for row in rows}
    return names


def _change(row, previous, source, names) -> Change:
    is_part = bool(source.parent)
    name = source.model._meta.verbose_name
    fields = changed_fields(row, previous, source.parent)
    return Change(
        kind=KINDS[row.history_type],
        thing=f"{name} #{getattr(row, source.model._meta.pk.attname)}" if is_part else str(name),
        is_part=is_part,
        who=who(row),
        how=row.get_history_actor_kind_display() or "by an unknown road",
        at=row.history_date,
        reason=row.history_change_reason or "",
        request=row.history_request_id[:8],
        differences=[difference(one, old, new, names) for one, old, new in fields],
        label=source.label,
        pk=getattr(row, source.model._meta.pk.attname),
        number=row.history_id,
    )


def who(row) -> str:
    """The name kept in the history; “System” for work nobody signed, “Unattributed” where nobody knows."""
    if row.history_user_name:
        return row.history_user_name
    return "System" if row.history_actor_kind in (TASK, COMMAND, MIGRATION, IMPORT) else "Unattributed"


def difference(one, old, new, names) -> Difference:
    """One field as pages show it; `names` says what related rows are called, by model and key."""
    label = str(one.verbose_name)
    label = label[:1].upper() + label[1:]
    if isinstance(one, ForeignKey):
        model = one.remote_field.model
        old, new = (pk if pk is None else names.get((model, pk), f"#{pk}") for pk in (old, new))
        return Difference(label, *(("–" if name is None else name) for name in (old, new)))
    if isinstance(old or new, str) and not one.choices and max(len(old or ""), len(new or "")) > LONG:
        return Difference(label, pieces=tuple(word_diff(old or "", new or "")))
    return Difference(label, in_words(one, old), in_words(one, new))


def in_words(one, value) -> str:
    """The value of the model field `one` as pages show it."""
    if value is None or value == "":
        return "–"
    if one.choices:
        return str(dict(one.flatchoices).get(value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        return f"{local:%-d %b %Y, %H:%M:%S} {local:%Z}"
    if isinstance(value, date):
        return f"{value:%-d %b %Y}"
    return str(value)


def word_diff(old, new):
    """Pieces of text: ("=", stayed), ("-", went), ("+", came); long unchanged passages are shortened."""
    a, b = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (old, new))
    start = _common(a, b)
    end = _common(a[start:][::-1], b[start:][::-1])
    head, tail = "".join(a[:start]), "".join(a[len(a) - end :])
    pieces = [("=", head), *_middle(a[start : len(a) - end], b[start : len(b) - end]), ("=", tail)]
    last = len(pieces) - 1
    for at, (sign, text) in enumerate(pieces):
        if text:
            yield sign, _shortened(text, at == 0, at == last) if sign == "=" else text


def _common(a, b) -> int:
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _middle(a, b):
    if len(a) * len(b) > MOST_WORK:
        return [("-", "".join(a)), ("+", "".join(b))]
    pieces, went, came = [], "", ""
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal" and a2 - a1 >= FEWEST:
            pieces += [("-", went), ("+", came), ("=", "".join(a[a1:a2]))]
            went = came = ""
        else:  # a word or two that stayed between two changes would only make both unreadable
            went, came = went + "".join(a[a1:a2]), came + "".join(b[b1:b2])
    return [*pieces, ("-", went), ("+", came)]


def _shortened(text, is_first, is_last) -> str:
    if is_first and len(text) > CONTEXT:
        return "… " + text[-CONTEXT:]
    if is_last and len(text) > CONTEXT:
        return text[:CONTEXT] + " …"
    return text if len(text) <= 2 * CONTEXT else f"{text[:CONTEXT]} … {text[-CONTEXT:]}"
