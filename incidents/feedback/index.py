"""Are we getting better at telling customers? What they said, by the month or quarter of the incident."""

from dataclasses import dataclass
from datetime import date

from django.core.exceptions import PermissionDenied

from config.audit.explorer.shell import page
from incidents.feedback.numbers import PERIODS, Heard, by_period, seen_by
from incidents.feedback.showing import SCALE_LABELS, rate_in_words, scale_in_words, share_in_words

SHOWN = 24  # periods
WIDTH = 200  # of a bar, in the units of the drawing


@dataclass(frozen=True)
class Line:
    """One period, as the page tells it."""

    day: date
    kind: str
    heard: Heard

    @property
    def name(self) -> str:
        """May 2026, or 2026 Q2."""
        if self.kind == "quarter":
            return f"{self.day.year} Q{(self.day.month + 2) // 3}"
        return f"{self.day:%B %Y}"

    @property
    def bar(self) -> dict | None:
        """The share of “yes” with its interval, to be drawn; None while there are too few answers."""
        if self.heard.updates.is_hidden:
            return None
        low, high = self.heard.updates.interval
        return {
            "share": round(WIDTH * self.heard.updates.share),
            "low": round(WIDTH * low),
            "reach": max(2, round(WIDTH * (high - low))),
        }

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was said, in words."""
        updates, after = self.heard.updates, self.heard.after
        facts = [
            ("Knew what they needed to know", share_in_words(updates)),
            ("Answered about updates", rate_in_words(updates)),
        ]
        facts += [(label, scale_in_words(after.scales[name])) for name, label in SCALE_LABELS.items()]
        facts.append(("Answered afterwards", rate_in_words(after)))
        if self.heard.updates_page.answers or self.heard.after_page.answers:
            page = self.heard.updates_page + self.heard.after_page
            said = "fewer than five" if page.is_hidden else page.answers
            facts.append(("Answers from the open page, not in the figures above", said))
        return facts


def show(request):
    """The page; nothing on it changes anything."""
    if not request.user.has_perm("incidents.view_feedback"):
        raise PermissionDenied
    kind = request.GET.get("by") if request.GET.get("by") in PERIODS else "quarter"
    found = by_period(kind, seen_by(request.user))[:SHOWN]
    context = {
        "title": "What customers say",
        "lines": [Line(day, kind, heard) for day, heard in found],
        "kind": kind,
        "kinds": [("month", "By month"), ("quarter", "By quarter")],
        "width": WIDTH,
    }
    return page(request, "admin/incidents/feedback_index.html", context)
