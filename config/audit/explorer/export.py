"""What is looked for, as a file: CSV with a line per changed field, or JSON Lines with a line per history row.

Read page by page like the explorer, so a million rows need no memory. Every export is on record before its
first byte leaves, and again when it ends. A browser with scripts takes it in slices and shows how far it is;
without them it is one plain download.
"""

import csv
import io
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBadRequest, JsonResponse, QueryDict, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from config.audit import changes
from config.audit.explorer import search as searching
from config.audit.explorer import sql, stream
from config.audit.explorer.rows import entries
from config.audit.explorer.shell import page
from config.audit.explorer.sight import tables_for
from config.audit.explorer.telling import names_for
from config.audit.filters import AuditExport

CHUNK = 500  # history rows read at a time
SLICE = 2_000  # history rows in one answer to a browser that shows progress
SALT, AN_HOUR = "audit.export", 3600
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
COLUMNS = [
    *("at", "model", "object", "name", "change", "field", "old", "new"),
    *("who", "who_id", "how", "reason", "request", "history_id"),
]
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_POST
def export(request):
    """Begin an export, or go on with one (`state`); `slices` asks for it piece by piece."""
    if state := request.POST.get("state"):
        return _next_slice(request, state)
    kind = request.POST.get("format", "")
    asked = searching.read(QueryDict(request.POST.get("query", "")), tables_for(request.user))
    if kind not in TYPES or asked.errors:
        return HttpResponseBadRequest(" ".join(asked.errors) or "Choose CSV or JSON Lines.", "text/plain")
    record = _Record(request.user, asked.query, kind, request.audit_request_id)
    record.write(AuditExport.Stage.BEGUN)
    if request.POST.get("slices"):
        return _slice(request, record, place=None, newest="", rows=0)
    response = StreamingHttpResponse(_whole(request.user, record), content_type=TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{record.filename}"'
    return response


def exports(request):
    """Who took what out of the history, newest first."""
    if not request.user.has_perm("audit.view_auditexport"):
        raise PermissionDenied
    before = request.GET.get("before", "")
    rows = AuditExport.objects.order_by("-pk")
    if re.fullmatch("[0-9]{1,18}", before):
        rows = rows.filter(pk__lt=int(before))
    rows = list(rows[: stream.PER_PAGE + 1])
    context = {
        "title": "Exports of the history",
        "here": "exports",
        "exports": rows[: stream.PER_PAGE],
        "older": rows[stream.PER_PAGE - 1].pk if len(rows) > stream.PER_PAGE else "",
        "is_first": not before,
    }
    return page(request, "audit/exports.html", context)


@dataclass(frozen=True)
class _Record:
    """One export under way, and how it goes on record."""

    user: object
    query: str
    format: str
    request_id: str
    key: str = ""

    def __post_init__(self):
        object.__setattr__(self, "key", self.key or uuid.uuid4().hex)

    @property
    def filename(self) -> str:
        return f"aftercare-history-{timezone.localdate():%Y-%m-%d}-{self.key[:8]}.{self.format}"

    def write(self, stage, rows=None) -> None:
        """Put on record that it has begun or ended; nothing about it is ever changed."""
        AuditExport.objects.create(
            key=uuid.UUID(self.key),
            stage=stage,
            by=self.user.pk,
            by_name=str(self.user)[:200],
            request_id=self.request_id,
            query=self.query,
            format=self.format,
            rows=rows,
        )


def _whole(user, record) -> Iterator[str]:
    rows, stage = 0, AuditExport.Stage.BROKEN_OFF
    try:
        yield _head(record.format)
        for text, count, _ in _pages(user, record, None, None):
            rows += count
            yield text
        stage = AuditExport.Stage.ENDED
    finally:  # also when the reader goes away in the middle
        record.write(stage, rows)


def _pages(user, record, place, most):
    """Texts with their numbers of rows and the place after them, until the end or about `most` rows."""
    tables, done = tables_for(user), 0
    asked = searching.read(QueryDict(record.query), tables)
    while most is None or done < most:
        found = stream.page(tables, asked, before=place, count=CHUNK)
        place = found.older
        yield _text(record.format, entries(tables, found.places), tables), len(found.places), found
        if place is None:
            return
        done += max(len(found.places), 1)


# --- Slices ------------------------------------------------------------------------------------------------


def _next_slice(request, state):
    try:
        known = signing.loads(state, salt=SALT, max_age=AN_HOUR)
    except signing.BadSignature:
        return HttpResponseBadRequest("This export is over, or never was: begin again.", "text/plain")
    if known["by"] != request.user.pk:
        return HttpResponseBadRequest("This export is somebody else's.", "text/plain")
    record = _Record(request.user, known["query"], known["format"], known["request"], known["key"])
    return _slice(request, record, stream.Place.read(known["place"]), known["newest"], known["rows"])


def _slice(request, record, place, newest, rows):
    texts = [_head(record.format)] if place is None else []
    for text, count, found in _pages(request.user, record, place, SLICE):
        texts.append(text)
        rows += count
        place = found.older
        newest = newest or (found.places[0].at.isoformat() if found.places else "")
    if place is None:
        record.write(AuditExport.Stage.ENDED, rows)
        return JsonResponse({"text": "".join(texts), "rows": rows, "name": record.filename, "state": ""})
    known = {"by": request.user.pk, "query": record.query, "format": record.format, "key": record.key}
    known |= {"request": record.request_id, "place": str(place), "newest": newest, "rows": rows}
    return JsonResponse(
        {
            "text": "".join(texts),
            "rows": rows,
            "state": signing.dumps(known, salt=SALT, compress=True),
            "done": _part_done(request.user, record, newest, place.at),
            "back_to": f"{timezone.localtime(place.at):%-d %b %Y}",
        }
    )


def _part_done(user, record, newest, at) -> float:
    """How much of the period lies behind, 0 to 1: nothing is counted for it."""
    tables = tables_for(user)
    asked = searching.read(QueryDict(record.query), tables)
    oldest, newest = (
        asked.since or _oldest(asked.of(tables)),
        datetime.fromisoformat(newest or at.isoformat()),
    )
    span = (newest - oldest).total_seconds() if oldest else 0
    return round(min(1.0, max(0.0, (newest - at).total_seconds() / span)), 3) if span > 0 else 0.0


def _oldest(tables):
    firsts = " UNION ALL ".join(f'SELECT min(history_date) AS at FROM "{table.name}"' for table in tables)
    return sql.as_moment(sql.run(f"SELECT min(at) FROM ({firsts}) AS f")[0][0])


# --- Formats -----------------------------------------------------------------------------------------------


def _head(kind) -> str:
    return _csv([COLUMNS]) if kind == "csv" else ""


def _text(kind, found, tables) -> str:
    names = names_for(found, tables)
    if kind == "csv":
        return _csv(line for entry in found for line in _lines(entry, names))
    return "".join(json.dumps(_record_of(entry, names), ensure_ascii=False) + "\n" for entry in found)


def _csv(lines) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([[defused(cell) for cell in line] for line in lines])
    return buffer.getvalue()


def defused(cell) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _lines(entry, names):
    record = _record_of(entry, names)
    for one in record["differences"] or [{"field": "", "old": "", "new": ""}]:
        shown = {
            "field": one["field"],
            "old": one.get("old_name", one["old"]),
            "new": one.get("new_name", one["new"]),
        }
        yield [(record | shown)[column] for column in COLUMNS]


def _record_of(entry, names) -> dict:
    row = entry.row
    return {
        "at": row.history_date.astimezone(UTC).isoformat(),
        "model": entry.table.label,
        "object": entry.key,
        "name": names.of(row),
        "change": changes.KINDS[row.history_type],
        "who": changes.who(row),
        "who_id": row.history_user_id,
        "how": row.history_actor_kind,
        "reason": row.history_change_reason or "",
        "request": row.history_request_id,
        "history_id": row.history_id,
        "differences": [
            _difference(one, old, new, names) for one, old, new in changes.changed_fields(row, entry.previous)
        ],
    }


def _difference(field, old, new, names) -> dict:
    found = {"field": field.name, "old": _plain(old), "new": _plain(new)}
    if field.many_to_one:
        model = field.remote_field.model
        for side, key in (("old_name", old), ("new_name", new)):
            found[side] = "" if key is None else names.get((model, key), f"#{key}")
    return found


def _plain(value):
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | float | bool | list | dict) else str(value)
