"""The messages of the ledger: an anchor to keep elsewhere, and an alarm."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q

from config.audit.ledger import Anchor, Verification
from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery

SHOWN = 20  # findings in the mail; the page has them all


def tell_of(result: Verification) -> int:
    """Queue the alarm for everybody who may verify, and for AUDIT_EMAILS; returns how many are new."""
    recipients = {person.email: person for person in _who_may_verify()}
    addresses = [*recipients, *(address for address in settings.AUDIT_EMAILS if address not in recipients)]
    return Delivery.objects.queue(
        [
            Delivery(
                key=f"findings:{result.pk}:{address}"[:200],
                kind="audit.findings",
                recipient=recipients.get(address),
                address=address,
                context={"verification": result.pk},
            )
            for address in addresses
        ]
    )


def _who_may_verify():
    may = Q(
        groups__permissions__codename="verify_history",
        groups__permissions__content_type__app_label=Verification._meta.app_label,
    )
    people = get_user_model().objects.filter(may | Q(is_superuser=True), is_active=True)
    return people.distinct()


@message("audit.findings")
def findings(delivery) -> Mail:
    """Says that the history is not as it was sealed, or could not be checked."""
    result = Verification.objects.filter(pk=delivery.context.get("verification")).first()
    if result is None:
        raise NoLongerTrue("There is no such verification.")
    more = len(result.findings) - SHOWN
    context = {"result": result, "findings": result.findings[:SHOWN], "more": max(more, 0)}
    return Mail("audit_findings", context, reason="auditor", list_id="audit")


@message("audit.anchor")
def anchor(delivery) -> Mail:
    """Carries an anchor out of the house."""
    made = Anchor.objects.filter(pk=delivery.context.get("anchor")).first()
    if made is None:
        raise NoLongerTrue("There is no such anchor.")
    return Mail("audit_anchor", {"anchor": made}, thread="anchors", reason="auditor", list_id="audit")
