"""How those who were there saw it, in the files of retros. Who wants no name is not named, nor told by a moment.

What somebody said is theirs: a file never changes it, and brings it only where nobody has been asked yet. Whoever
is not named in the file cannot be known, so somebody who stands for them takes part there.
"""

import json

from django.utils import timezone

from incidents.imports.shape import Part, Refused
from retros.exchange import telling as told_by
from retros.exchange.additions import Addition, register
from retros.exchange.plain import refuse_unknown, typed
from retros.exchange.reading import parts_of
from retros.models import Answer, Participant, Perspective
from retros.models.retrospective import FACILITATE

READ = "retros.view_perspective"
WHO = ("user", "name")
# When and by when somebody was asked is told only of those who are named: who was asked when is known.
ASKED = ("is_attributed", "text", "due_on", "invited_at", "answered_at")
ANSWER = ("asked", "topic", "text")
UNKNOWN = "Brought by an import, without a name."  # how they were invited


def tell(retro, telling) -> list[dict]:
    """What was sent in, in an order that tells nothing."""
    rows = retro.told_perspectives
    if rows and not _may_read(telling.user):
        telling.left_out.add("perspectives")
        return []
    return sorted((_told(row, telling) for row in rows), key=order)


def _may_read(user) -> bool:
    return user is None or user.has_perm(FACILITATE) or user.has_perm(READ)


def _told(row, telling):
    told = {"hat": row.participant.hat}
    if row.is_attributed:
        told |= telling.plain(row.participant, WHO) | telling.plain(row, ASKED)
    return told | {"answers": [telling.plain(answer, ANSWER) for answer in row.answers.all()]}


def order(one):
    """Where one stands among the others: by what it says, never by when it was said."""
    return one["hat"], "is_attributed" not in one, json.dumps(one, sort_keys=True)


def read(value, where) -> list[dict]:
    """The perspectives of a document, checked."""
    return [_read(part) for part in parts_of(Part(where, {"them": value}), "them", "perspective")]


def _read(part):
    refuse_unknown(part, {"hat", "answers", *WHO, *ASKED})
    is_attributed = typed(part, Perspective, ("is_attributed",))["is_attributed"]
    who = typed(part, Participant, ("hat", *WHO))
    if bool(who["user"]) + bool(who["name"]) != is_attributed:
        raise Refused(f"{part.where}: who said it is either told, by user or name, or not to be named")
    if not is_attributed and part.values.keys() & {*ASKED} - {"is_attributed"}:
        raise Refused(f"{part.where}: of somebody who is not named it tells when they were asked")
    columns = typed(part, Perspective, ASKED) if is_attributed else {}
    if is_attributed and columns["answered_at"] is None:
        part.refuse("answered_at", "is missing")
    return {"where": part.where, "who": who, "columns": columns, "answers": _answers(part)}


def _answers(part):
    parts = parts_of(part, "answers", "answer")
    for one in parts:
        refuse_unknown(one, ANSWER)
    answers = [typed(one, Answer, ANSWER) for one in parts]
    if not answers or not all(answer["text"] for answer in answers):
        raise Refused(f"{part.where}: it answers nothing")
    return answers


def store(retro, perspectives, keeping) -> None:
    """Bring them where nobody has been asked; else what people said here stands."""
    if keeping.held(retro.perspectives):
        return
    free = list(retro.participants.select_related("user")) if perspectives else []
    for one in perspectives:
        row = Perspective(retro=retro, participant=_participant(retro, one, free, keeping))
        keeping.put(row, _columns(one, retro, keeping))
        for position, answer in enumerate(one["answers"], start=1):
            keeping.put(Answer(perspective=row, position=position), answer)


def _participant(retro, one, free, keeping):
    if not one["columns"]:
        stand_in = Participant(retro=retro, hat=one["who"]["hat"], name=told_by.STAND_IN)
        keeping.put(stand_in, {})
        return stand_in
    who = keeping.columns(Participant, one["who"])
    for row in free:
        if all(getattr(row, name) == value for name, value in who.items()):
            free.remove(row)
            return row
    raise Refused(f"{one['where']}: whoever said it does not take part")


def _columns(one, retro, keeping):
    # Of whom nothing is known but what they said, it is known since now.
    now = timezone.now()
    unknown = {"due_on": retro.due_on, "invited_at": now, "answered_at": now, "text": UNKNOWN}
    return unknown | keeping.columns(Perspective, one["columns"]) | {"status": Perspective.Status.ANSWERED}


def sketch(perspectives, document) -> list[str]:
    """Who said what, question by question."""
    people = document.get("names", {}).get("people", {})
    return [line for one in perspectives or [] for line in _lines(one, people)][1:]


def _lines(one, people):
    participant = Participant(hat=one["hat"], name=one.get("name") or people.get(one.get("user"), ""))
    who = (
        str(participant)
        if "is_attributed" in one and participant.name
        else Perspective(participant=participant).side
    )
    yield from ("", f"### {who[:1].upper()}{who[1:]}")
    for answer in one["answers"]:
        yield from ("", f"**{answer['asked']}**", "", *_quoted(answer["text"]))


def _quoted(text):
    return (f"> {line}" if line else ">" for line in text.splitlines())


register(
    Addition(
        "perspectives",
        tell=tell,
        read=read,
        store=store,
        heading="How those who were there saw it",
        sketch=sketch,
        place=10,
    )
)
