"""How an entry reads in a mail: clean, of bounded length, its day in words. Both twins are made of this."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from urllib.parse import urljoin

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import dateformat

from config.forms import clean_line, validate_visible
from config.reminding.chasing import Button, Entry

LINE, PARAGRAPH, BRIEF = 255, 500, 200  # characters: whatever a row holds, a mail stays readable
IN_FULL = (
    12  # entries with their answers; the rest is brief, for a mail program cuts what is longer than 100 kB
)


@dataclass(frozen=True)
class Told:
    """One entry in words."""

    title: str
    url: str
    opens: str  # “Open ACT-0007”
    reference: str
    group: str
    why: str
    question: str
    when: str
    is_late: bool
    traits: list[str]
    notes: list[str]
    because: str
    buttons: list[Button]
    is_brief: bool


def told(entry: Entry, today: date, *, is_brief: bool = False) -> Told:
    """What a mail says of one entry on the reader's `today`; a brief one has a link instead of its answers."""
    facts = [line(fact, PARAGRAPH) for fact in entry.facts]
    url = absolute(entry.url)
    opens = f"Open {entry.reference}".strip()
    buttons = [Button(line(button.label), absolute(button.url)) for button in entry.buttons]
    if is_brief:
        buttons = []
    elif url and not buttons:
        buttons = [Button(opens, url)]
    return Told(
        title=_visible(line(entry.title)) or "Without a title",
        url=url,
        opens=opens,
        reference=entry.reference,
        group=line(entry.group),
        why=line(entry.why, BRIEF if is_brief else PARAGRAPH),
        question=line(entry.question),
        when=due_in_words(entry.due_on, today),
        is_late=entry.days_late > 0,
        traits=[fact for fact in facts if ": " not in fact],
        # What somebody wrote has a line of its own.
        notes=[fact[:1].upper() + fact[1:] for fact in facts if ": " in fact],
        because=line(entry.because),
        buttons=buttons,
        is_brief=is_brief,
    )


def all_told(entries: Iterable[Entry], today: date) -> list[Told]:
    """What a mail says of many: the first ones with their answers, the rest in brief."""
    return [told(entry, today, is_brief=number >= IN_FULL) for number, entry in enumerate(entries)]


def grouped(entries: Iterable[Told]) -> list[tuple[str, list[Told]]]:
    """Entries under what they came from, in the order of the first of each group."""
    groups: dict[str, list[Told]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return list(groups.items())


def due_in_words(due_on: date | None, today: date) -> str:
    """“Due Monday 2 March 2026, 5 days ago”."""
    if due_on is None:
        return ""
    day, days = dateformat.format(due_on, "l j F Y"), (due_on - today).days
    near = {-1: "Due yesterday", 0: "Due today", 1: "Due tomorrow"}
    if days in near:
        return f"{near[days]}, {day}"
    return f"Due {day}, in {days:,} days" if days > 0 else f"Due {day}, {-days:,} days ago"


def in_short(overdue: int, asked: int, upcoming: int, more: int = 0) -> str:
    """“2 things are overdue, 1 wants an answer, 3 are coming up.”"""
    counts = (
        (overdue, "is overdue", "are overdue"),
        (asked, "wants an answer", "want an answer"),
        (upcoming, "is coming up", "are coming up"),
        (more, "more waits", "more wait"),
    )
    parts = [(count, one if count == 1 else many) for count, one, many in counts if count]
    first, *rest = [f"{count:,} {verb}" for count, verb in parts]
    thing = "thing" if parts[0][0] == 1 else "things"
    return f"{', '.join([first.replace(' ', f' {thing} ', 1), *rest])}."


def line(text: str, most: int = LINE) -> str:
    """One clean line of bounded length; cut before it is cleaned, for that takes time."""
    clean = clean_line(text[: most * 4])
    return clean if len(clean) <= most else f"{clean[: most - 1].rstrip()}…"


def _visible(text: str) -> str:
    try:
        validate_visible(text)
    except ValidationError:
        return ""
    return text


def absolute(url: str) -> str:
    """An address that works from a mail."""
    return urljoin(f"{settings.SITE_URL}/", url) if url else ""
