"""The lines of the timeline as HTML, in one go: a template for each of them took longer than all the rest of the page.

Everything that people wrote is escaped here.
"""

from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from incidents.models import TimelineEntry
from retros.models import TimelineMark

# Letter on the keyboard that marks. K would be the key moment’s, but K moves up.
KEYS = {
    TimelineMark.Kind.DETECTION: "d",
    TimelineMark.Kind.DIAGNOSIS: "g",
    TimelineMark.Kind.REPAIR: "r",
    TimelineMark.Kind.KEY: "m",
}
_KINDS = [(kind.value, kind.label, key) for kind, key in KEYS.items()]
_LABELS = dict(TimelineMark.Kind.choices)
_SOURCES = dict(TimelineEntry.Kind.choices)
CORRECTABLE = TimelineEntry.correct.verb.allowed
PLACE = 9_999_999  # stands for the number of an entry in an address that is made once


class Lines:
    """Makes the lines of one retro's timeline for one reader."""

    def __init__(self, retro, *, can_write, several=False):
        self.can_write, self.several = can_write, several
        view = "admin:retros_retrospective_workspace_correct"
        self._correct = reverse(view, args=[retro.pk, PLACE])
        self._moments = reverse("admin:incidents_incident_verb", args=[PLACE, "correct_moments"])
        self._entry = reverse("admin:incidents_timelineentry_change", args=[PLACE])

    def all(self, page) -> SafeString:
        """Every line of a page: entries, and the gaps between them."""
        lines = []
        for item in page.items:
            lines += [_gap(*one) for one in item.gaps]
            lines.append(self._line(item))
        lines += [_gap(*one) for one in page.gaps]
        return mark_safe("\n".join(lines))  # noqa: S308

    def _line(self, item):
        entry, pk = item.entry, item.entry.pk
        known = [entry.source if entry.source != "Aftercare" else "", str(entry.author or "")]
        known += [entry.incident.reference] if self.several else []
        about = "".join(f' <span class="aftercare-quiet">{escape(one)}</span>' for one in known if one)
        corrected = (
            f'<p class="ws-corrected">Corrected: first said to be {_time(entry.first_at)}</p>'
            if entry.first_at
            else ""
        )
        rest = ""
        if entry.length > len(entry.short):
            address = self._entry.replace(str(PLACE), str(pk))
            rest = f'… <a class="aftercare-link" href="{address}">All of it</a>'
        return (
            f'<li class="ws-entry" id="entry-{pk}" data-entry="{pk}" data-kind="{entry.kind}" tabindex="-1">'
            f'<p class="ws-when">{_time(entry.at)} <span class="ws-source">{_SOURCES[entry.kind]}</span>{about}</p>'
            f'{corrected}<p class="ws-what">{escape(entry.short)}{rest}</p>'
            f'<div class="ws-marks" data-marks>{self.marks(item)}</div></li>'
        )

    def marks(self, item) -> SafeString:
        """The star and the moment of an entry: as buttons for who works on it, else in words."""
        return mark_safe(self._buttons(item) if self.can_write else _marked(item))  # noqa: S308

    def _buttons(self, item):
        pk, star = item.entry.pk, item.is_starred
        buttons = [_button(f"{pk}:star:{0 if star else 1}", "s", star, f"{'★' if star else '☆'} Star")]
        for kind, label, key in _KINDS:
            is_it = item.kind == kind
            buttons.append(_button(f"{pk}:kind:{'' if is_it else kind}", key, is_it, label))
        if address := self._where_to_correct(item.entry):
            buttons.append(f'<a class="ws-correct" href="{address}">Correct moment</a>')
        return "".join(buttons)

    def _where_to_correct(self, entry):
        """A state’s moment is the incident’s; what customers read was said when it was said."""
        if entry.kind in CORRECTABLE:
            return self._correct.replace(str(PLACE), str(entry.pk))
        if entry.kind == TimelineEntry.Kind.STATE:
            return self._moments.replace(str(PLACE), str(entry.incident_id))
        return ""


def _button(value, key, is_pressed, label):
    pressed = "true" if is_pressed else "false"
    return f'<button name="mark" value="{value}" data-key="{key}" aria-pressed="{pressed}">{label}</button>'


def _marked(item):
    star = '<span class="aftercare-badge" data-tone="warning">★ Starred</span> ' if item.is_starred else ""
    kind = f'<span class="aftercare-badge" data-tone="info">{_LABELS[item.kind]}</span>' if item.kind else ""
    return star + kind


def _gap(gap, whose):
    since, until = (
        f'<time datetime="{at.isoformat()}">{timezone.localtime(at):%H:%M:%S}</time>'
        for at in (gap.since, gap.until)
    )
    whose = f"{whose}, " if whose else ""
    return (
        f'<li class="ws-gap" data-gap="{gap.kind}"><span aria-hidden="true">⏳</span> '
        f"<strong>{gap.words}</strong> <span>{whose}{since}–{until}</span></li>"
    )


def _time(at, shown="%-d %b, %H:%M:%S"):
    return f'<time datetime="{at.isoformat()}">{timezone.localtime(at):{shown}}</time>'
