"""What each role may do. This file is the truth: after every migration the groups are made to match it."""

from django.contrib.auth.models import Group, Permission

FACILITATOR, RESPONDER, COMMUNICATOR = "Facilitator", "Responder", "Communicator"
ACTION_OWNER, AUDITOR, ADMINISTRATOR = "Action owner", "Auditor", "Administrator"

# Who reads the whole history also reads which filters were saved and which exports were made.
_HISTORY = {
    *("audit.view_history", "audit.view_savedfilter", "audit.view_auditexport"),
    *("audit.verify_history", "audit.view_verification", "audit.view_anchor", "audit.view_redaction"),
    *("audit.export_evidence", "audit.view_evidencepack"),
}

# Everybody who works here reads what is not restricted; the history of a row is open to whoever sees the row.
_READ = {
    *(
        "incidents.view_" + m
        for m in ["service", "region", "severity", "incident", "incidentservice", "incidentregion"]
    ),
    *("incidents.view_" + m for m in ["assignment", "timelineentry", "customerupdate"]),
    *("retros.view_" + m for m in ["retrospective", "retrospectiveincident", "section", "participant"]),
    *("retros.view_" + m for m in ["template", "templatesection", "factor", "retrofactor", "finding"]),
    *("actions.view_" + m for m in ("actionitem",)),
    "people.view_user",
}


def _edit(app, *models, delete=True):
    verbs = ("add", "change", "delete", "view") if delete else ("add", "change", "view")
    return {f"{app}.{verb}_{model}" for verb in verbs for model in models}


_ON_THE_INCIDENT = _edit(
    "incidents", "incidentservice", "incidentregion", "assignment", "timelineentry"
) | _edit("incidents", "incident", "customerupdate", delete=False)
_ON_THE_RETRO = _edit(
    "retros", "retrospectiveincident", "section", "participant", "retrofactor", "finding"
) | _edit("retros", "retrospective", "factor", delete=False)
_ON_ACTIONS = _edit("actions", "actionitem", delete=False)

ROLES = {
    FACILITATOR: _READ
    | _ON_THE_RETRO
    | _ON_ACTIONS
    | _edit("retros", "template", "templatesection")
    | _edit("incidents", "timelineentry")
    | {
        "incidents.change_incident",
        "incidents.correct_incident",
        "retros.facilitate_retrospective",
        "actions.manage_actionitem",
    },
    RESPONDER: _READ
    | _ON_THE_INCIDENT
    | _ON_ACTIONS
    | {"incidents.respond_incident", "incidents.correct_incident"},
    COMMUNICATOR: _READ
    | _edit("incidents", "customerupdate", delete=False)
    | {"incidents.publish_customerupdate", "incidents.add_timelineentry"},
    ACTION_OWNER: _READ | {"actions.change_actionitem"},
    AUDITOR: _READ
    | _HISTORY
    | {
        "incidents.view_restricted_incident",
        "outbox.view_delivery",
        "people.view_membership",
        "people.view_apitoken",
        "auth.view_group",
    },
    ADMINISTRATOR: _READ
    | _ON_THE_INCIDENT
    | _ON_THE_RETRO
    | _ON_ACTIONS
    | _edit("incidents", "service", "region", "severity")
    | _edit("retros", "template", "templatesection")
    | _edit("people", "user", "membership", delete=False)
    | _HISTORY
    | {
        "audit.restore_version",
        "incidents.respond_incident",
        "incidents.correct_incident",
        "incidents.publish_customerupdate",
        "incidents.view_restricted_incident",
        "retros.facilitate_retrospective",
        "actions.manage_actionitem",
        "outbox.view_delivery",
        "outbox.requeue_delivery",
        "people.delete_membership",
        "people.view_apitoken",
        "people.delete_apitoken",
        "auth.view_group",
    },
}


def apply_roles() -> None:
    """Make the groups and their permissions what ROLES says; what already agrees is left alone."""
    known = {
        f"{p.content_type.app_label}.{p.codename}": p
        for p in Permission.objects.select_related("content_type")
    }
    for role, names in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        if missing := names - known.keys():
            raise LookupError(f"{role} names permissions that do not exist: {', '.join(sorted(missing))}")
        has = {
            f"{p.content_type.app_label}.{p.codename}"
            for p in group.permissions.select_related("content_type")
        }
        if added := names - has:
            group.permissions.add(*(known[name] for name in sorted(added)))
        if taken := has - names:
            group.permissions.remove(*(known[name] for name in sorted(taken)))
