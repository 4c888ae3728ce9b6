"""What the redaction check finds in a learning, what of it somebody found harmless, and what may not be published."""

import hashlib
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.template.loader import render_to_string

from config.redaction import in_words, visible_text
from config.redaction.reading import as_seen
from incidents.private import Names, our_names
from retros.models.edition import TEXTS
from retros.models.retrospective import Participant

LABELS = {
    "title": "Title",
    "slug": "Address",
    "what_happened": "What happened to customers",
    "what_we_learnt": "What we learnt",
    "what_we_do": "What we do about it",
    "correction": "What is corrected",
    "told": "What readers are told",
    "page": "The page as readers see it",
    "earlier": "An earlier text that readers can still see",
}
PUBLIC = (*TEXTS, "slug", "correction")


def names_of(retro) -> Names:
    """The names that a learning of `retro` must not hold: ours, and of who took part without being one of us."""
    people, customers = [], []
    for name, hat in retro.participants.filter(user=None).values_list("name", "hat"):
        people.append(name)  # a customer may be a person as well as a company
        if hat == Participant.Hat.CUSTOMER:
            customers.append(name)
    return our_names().besides(people=people, customers=customers)


@dataclass(frozen=True)
class Suspect:
    """Something the check found in one of the texts, and what somebody said about it."""

    field: str
    kind: str
    text: str
    passage: str
    why: str
    can_be_confirmed: bool
    confirmed: object = None

    @property
    def mark(self) -> str:
        """Names kind, words and passage: a confirmation is for these and nothing else."""
        return _mark(self.kind, self.text, self.passage)

    @property
    def label(self) -> str:
        """Where it stands, as people call it."""
        return LABELS[self.field]

    @property
    def kind_in_words(self) -> str:
        """What it is, as people call it."""
        return in_words(self.kind)

    def in_words(self) -> str:
        """On one line."""
        return f"{self.label}: “{self.text[:80]}” ({self.kind_in_words})"


def _mark(kind, text, passage):
    return hashlib.sha256("\x00".join((kind, text, passage)).encode()).hexdigest()


def suspects(learning, texts=None, names=None) -> list[Suspect]:
    """All that the check finds in what is public of `learning`, or in `texts` by field, in reading order."""
    texts = {name: getattr(learning, name) for name in PUBLIC} if texts is None else texts
    names = names or names_of(learning.retro)
    confirmed = {one.mark: one for one in learning.confirmations.select_related("confirmed_by")}
    found = {}
    for field, text in texts.items():
        for one in names.check(text):
            passage = _passage(text, one)
            mark = _mark(one.kind, one.text, passage)
            suspect = Suspect(
                *(field, one.kind, one.text, passage, one.why, one.can_be_confirmed),
                confirmed=confirmed.get(mark) if one.can_be_confirmed else None,
            )
            found.setdefault((field, mark), suspect)
    return list(found.values())


def _passage(text, one):
    """The line it stands in: what makes words harmless is what stands around them."""
    start = text.rfind("\n", 0, one.start) + 1
    end = text.find("\n", one.end)
    return text[start : end if end >= 0 else len(text)]


def open_findings(learning) -> list[Suspect]:
    """What must be removed or confirmed before it is published."""
    return [one for one in suspects(learning) if one.confirmed is None]


def confirmable(learning, mark) -> Suspect:
    """What the check found under this mark and nobody confirmed yet; ValidationError if it cannot be."""
    one = next((one for one in open_findings(learning) if one.mark == mark), None)
    if one is None:
        raise ValidationError({"found": "The check finds nothing like this in the text as it stands now."})
    if not one.can_be_confirmed:
        raise ValidationError(
            {"found": f"It looks like a {one.kind_in_words}: that is never harmless. Remove it."}
        )
    return one


def refuse_findings(learning, edition, names=None) -> None:
    """Raise ValidationError if anything in `learning`, or in its page as readers would see it, must not be public."""
    names = names or names_of(learning.retro)
    found = suspects(learning, names=names)
    open_ones = [one for one in found if one.confirmed is None]
    known = {(one.kind, as_seen(one.text)) for one in found}
    open_ones += _on_page("page", edition, names, known)
    # Names are added to the list, and people come: what was harmless when it was published may not be now.
    confirmed = {(one.kind, as_seen(one.text)) for one in learning.confirmations.all()}
    for earlier in () if learning.hides_earlier else learning.editions.filter(is_shown=True):
        open_ones += _on_page("earlier", earlier, names, confirmed)
    _refuse(open_ones)


def _on_page(field, edition, names, known):
    return [
        Suspect(field, one.kind, one.text, "", one.why, can_be_confirmed=False)
        for one in names.check(visible_text(rendered(edition)))
        if (one.kind, as_seen(one.text)) not in known
    ]


def refuse_text(learning, field, text) -> None:
    """Raise ValidationError if `text`, which readers will see, holds what must not be public."""
    if found := [one for one in suspects(learning, {field: text}) if one.confirmed is None]:
        raise ValidationError({field: [f"{one.in_words()}: {one.why}" for one in found]})


def _refuse(found):
    if found:
        told = [f"{one.in_words()}: {one.why}" for one in found[:20]]
        told += [f"… and {len(found) - 20} more."] if len(found) > 20 else []
        raise ValidationError(["Remove it, or confirm that it is harmless:", *told])


# --- What a browser makes of it ----------------------------------------------------------------------------


def rendered(edition) -> str:
    """The part of the public page that is made of what somebody wrote."""
    from retros.public import parts_of

    return render_to_string("learnings/_text.html", parts_of(edition))
