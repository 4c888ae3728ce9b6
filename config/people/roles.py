"""What each role may do. This file is the truth: after every migration the groups are made to match it."""

from django.contrib.auth.models import Group, Permission

FACILITATOR, RESPONDER, COMMUNICATOR = "Facilitator", "Responder", "Communicator"
ACTION_OWNER, AUDITOR, ADMINISTRATOR = "Action owner", "Auditor", "Administrator"
SUPPORT = "Support"

# Who reads the whole history also reads which filters were saved and which exports were made.
_HISTORY = {
    *("audit.view_history", "audit.view_savedfilter", "audit.view_auditexport"),
    *("audit.verify_history", "audit.view_verification", "audit.view_anchor", "audit.view_redaction"),
    *("audit.export_evidence", "audit.view_evidencepack"),
    "actions.view_savedview",
    # What let somebody in without a password, and what was sent to whom, is part of who did what.
    *(
        "actions.view_usedlink",
        "actions.view_calendarfeed",
        "outbox.view_delivery",
        "reminding.view_reminder",
    ),
    # Who said what: elsewhere the name stands only where they want it to.
    *("retros.view_" + m for m in ("perspective", "answer", "impression")),
}

# Everybody who works here reads what is not restricted; the history of a row is open to whoever sees the row.
_READ = {
    *(
        "incidents.view_" + m
        for m in ["service", "region", "severity", "incident", "incidentservice", "incidentregion"]
    ),
    *("incidents.view_" + m for m in ["assignment", "timelineentry", "customerupdate", "milestone"]),
    *("incidents.view_" + m for m in ("maintenance", "maintenanceservice", "maintenanceregion")),
    "incidents.view_maintenanceupdate",
    *("incidents.view_" + m for m in ("feedback", "ticketcount", "supportticket")),
    *("incidents.view_" + m for m in ("messagetemplate", "publishingright", "validationcheck")),
    "incidents.view_updatecorrection",
    *("retros.view_" + m for m in ["retrospective", "retrospectiveincident", "section", "participant"]),
    *("retros.view_" + m for m in ["template", "templatesection", "factor", "retrofactor", "finding"]),
    *("retros.view_" + m for m in ["findingevidence", "question", "meeting", "agendaitem", "meetingnote"]),
    *("retros.view_" + m for m in ("review", "comment")),
    *("retros.view_" + m for m in ["learning", "edition", "confirmation"]),
    *("retros.view_" + m for m in ["step", "steprule", "timelinemark"]),
    *("actions.view_" + m for m in ("actionitem", "effectivenesscheck", "reminderpolicy")),
    "people.view_user",
}


def _edit(app, *models, delete=True):
    verbs = ("add", "change", "delete", "view") if delete else ("add", "change", "view")
    return {f"{app}.{verb}_{model}" for verb in verbs for model in models}


_ON_THE_INCIDENT = _edit(
    "incidents", "incidentservice", "incidentregion", "assignment", "timelineentry"
) | _edit("incidents", "incident", "customerupdate", "milestone", delete=False)
_ON_MAINTENANCE = _edit("incidents", "maintenance", delete=False) | _edit(
    "incidents", "maintenanceservice", "maintenanceregion"
)
# Their addresses are other people's: seen by who writes to them, and by who answers for what was done.
_SUBSCRIBERS = _edit("incidents", "subscriber", delete=False) | _edit(
    "incidents", "subscriberservice", "subscriberregion"
)
_SEE_SUBSCRIBERS = {f"incidents.view_subscriber{part}" for part in ("", "service", "region")}
_ON_THE_RETRO = (
    _edit("retros", "retrospectiveincident", "section", "participant", "retrofactor")
    | _edit("retros", "finding", "findingevidence", "timelinemark")
    | _edit("retros", "retrospective", "factor", delete=False)
    | {"retros.change_step"}
)
# Who our customers are is for those who work for them; whoever only has an action to do need not know.
_SEE_CUSTOMERS = {"incidents.view_" + m for m in ("customer", "customerservice", "customerregion")}
_COUNT_TICKETS = {"incidents.use_support_page", "incidents.add_ticketcount"}
_LINK_TICKETS = _COUNT_TICKETS | {"incidents.add_supportticket", "incidents.delete_supportticket"}
_ON_CUSTOMERS = _edit("incidents", "customer", "customerservice", "customerregion")
# What customers read, and whose names they must not read there.
_ON_LEARNINGS = (
    _edit("retros", "learning", delete=False) | {"retros.publish_learning"} | _edit("people", "privatename")
)
_ON_ACTIONS = _edit("actions", "actionitem", delete=False)

# Whoever works here may be asked to read a retro, and then says what they think of it.
_SAY = {"retros.add_comment"}
_REVIEW = _SAY | {"retros.review_retrospective", "retros.add_review"}

ROLES = {
    FACILITATOR: _READ
    | _SEE_CUSTOMERS
    | _LINK_TICKETS
    | _ON_THE_RETRO
    | _REVIEW
    | _ON_LEARNINGS
    | _ON_ACTIONS
    | _edit("retros", "template", "templatesection", "question", "steprule")
    | _edit("incidents", "timelineentry")
    | _edit("actions", "reminderpolicy")
    | {
        "incidents.change_incident",
        "incidents.correct_incident",
        "retros.facilitate_retrospective",
        "actions.manage_actionitem",
        "reminding.view_reminder",
    },
    RESPONDER: _READ
    | _SEE_CUSTOMERS
    | _LINK_TICKETS
    | _SAY
    | _ON_THE_INCIDENT
    | _ON_MAINTENANCE
    | _ON_ACTIONS
    | {"incidents.respond_incident", "incidents.correct_incident"},
    COMMUNICATOR: _READ
    | _ON_CUSTOMERS
    | _LINK_TICKETS
    | _SAY
    | _ON_LEARNINGS
    | _ON_MAINTENANCE
    | _SUBSCRIBERS
    | _edit("incidents", "customerupdate", delete=False)
    | _edit("incidents", "messagetemplate")
    | {"incidents.publish_customerupdate", "incidents.add_timelineentry"},
    ACTION_OWNER: _READ | _SAY | {"actions.change_actionitem"},
    # Answers customers while something is wrong: the page for that, and nothing else.
    SUPPORT: _COUNT_TICKETS,
    AUDITOR: _READ
    | _SEE_CUSTOMERS
    | _HISTORY
    | _SEE_SUBSCRIBERS
    | {
        "incidents.view_restricted_incident",
        "people.view_membership",
        "people.view_apitoken",
        "people.view_privatename",
        "auth.view_group",
    },
    ADMINISTRATOR: _READ
    | _ON_CUSTOMERS
    | _LINK_TICKETS
    | _ON_THE_INCIDENT
    | _ON_MAINTENANCE
    | _SUBSCRIBERS
    | _ON_THE_RETRO
    | _REVIEW
    | _ON_LEARNINGS
    | _ON_ACTIONS
    | _edit("incidents", "service", "region", "severity")
    | _edit("incidents", "messagetemplate", "publishingright", "validationcheck")
    | _edit("retros", "template", "templatesection", "question", "steprule")
    | _edit("actions", "reminderpolicy")
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
