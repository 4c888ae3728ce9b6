"""Takes a text out of the history by authority, and leaves a signed record that it was done.

The rows themselves are changed first, as any change is: with history. Then the older history is, with the
triggers off for as long as the one transaction lasts; each row changed gets a record with its digest before
and after, signed with the ledger's key, so that nobody can declare an edit of their own authorised.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import connection, models, transaction

from config.audit import canonical, keys, sealing, triggers
from config.audit.actor import because
from config.audit.ledger import Redaction

REDACTED = "[redacted]"
_TEXTS = (models.CharField, models.TextField, models.JSONField)


class _Undone(Exception):
    """Ends the transaction of a dry run."""


@dataclass(frozen=True)
class Cut:
    """One text to be replaced: everywhere, or only in the names of those who acted as one person."""

    text: str
    replacement: str
    actor: int | None = None

    def columns(self, model) -> list[models.Field]:
        """The columns of the model in which the text is looked for."""
        if self.actor is None:
            return [field for field in model._meta.concrete_fields if isinstance(field, _TEXTS)]
        return [field for field in model._meta.concrete_fields if field.name == "history_user_name"]


def cuts_for(person) -> list[Cut]:
    """What takes a person out: their address everywhere, their name on their account and wherever they acted."""
    name = f"Former colleague {person.pk}"
    return [
        Cut(person.email, f"redacted-{person.pk}@invalid"),
        Cut(person.name, name, actor=person.pk),
    ]


def redact(cuts, *, by: str, reason: str, dry_run: bool = False) -> Counter:
    """Make the cuts in all rows and all history; returns how many rows of each table were changed."""
    sealing.seal()
    changed: Counter = Counter()
    try:
        with transaction.atomic(), because(reason):
            for tracked in triggers.tracked_models():
                changed[tracked.table] += _in_rows(tracked.model, tracked.table, cuts)
            changed += _in_history(cuts, by, reason)
            if dry_run:
                raise _Undone
    except _Undone:
        pass
    return +changed


def redact_person(person, *, by: str, reason: str, dry_run: bool = False) -> Counter:
    """Make a person a former colleague without a name, in all rows and all history."""
    name, cuts = f"Former colleague {person.pk}", cuts_for(person)
    own = get_user_model()._meta.db_table
    try:
        with transaction.atomic():
            with because(reason), connection.cursor() as cursor:
                cursor.execute(f'UPDATE "{own}" SET name = %s WHERE id = %s', [name, person.pk])
            changed = redact([*cuts, _NameOnAccount(person.name, name, person.pk)], by=by, reason=reason)
            if dry_run:
                raise _Undone
    except _Undone:
        pass
    return changed


class _NameOnAccount(Cut):
    """The name in the history of the person's own account."""

    def columns(self, model):
        if getattr(getattr(get_user_model(), "history", None), "model", None) is not model:
            return []
        return [model._meta.get_field("name")]


def _in_rows(model, table, cuts) -> int:
    changed = 0
    for cut in cuts:
        if cut.actor is not None:
            continue
        for field in cut.columns(model):
            sets = f'"{field.column}" = {_replaced(field)}'
            if any(one.column == "version" for one in model._meta.concrete_fields):
                sets += ', "version" = "version" + 1'  # a form opened before must not write the text back
            with connection.cursor() as cursor:
                cursor.execute(
                    f'UPDATE "{table}" SET {sets} WHERE {_holds(field)}',
                    [*_texts(field, cut), _texts(field, cut)[0]],
                )
                changed += cursor.rowcount
    return changed


def _in_history(cuts, by, reason) -> Counter:
    changed: Counter = Counter()
    found = {sealable: rows for sealable in canonical.sealables() if (rows := _affected(sealable, cuts))}
    if not found:
        return changed
    before = {sealable: _digests(sealable, rows) for sealable, rows in found.items()}
    triggers.drop()
    for sealable in found:
        _cut(sealable, cuts)
    triggers.install()
    for sealable, rows in found.items():
        after = _digests(sealable, rows)
        columns = sorted({field.column for cut in cuts for field in cut.columns(sealable.model)})
        for row, digest in before[sealable].items():
            _record(sealable.table, row, columns, digest, after[row], by, reason)
        changed[sealable.table] = len(rows)
    return changed


def _affected(sealable, cuts) -> list[int]:
    rows: set[int] = set()
    for cut, field in _places(sealable, cuts):
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT "{sealable.key}" FROM "{sealable.table}" WHERE {_holds(field)}{_of(cut)}',
                [_texts(field, cut)[0]],
            )
            rows.update(row for (row,) in cursor.fetchall())
    return sorted(rows)


def _cut(sealable, cuts) -> None:
    for cut, field in _places(sealable, cuts):
        with connection.cursor() as cursor:
            cursor.execute(
                f'UPDATE "{sealable.table}" SET "{field.column}" = {_replaced(field)}'
                f" WHERE {_holds(field)}{_of(cut)}",
                [*_texts(field, cut), _texts(field, cut)[0]],
            )


def _places(sealable, cuts) -> Iterator[tuple[Cut, models.Field]]:
    if hasattr(sealable.model, "tracked_fields"):
        yield from ((cut, field) for cut in cuts for field in cut.columns(sealable.model))


def _of(cut) -> str:
    if cut.actor is None:
        return ""
    return f' AND "{"id" if isinstance(cut, _NameOnAccount) else "history_user_id"}" = {int(cut.actor)}'


def _digests(sealable, rows) -> dict[int, bytes]:
    """The digest of each sealed row as it is now, in the shape it was sealed in."""
    found = {}
    for shape in sealing.readable_shapes(canonical.columns_now()).get(sealable.table, ()):
        for at in range(0, len(rows), 500):
            some = ", ".join(str(int(row)) for row in rows[at : at + 500])
            with connection.cursor() as cursor:
                cursor.execute(
                    f'SELECT h."{sealable.key}", {canonical.expression(shape.columns)} FROM "{sealable.table}" h'
                    f' JOIN audit_sealedrow s ON s.history_id = h."{sealable.key}" AND s.shape_id = %s'
                    f' WHERE h."{sealable.key}" IN ({some})',
                    [shape.pk],
                )
                found |= {row: canonical.digest(text) for row, text in cursor.fetchall()}
    return found


def _record(table, row, columns, before, after, by, reason) -> None:
    record = Redaction(table=table, row=row, columns=columns, by=by, reason=reason)
    record.before, record.after = before.hex(), after.hex()
    record.key_id, mac = keys.sign(record.signed_text())
    record.mac = mac.hex()
    record.save()


# --- SQL that both databases read


def _is_json(field) -> bool:
    return isinstance(field, models.JSONField) and connection.vendor == "postgresql"


def _holds(field) -> str:
    text = f'"{field.column}"::text' if _is_json(field) else f'"{field.column}"'
    if connection.vendor == "sqlite":
        return f"instr({text}, %s) > 0"
    return f"position(%s in {text}) > 0"


def _replaced(field) -> str:
    if _is_json(field):
        return f'replace("{field.column}"::text, %s, %s)::jsonb'
    return f'replace("{field.column}", %s, %s)'


def _texts(field, cut) -> tuple[str, str]:
    if isinstance(field, models.JSONField):  # as it stands inside a JSON text
        escaped = connection.vendor == "sqlite"
        return tuple(json.dumps(text, ensure_ascii=escaped)[1:-1] for text in (cut.text, cut.replacement))
    return cut.text, cut.replacement


# --- What `audit verify` asks ------------------------------------------------------------------------------


def leads(table: str, row: int, sealed: bytes, is_now: bytes) -> bool:
    """Whether signed redactions of the row lead from what was sealed to what it is now."""
    at = sealed.hex()
    for record in Redaction.objects.filter(table=table, row=row).order_by("pk"):
        if record.before == at and _is_signed(record):
            at = record.after
    return at == is_now.hex()


def _is_signed(record) -> bool:
    try:
        return keys.is_signed(record.signed_text(), record.key_id, bytes.fromhex(record.mac))
    except (keys.UnknownKey, ValueError):
        return False
