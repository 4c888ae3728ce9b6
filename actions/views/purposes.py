"""What each link of a mail asks, does and says: one row per purpose. The verbs' own forms check what is typed."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

import actions.forms
import config.forms
from actions import answers, chips
from actions.emails import who_led
from actions.models.item import LONGEST_BLOCK, LONGEST_SNOOZE, MOST_SNOOZES
from config.forms import clean_line
from config.people.models import User

SUGGESTED = 1_000  # people in the list; who is not in it is found by their address


class ByName(forms.ModelChoiceField):
    """A person by what people type or pick: an address, or a name that only one of them has."""

    widget = forms.TextInput

    def to_python(self, value):
        text = clean_line(str(value or ""))[:320]
        if not text:
            return None
        found = list(self.queryset.filter(Q(email=User.normalise(text)) | Q(name__iexact=text))[:2])
        if len(found) == 1:
            return found[0]
        if found:
            raise ValidationError("Several people have this name: write the address.", code="ambiguous")
        raise ValidationError("Nobody here has this name or address: choose from the list.", code="unknown")


class HandOver(actions.forms.HandOver):
    """The same as everywhere; the person is written or picked, on a phone and without a script."""

    to = ByName(User.objects.filter(is_active=True), label="To whom?", help_text="A name or an address.")

    field_order = ["to", "note"]


class Answer(actions.forms.Answer):
    """The same as everywhere; the link itself is the answer."""

    result = forms.CharField(widget=forms.HiddenInput, required=False)


@dataclass(frozen=True)
class Purpose:
    """How a link is answered: by which verb, asked what, and what is said before and after."""

    verb: str
    form: type[forms.Form]
    asks: tuple[str, ...]
    heading: str
    confirm: str
    said: Callable[..., str]  # (row) → what happened, in a sentence
    told: Callable[..., str] = lambda item, person: ""  # who gets to know
    chips: Callable[..., list] | None = None
    must: tuple[str, ...] = ()  # asked for here although the verb's form leaves it to the verb

    @property
    def day(self) -> str:
        """The field that chips fill, if any."""
        return next((name for name in ("due_on", "until") if name in self.asks), "")


def _today(item):
    return item.owner.today()


def _led_is_told(item, person) -> str:
    led = who_led(item, person)
    return f"{led} is told, with your reason." if led else "It stays in the history, with your reason."


def _slips(item, person) -> str:
    if item.due_on is None:
        return ""
    if item.slips:
        times = "once" if item.slips == 1 else f"{item.slips} times"
        return f"It has slipped {times} before; this counts as one more, openly."
    return "This counts as the first time that it slips, openly."


def _moved(item) -> str:
    day = f"{item.due_on:%A %-d %B %Y}"
    if not item.slips:
        return f"Its due day is {day}."
    times = "once" if item.slips == 1 else f"{item.slips} times"
    return f"Its new due day is {day}. It has slipped {times}."


def _owned(item) -> str:
    return f"It is yours now, due on {item.due_on:%A %-d %B %Y}." if item.due_on else "It is yours now."


def _worked(check) -> str:
    return f"Noted: {check.get_status_display().lower()}. Thank you."


def _check(heading, confirm, must=()):
    return Purpose("answer", Answer, ("note",), heading, confirm, _worked, must=must)


PURPOSES = {
    answers.DONE: Purpose(
        verb="complete",
        form=actions.forms.Complete,
        asks=("evidence",),
        heading="Is it done?",
        confirm="Confirm: it is done",
        said=lambda item: "It is done. Thank you.",
        told=lambda item, person: "Later somebody other than you is asked whether it worked.",
    ),
    answers.DATE: Purpose(
        verb="postpone",
        form=actions.forms.Postpone,
        asks=("due_on", "reason"),
        heading="Until when will it be done?",
        confirm="Confirm the new date",
        said=_moved,
        told=_slips,
        chips=lambda item: chips.due_days(item.owner.calendar, _today(item), item.due_on),
    ),
    answers.HAND_OVER: Purpose(
        verb="hand_over",
        form=HandOver,
        asks=("to", "note"),
        heading="Who could take it over?",
        confirm="Ask them",
        said=lambda item: f"{item.offered_to} is asked. Until they accept, it stays yours.",
        told=lambda item, person: "They are asked by mail. Until they accept, it stays yours.",
    ),
    answers.SNOOZE: Purpose(
        verb="snooze",
        form=actions.forms.Snooze,
        asks=("until",),
        heading="Quiet until when?",
        confirm="Confirm: quiet until then",
        said=lambda item: (
            f"You are not reminded of it before {item.snoozed_until:%A %-d %B}. Its due day stays."
        ),
        told=lambda item, person: f"Snoozed {item.snoozes} of {MOST_SNOOZES} times. Its due day stays.",
        chips=lambda item: chips.quiet_days(item.owner.calendar, _today(item), LONGEST_SNOOZE),
    ),
    answers.BLOCKED: Purpose(
        verb="block",
        form=actions.forms.Block,
        asks=("waits_for", "until"),
        heading="What does it wait for?",
        confirm="Confirm: it is blocked",
        said=lambda item: (
            f"It waits for: {item.waits_for}. We look at it again on {item.snoozed_until:%A %-d %B}."
        ),
        told=lambda item, person: _led_is_told(item, person).replace("your reason", "what it waits for"),
        chips=lambda item: chips.look_again_days(item.owner.calendar, _today(item), LONGEST_BLOCK),
    ),
    answers.NOT_DOING: Purpose(
        verb="drop",
        form=config.forms.Reason,
        asks=("reason",),
        heading="Why are we not doing it?",
        confirm="Confirm: we are not doing it",
        said=lambda item: "We are not doing it, and the reason is kept.",
        told=_led_is_told,
    ),
    answers.ACCEPT: Purpose(
        verb="accept",
        form=config.forms.OptionalReason,
        asks=(),
        heading="Do you take it over?",
        confirm="Confirm: I take it",
        said=_owned,
        told=lambda item, person: f"{item.owner} is told." if item.owner else "",
    ),
    answers.DECLINE: Purpose(
        verb="decline",
        form=config.forms.Reason,
        asks=("reason",),
        heading="Why can’t you take it?",
        confirm="Confirm: I can’t take it",
        said=lambda item: f"It stays with {item.owner}." if item.owner else "It stays where it was.",
        told=lambda item, person: f"{item.owner} is told, with your reason." if item.owner else "",
    ),
    answers.EFFECTIVE: _check("It worked?", "Confirm: it worked"),
    answers.PARTLY: _check("It worked in part?", "Confirm: in part", must=("note",)),
    answers.NOT_EFFECTIVE: _check("It did not work?", "Confirm: it did not work", must=("note",)),
}


def form_for(name, row, data=None) -> forms.Form:
    """The verb's form as its page shows it; a day that was picked counts unless another one was written."""
    purpose = PURPOSES[name]
    if data is not None:
        data = data.copy()
        if purpose.day and not data.get(purpose.day, "").strip():
            data[purpose.day] = data.get("pick", "")
        if name in answers.OF_CHECK:
            data["result"] = name
    options = {"row": row} if name == answers.DATE else {}
    form = purpose.form(data, **options)
    if purpose.day:
        form.fields[purpose.day].widget.is_required = False  # a chip will do
    elif purpose.asks:
        form.fields[purpose.asks[0]].widget.attrs["autofocus"] = True
    for field in purpose.must or (("reason",) if name == answers.DATE and row.slips else ()):
        form.fields[field].required = True
    if "to" in form.fields:
        form.fields["to"].widget.attrs |= {"list": "people", "autocomplete": "off", "spellcheck": "false"}
        form.fields["to"].queryset = _others(row)
    return form


def people_for(item):
    """Whom an item can be handed to, for the list of suggestions."""
    return _others(item).order_by("name", "pk").values_list("email", "name")[:SUGGESTED]


def _others(item):
    return User.objects.filter(is_active=True).exclude(pk=item.owner_id)
