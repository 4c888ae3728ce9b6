"""One function per message about incidents: who writes to customers is told of what was promised to them, who may
publish of what waits for them, and who wrote it what became of it.
"""

from django.urls import reverse

from config.display import duration
from config.forms import storable
from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from config.people.calendar import zone_of
from incidents.models import CustomerUpdate, Incident
from incidents.models.rights import approvers, may_publish
from incidents.promises.nudging import Nudge, nudges

KIND = "incidents.promise"
LONGEST = 2_000  # characters of a text in a mail


def queue(found: list[Nudge]) -> int:
    """Queue what has not been told yet; returns how much that was. An incident waits for no working hours."""
    return Delivery.objects.queue(
        [
            Delivery(
                key=nudge.key,
                kind=KIND,
                recipient=nudge.person,
                address=nudge.person.email,
                context={"incident": nudge.incident.pk},
            )
            for nudge in found
        ]
    )


@message(KIND)
def promise(delivery) -> Mail:
    """Says by when customers were to hear from us, what they read last, and where to write."""
    reader = delivery.recipient
    if not reader.is_active or reader.email != delivery.address:
        raise NoLongerTrue(f"{reader} does not work here any more, or has another address.")
    nudge = next((one for one in nudges() if one.key == delivery.key), None)
    if nudge is None:
        raise NoLongerTrue("Customers have heard from us, or it is somebody else’s to tell them.")
    last = nudge.promise.by
    context = {
        "reader": reader,
        "incident": nudge.incident,
        "is_late": nudge.is_late,
        "due": f"{nudge.promise.due_at.astimezone(zone_of(reader.time_zone)):%H:%M %Z}",
        "last_status": last.get_status_display() if last else "",
        "last_text": last.text[:2_000] if last else "",
        "lasted": duration(nudge.promise.due_at - nudge.promise.made_at),
        "address": reverse("admin:incidents_incident_change", args=[nudge.incident.pk]),
    }
    thread = f"incident {nudge.incident.pk} promises"
    return Mail("promise", context, thread=thread, reason="communicator", list_id="incidents")


# --- Approval ----------------------------------------------------------------------------------------------


def ask_for_approval(update) -> None:
    """Ask whoever may publish it; customers wait for no working hours."""
    asked = approvers(update.incident, besides=update.submitted_by)
    _tell(update, "incidents.approval_asked", asked, f"v{update.version}")


def tell_author(update, *, by) -> None:
    """Tell who submitted it that it was published, or why it was sent back."""
    author = update.submitted_by
    if author is None or author == by or not author.is_active:
        return
    who = {"by": storable(str(by or "Aftercare")), "reason": storable(update.sent_back_because)}
    _tell(update, "incidents.approval_answered", [author], f"v{update.version}", **who)


def _tell(update, kind, people, which, **context):
    # A version is made by one change, so each submission and each answer has keys of its own.
    name = kind.rpartition(".")[2]
    Delivery.objects.queue(
        [
            Delivery(
                key=f"{name}:update {update.pk}:{which}:{person.pk}",
                kind=kind,
                recipient=person,
                address=person.email,
                context={"update": update.pk, **context},
            )
            for person in people
        ]
    )


@message("incidents.approval_asked")
def approval_asked(delivery) -> Mail:
    """Asks somebody who may publish to look at what customers are about to read."""
    update = _update_of(delivery)
    if update.state != CustomerUpdate.State.SUBMITTED:
        raise NoLongerTrue("It does not wait for approval any more.")
    if not may_publish(update.incident, delivery.recipient):
        raise NoLongerTrue(f"{delivery.recipient} may not publish it.")
    context = {**_facts(update, delivery), "who": str(update.submitted_by or "Aftercare")}
    return _mail("approval_asked", update, context)


@message("incidents.approval_answered")
def approval_answered(delivery) -> Mail:
    """Tells who wrote an update that customers read it now, or that it was sent back and why."""
    update = _update_of(delivery)
    is_back = bool(delivery.context["reason"])
    if is_back != (update.state == CustomerUpdate.State.DRAFT) or update.is_published == is_back:
        raise NoLongerTrue("It was sent in again meanwhile.")
    said = {"who": delivery.context["by"], "reason": _short(delivery.context["reason"])}
    said["readers"] = "Customers" if update.incident.is_public else "Our own people"
    return _mail("approval_answered", update, {**_facts(update, delivery), **said})


def _update_of(delivery):
    """The update, if its reader still works here and may know of it."""
    reader = delivery.recipient
    if not reader.is_active or reader.email != delivery.address:
        raise NoLongerTrue(f"{reader} does not work here any more, or has another address.")
    seen = Incident.objects.visible_to(reader)
    found = CustomerUpdate.objects.filter(pk=delivery.context["update"], incident__in=seen)
    update = found.select_related("incident__severity", "submitted_by").first()
    if update is None or not reader.has_perm("incidents.view_customerupdate"):
        raise NoLongerTrue(f"{reader} may not see it, or it is gone.")
    return update


def _facts(update, delivery) -> dict:
    reader = delivery.recipient
    due = update.next_update_by
    return {
        "reader": reader,
        "reference": update.incident.reference,
        "title": storable(update.incident.title),
        "severity": str(update.incident.severity),
        "status": update.get_status_display(),
        "text": _short(update.text),
        "next_update": f"{due.astimezone(zone_of(reader.time_zone)):%H:%M %Z}" if due else "",
        "address": reverse("admin:incidents_customerupdate_change", args=[update.pk]),
    }


def _short(text) -> str:
    return storable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…")


def _mail(template, update, context) -> Mail:
    thread = f"update {update.pk} approval"
    return Mail(template, context, thread=thread, reason="communicator", list_id="incidents")
