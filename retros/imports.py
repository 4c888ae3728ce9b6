"""Reads postmortems from elsewhere (Markdown with front matter): incidents of the past and their retros."""

import re
import textwrap
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from tqdm import tqdm

from config.fields import Line
from config.forms import clean_line
from incidents.imports.following import Together, Wanted, follow
from incidents.imports.shape import Part, Refused, moment_of, refuse_twice, said, shown
from incidents.imports.statuspage import DOUBT
from incidents.imports.storing import LIFE, Tally, drop_settled, severity_of_rank
from incidents.models import Incident, Severity, TimelineEntry
from retros.models import Factor, RetroFactor, Retrospective, RetrospectiveIncident, Section, Topic

SOURCE = "postmortems"
FILE_LIMIT = 1024 * 1024  # bytes
FRONT_LIMIT = 64 * 1024  # characters; YAML is slow to read
# How bad it was is never said. Neither the top of a report nor “hardly noticed”: somebody wrote it up.
RANK = 3
# Stands for “nobody says when”: a real moment of today would put it into this month's figures.
UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING = ("", "~", "null", "Null", "NULL")
PHRASE = Line(max_length=500, blank=True)
WORD = Line(max_length=100)
ARCHIVED = re.compile(r"web\.archive\.org/web/(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
ADDRESS = re.compile(r"https?://[^\s<>\"()\[\]]+")
FRONT = re.compile(r"\A---[ \t]*\n(.*?\n)??---[ \t]*(?:\n|\Z)", re.DOTALL)
FENCE = re.compile(r" {0,3}(```|~~~)")
NARRATIVE = "Narrative"
# There is never one cause: what others call so is where the contributing factors are told.
RENAMED = {"root cause": "Contributing factors", "root causes": "Contributing factors"}


class _Loader(yaml.BaseLoader):
    """Everything is text, so no value is guessed; no aliases, which can make a few bytes into gigabytes."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


@dataclass
class Postmortem:
    """What one file tells, and the doubts about it as key and sentence."""

    id: str
    title: str
    summary: str
    url: str
    sections: dict
    categories: list
    moments: dict
    published_at: datetime | None = None
    doubts: dict = field(default_factory=dict)


# --- Reading -----------------------------------------------------------------------------------------------


def read(directory) -> list[Postmortem]:
    """The postmortems of all Markdown files in `directory`; Refused with the file that is not one."""
    try:
        paths = sorted(path for path in Path(directory).iterdir() if path.suffix == ".md")
        files = [(clean_line(path.name), _bytes(path)) for path in paths]
    except OSError as error:
        raise Refused(f"{shown(error.filename)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{shown(str(directory))} cannot be read: {error}") from error
    if not files:
        raise Refused(f"{shown(str(directory))} holds no Markdown files")
    found = [_postmortem(*file) for file in tqdm(files, desc="Reading files", disable=None, leave=False)]
    refuse_twice((postmortem.id for postmortem in found), "uuid")
    return found


def _bytes(path):
    with path.open("rb") as file:
        data = file.read(FILE_LIMIT + 1)
    if len(data) > FILE_LIMIT:
        raise Refused(f"{clean_line(path.name)}: it is larger than {FILE_LIMIT // 1024:,} kB")
    return data


def _postmortem(name, data):
    front, body = _split(name, data)
    part = Part(name, _front(name, front))
    title, summary = _title(part, body), part.text("summary", _field(Incident, "summary"), is_required=False)
    postmortem = Postmortem(
        id=part.identifier("uuid"),
        title=title,
        summary=summary,
        url="",
        sections=_sections(part, summary, body),
        categories=part.texts("categories", WORD),
        moments={name: part.moment(name) for name in ("start_time", "end_time")},
    )
    _address(part, postmortem)
    _weigh(part, postmortem)
    return postmortem


def _split(name, data):
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise Refused(f"{name}: it is not UTF-8 text: byte {error.start} is {error.reason}") from error
    if not (front := FRONT.match(text)):
        raise Refused(f"{name}: it does not begin with front matter between two lines of ---")
    if len(front[1] or "") > FRONT_LIMIT:
        raise Refused(f"{name}: the front matter is longer than {FRONT_LIMIT:,} characters")
    return front[1] or "", text[front.end() :].strip()


def _front(name, text):
    try:
        values = _Loader(text).get_single_data()
    except RecursionError:
        raise Refused(f"{name}: the front matter is nested too deeply") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: escapes beyond Unicode
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise Refused(f"{name}: the front matter is not YAML: {problem[:200]}") from error
    if not isinstance(values or {}, dict):
        raise Refused(f"{name}: the front matter has no keys")
    return {
        key: value
        for key, value in (values or {}).items()
        if not (isinstance(value, str) and value.strip() in NOTHING)
    }


def _field(model, name):
    return model._meta.get_field(name)


def _title(part, body):
    """Its title; else whose it was and how the text begins, so that two of one company can be told apart."""
    if "title" in part.values:
        return part.text("title", _field(Incident, "title"))
    whose = [part.text(name, PHRASE, is_required=False) for name in ("company", "product")]
    begins = textwrap.shorten(body.split("\n")[0].lstrip("# "), 120, placeholder="…")
    title = ": ".join(filter(None, [" ".join(filter(None, whose)), begins]))
    title = title or part.text("url", PHRASE, is_required=False) or part.identifier("uuid")
    return part.fit("title", textwrap.shorten(title, 255, placeholder="…"), _field(Incident, "title"))


def _sections(part, summary, body):
    sections = {"Summary": [summary]} if summary else {}
    for heading, text in _under_headings(body):
        heading = part.fit("heading", RENAMED.get(heading.lower(), heading), _field(Section, "heading"))
        sections.setdefault(heading, []).append(text)
    sections.setdefault("Source", []).append(_source(part))
    return {
        heading: part.fit("text", "\n\n".join(texts), _field(Section, "text"))
        for heading, texts in sections.items()
    }


def _under_headings(body):
    """Pairs of heading and text; what stands before the first heading is the narrative."""
    heading, lines, fence = NARRATIVE, [], ""
    for line in body.split("\n"):
        if mark := FENCE.match(line):
            # A fence ends with the mark it began with; until then # is code.
            fence = "" if fence == mark[1] else fence or mark[1]
        found = "" if fence else _heading(line)
        if found:
            yield from _told(heading, lines)
            heading, lines = found, []
        else:
            lines.append(line)
    yield from _told(heading, lines)


def _heading(line):
    if not line.startswith(("# ", "## ")):
        return ""
    text = line.lstrip("#").strip()
    bare = text.rstrip("#")
    # Hashes close a heading only after a space: “C#” keeps its own.
    return bare.strip() if bare.endswith((" ", "\t")) else text.lstrip("#") and text


def _told(heading, lines):
    text = "\n".join(lines).strip()
    if text or heading != NARRATIVE:
        yield heading, text


def _source(part):
    """Where it comes from, as a list; keywords stay words, as hundreds of factors would help nobody."""
    told = [
        ("Company", part.text("company", PHRASE, is_required=False)),
        ("Product", part.text("product", PHRASE, is_required=False)),
        ("Address", part.text("url", PHRASE, is_required=False)),
        ("Archived", part.text("archive_url", PHRASE, is_required=False)),
        ("Keywords", ", ".join(part.texts("keywords", PHRASE))),
    ]
    return "\n".join(f"- {label}: {text}" for label, text in told if text) or f"- {part.identifier('uuid')}"


def _address(part, postmortem):
    """The address, or the first in what is given for one; the section keeps it as it was given."""
    given = part.text("url", PHRASE, is_required=False)
    found = ADDRESS.match(given)
    url = found[0] if found else ""
    try:
        postmortem.url = _field(Incident, "source_url").clean(url, None)
    except ValidationError:
        url = ""
    if url != given:
        postmortem.doubts["url"] = f"The source gives an address that is none: {given}"


def _weigh(part, postmortem):
    """Choose the moments; one that cannot be true beside the others is left out and told in `doubts`.

    Of a start and an end the wrong way round we keep the start: it says when, and half of the files give
    only that. A text cannot be older than the end of what it tells, so then its publication is doubtful:
    in the real files it is midnight of a day, or of the first version. The next best moment is taken.
    """
    start, end = postmortem.moments["start_time"], postmortem.moments["end_time"]
    if start and end and end < start:
        _doubt(postmortem, "end_time", end, f"it ended, before it started at {said(start)}")
        end = None
    over = end or start
    for name, moment in _publications(part):
        if over and moment < over:
            _doubt(postmortem, name, moment, f"({name}) it was written, before it was over at {said(over)}")
        else:
            postmortem.published_at = postmortem.published_at or moment
    if not (over or postmortem.published_at):
        postmortem.doubts["moments"] = "The source gives no moment at all; 1970 stands for an unknown one."
    postmortem.published_at = postmortem.published_at or over or UNKNOWN
    postmortem.moments = {
        "started_at": start,
        "resolved_at": end,
        "declared_at": start or end or postmortem.published_at,
    }


def _publications(part):
    archived = ARCHIVED.search(part.text("archive_url", PHRASE, is_required=False))
    stamp = "{}-{}-{}T{}:{}:{}Z".format(*archived.groups()) if archived else ""
    moments = {name: part.moment(name) for name in ("source_published_at", "source_fetched_at")}
    moments["archive_url"] = moment_of(stamp)
    return [(name, moment) for name, moment in moments.items() if moment]


def _doubt(postmortem, name, moment, but):
    postmortem.doubts[name] = (
        f"The source says that at {said(moment)} {but}. That moment is left out of the computed times."
    )


# --- Storing -----------------------------------------------------------------------------------------------

PUBLISHED = Together(
    "status",
    frozenset({"opened_at", "published_at"}),
    lambda retro: retro.published_at is None or retro.published_at >= retro.opened_at,
)


@transaction.atomic
def store(postmortems) -> Tally:
    """Bring our rows in line with the files; see `follow` for what happens to what people changed here."""
    held = set(Incident.objects.filter(source=SOURCE).values_list("pk", flat=True))
    incidents = follow(
        Incident,
        ("source", "external_id"),
        _incidents(postmortems),
        together=LIFE,
        stays_deleted=False,
        source=SOURCE,
    )
    pks = {postmortem.id: incidents.rows[SOURCE, postmortem.id].pk for postmortem in postmortems}
    entries = _entries(postmortems, pks)
    timeline = follow(TimelineEntry, ("incident_id", "external_id"), entries, incident__source=SOURCE)
    touched = {key[0] for key in timeline.created | timeline.changed}
    touched |= drop_settled(timeline, set(pks.values()), entries)
    touched |= _store_retros({pks[one.id]: one for one in postmortems}, held)
    return Tally.of(incidents, len(pks), touched)


def _incidents(postmortems):
    severity = severity_of_rank(RANK, list(Severity.objects.all()))
    first = {
        "severity": severity,
        "status": Incident.Status.RESOLVED,
        "visibility": Incident.Visibility.INTERNAL,
    }
    return {
        (SOURCE, one.id): Wanted(
            {"title": one.title, "summary": one.summary, "source_url": one.url, **one.moments}, first
        )
        for one in postmortems
    }


def _entries(postmortems, pks):
    return {
        (pks[one.id], DOUBT + name): Wanted(
            {"kind": TimelineEntry.Kind.DOUBT, "text": text, "at": one.moments["declared_at"]},
            {"source": SOURCE},
        )
        for one in postmortems
        for name, text in one.doubts.items()
    }


def _store_retros(postmortems, held) -> set[int]:
    """Retros with sections and factors, by incident; returns the incidents of which one has changed."""
    links = RetrospectiveIncident.objects.filter(incident__source=SOURCE).order_by("-incident_id")
    # Where people put several incidents into one retro, it follows the first.
    about = {
        retro: incident
        for incident, retro in links.values_list("incident_id", "retro_id")
        if incident in postmortems
    }
    wanted = {(retro,): Wanted(_retro(postmortems[incident])) for retro, incident in about.items()}
    mine = {"incident_links__incident__source": SOURCE}
    retros = follow(Retrospective, ("pk",), wanted, together=PUBLISHED, **mine)
    # An incident that was here already and has no retro lost it to somebody: it stays lost.
    about |= _create_retros({pk: one for pk, one in postmortems.items() if pk not in held})
    told = {retro: postmortems[incident] for retro, incident in about.items()}
    mine = {"retro__incident_links__incident__source": SOURCE}
    children = [
        follow(Section, ("retro_id", "heading"), _section_rows(told), **mine),
        follow(RetroFactor, ("retro_id", "factor_id"), _factor_rows(told), **mine),
    ]
    touched = retros.changed.union(*(child.created | child.changed for child in children))
    return {about[key[0]] for key in touched}


def _retro(one):
    return {
        "title": one.title,
        # When it was begun is unknown; not after it was published.
        "opened_at": one.published_at,
        "published_at": one.published_at,
        "due_on": one.published_at.date(),
    }


def _create_retros(postmortems):
    status = Retrospective.Status.PUBLISHED
    retros = {pk: Retrospective(status=status, **_retro(one)) for pk, one in postmortems.items()}
    Retrospective.objects.bulk_create(retros.values(), batch_size=500)
    RetrospectiveIncident.objects.bulk_create(
        [RetrospectiveIncident(retro=retro, incident_id=pk) for pk, retro in retros.items()], batch_size=500
    )
    return {retro.pk: pk for pk, retro in retros.items()}


def _section_rows(told):
    return {
        (retro, heading): Wanted({"text": text, "position": position, "topic": Topic.of(heading)})
        for retro, one in told.items()
        for position, (heading, text) in enumerate(one.sections.items(), 1)
    }


def _factor_rows(told):
    names = {_slug(name): name for one in told.values() for name in one.categories}
    factors = follow(
        Factor, ("slug",), {(slug,): Wanted({}, {"name": _words(name)}) for slug, name in names.items()}
    )
    return {
        (retro, factors.rows[slug,].pk): Wanted({})
        for retro, one in told.items()
        for slug in map(_slug, one.categories)
        if (slug,) in factors.rows
    }


def _slug(name):
    # Of a name in another script nothing is left; its number tells two of them apart.
    return slugify(name)[:100].strip("-") or f"factor-{zlib.crc32(name.encode()):08x}"


def _words(name):
    name = name.replace("-", " ").replace("_", " ").strip() or name
    return name[:1].upper() + name[1:]
