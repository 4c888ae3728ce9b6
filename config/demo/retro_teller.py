"""Tells one retrospective: opened by the sweep, prepared by its facilitator, and on to where it stands."""

from datetime import timedelta

from config.demo.script import RetroTale
from config.demo.stage import Stage
from retros import reviewing
from retros.models import Factor, Finding, Participant, RetroFactor, Retrospective, StepKind

FACILITATOR = "ana"


def tell_retro(stage: Stage, tale: RetroTale) -> None:
    """One retrospective with everything that belongs to it."""
    retro = stage.retros[tale.key] = _open(stage, tale)
    _prepare(stage, tale, retro)
    for name, hat in tale.participants:
        _invite(stage, retro, name, hat)
    for section in retro.sections.all():
        if text := tale.sections.get(section.heading):
            stage.write(FACILITATOR, section, text=text)
    for slug, note in tale.factors.items():
        factor = Factor.objects.get(slug=slug)
        stage.write(FACILITATOR, RetroFactor(retro=retro, factor=factor), note=note)
    stage.findings[tale.key] = [
        stage.write(FACILITATOR, Finding(retro=retro, kind=Finding.Kind[kind], position=position), text=text)
        for position, (kind, text) in enumerate(tale.findings, start=1)
    ]


def tell_review(stage: Stage, tale: RetroTale) -> None:
    """How it was read, published, and perhaps reopened."""
    retro = stage.retros[tale.key]
    retro.refresh_from_db()
    for step in tale.steps:
        _take_step(stage, retro, step)


def _open(stage, tale):
    incidents = [stage.incidents[key] for key in tale.incidents]
    with stage.sweep("open required retros"):
        retro = Retrospective.objects.open_for(incidents[0])
        # The sweep opens it within a minute; it cannot be asked to do so half a year ago.
        retro.opened_at = incidents[0].resolved_at + timedelta(minutes=1)
        return stage.save(retro)


def _prepare(stage, tale, retro):
    retro.facilitator = stage.people[FACILITATOR]
    stage.write(FACILITATOR, retro, title=tale.title, customer_impact=tale.impact)
    for key in tale.incidents[1:]:
        with stage.step(FACILITATOR):
            retro.incident_links.create(incident=stage.incidents[key])


def _invite(stage, retro, name, hat):
    user = stage.people.get(name)
    participant = Participant(retro=retro, user=user, name="" if user else name)
    stage.write(FACILITATOR, participant, hat=Participant.Hat[hat])


def _take_step(stage, retro, step):
    about = dict(step.about)
    if step.verb == "invite":
        return _invite(stage, retro, **about)
    if step.verb == "edit":
        return _agree_on_a_day(stage, retro, step.who, stage.workday(about["due"]))
    if "days" in about:
        about["at"] = stage.ago(about.pop("days"), about.pop("clock", "15:20"))
    if "reviewers" in about:
        about["reviewers"] = [stage.people[key] for key in about["reviewers"]]
    if step.verb in ("approve", "request_changes"):
        with stage.step(step.who) as person:
            return reviewing.decide(retro, by=person, verb=step.verb, **about)
    if step.verb == "comment":
        return _comment(stage, retro, step.who, about)
    with stage.step(step.who) as person:
        return getattr(retro, step.verb)(by=person, **about)


def _agree_on_a_day(stage, retro, who, due_on):
    """It is due on another day, and so is the last step of its checklist."""
    retro.refresh_from_db()
    stage.write(who, retro, due_on=due_on)
    stage.write(who, retro.steps.get(kind=StepKind.PUBLISHED), due_on=due_on)


def _comment(stage, retro, who, about):
    heading, answers = about.pop("on", ""), about.pop("answers", "")
    section = retro.sections.get(heading=heading) if heading else None
    parent = retro.comments.get(text__startswith=answers) if answers else None
    with stage.step(who) as person:
        return reviewing.comment(retro, by=person, section=section, parent=parent, **about)
