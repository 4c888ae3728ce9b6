"""What is written of a retro, saved as it is typed: one text at a time, and never over somebody else's.

A text is saved from the version of its row that it was begun on. If the row has moved on but this text has not,
nobody is in the way: a colleague changed another field. Else both texts are shown, and nothing is stored.
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.http import Http404

from config.audit.changes import who, word_diff
from config.conflicts import latest_change
from config.editing import numbers
from retros.models import Retrospective, Section

IMPACT = "impact"  # the retro's own text; the others are sections, named by their number


@dataclass
class Text:
    """One text of the narrative, as the page shows it."""

    part: str
    heading: str
    guidance: str
    text: str
    version: int
    topic: str = ""
    base: int = 0  # the newest row of the history when the page was opened


@dataclass(frozen=True)
class Saved:
    """It stands: under which version, and with which row of the history."""

    version: int
    base: int


@dataclass(frozen=True)
class Conflict:
    """Somebody else wrote here meanwhile: their text, mine, and what differs, word by word."""

    text: Text
    mine: str
    base: int
    by: str
    at: object

    @property
    def pieces(self):
        """What mine takes away from theirs (−) and adds to it (+)."""
        return list(word_diff(self.text.text, self.mine))


def texts_of(retro) -> list[Text]:
    """Customer impact first, then the sections in their order."""
    sections = list(retro.sections.all())
    latest = {**_latest([retro]), **_latest(sections)}
    texts = {retro: _impact(retro), **{section: _section(section) for section in sections}}
    for row, text in texts.items():
        text.base = latest.get((type(row), row.pk), 0)
    return list(texts.values())


def _latest(rows):
    """The number of the newest history row of each of `rows`, which are of one model, in one query."""
    if not rows:
        return {}
    model = type(rows[0])
    found = model.history.filter(**{f"{model._meta.pk.name}__in": [row.pk for row in rows]}).order_by()
    numbered = found.values_list(model._meta.pk.name).annotate(latest=Max("history_id"))
    return {(model, pk): number for pk, number in numbered}


def _impact(retro):
    return Text(
        part=IMPACT,
        heading="In short: what was it like for customers?",
        guidance="Two or three sentences that stand alone. Mails and lists show them to whoever was not there.",
        text=retro.customer_impact,
        version=retro.version,
        topic=IMPACT,
    )


def _section(section):
    return Text(
        part=str(section.pk),
        heading=section.heading,
        guidance=section.guidance,
        text=section.text,
        version=section.version,
        topic=section.topic,
    )


def save(retro, part, text, *, version, base) -> Saved | Conflict:
    """Store one text of `retro`, or say who was quicker. Raises WrongState, ValidationError, or 404."""
    with transaction.atomic():
        locked = Retrospective._base_manager.select_for_update(of=("self",)).get(pk=retro.pk)
        locked.refuse_edit()
        row, name = _row(locked, part)
        text = row._meta.get_field(name).clean(text, row)
        stored = getattr(row, name)
        if str(row.version) != str(version) and text != stored and not _is_untouched(row, name, base):
            return _conflict(row, part, text)
        if text != stored:
            setattr(row, name, text)
            row.save()
        return Saved(row.version, latest_change(row).pk)


def _row(retro, part):
    if part == IMPACT:
        return retro, "customer_impact"
    if not numbers([part]):
        raise Http404("There is no such text.")
    section = Section._base_manager.select_for_update(of=("self",)).filter(retro=retro, pk=part).first()
    if section is None:
        raise Http404("There is no such text: the section was deleted.")
    return section, "text"


def _is_untouched(row, name, base) -> bool:
    """Whether this text is still what it was when the page was opened, at the history row `base`."""
    if not numbers([base]):
        return False
    before = row.history.filter(history_id=base).first()
    return before is not None and getattr(before, name) == getattr(row, name)


def _conflict(row, part, mine):
    latest = latest_change(row)
    text = _impact(row) if part == IMPACT else _section(row)
    return Conflict(text=text, mine=mine, base=latest.pk, by=who(latest), at=latest.history_date)


def first_problem(error: ValidationError) -> str:
    """What is wrong, in one sentence."""
    return " ".join(error.messages)
