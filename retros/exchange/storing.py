"""Brings our rows in line with the files: the retro is what its file says, to the byte.

Unlike the imports of foreign corpora this does not spare what people changed here: the file is the retro, as
somebody wrote or restored it, and the history keeps what stood before. What has *happened* is never taken away
though: entries of the timeline, roles, milestones, action items and what customers were told stay, of which the
file knows nothing, and so does whoever has told how they saw it.
"""

from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects
from tqdm import tqdm

from incidents.imports.shape import Refused
from incidents.models import CustomerUpdate, Incident, Region, Service
from retros.exchange import telling
from retros.exchange.additions import ADDITIONS
from retros.exchange.identity import OURS, Held, is_free, pass_over
from retros.exchange.keeping import Keeping, Tally, by, match
from retros.exchange.markdown import render
from retros.models import (
    Factor,
    FindingEvidence,
    Retrospective,
    RetrospectiveIncident,
    Template,
    TimelineMark,
    Topic,
)


@transaction.atomic
def store(files) -> Tally:
    """Store checked documents, all of them or none."""
    here = Here(files)
    keeping, fates = Keeping(), {}
    for number, told in enumerate(tqdm(files, desc="Storing", disable=None, leave=False)):
        keeping.number = number
        fates[number] = "unchanged" if here.is_as_told(told) else _store(told, here, keeping)
    for number, finish in keeping.later:
        if _is_changed_by(finish, files[number], keeping) and fates[number] == "unchanged":
            fates[number] = "changed"
    for fate in fates.values():
        setattr(keeping.tally, fate, getattr(keeping.tally, fate) + 1)
    return keeping.tally


def _is_changed_by(finish, told, keeping) -> bool:
    keeping.where, keeping.names, keeping.has_changed = told.where, told.names, False
    with _contradictions_refused(told):
        finish()
    return keeping.has_changed


class Here:
    """What is here of what the files tell, found for all of them at once."""

    def __init__(self, files):
        self.held = Held([one for told in files for one in told.incidents])
        found = {row.pk for told in files for one in told.incidents if (row := self.held.find(one))}
        links = RetrospectiveIncident.objects.filter(incident__in=found)
        self.retro_of = dict(links.values_list("incident_id", "retro_id"))
        pks = sorted(set(self.retro_of.values()))
        self._now = {retro.pk: render(document) for retro, document in telling.tell_all(pks)}

    def incident(self, one) -> Incident | None:
        """The incident that a checked one of a file is."""
        return self.held.find(one)

    def retro(self, told):
        """The primary key of the retro of its incidents; Refused if they have several."""
        rows = filter(None, map(self.incident, told.incidents))
        pks = {self.retro_of[row.pk] for row in rows if row.pk in self.retro_of}
        if len(pks) > 1:
            names = " and ".join(Retrospective(pk=pk).reference for pk in sorted(pks))
            raise Refused(f"{told.where}: its incidents belong to {names} here, so it is not one retro")
        return next(iter(pks), None)

    def is_as_told(self, told) -> bool:
        """Whether its file is what we would write."""
        return self._now.get(self.retro(told)) == render(told.document)


def _store(told, here, keeping) -> str:
    keeping.where, keeping.names, keeping.has_changed = told.where, told.names, False
    keeping.entries = []
    pk = here.retro(told)
    with _contradictions_refused(told):
        retro = Retrospective.objects.get(pk=pk) if pk else _new_retro(told.number)
        _store_retro(retro, told, here, keeping)
    return "created" if pk is None else "changed" if keeping.has_changed else "unchanged"


@contextmanager
def _contradictions_refused(told):
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        reason = " ".join(str(error).split())[:200]
        raise Refused(f"{told.where}: it contradicts itself or what is here: {reason}") from error


def _new_retro(number):
    return Retrospective(pk=number if is_free(Retrospective, number) else None)


def _store_retro(retro, told, here, keeping):
    incidents = [_incident(one, here, keeping) for one in told.incidents]
    keeping.put(retro, keeping.columns(Retrospective, _columns(retro, told)))
    pass_over(Retrospective, retro.pk)
    _about(retro, incidents, keeping)
    _sections(retro, told, keeping)
    _factors(retro, told, keeping)
    _findings(retro, told, keeping)
    if told.format >= telling.KNOWS_MARKS:
        _marks(retro, keeping)
        _evidence(retro, keeping)
    _participants(retro, told, keeping)
    for key, addition in ADDITIONS.items():
        addition.store(retro, told.added[key], keeping)


def _columns(retro, told):
    """What the file says of the retro itself; that somebody has to approve it here no file undoes."""
    if told.format < telling.KNOWS_WORK:
        return {name: told.retro[name] for name in telling.RETRO}
    return told.retro | {"needs_approval": told.retro["needs_approval"] or retro.needs_approval}


# --- What it is about


def _incident(one, here, keeping) -> Incident:
    row = here.incident(one) or _new(one)
    columns = keeping.columns(Incident, one["columns"])
    columns |= {"severity_id": keeping.severity(one["severity"])}
    if not columns["external_id"]:
        columns |= {"source": row.source, "external_id": row.external_id}
    keeping.put(row, columns)
    pass_over(Incident, row.pk)
    _impacts(row.service_impacts, one["services"], Service, "services", keeping)
    _impacts(row.region_impacts, one["regions"], Region, "regions", keeping)
    add(row.assignments, one["roles"], keeping, by("user_id", "role", "from_at"))
    add(row.milestones, one["milestones"], keeping, by("created_at", "title"), by("created_at"))
    times = by("at", "kind", "text", "external_id"), by("at", "kind"), by("kind", "text")
    entries = add(row.timeline, [entry.columns for entry in one["timeline"]], keeping, _external_id, *times)
    keeping.entries += zip(one["timeline"], entries, strict=True)
    _updates(row, one["updates"], keeping)
    return row


def _updates(row, wanted, keeping):
    """Add what customers were told; nobody makes them have read something else."""
    held = [one for one in keeping.held(row.updates) if one.is_published]
    wanted = [keeping.columns(CustomerUpdate, values) for values in wanted]
    same = by("published_at", "status", "text")
    found, others = match(held, wanted, _external_id, same, by("published_at"))
    keeping.tally.kept += len(others)
    for one, values in zip(found, wanted, strict=True):
        if one and any(getattr(one, name) != values[name] for name in _READ):
            at = f"{one.published_at:%Y-%m-%d %H:%M:%S}"
            raise Refused(
                f"{keeping.where}: customers of {row.reference} have read something else at {at} UTC"
            )
        state = {"state": CustomerUpdate.State.PUBLISHED}
        keeping.put(one or CustomerUpdate(incident=row), values | state)


_READ = ("published_at", "status", "text", "next_update_by")  # by customers


def _external_id(values):
    return values["external_id"] or object()  # what has none is like no other


def _new(one):
    row = Incident()
    if not one["columns"]["external_id"]:
        row.source, row.external_id = OURS, one["uuid"]
    if is_free(Incident, one["number"]):
        row.pk = one["number"]
    return row


def _impacts(held, wanted, model, kind, keeping):
    column = f"{model._meta.model_name}_id"
    rows = {getattr(row, column): row for row in keeping.held(held)}
    wanted = {keeping.named(model, kind, slug): impact for slug, impact in wanted.items()}
    keeping.remove(row for pk, row in rows.items() if pk not in wanted)
    for pk, impact in wanted.items():
        row = rows.get(pk) or held.model(**{"incident": held.instance, column: pk})
        keeping.put(row, {"impact": impact})


def add(held, wanted, keeping, *keys) -> list:
    """Set what the file says of the rows it knows, add what is missing, and keep all others."""
    wanted = [keeping.columns(held.model, values) for values in wanted]
    found, others = match(keeping.held(held), wanted, *keys)
    keeping.tally.kept += len(others)
    # A bare instance and not `held.create`: nothing is stored before all of it is set and checked.
    rows = [row or held.model(**{held.field.name: held.instance}) for row in found]
    for row, values in zip(rows, wanted, strict=True):
        keeping.put(row, values)
    return rows


# --- What was learnt


def _about(retro, incidents, keeping):
    links = sorted(keeping.held(retro.incident_links), key=lambda link: link.pk)
    if [link.incident_id for link in links] == [incident.pk for incident in incidents]:
        return
    keeping.remove(links)  # all of them, as their order says which incident leads
    for incident in incidents:
        keeping.put(RetrospectiveIncident(retro=retro, incident=incident), {})


def _in_order(held, wanted, make, keeping, *keys):
    """As `add`, but what the file lacks goes, and the rows stand in the order of the file."""
    found, others = match(held, wanted, *keys)
    gone = {row.pk for row in others}
    is_in_order = found == [row for row in held if row.pk not in gone]
    keeping.remove(others)
    for number, (row, values) in enumerate(zip(found, wanted, strict=True), 1):
        keeping.put(row or make(values), values | ({} if is_in_order else {"position": number}))


def _sections(retro, told, keeping):
    guidance = _guidance()

    def make(values):
        return retro.sections.model(retro=retro, guidance=guidance.get(values["heading"], ""))

    def topic(values):
        return object() if values["topic"] == Topic.OTHER else values["topic"]

    # One with another heading about the same thing is the same section: what hangs on it stays with it.
    _in_order(keeping.held(retro.sections), told.sections, make, keeping, by("heading"), topic)


def _guidance():
    """The questions of the usual template, by heading: they are not in the file."""
    template = Template.objects.filter(is_default=True).first()
    return dict(template.sections.values_list("heading", "guidance")) if template else {}


def _factors(retro, told, keeping):
    rows = {row.factor_id: row for row in keeping.held(retro.retro_factors)}
    wanted = {keeping.named(Factor, "factors", one["factor"]): one["note"] for one in told.factors}
    keeping.remove(row for pk, row in rows.items() if pk not in wanted)
    for pk, note in wanted.items():
        keeping.put(rows.get(pk) or retro.retro_factors.model(retro=retro, factor_id=pk), {"note": note})


def _findings(retro, told, keeping):
    wanted = sorted(told.findings, key=lambda one: telling.KINDS[one["kind"]])
    if told.format < telling.KNOWS_MARKS:
        wanted = [{name: one[name] for name in ("kind", "text")} for one in wanted]
    keys = by("kind", "text"), by("kind")
    held = telling.findings_of(retro) if keeping.held(retro.findings) else []
    _in_order(held, wanted, lambda _: retro.findings.model(retro=retro), keeping, *keys)


def _marks(retro, keeping):
    """What the retro says of the entries that the file knows; marks on others stay."""
    held = {mark.entry_id: mark for mark in keeping.held(retro.marks)}
    for entry, row in keeping.entries:
        mark = held.get(row.pk)
        if entry.mark is not None:
            columns = keeping.columns(TimelineMark, entry.mark)
            keeping.put(mark or TimelineMark(retro=retro, entry=row), columns)
        elif mark is not None:
            keeping.remove([mark])


def _evidence(retro, keeping):
    findings = {place: pk for pk, place in telling.places_of(retro).items()}
    links = FindingEvidence.objects.filter(finding__retro=retro)
    held = {(link.finding_id, link.entry_id): link for link in links}
    for entry, row in keeping.entries:
        if strange := [place for place in entry.shows if place not in findings]:
            raise Refused(f"{entry.where}: there is no finding {strange[0]!r}")
        wanted = {(findings[place], row.pk) for place in entry.shows}
        keeping.remove(link for key, link in held.items() if key[1] == row.pk and key not in wanted)
        for finding, pk in sorted(wanted - held.keys()):
            keeping.put(FindingEvidence(finding_id=finding, entry_id=pk), {})


def _participants(retro, told, keeping):
    wanted = [keeping.columns(retro.participants.model, one) for one in told.participants]
    prefetch_related_objects(told_here := keeping.held(retro.perspectives), "participant")
    spoke = {row.participant_id for row in told_here}
    stand_ins = telling.stand_ins_of(told_here)
    held = [row for row in keeping.held(retro.participants) if row.pk not in stand_ins]
    found, others = match(held, wanted, by("user_id", "name", "hat"), by("user_id", "name"))
    keeping.tally.kept += sum(row.pk in spoke for row in others)
    keeping.remove(row for row in others if row.pk not in spoke)
    for row, values in zip(found, wanted, strict=True):
        keeping.put(row or retro.participants.model(retro=retro), values)
