"""What customers were promised to hear of an incident, beside its form."""

from django.utils import timezone
from django.utils.html import format_html, format_html_join

from config.admin import Card, badge, duration, moment
from incidents.promises import Verdict, promises_of
from incidents.promises.nudging import names

TONES = {Verdict.KEPT: "success", Verdict.HOLLOW: "warning", Verdict.LATE: "danger", Verdict.BROKEN: "danger"}
IN_WORDS = {
    Verdict.KEPT: "Kept",
    Verdict.HOLLOW: "In time, nothing new",
    Verdict.LATE: "Late",
    Verdict.BROKEN: "Not kept",
    Verdict.OPEN: "Customers wait",
}
HEADING = "Promises to customers"
MOST = 6  # of the newest; a long incident has dozens


def promises_card(row) -> Card:
    """Each promise and what became of it, newest first."""
    if row.visibility != row.Visibility.PUBLIC or row.is_drill:
        return Card(HEADING, [("", "None: customers cannot see this incident.")])
    if row.source:
        return Card(HEADING, [("", "Not known: it was lived through elsewhere.")])
    found = promises_of(row, row.updates.published(), timezone.now(), names())[::-1]
    counts = [(verdict, sum(one.verdict == verdict for one in found)) for verdict in Verdict]
    told = format_html_join(" ", "{}", ((_badge(verdict, count),) for verdict, count in counts if count))
    facts = [("So far", told), *((moment(one.due_at), _became(one)) for one in found[:MOST])]
    if len(found) > MOST:
        facts.append(("", f"and {len(found) - MOST} earlier"))
    return Card(HEADING, facts)


def _badge(verdict, count):
    return badge(f"{IN_WORDS[verdict]}: {count}", TONES.get(verdict, "info"))


def _became(promise):
    late = f" by {duration(promise.late_by)}" if promise.late_by else ""
    return format_html("{}{}", badge(IN_WORDS[promise.verdict], TONES.get(promise.verdict, "info")), late)
