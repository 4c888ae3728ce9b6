"""Comments on the sections of a retro in its files, each with the answers to it. Who changes them: see reviews.py."""

from django.db.models import Prefetch

from incidents.imports.shape import Part, Refused
from retros.exchange.additions import Addition, Body, register
from retros.exchange.entries import head, in_full, item, items, shortened, taken_apart
from retros.exchange.following import follow
from retros.exchange.keeping import by, match
from retros.exchange.plain import refuse_unknown, typed
from retros.exchange.reading import parts_of
from retros.models import Comment, Section

KEY = "comments"
ANSWER = ("written_at", "author", "text")
COMMENT = (*ANSWER, "status", "resolved_at", "resolved_by")
SECTION = "section"  # by its heading
REPLIES = "replies"
REPLY = "reply"  # what an answer is called where the state of a comment stands
_OF_COMMENT = {"by": "author", "on": SECTION, "resolved": "resolved_at", "resolved_by": "resolved_by"}
_OF_REPLY = {"by": "author"}
_TOGETHER = [("status", "resolved_at", "resolved_by_id")]


def tell(retro, telling) -> list[dict]:
    """Each comment with its answers, as they were written."""
    rows = retro.told_comments
    if not rows or not telling.may(KEY, "retros.view_comment"):
        return []
    headings = {section.pk: section.heading for section in retro.sections.all()}
    replies = {}
    for row in rows:
        replies.setdefault(row.parent_id, []).append(row)
    return [_told(row, replies.get(row.pk, []), headings, telling) for row in replies.get(None, [])]


def _told(row, replies, headings, telling):
    told = telling.plain(row, COMMENT)
    told |= {SECTION: headings[row.section_id]} if row.section_id in headings else {}
    return told | ({REPLIES: [telling.plain(one, ANSWER) for one in replies]} if replies else {})


def read(value, where) -> list[dict]:
    """The comments of a document, checked."""
    return [_read(part) for part in parts_of(Part(where, {KEY: value}), KEY, "comment")]


def _read(part):
    refuse_unknown(part, {SECTION, REPLIES, *COMMENT})
    columns = _said(part, COMMENT)
    if (columns["status"] == Comment.Status.RESOLVED) != (columns["resolved_at"] is not None):
        raise Refused(f"{part.where}: a comment that is resolved says when, and no other does")
    heading = part.text(SECTION, Section._meta.get_field("heading")) if SECTION in part.values else ""
    replies = parts_of(part, REPLIES, "answer")
    for one in replies:
        refuse_unknown(one, ANSWER)
    return {
        "where": part.where,
        "columns": columns,
        SECTION: heading,
        REPLIES: [_said(one, ANSWER) for one in replies],
    }


def _said(part, names):
    columns = typed(part, Comment, names)
    if not columns["author"]:
        part.refuse("author", "is missing")
    return columns


def store(retro, comments, keeping) -> None:
    """Add what is missing; what was said here stands."""
    held = sorted(keeping.held(retro.comments), key=lambda row: (row.written_at, row.pk))
    sections = dict(retro.sections.values_list("heading", "pk")) if comments else {}
    wanted = [keeping.columns(Comment, one["columns"]) | _about(one, sections) for one in comments]
    rows = _said_here([row for row in held if row.parent_id is None], wanted, None, retro, keeping)
    for one, row in zip(comments, rows, strict=True):
        answers = [keeping.columns(Comment, answer) for answer in one[REPLIES]]
        _said_here([answer for answer in held if answer.parent_id == row.pk], answers, row, retro, keeping)


def _about(one, sections):
    if one[SECTION] and one[SECTION] not in sections:
        raise Refused(f"{one['where']}: there is no section {one[SECTION][:80]!r}")
    return {"section_id": sections.get(one[SECTION])}


def _said_here(held, wanted, parent, retro, keeping):
    found, others = match(held, wanted, by("written_at", "author_id", "text"), by("written_at", "author_id"))
    keeping.tally.kept += len(others)

    def make():
        return Comment(retro=retro, parent=parent, section_id=parent and parent.section_id)

    return follow(found, wanted, make, keeping, together=_TOGETHER)


# --- In Markdown


def _parts(comments):
    lines = []
    for one in comments:
        lines.append(item(head(one["written_at"], one["status"], shortened(one, _OF_COMMENT)), one["text"]))
        for answer in one.get(REPLIES, []):
            more = shortened(answer, _OF_REPLY)
            lines.append(item(head(answer["written_at"], REPLY, more), answer["text"]))
    yield KEY, "Comments", "\n".join(lines)


def _take(document, name, text, place, line):
    if name != KEY or KEY in document:
        raise Refused(f"{place}: comments stand in one part of the text, and nowhere else")
    document[KEY] = comments = []
    for one in items(text, place, line):
        at, status, more, said = taken_apart(one[1], f"{place}, line {one[0]}", _OF_COMMENT)
        told = {"written_at": at, "text": said, **in_full(more, _OF_COMMENT)}
        if status != REPLY:
            comments.append(told | {"status": status})
        elif comments:
            comments[-1].setdefault(REPLIES, []).append(told)
        else:
            raise Refused(f"{place}, line {one[0]}: an answer stands below what it answers")


register(
    Addition(
        KEY,
        tell=tell,
        read=read,
        store=store,
        body=Body(frozenset({KEY}), short=lambda comments: None, parts=_parts, take=_take),
        place=60,
        fetch=(
            Prefetch(
                "comments",
                Comment.objects.select_related("author", "resolved_by").order_by("written_at", "pk"),
                "told_comments",
            ),
        ),
    )
)
