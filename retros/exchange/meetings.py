"""The meeting in the files of retros: when, about what, what was noted, and how people found it, counted.

The plan follows the file until somebody here changes it. What was noted is added, and only a note that an import
brought follows its file. Who found the meeting how is not in the file, so elsewhere only the counts are kept. Nobody
is told of a meeting that an import brought, or asked about it, before somebody here moves it on; calendars know it
by another name there.
"""

from django.db.models import Prefetch

from incidents.imports.following import changed_by_people
from incidents.imports.shape import Part, Refused
from retros.exchange.additions import Addition, Body, register
from retros.exchange.entries import head, in_full, item, items, shortened, taken_apart
from retros.exchange.following import follow
from retros.exchange.keeping import by, match
from retros.exchange.plain import number, refuse_unknown, typed
from retros.exchange.reading import parts_of
from retros.models import AgendaItem, Impression, Meeting, MeetingNote

KEY = "meeting"
MEETING = ("status", "starts_at", "minutes", "place", "started_at", "ended_at")
AGENDA = ("title", "minutes", "started_at")
NOTE = ("at", "kind", "author", "text")
ABOUT = "about"  # the how manieth part of the agenda a note belongs to
IMPRESSIONS = "impressions"
QUESTIONS = {"learned": "Learned something", "would_attend": "Would attend another"}
_OF_NOTE = {"about": ABOUT, "by": "author"}
_RUNS = ("status", "started_at", "ended_at")


# --- Telling


def tell(retro, telling) -> dict:
    """The meeting of a retro; nothing if there is none."""
    meeting = getattr(retro, "meeting", None)
    seen = ("retros.view_meeting", "retros.view_agendaitem", "retros.view_meetingnote")
    if meeting is None or not telling.may(KEY, *seen):
        return {}
    agenda = list(meeting.agenda.all())
    numbers = {part.pk: place for place, part in enumerate(agenda, 1)}
    told = telling.plain(meeting, MEETING) | {
        "agenda": [telling.plain(part, AGENDA) for part in agenda],
        "notes": [_note(note, numbers, telling) for note in meeting.notes.all()],
        IMPRESSIONS: {key: value for key, value in meeting.tally().items() if value},
    }
    return {key: value for key, value in told.items() if value}


def _note(row, numbers, telling):
    about = {ABOUT: numbers[row.item_id]} if row.item_id in numbers else {}
    return about | telling.plain(row, NOTE)


# --- Reading


def read(value, where) -> dict | None:
    """The meeting of a document, checked; None if it tells of none."""
    if value == []:
        return None
    part = Part.of(value, f"{where}, {KEY}")
    refuse_unknown(part, {*MEETING, "agenda", "notes", IMPRESSIONS})
    agenda = _rows(part, "agenda", "part", AgendaItem, AGENDA)
    notes = [_read_note(one, len(agenda)) for one in parts_of(part, "notes", "note")]
    columns = typed(part, Meeting, MEETING)
    if not 1970 <= columns["starts_at"].year < 2200:
        part.refuse("starts_at", "is not a day anybody means")
    return {"columns": columns, "agenda": agenda, "notes": notes, IMPRESSIONS: _read_tally(part)}


def _rows(part, key, what, model, names):
    parts = parts_of(part, key, what)
    for one in parts:
        refuse_unknown(one, names)
    return [typed(one, model, names) for one in parts]


def _read_note(part, most):
    refuse_unknown(part, {ABOUT, *NOTE})
    about = number(part, ABOUT)
    if about > most:
        part.refuse(ABOUT, "is no part of the agenda")
    return {ABOUT: about, "columns": typed(part, MeetingNote, NOTE)}


def _read_tally(part):
    if IMPRESSIONS not in part.values:
        return {}
    one = Part.of(part.values[IMPRESSIONS], f"{part.where}, {IMPRESSIONS}")
    refuse_unknown(one, {"asked", "answered", *QUESTIONS})
    told = {name: number(one, name) for name in ("asked", "answered")}
    told |= {name: _read_counts(one, name) for name in QUESTIONS}
    if told["answered"] > told["asked"] or any(
        sum(told[name].values()) != told["answered"] for name in QUESTIONS
    ):
        raise Refused(f"{one.where}: the numbers do not add up")
    return {key: value for key, value in told.items() if value}


def _read_counts(part, name):
    counts = Part.of(part.values.get(name, {}), f"{part.where}, {name}")
    refuse_unknown(counts, Impression.Verdict.values)
    return {verdict: number(counts, verdict) for verdict in counts.values}


# --- Storing


def store(retro, told, keeping) -> None:
    """Bring it where there is none; else see `follow`. A meeting of which the file says nothing stays."""
    held = Meeting.objects.filter(retro=retro).first()
    if told is None:
        keeping.tally.kept += held is not None
        return
    values = keeping.columns(Meeting, told["columns"])
    if held is None or held.is_imported:
        values |= {"as_imported": {IMPRESSIONS: told[IMPRESSIONS]} if told[IMPRESSIONS] else {}}
    [meeting] = follow(
        [held], [values], lambda: Meeting(retro=retro, is_imported=True), keeping, together=[_RUNS]
    )
    _agenda(meeting, told["agenda"], keeping)
    _notes(meeting, told, keeping)


def _agenda(meeting, wanted, keeping):
    """The parts in their order; where anybody here has planned one of them, all of them are as they are here."""
    held = keeping.held(meeting.agenda)
    if [[getattr(part, name) for name in AGENDA] for part in held] == [[*part.values()] for part in wanted]:
        return
    if held and any(changed_by_people(held, [*AGENDA, "position"]).values()):
        return
    found, others = match(held, wanted, by("title", "minutes"), by("title"))
    keeping.remove(others)
    wanted = [values | {"position": place} for place, values in enumerate(wanted, 1)]
    follow(found, wanted, lambda: AgendaItem(meeting=meeting), keeping)


def _notes(meeting, told, keeping):
    parts = _parts_here(meeting, told)
    wanted = [
        keeping.columns(MeetingNote, note["columns"]) | {"item_id": parts.get(note[ABOUT])}
        for note in told["notes"]
    ]
    same = by("at", "author_id", "kind", "text"), by("at", "author_id")
    found, others = match(keeping.held(meeting.notes), wanted, *same)
    keeping.tally.kept += len(others)
    follow(found, wanted, lambda: MeetingNote(meeting=meeting), keeping)


def _parts_here(meeting, told) -> dict:
    """Which part of our agenda the file means by which number; after another agenda, the one with its title."""
    if not told["notes"]:
        return {}
    here = list(meeting.agenda.order_by("position", "pk"))
    titles = [part["title"] for part in told["agenda"]]
    if titles == [part.title for part in here]:
        return {place: part.pk for place, part in enumerate(here, 1)}
    named = {part.title: part.pk for part in here}
    return {place: named.get(title) for place, title in enumerate(titles, 1)}


# --- In Markdown


def sketch(meeting, document) -> list[str]:
    """When it was, what it was about, and how people found it."""
    if not meeting:
        return []
    lines = [_when(meeting)]
    if "agenda" in meeting:
        lines += ["", *(_part(place, part) for place, part in enumerate(meeting["agenda"], 1))]
    if decided := [one for one in meeting.get("notes", []) if one["kind"] == MeetingNote.Kind.DECISION]:
        lines += ["", "Decided:", "", *(f"- {' '.join(one['text'].split())}" for one in decided)]
    if IMPRESSIONS in meeting:
        lines += ["", _found(meeting[IMPRESSIONS])]
    return lines


def _when(meeting):
    minutes = meeting.get("minutes", Meeting._meta.get_field("minutes").get_default())
    told = f"{Meeting.Status(meeting['status']).label}: {_clock(meeting['starts_at'])}, {minutes} minutes"
    told += f", {meeting['place']}" if "place" in meeting else ""
    if "started_at" not in meeting:
        return f"{told}."
    until = f", and was over at {meeting['ended_at'][11:16]}" if "ended_at" in meeting else ""
    return f"{told}. It began at {meeting['started_at'][11:16]}{until}."


def _clock(at):
    return f"{at[:10]} {at[11:16]} UTC"


def _part(place, part):
    began = f", from {part['started_at'][11:16]}" if "started_at" in part else ""
    return f"{place}. {part['title']} ({part['minutes']} min{began})"


def _found(tally):
    told = [f"{tally.get('answered', 0)} of {tally['asked']} people said how they found it."]
    for name, label in QUESTIONS.items():
        if counts := tally.get(name):
            said = ", ".join(f"{one.label.lower()} {counts.get(one, 0)}" for one in Impression.Verdict)
            told.append(f"{label}: {said}.")
    return " ".join(told)


def _short(meeting):
    return {key: value for key, value in meeting.items() if key != "notes"}


def _parts(meeting):
    lines = [
        item(head(one["at"], one["kind"], shortened(one, _OF_NOTE)), one["text"])
        for one in meeting.get("notes", [])
    ]
    yield "notes", "Notes of the meeting", "\n".join(lines)


def _take(document, name, text, place, line):
    meeting = document.get(KEY)
    if name != "notes" or not isinstance(meeting, dict) or "notes" in meeting:
        raise Refused(f"{place}: the front matter tells of no meeting that these are notes of")
    meeting["notes"] = [_taken(one, place) for one in items(text, place, line)]


def _taken(one, place):
    at, kind, more, text = taken_apart(one[1], f"{place}, line {one[0]}", _OF_NOTE)
    return {"at": at, "kind": kind, "text": text, **in_full(more, _OF_NOTE)}


register(
    Addition(
        KEY,
        tell=tell,
        read=read,
        store=store,
        heading="The meeting",
        sketch=sketch,
        body=Body(frozenset({"notes"}), short=_short, parts=_parts, take=_take),
        place=20,
        fetch=(
            "meeting",
            Prefetch("meeting__agenda", AgendaItem.objects.order_by("position", "pk")),
            Prefetch("meeting__notes", MeetingNote.objects.select_related("author").order_by("at", "pk")),
            "meeting__impressions",
        ),
    )
)
