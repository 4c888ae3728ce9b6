"""Tells one action item, from the day it was agreed to where it stands."""

from actions.models import ActionItem
from actions.sweeps import ask, recurrences
from config.audit.actor import WEB
from config.demo.script import ItemTale
from config.demo.stage import Stage


def tell_item(stage: Stage, tale: ItemTale) -> None:
    """One action item with everything that was done to it."""
    item = ActionItem(
        kind=tale.kind,
        priority=tale.priority,
        owner=stage.people.get(tale.owner),
        due_on=None if tale.due is None else stage.workday(tale.due),
        retro=stage.retros.get(tale.retro),
        finding=None if tale.finding is None else stage.findings[tale.retro][tale.finding],
        external_url=tale.url,
        success_measure=tale.measure,
        check_on=None if tale.check is None else stage.workday(tale.check),
        created_at=stage.ago(-tale.created, "14:10"),
    )
    stage.write("ana", item, title=tale.title, why=tale.why)
    for step in tale.steps:
        about = dict(step.about)
        with stage.step(step.who, about.pop("via", WEB)) as person:
            getattr(item, step.verb)(by=person, **_asked(stage, about))
    _tell_whether_it_worked(stage, tale, item)


def _tell_whether_it_worked(stage, tale, item):
    """What was asked since: because it may have happened again, and on its day."""
    with stage.sweep("ask about recurrences"):
        ask(recurrences([item.retro_id] if item.retro else [], stage.now), stage.now)
    for answer in tale.answers:
        check = item.checks.open().get(incident=stage.incidents.get(answer.about))
        if check.incident:
            # The sweep asks within a minute; it cannot be asked to do so months ago.
            check.created_at = stage.ago(answer.days + 1, "09:30")
            check.due_on = check.created_at.date()
            with stage.sweep("ask about recurrences"):
                stage.save(check)
        with stage.step(answer.who) as person:
            at = stage.ago(answer.days, "16:10")
            check.answer(by=person, result=answer.result, note=answer.note, at=at)


def _asked(stage, about: dict) -> dict:
    """What a verb asks for, with days and people instead of numbers and keys."""
    if "due" in about:
        about["due_on"] = stage.workday(about.pop("due"))
    if "days" in about:
        about["at"] = stage.ago(about.pop("days"), "15:40")
    if "owner" in about:
        about["owner"] = stage.people[about["owner"]]
    return about
