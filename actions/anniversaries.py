"""A quiet mail a year after a grave incident was over: what we promised then, and what of it is still open."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from actions.models import ActionItem, EffectivenessCheck
from config.dashboard import row_url
from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from config.outbox.sweeps import sweep
from incidents.models import Incident
from retros.models import RetrospectiveIncident

KIND = "actions.anniversary"
GRAVEST = 2  # ranks of severity: 1 is worst
LATE = timedelta(days=7)  # that the schedule may have stood still, or the reader been away
MOST = 30  # promises in one mail


@sweep
def queue_anniversaries(at=None) -> int:
    """Queue the mail of each incident whose year is over; returns how many are new."""
    at = at or timezone.now()
    year_ago = _year_before(at)
    links = RetrospectiveIncident.objects.filter(
        incident__in=Incident.objects.resolved().real(),
        incident__severity__rank__lte=GRAVEST,
        incident__resolved_at__range=(year_ago - LATE, year_ago),
        retro__facilitator__is_active=True,
    ).select_related("incident", "retro__facilitator")
    return Delivery.objects.queue([_delivery(link, at) for link in links])


def _year_before(at: datetime) -> datetime:
    try:
        return at.replace(year=at.year - 1)
    except ValueError:  # the 29th of February
        return at.replace(year=at.year - 1, day=28)


def _delivery(link, at) -> Delivery:
    person = link.retro.facilitator
    return Delivery(
        key=f"anniversary:incident {link.incident_id}:{link.incident.resolved_at.year + 1}",
        kind=KIND,
        recipient=person,
        address=person.email,
        context={"incident": link.incident_id, "retro": link.retro_id},
        due_at=person.calendar.next_working_moment(at) or at,
    )


@message(KIND, in_working_hours=True)
def anniversary(delivery) -> Mail:
    """Tells who led the retro what was promised a year ago, and what of it is open."""
    person, link = delivery.recipient, _link(delivery)
    if link is None:
        raise NoLongerTrue(f"{delivery.recipient} does not lead its retrospective, or may not see it.")
    context = {
        "person": person,
        "incident": link.incident,
        "retro": link.retro,
        "resolved_on": link.incident.resolved_at.astimezone(person.zone).date(),
        "address": settings.SITE_URL + row_url(link.retro),
        "promises": [_promise(item) for item in _items(link.retro, person)],
    }
    return Mail("anniversary", context, thread=f"incident {link.incident_id}", reason="facilitator")


def _link(delivery):
    person, about = delivery.recipient, delivery.context
    if not person.is_active or delivery.address != person.email:
        return None
    return (
        RetrospectiveIncident.objects.filter(incident=about["incident"], retro=about["retro"])
        .filter(retro__facilitator=person, incident__in=Incident.objects.visible_to(person))
        .select_related("incident", "retro")
        .first()
    )


def _items(retro, person):
    worked = EffectivenessCheck.objects.filter(
        item=OuterRef("pk"), status=EffectivenessCheck.Status.EFFECTIVE
    )
    items = ActionItem.objects.visible_to(person).filter(retro=retro).annotate(is_proven=Exists(worked))
    return items.select_related("owner").order_by("status", "pk")[:MOST]


def _promise(item) -> dict:
    return {"title": str(item), "stands": _stands(item), "url": settings.SITE_URL + row_url(item)}


def _stands(item) -> str:
    if item.is_open:
        return f"still open, {item.owner or 'owned by nobody'}"
    if item.status == ActionItem.Status.DROPPED:
        return "we decided not to"
    return "done, and it worked" if item.is_proven else "done, not known to have worked"
