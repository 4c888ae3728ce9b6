"""Tells one incident, step by step, through its verbs."""

from config.audit.actor import API
from config.demo.guard import MARK
from config.demo.script import IncidentTale, Step
from config.demo.stage import Stage, after
from incidents.models import Assignment, CustomerUpdate, Impact, Incident, Milestone, TimelineEntry
from incidents.public_ids import id_of


def tell_incident(stage: Stage, tale: IncidentTale) -> None:
    """From its start to wherever it stands."""
    start = stage.start(tale.began)
    incident = stage.incidents[tale.key] = _declare(stage, tale, start)
    for step in tale.steps:
        STEPS.get(step.verb, _verb)(stage, incident, step, start)
    later = tale.summary[1:] if isinstance(tale.summary, list) else []
    if later:
        incident.refresh_from_db()
        stage.write(tale.by, incident, summary=later)


def _declare(stage, tale, start):
    with stage.step(tale.by) as person:
        incident = Incident.objects.declare(
            by=person,
            title=tale.title,
            severity=stage.severities[tale.severity],
            at=after(start, tale.declared),
            started_at=start,
            detected_at=after(start, tale.detected),
            services=[(stage.services[slug], Impact[degree]) for slug, degree in tale.services.items()],
            visibility=tale.visibility,
            is_drill=tale.is_drill,
            detection=tale.detection,
            summary=tale.summary[0] if isinstance(tale.summary, list) else tale.summary,
            data_safety=tale.data_safety,
            customers_affected=tale.customers[0],
            customers_affected_note=tale.customers[1],
            external_id=f"{MARK}{tale.key}",
            public_id=id_of("demo", tale.key),
        )
        for slug, degree in tale.regions.items():
            incident.region_impacts.create(region=stage.regions[slug], impact=Impact[degree])
    return incident


def _verb(stage, incident, step: Step, start):
    with stage.step(step.who) as person:
        getattr(incident, step.verb)(by=person, at=after(start, step.at), **step.about)


def _change_severity(stage, incident, step, start):
    about = step.about | {"severity": stage.severities[step.about["severity"]]}
    _verb(stage, incident, Step(step.who, step.verb, step.at, about), start)


def _correct_moments(stage, incident, step, start):
    with stage.step(step.who) as person:
        incident.correct_moments(
            by=person, reason=step.about["reason"], started_at=after(start, step.about["started"])
        )


def _take(stage, incident, step, start):
    with stage.step(step.who) as person:
        moment = after(start, step.at)
        stage.save(Assignment(incident=incident, user=person, role=step.about["role"], from_at=moment))


def _hand_over(stage, incident, step, start):
    """One request ends the one role and begins the other, so that the role is never empty."""
    role, moment = step.about["role"], after(start, step.at)
    with stage.step(step.who):
        held = incident.assignments.get(role=role, until_at=None)
        held.until_at = moment
        stage.save(held)
        successor = stage.people[step.about["to"]]
        stage.save(Assignment(incident=incident, user=successor, role=role, from_at=moment))


def _note(stage, incident, step, start):
    entry = TimelineEntry(
        incident=incident,
        at=after(start, step.at),
        author=stage.people[step.who],
        source=step.about.get("source", ""),
        is_key=step.about.get("key", False),
    )
    stage.write(step.who, entry, text=step.about["text"])


def _alert(stage, incident, step, start):
    with stage.step(step.who, API):
        entry = TimelineEntry(incident=incident, kind=TimelineEntry.Kind.ALERT, at=after(start, step.at))
        entry.text, entry.source = step.about["text"], step.about["source"]
        stage.save(entry)


def _star(stage, incident, step, start):
    """The facilitator marks what mattered, once the dust has settled."""
    entry = incident.timeline.get(text__startswith=step.about["text"])
    stage.write(step.who, entry, is_key=True)


def _edit(stage, incident, step, start):
    incident.refresh_from_db()
    stage.write(step.who, incident, **step.about)


def _draft(stage, incident, step, start):
    update = CustomerUpdate(incident=incident, status=step.about["status"])
    if "again" in step.about:
        update.next_update_by = after(start, step.about["again"])
    return stage.write(step.who, update, text=step.about["text"])


def _tell(stage, incident, step, start):
    update = _draft(stage, incident, step, start)
    with stage.step(step.who) as person:
        update.publish(by=person, at=after(start, step.at))


def _submit(stage, incident, step, start):
    """Written by somebody who may not publish it: it waits for whoever may."""
    update = _draft(stage, incident, step, start)
    with stage.step(step.who) as person:
        update.submit(by=person, at=after(start, step.at))


def _promise(stage, incident, step, start):
    """A step of remediation that customers are shown."""
    row = Milestone(
        incident=incident,
        owner=stage.people[step.about["owner"]],
        is_public=True,
        expected_at=after(start, step.about["expected"]),
    )
    stage.write(step.who, row, title=step.about["title"], note=step.about.get("note", ""))
    if "reached" in step.about:
        with stage.step(step.about["owner"]) as person:
            row.reach(by=person, at=after(start, step.about["reached"]))


STEPS = {
    "alert": _alert,
    "change_severity": _change_severity,
    "correct_moments": _correct_moments,
    "draft": _draft,
    "edit": _edit,
    "hand_over": _hand_over,
    "note": _note,
    "promise": _promise,
    "star": _star,
    "submit": _submit,
    "take": _take,
    "tell": _tell,
}
