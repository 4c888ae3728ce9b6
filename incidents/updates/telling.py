"""Telling customers in one gesture: state, degrees and words change together or not at all."""

from django.core.exceptions import ValidationError
from django.db import transaction

from config.audit.models import StaleVersion
from config.transitions import NotPermitted, signed
from incidents.models import CustomerUpdate, Impact, Incident
from incidents.models.rights import may_publish
from incidents.updates.carrying import plan_of, refuse_audience
from incidents.updates.placeholders import Facts, fill

WRITE = "incidents.add_customerupdate"


def may_tell(incident, user) -> bool:
    """Whether `user` may write to customers here, be it that somebody else has to publish it."""
    return user.has_perm(WRITE) or may_publish(incident, user)


def seen(incident) -> str:
    """How the incident stands for whoever writes: another word once anybody changed it or told customers."""
    last = incident.updates.order_by("-pk").values_list("pk", "version").first() or (0, 0)
    return f"{incident.version}.{last[0]}.{last[1]}"


def facts_of(incident, services, regions, next_update_by) -> Facts:
    """What placeholders are filled from: names of what customers notice something of."""
    return Facts(
        incident=incident,
        services=tuple(
            row.name for row, degree in services.items() if degree != Impact.NONE and row.is_public
        ),
        regions=tuple(row.name for row, degree in regions.items() if degree != Impact.NONE),
        next_update_by=next_update_by,
    )


def tell(
    incident,
    *,
    by,
    status,
    text,
    services=None,
    regions=None,
    next_update_by=None,
    looked_at=None,
    reason="",
    **plan,
) -> CustomerUpdate:
    """Publish, or submit where `by` may not publish at this severity.

    `looked_at` is what `seen` said to them, `reason` why what the check marks stays.
    """
    services, regions = services or {}, regions or {}
    with transaction.atomic(), signed(by):
        incident.refresh_from_db(from_queryset=Incident._base_manager.select_for_update(of=("self",)))
        if not may_tell(incident, by):
            raise NotPermitted(f"{by} may not tell customers about {incident}.")
        if looked_at is not None and looked_at != seen(incident):
            raise StaleVersion(f"{incident} was changed, or customers were told, by somebody else meanwhile.")
        if plan.get("audience"):
            refuse_audience(incident, plan["audience"])
        text = _filled(text, facts_of(incident, services, regions, next_update_by))
        plan = plan_of(services=services, regions=regions, **plan)
        update = CustomerUpdate(
            incident=incident, status=status, text=text, next_update_by=next_update_by, plan=plan
        )
        update.full_clean()
        update.save()
        if may_publish(incident, by):
            update.publish(by=by, reason=reason)
        else:
            update.submit(by=by)
    return update


def _filled(text, facts) -> str:
    try:
        return fill(text, facts)
    except ValidationError as error:
        raise ValidationError({"text": error.messages}, code=error.code) from error
