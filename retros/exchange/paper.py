"""A retro as it stands on paper: what the page that is printed needs, in the same number of queries for any."""

from dataclasses import dataclass, field

from django.utils.html import format_html

from config.display import duration, moment
from config.markdown import to_html
from incidents.models import Incident
from retros.exchange.telling import Telling, findings_of, whole
from retros.models import Finding, Topic

MOMENTS = (
    ("started_at", "Started"),
    ("detected_at", "Detected"),
    ("declared_at", "Declared"),
    ("acknowledged_at", "Acknowledged"),
    ("mitigated_at", "Fix in place"),
    ("resolved_at", "Resolved"),
)


@dataclass
class About:
    """One incident on the sheet: facts as pairs, and what happened, in order."""

    incident: Incident
    facts: list
    entries: list
    is_shortened: bool  # there is more on the timeline than stands here


@dataclass
class Sheet:
    """Everything on paper, from top to bottom."""

    retro: object
    stands: list
    impact: list
    abouts: list
    sections: list
    factors: list
    findings: list
    participants: list
    items: list
    hidden: set = field(default_factory=set)


def sheet_of(pk, user) -> Sheet:
    """The sheet of a retro as `user` may see it."""
    retro = whole([pk]).get()
    telling = Telling(user)
    incidents = telling.seen(
        "incidents", [link.incident for link in retro.incident_links.all()], Incident.objects
    )
    starred = _starred(retro)
    return Sheet(
        retro=retro,
        stands=_stands(retro, telling),
        impact=[to_html(text) for text in _impact(retro)],
        abouts=[_about(incident, starred) for incident in incidents],
        sections=[(row.heading, to_html(row.text)) for row in _told(retro)],
        factors=[(row.factor.name, to_html(row.note)) for row in retro.told_factors],
        findings=_by_kind(retro),
        participants=[_taking_part(row, telling) for row in retro.participants.all()],
        items=_items(retro, user),
        hidden=telling.left_out,
    )


def _impact(retro):
    """What it was like for customers: the short text, and the section that is headed just so."""
    texts = [retro.customer_impact, *(row.text for row in retro.sections.all() if _is_the_impact(row))]
    return [text for text in texts if text.strip()]


def _is_the_impact(section) -> bool:
    return section.heading.casefold() == Topic.IMPACT.label.casefold()


def _told(retro):
    """The other sections of which something is written, the customers' before all others."""
    rows = [row for row in retro.sections.all() if row.text.strip() and not _is_the_impact(row)]
    return sorted(rows, key=lambda row: row.topic != Topic.IMPACT)


def _stands(retro, telling):
    facts = [("Status", retro.get_status_display())]
    if retro.published_at:
        by = _name(retro.published_by, telling)
        when = moment(retro.published_at)
        facts.append(("Published", format_html("{} by {}", when, by) if by else when))
    else:
        facts.append(("Due", f"{retro.due_on:%-d %b %Y}"))
    facts += [("Facilitator", name)] if (name := _name(retro.facilitator, telling)) else []
    return facts


def _name(person, telling) -> str:
    """The name of somebody, to readers who may see who works here."""
    return str(person) if person and telling.person(person) else ""


def _taking_part(row, telling):
    who = row.name or _name(row.user, telling) or "Somebody"
    return f"{who} ({row.get_hat_display()})"


def _about(incident, starred):
    timeline = list(incident.timeline.all())
    entries = [row for row in timeline if row.pk in starred] or [row for row in timeline if row.is_key]
    entries = entries or timeline
    return About(incident, _facts(incident), [_entry(row) for row in entries], len(entries) < len(timeline))


def _facts(incident):
    facts = [("Severity", str(incident.severity))]
    facts += [(label, moment(getattr(incident, name))) for name, label in MOMENTS if getattr(incident, name)]
    facts += [
        ("Time to acknowledge", duration(incident.time_to_acknowledge, "not known")),
        ("Time to restore", duration(incident.time_to_restore, "not known")),
        ("How we knew", incident.get_detection_display()),
    ]
    services = ", ".join(map(str, incident.service_impacts.all()))
    regions = ", ".join(map(str, incident.region_impacts.all()))
    number = incident.customers_affected
    customers = [f"{number:,}" if number is not None else "", incident.customers_affected_note]
    more = {
        "Services": services,
        "Regions": regions,
        "Customers affected": ": ".join(filter(None, customers)),
        "Data": incident.data_safety,
    }
    return facts + [(label, value) for label, value in more.items() if value]


def _entry(row):
    return {"at": moment(row.at), "kind": row.get_kind_display(), "text": row.text}


def _starred(retro) -> set:
    """The entries somebody marked for this retro, where marking is there."""
    marks = getattr(retro, "marks", None)
    return {mark.entry_id for mark in marks.all()} if marks is not None else set()


def _by_kind(retro):
    rows = findings_of(retro)
    kinds = [(kind.label, [to_html(row.text) for row in rows if row.kind == kind]) for kind in Finding.Kind]
    return [(label, texts) for label, texts in kinds if texts]


def _items(retro, user):
    rows = retro.action_items.visible_to(user).select_related("owner").order_by("due_on", "pk")
    return [(row, str(row.owner or "Nobody yet")) for row in rows]
