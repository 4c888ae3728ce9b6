"""What of incidents is on the first page and in the sidebar."""

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.timesince import timesince

from config.dashboard import Entry, Link, Moment, Panel, Row, ago, entries, first, list_url, panel, row_url
from incidents.models import CustomerUpdate, Incident

entries(
    "Incidents",
    10,
    Entry("incidents.Incident", "crisis_alert"),
    Entry("", "search", "Seen this before?", page="search:search", permission="incidents.view_incident"),
    Entry("incidents.CustomerUpdate", "campaign"),
    Entry("incidents.MessageTemplate", "edit_note"),
    Entry("incidents.Milestone", "flag"),
    Entry("incidents.Maintenance", "construction"),
    Entry("incidents.Subscriber", "mail", "Subscribers", query="channel__in=email"),
    Entry("incidents.Subscriber", "webhook", "Webhooks", query="channel__in=webhook"),
    Entry("", "support_agent", "For support", page="support", permission="incidents.use_support_page"),
    Entry("", "reviews", "What customers say", page="feedback-index", permission="incidents.view_feedback"),
    Entry("incidents.TicketCount", "confirmation_number", "Ticket counts"),
    Entry("incidents.SupportTicket", "link", "Linked tickets"),
    Entry("incidents.TimelineEntry", "timeline", "Timeline"),
    Entry("incidents.Assignment", "assignment_ind", "Who had which role"),
)
entries(
    "Catalogue",
    40,
    Entry("incidents.Service", "widgets"),
    Entry("incidents.Region", "public"),
    Entry("incidents.Customer", "apartment"),
    Entry("incidents.Severity", "signal_cellular_alt"),
    Entry("incidents.ValidationCheck", "checklist"),
)

NEXT = {
    Incident.Status.DECLARED: "Next: somebody acknowledges it.",
    Incident.Status.INVESTIGATING: "Next: find out what it is.",
    Incident.Status.IDENTIFIED: "Next: put a fix in place.",
    Incident.Status.MONITORING: "Next: resolve it once the fix holds for customers.",
}
OPEN = f"status__in={','.join(Incident.OPEN)}"
WAITING = f"state__in={CustomerUpdate.State.SUBMITTED}"
TONES = {1: "danger", 2: "warning"}


def next_step(incident) -> str:
    """What an open incident waits for; customers who have heard nothing come first."""
    if incident.status != Incident.Status.DECLARED and not incident.told_at and not incident.is_drill:
        return "Next: tell customers, who have heard nothing yet."
    return NEXT[incident.status]


@panel(5, permission="incidents.view_customerupdate")
def waiting_for_approval(request) -> Panel | None:
    """What waits for this reader before customers can read it, the oldest first; no panel where nothing waits."""
    rows, total = first(
        CustomerUpdate.objects.waiting()
        .publishable_by(request.user)
        .filter(incident__in=Incident.objects.visible_to(request.user))
        .select_related("incident__severity", "submitted_by")
        .order_by("submitted_at", "pk")
    )
    if not rows:
        return None
    return Panel(
        title="Updates waiting for your approval",
        rows=[_waiting_row(update) for update in rows],
        total=total,
        all=Link("All updates that wait", list_url("incidents.CustomerUpdate", WAITING)),
        empty="",
    )


def _waiting_row(update) -> Row:
    severity = update.incident.severity
    return Row(
        title=str(update.incident),
        url=row_url(update),
        mark=str(severity),
        tone=TONES.get(severity.rank, ""),
        facts=(f"asked by {update.submitted_by or 'Aftercare'}", _waits(update.submitted_at)),
        note=str(update),
    )


def _waits(since) -> Moment:
    return Moment(since, f"waits {timesince(since, depth=1)}".replace("\xa0", " "))


@panel(10, permission="incidents.view_incident")
def open_incidents(request) -> Panel:
    """What customers may feel right now, the worst first."""
    told = CustomerUpdate.objects.published().filter(incident=OuterRef("pk")).order_by("-published_at")
    rows, total = first(
        Incident.objects.open()
        .visible_to(request.user)
        .select_related("severity")
        .annotate(told_at=Subquery(told.values("published_at")[:1]))
        .order_by("is_drill", "severity__rank", "-declared_at", "-pk")
    )
    add = Link("Declare an incident", reverse("admin:incidents_incident_add"))
    return Panel(
        title="Open incidents",
        rows=[_row(incident) for incident in rows],
        total=total,
        all=Link(f"All {total} open incidents", list_url("incidents.Incident", OPEN)),
        empty="Customers are well served: nothing is open.",
        add=add if request.user.has_perm("incidents.respond_incident") else None,
    )


def _row(incident) -> Row:
    facts = [incident.get_status_display(), ago(incident.started_at or incident.declared_at, "began")]
    facts += [ago(incident.told_at, "customers told")] if incident.told_at else []
    return Row(
        title=str(incident),
        url=row_url(incident),
        mark=f"{incident.severity} drill" if incident.is_drill else str(incident.severity),
        tone="info" if incident.is_drill else TONES.get(incident.severity.rank, ""),
        facts=tuple(facts),
        note=next_step(incident),
    )


@panel(10, permission="incidents.use_support_page")
def for_support(request) -> Panel | None:
    """The same for whoever answers customers and sees nothing else: each leads to what to say now."""
    if request.user.has_perm("incidents.view_incident"):
        return None
    found = Incident.objects.open().public().select_related("severity").order_by("severity__rank", "-pk")
    rows, total = first(found)
    address = reverse("support")
    return Panel(
        title="What customers feel now",
        rows=[
            Row(
                title=incident.title,
                url=f"{address}#incident-{incident.pk}",
                facts=(ago(incident.started_at or incident.declared_at, "began"),),
                note="What to say now, and who is affected.",
            )
            for incident in rows
        ],
        total=total,
        all=Link("The page for support", address),
        empty="Nothing is open that customers can see.",
    )
