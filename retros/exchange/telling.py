"""A retro as a document: plain lists and dicts, all of it, or what one person may see."""

from collections.abc import Iterator
from itertools import chain

from django.db.models import Prefetch
from django.utils.text import slugify

from config.people.models import User
from incidents.models import (
    Assignment,
    CustomerUpdate,
    Incident,
    IncidentRegion,
    IncidentService,
    Milestone,
    TimelineEntry,
)
from retros.exchange.additions import ADDITIONS
from retros.exchange.identity import OURS, uuids_of
from retros.exchange.plain import plain
from retros.models import (
    Answer,
    Finding,
    FindingEvidence,
    Participant,
    Perspective,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    TimelineMark,
)

FORMAT = 3
# Of what came later a file of an older format says nothing, not even that it is gone.
KNOWS_MARKS = 2  # and what shows a finding, and why we live with it
KNOWS_WORK = 3  # and why no action follows, and who leads it
TOGETHER = 100
_OF_RETRO = ("facilitator", "sponsor", "published_by", "neutrality_of", "neutrality_confirmed_by")
_OF_INCIDENT = ("incident__severity", "incident__declared_by")
RETRO = (
    *("title", "status", "facilitator", "sponsor", "due_on", "opened_at", "published_at", "published_by"),
    "customer_impact",
)
LATER = (
    *("no_actions_because", "needs_approval", "marks_because"),
    *("neutrality_of", "neutrality_because", "neutrality_confirmed_at", "neutrality_confirmed_by"),
)
INCIDENT = (
    *("title", "summary", "status", "visibility", "is_drill", "detection", "data_safety"),
    *("customers_affected", "customers_affected_note", "source_url", "declared_by"),
    *("started_at", "detected_at", "declared_at", "acknowledged_at", "mitigated_at"),
    *("resolved_at", "closed_at"),
)
ROLE = ("role", "user", "from_at", "until_at")
MILESTONE = ("title", "note", "owner", "due_on", "status", "created_at", "reached_at", "reached_by")
ENTRY = ("at", "kind", "text", "source", "is_key", "author", "external_id")
UPDATE = ("published_at", "status", "text", "published_by", "next_update_by", "external_id")
MARK = ("is_starred", "kind", "note", "marked_at", "marked_by")
SECTION = ("heading", "topic", "text")
FINDING = ("kind", "text", "accepted_because")
PARTICIPANT = ("hat", "user", "name")
STAND_IN = "Somebody who wants no name"
SEE_PEOPLE = "people.view_user"
KINDS = {kind: number for number, kind in enumerate(Finding.Kind.values)}


class Telling:
    """For whom it is told, whom and what it names, and what it had to leave out."""

    def __init__(self, user=None, uuids=None, people=None):
        self.user, self.uuids, self.people = user, uuids or {}, people or {}
        self.names = {"factors": {}, "people": {}, "regions": {}, "services": {}}
        self.left_out = set()
        self.sees_people = user is None or user.has_perm(SEE_PEOPLE)

    def may(self, what, *permissions) -> bool:
        """Whether the reader has all of these; that they have not is remembered."""
        if self.user is None or self.user.has_perms(permissions):
            return True
        self.left_out.add(what)
        return False

    def person(self, user) -> str:
        """How somebody is called; nothing, to a reader who may not see who works here."""
        if not self.sees_people:
            self.left_out.add("people")
            return ""
        self.names["people"][user.email] = user.name
        return user.email

    def thing(self, kind, row) -> str:
        """How something of the catalogue is called."""
        self.names[kind][row.slug] = row.name
        return row.slug

    def plain(self, row, names) -> dict:
        """The columns of a row."""
        return plain(row, names, self.person)

    def seen(self, what, rows, visible) -> list:
        """Those of `rows` that the reader may see; that some are not is remembered."""
        if self.user is None:
            return rows
        pks = set(
            visible.visible_to(self.user).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
        )
        if len(pks) < len(rows):
            self.left_out.add(what)
        return [row for row in rows if row.pk in pks]


def tell(retro, user=None) -> dict:
    """The document of `retro`, as it is stored now; with `user`, what they may see of it."""
    return next(document for _, document in tell_all([retro.pk], user))


def tell_all(pks, user=None) -> Iterator[tuple[Retrospective, dict]]:
    """Retros and their documents, many at a time: the same few queries for a hundred as for one."""
    for start in range(0, len(pks), TOGETHER):
        rows = whole(pks[start : start + TOGETHER])
        uuids = uuids_of([incident for row in rows for incident in _named_by(row)])
        people = User.objects.in_bulk({pk for row in rows for pk in _people_of(row)})
        yield from ((row, _told(row, Telling(user, uuids, people))) for row in rows)


def _named_by(retro):
    """Every incident that is named in its document."""
    others = (one.incidents(retro) for one in ADDITIONS.values() if one.incidents)
    return [*(link.incident for link in retro.incident_links.all()), *chain.from_iterable(others)]


def _people_of(retro):
    """Whom its document names though no row of it does, by primary key."""
    return chain.from_iterable(one.people(retro) for one in ADDITIONS.values() if one.people)


def whole(pks):
    """These retros with all that is told of them."""
    rows = Retrospective.objects.filter(pk__in=pks).order_by("pk")
    for addition in ADDITIONS.values():
        rows = rows.annotate(**addition.flags()) if addition.flags else rows
    return rows.select_related(*_OF_RETRO).prefetch_related(
        "sections",
        Prefetch("findings__evidence", FindingEvidence.objects.order_by("pk")),
        Prefetch("perspectives", _answered(), "told_perspectives"),
        Prefetch("marks", TimelineMark.objects.select_related("marked_by")),
        Prefetch(
            "incident_links", RetrospectiveIncident.objects.select_related(*_OF_INCIDENT).order_by("pk")
        ),
        Prefetch("participants", Participant.objects.select_related("user")),
        Prefetch(
            "retro_factors",
            RetroFactor.objects.select_related("factor").order_by("factor__slug"),
            "told_factors",
        ),
        *(
            Prefetch(f"incident_links__incident__{name}", rows, f"told_{name}" if name in _CHOSEN else None)
            for name, rows in _of_incidents().items()
        ),
        *(part for addition in ADDITIONS.values() for part in addition.fetch),
    )


def _answered():
    """What was sent in; what somebody would rather not have said, or has not said yet, is nobody's."""
    rows = Perspective.objects.answered().select_related("participant__user")
    return rows.prefetch_related(Prefetch("answers", Answer.objects.exclude(text="")))


_CHOSEN = ("milestones", "updates")  # not all of them, or in another order than usual


def _of_incidents():
    return {
        "service_impacts": IncidentService.objects.select_related("service"),
        "region_impacts": IncidentRegion.objects.select_related("region"),
        "assignments": Assignment.objects.select_related("user"),
        "milestones": Milestone.objects.select_related("owner", "reached_by").order_by("created_at", "pk"),
        "timeline": TimelineEntry.objects.select_related("author"),
        # What nobody has published was never said.
        "updates": CustomerUpdate.objects.filter(state=CustomerUpdate.State.PUBLISHED)
        .select_related("published_by")
        .order_by("published_at", "pk"),
    }


def _told(retro, telling):
    document = {"aftercare": FORMAT, "reference": retro.reference, **telling.plain(retro, (*RETRO, *LATER))}
    document |= {key: value for key, value in _parts(retro, telling).items() if value}
    document |= _added(retro, telling)
    if names := {kind: named for kind, named in telling.names.items() if named}:
        document["names"] = names
    if telling.left_out:
        document["left_out"] = sorted(telling.left_out)
    return document


def _added(retro, telling):
    told = {addition.key: addition.tell(retro, telling) for addition in ADDITIONS.values()}
    return {key: value for key, value in told.items() if value}


def _parts(retro, telling):
    return {
        "incidents": _incidents(retro, telling),
        "sections": [telling.plain(row, SECTION) for row in retro.sections.all()],
        "factors": _factors(retro, telling),
        "findings": [telling.plain(row, FINDING) for row in findings_of(retro)],
        "participants": _participants(retro, telling),
    }


def findings_of(retro) -> list:
    """The findings kind by kind, each kind in its own order."""
    return sorted(retro.findings.all(), key=lambda finding: KINDS[finding.kind])


def places_of(retro) -> dict[int, str]:
    """Findings have no name: the second about detection is “detection 2”."""
    places, counts = {}, {}
    for finding in findings_of(retro):
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
        places[finding.pk] = f"{finding.kind} {counts[finding.kind]}"
    return places


def _factors(retro, telling):
    return [
        {"factor": telling.thing("factors", row.factor), **telling.plain(row, ("note",))}
        for row in retro.told_factors
    ]


def stand_ins_of(perspectives) -> set[int]:
    """The participants who were made to say what somebody else said, who wants no name: see perspectives.py."""
    return {
        row.participant_id
        for row in perspectives
        if not row.is_attributed and row.participant.name == STAND_IN and row.participant.user_id is None
    }


def _participants(retro, telling):
    stand_ins = stand_ins_of(retro.told_perspectives)
    rows = (row for row in retro.participants.all() if row.pk not in stand_ins)
    told = [telling.plain(row, PARTICIPANT) for row in rows]
    return [one for one in told if len(one) > 1]  # of somebody unseen only the hat is left


def _incidents(retro, telling):
    links = retro.incident_links.all()
    rows = telling.seen("incidents", [link.incident for link in links], Incident.objects)
    entry = _Entries(retro, telling).told
    return [_incident(row, telling, entry) for row in rows]


class _Entries:
    """How entries of the timeline are told: each with what this retro says of it."""

    def __init__(self, retro, telling):
        self.telling, self.places, self.shows = telling, places_of(retro), {}
        self.marks = {mark.entry_id: mark for mark in retro.marks.all()}
        for finding in findings_of(retro):
            for link in finding.evidence.all():
                self.shows.setdefault(link.entry_id, []).append(self.places[finding.pk])

    def told(self, row) -> dict:
        """One entry, its mark, and which findings it shows."""
        told = self.telling.plain(row, ENTRY)
        if row.pk in self.marks:
            told["mark"] = self.telling.plain(self.marks[row.pk], MARK)
        return told | ({"shows": self.shows[row.pk]} if row.pk in self.shows else {})


def _incident(row, telling, entry):
    told = {"reference": row.reference, "uuid": telling.uuids[row.pk], "severity": row.severity.name}
    told |= telling.plain(row, INCIDENT)
    if row.external_id and row.source != OURS:
        told |= telling.plain(row, ("source", "external_id"))
    services, regions = row.service_impacts.all(), row.region_impacts.all()
    parts = {
        "services": {telling.thing("services", one.service): str(one.impact) for one in services},
        "regions": {telling.thing("regions", one.region): str(one.impact) for one in regions},
        "roles": [telling.plain(one, ROLE) for one in row.assignments.all()],
        "milestones": [telling.plain(one, MILESTONE) for one in row.told_milestones],
        "timeline": [entry(one) for one in row.timeline.all()],
        "updates": [telling.plain(one, UPDATE) for one in row.told_updates],
    }
    return told | {key: value for key, value in parts.items() if value}


def path_of(retro) -> str:
    """Where its file goes: postmortems/2026/inc-0042-checkout-502.md, without the ending."""
    links = sorted(retro.incident_links.all(), key=lambda link: link.pk)
    about = links[0].incident if links else None
    at = (about.started_at or about.declared_at) if about else retro.opened_at
    reference = (about or retro).reference.lower()
    words = slugify(retro.title)[:60].strip("-") or "retro"
    return f"postmortems/{at:%Y}/{reference}-{words}"
