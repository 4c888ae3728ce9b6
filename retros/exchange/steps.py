"""The checklist in the files of retros: each step with whose it is, by when, and whether it was done.

What is done a retro says itself and nobody stores, so it follows from the rest of a file. One thing does not: that
people were asked how they saw it, of whom none has answered. That is kept as it was elsewhere.
"""

from django.db.models import Prefetch

from incidents.imports.shape import Part, Refused, refuse_twice
from retros.checklist import flags
from retros.exchange.additions import Addition, register
from retros.exchange.following import follow
from retros.exchange.keeping import by, match
from retros.exchange.plain import flag, refuse_unknown, typed
from retros.exchange.reading import parts_of
from retros.models import Step, StepKind
from retros.models.step import Who

KEY = "checklist"
LEFT_OUT = ("left_out_because", "left_out_at", "left_out_by")
STEP = ("kind", "status", "who", "owner", "due_on", *LEFT_OUT)
DONE = "is_done"
_PREFIX = "did_"
_USUAL = {"status": str(Step.Status.PLANNED), "who": str(Who.FACILITATOR)}  # not said each time
_TOGETHER = [("status", "left_out_because", "left_out_at", "left_out_by_id")]


def tell(retro, telling) -> list[dict]:
    """The steps of a retro in their order."""
    if not retro.told_steps or not telling.may(KEY, "retros.view_step"):
        return []
    return [_told(row, retro, telling) for row in retro.told_steps]


def _told(row, retro, telling):
    is_done = getattr(retro, f"{_PREFIX}{row.kind}", False)
    told = telling.plain(row, STEP) | ({DONE: True} if is_done else {})
    return {name: value for name, value in told.items() if _USUAL.get(name) != value}


def read(value, where) -> list[dict]:
    """The steps of a document, checked."""
    steps = [_read(part) for part in parts_of(Part(where, {KEY: value}), KEY, "step")]
    refuse_twice((step["columns"]["kind"] for step in steps), f"{where}: the step")
    return steps


def _read(part):
    refuse_unknown(part, {DONE, *STEP})
    part = Part(part.where, _USUAL | part.values)
    columns = typed(part, Step, STEP)
    is_left_out = columns["status"] == Step.Status.LEFT_OUT
    if is_left_out != bool(columns["left_out_because"]) or is_left_out != bool(columns["left_out_at"]):
        raise Refused(f"{part.where}: a step that is left out says when and why, and no other does")
    return {"columns": columns, DONE: flag(part, DONE)}


def store(retro, steps, keeping) -> None:
    """Add what is missing; a step follows the file until somebody here has changed it, and none goes."""
    wanted = [_columns(step, retro, keeping) for step in steps]
    found, others = match(keeping.held(retro.steps), wanted, by("kind"))
    keeping.tally.kept += len(others)
    places = iter(range(1, len(wanted) + 1))
    # A step that is here keeps its place among the others here.
    wanted = [
        values | ({"position": place} if row is None else {})
        for place, row, values in zip(places, found, wanted, strict=True)
    ]
    follow(found, wanted, lambda: Step(retro=retro), keeping, together=_TOGETHER)


def _columns(step, retro, keeping):
    values = keeping.columns(Step, step["columns"])
    if values["kind"] != StepKind.PERSPECTIVES:
        return values
    return values | {"is_done_elsewhere": step[DONE] and not retro.perspectives.exists()}


# --- For readers


def sketch(steps, document) -> list[str]:
    """The steps as a list of boxes, ticked when done."""
    people = document.get("names", {}).get("people", {})
    return [_line(step, document, people) for step in steps or []]


def _line(step, document, people):
    box = "x" if DONE in step else " "
    title = f"- [{box}] {StepKind(step['kind']).label}"
    if step.get("status") == Step.Status.LEFT_OUT and DONE not in step:
        who = _name(step.get("left_out_by"), people)
        because = " ".join(step["left_out_because"].split())
        about = ", ".join(filter(None, [who, step["left_out_at"][:10]]))
        return f"{title}: not doing, because {because} ({about})"
    return f"{title} ({_whose(step, document, people)}, due {step['due_on']})"


def _whose(step, document, people):
    who = step.get("who", Who.FACILITATOR)
    named = step.get("owner") or document.get(who)  # both roles are called alike in the document
    return _name(named, people) or Who(who).label.lower()


def _name(email, people):
    return people.get(email) or email or ""


register(
    Addition(
        KEY,
        tell=tell,
        read=read,
        store=store,
        heading="Checklist",
        sketch=sketch,
        place=40,
        flags=lambda: flags(_PREFIX),
        fetch=(
            Prefetch(
                "steps",
                Step.objects.select_related("owner", "left_out_by").order_by("position", "pk"),
                "told_steps",
            ),
        ),
    )
)
