"""History rows in words: what happened to which thing, and which of it one click did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.contrib import admin
from django.db.models import CASCADE
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from config.audit import changes
from config.audit.explorer.rows import Names, instance_of, relations

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Told:
    """One history row as the explorer shows it. `joined` is the whole it was added to or removed from."""

    kind: str
    what: str
    name: str
    url: str
    history_url: str
    who: str
    who_id: int | None
    how: str
    at: datetime
    reason: str
    request: str
    differences: list
    joined: str = ""
    joined_url: str = ""
    label: str = ""
    pk: int = 0
    number: int = 0

    @property
    def verb(self) -> str:
        """The word for the kind of change; parts are added to their whole and removed from it."""
        if self.joined:
            return {"created": "added", "deleted": "removed"}.get(self.kind, self.kind)
        return self.kind

    @property
    def sign(self) -> str:
        """The kind of change as one character, for whoever does not see colours."""
        return {"created": "+", "deleted": "−"}.get(self.kind, "~")


@dataclass(frozen=True)
class Click:
    """What one request did, as far as the page shows it."""

    changes: list[Told]
    is_whole: bool

    @property
    def first(self) -> Told:
        """The newest of its changes, which stands for all."""
        return self.changes[0]

    @property
    def query(self) -> str:
        """The search for everything the request did; a day around it, so that it is found at any age."""
        day = timezone.localtime(self.first.at).date()
        period = {"from": day - A_DAY, "to": day + A_DAY}
        return urlencode({"request": self.first.request, **period})


def told(entries, tables) -> list[Told]:
    """Entries in words, with the names of what they name."""
    names = names_for(entries, tables)
    return [tell(entry, names) for entry in entries]


def names_for(entries, tables, *, then=False) -> Names:
    """The names of everything the entries point at, now and before; with `then`, each other's as they were then."""
    wanted: dict[type, set] = {}
    for entry in entries:
        for field in relations(entry.table.model):
            for row in (entry.row, entry.previous):
                key = getattr(row, field.attname, None)
                if key is not None:
                    wanted.setdefault(field.remote_field.model, set()).add(key)
    names = Names(tables)
    if then:
        names.found = {(entry.table.model, entry.key): instance_of(entry.row) for entry in entries}
    return names.learn(wanted)


def tell(entry, names) -> Told:
    """One entry in words."""
    row, model = entry.row, entry.table.model
    whole = whole_of(model)
    joined = (whole.remote_field.model, getattr(row, whole.attname)) if whole else None
    return Told(
        kind=changes.KINDS[row.history_type],
        what=str(model._meta.verbose_name),
        name=_name(entry, names, whole),
        url=version_url(entry.table.label, entry.key, row.history_id),
        history_url=history_url(model, entry.key),
        who=changes.who(row),
        who_id=row.history_user_id,
        how=row.get_history_actor_kind_display() or "by an unknown road",
        at=row.history_date,
        reason=row.history_change_reason or "",
        request=row.history_request_id,
        differences=_differences(entry, names, whole),
        joined=names.get(joined, f"#{joined[1]}") if joined and joined[1] is not None else "",
        joined_url=history_url(*joined) if joined and joined[1] is not None else "",
        label=entry.table.label,
        pk=entry.key,
        number=row.history_id,
    )


def whole_of(model):
    """The foreign key to what a row of this model is deleted with, or None."""
    return next((field for field in relations(model) if field.remote_field.on_delete is CASCADE), None)


def _is_link(model) -> bool:
    """Whether rows of the model do nothing but join others."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    return len(fields) > 1 and all(field.many_to_one for field in fields)


def _name(entry, names, whole) -> str:
    if not _is_link(entry.table.model):
        return names.of(entry.row)
    others = [field for field in relations(entry.table.model) if field is not whole]
    keys = [(field.remote_field.model, getattr(entry.row, field.attname)) for field in others]
    return ", ".join(names.get(key, f"#{key[1]}") for key in keys)


def _differences(entry, names, whole):
    if _is_link(entry.table.model) and entry.row.history_type != "~":
        return []  # “added Ana to …” has said it
    parent = whole.name if whole else ""
    fields = changes.changed_fields(entry.row, entry.previous, parent)
    return [changes.difference(one, old, new, names) for one, old, new in fields]


def clicks(told_rows, *, is_cut_above, is_cut_below) -> list[Click]:
    """Rows that follow each other and were made by one request, put together."""
    runs = [list(run) for _, run in groupby(told_rows, key=lambda one: one.request or id(one))]
    last = len(runs) - 1
    return [
        Click(run, not ((at == 0 and is_cut_above) or (at == last and is_cut_below)))
        for at, run in enumerate(runs)
    ]


# --- Addresses ---------------------------------------------------------------------------------------------


def version_url(label, pk, number) -> str:
    """The page of one version of an object."""
    return reverse("audit:version", args=[label, pk, number])


def object_url(label, pk) -> str:
    """The explorer, showing only one object."""
    return f"{reverse('audit:explorer')}?{urlencode({'object': f'{label}:{pk}'})}"


def history_url(model, pk) -> str:
    """The History page of an object; the explorer where its model has no pages of its own."""
    opts = model._meta
    if admin.site.is_registered(model) and hasattr(model, "history"):
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_history", args=[pk])
    return object_url(opts.label_lower, pk) if hasattr(model, "history") else ""
