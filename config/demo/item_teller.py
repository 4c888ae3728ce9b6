"""Tells one action item, from the day it was agreed to where it stands."""

from actions.models import ActionItem
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
        created_at=stage.ago(-tale.created, "14:10"),
    )
    stage.write("ana", item, title=tale.title, why=tale.why)
    for step in tale.steps:
        about = dict(step.about)
        with stage.step(step.who, about.pop("via", WEB)) as person:
            getattr(item, step.verb)(by=person, **_asked(stage, about))


def _asked(stage, about: dict) -> dict:
    """What a verb asks for, with days and people instead of numbers and keys."""
    if "due" in about:
        about["due_on"] = stage.workday(about.pop("due"))
    if "days" in about:
        about["at"] = stage.ago(about.pop("days"), "15:40")
    if "owner" in about:
        about["owner"] = stage.people[about["owner"]]
    return about
