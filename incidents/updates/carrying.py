"""What publishing an update changes besides: how bad it is where, who sees the incident, how far it is.

The plan is kept with the update, so that what somebody approves is the whole of what will happen. It names rows by
number: {"services": {"3": "major_outage"}, "regions": {}, "audience": "customers", "advance": true, "checks": [1]}.
"""

from django.core.exceptions import ValidationError

from incidents.models import Audience, CustomerUpdate, Impact, Incident, ValidationCheck

_S, _I = CustomerUpdate.Status, Incident.Status
# What customers are told, and the verb by which the incident comes to it, from where it can.
STEPS = {
    _S.INVESTIGATING: ("acknowledge", (_I.DECLARED,)),
    _S.IDENTIFIED: ("identify", (_I.DECLARED, _I.INVESTIGATING, _I.MONITORING)),
    _S.MONITORING: ("mitigate", (_I.DECLARED, _I.INVESTIGATING, _I.IDENTIFIED)),
    _S.RESOLVED: ("resolve", Incident.OPEN),
}


def plan_of(
    *, services=None, regions=None, audience="", advance=False, checks=(), unchecked_because=""
) -> dict:
    """A plan as it is kept: degrees by row, the rest as asked."""
    plan = {
        "services": {str(row.pk): str(degree) for row, degree in (services or {}).items()},
        "regions": {str(row.pk): str(degree) for row, degree in (regions or {}).items()},
        "audience": str(audience),
        "advance": advance,
        "checks": [check.pk for check in checks],
        "unchecked_because": unchecked_because,
    }
    return {name: value for name, value in plan.items() if value}


def step_of(incident, status) -> str:
    """The verb by which `incident` comes to what customers are told; empty if it need not, or cannot."""
    verb, states = STEPS[status]
    return verb if incident.status in states else ""


def refuse_audience(incident, audience) -> None:
    """Raise ValidationError where an update cannot be for these readers."""
    if audience == Audience.CUSTOMERS and incident.is_drill:
        raise ValidationError({"audience": "This is a drill: customers are told nothing of it."})
    if audience == Audience.CUSTOMERS and incident.visibility == incident.Visibility.RESTRICTED:
        raise ValidationError(
            {"audience": "This incident is restricted: somebody has to change its visibility first."}
        )
    if audience == Audience.TEAM and incident.is_public:
        raise ValidationError({"audience": "Customers see this incident, so they would read this too."})


def carry_out(update, *, by) -> None:
    """Do what the plan of `update` says, to its incident as it is now; `by` is who made the plan."""
    plan, incident = update.plan, update.incident
    if not plan:
        return
    incident.refresh_from_db(from_queryset=Incident._base_manager.select_for_update(of=("self",)))
    _set_degrees(incident.service_impacts, "service", plan.get("services", {}))
    _set_degrees(incident.region_impacts, "region", plan.get("regions", {}))
    _show(incident, plan.get("audience", ""))
    if plan.get("advance"):
        _advance(incident, update, plan, by=by)


def _set_degrees(impacts, name, degrees):
    """Touch only what differs, so that the history tells what was changed."""
    there = {str(getattr(row, f"{name}_id")): row for row in impacts.all()}
    for pk, degree in degrees.items():
        row = there.get(pk)
        if row is None and degree != Impact.NONE:
            impacts.create(**{f"{name}_id": int(pk), "impact": degree})
        elif row is not None and row.impact != degree:
            row.impact = degree
            row.save()


def _show(incident, audience):
    if not audience:
        return
    refuse_audience(incident, audience)
    if audience == Audience.CUSTOMERS and not incident.is_public:
        incident.visibility = incident.Visibility.PUBLIC
        incident.save()


def _advance(incident, update, plan, *, by):
    verb = step_of(incident, update.status)
    if not verb:
        return
    asked = {}
    if verb == "resolve":
        checks = ValidationCheck.objects.in_use().filter(pk__in=plan.get("checks", ()))
        asked = {"checks": checks, "unchecked_because": plan.get("unchecked_because", "")}
    getattr(incident, verb)(by=by, at=update.published_at, **asked)
