"""What a new installation starts with: four severities, who may speak at each, what is said and looked at.

Every company edits them to its own.
"""

from config.people import roles
from incidents.models import (
    Assignment,
    Audience,
    CustomerUpdate,
    MessageTemplate,
    PublishingRight,
    Severity,
    ValidationCheck,
)

# rank, meaning; minutes to acknowledge, restore, first update, then every; retro required, within working days
STANDARD = [
    (1, "Customers cannot use the product, or data is lost or exposed.", 5, 60, 15, 30, True, 5),
    (2, "Something important fails or is very slow for many customers.", 15, 240, 30, 60, True, 7),
    (3, "Something fails for some customers, or there is a way around it.", 60, 1_440, 60, 240, False, 10),
    (4, "Customers hardly notice, or only inconvenience.", 480, 4_320, 480, 1_440, False, 10),
]


# At every severity, until a company says otherwise.
SPEAK = [
    roles.COMMUNICATOR,
    roles.ADMINISTRATOR,
    Assignment.Role.COMMUNICATIONS.value,
    Assignment.Role.COMMANDER.value,
]
CHECKS = [
    (
        "The error rate is back to what is normal",
        "Look at the last fifteen minutes, of every region that was affected.",
    ),
    ("A customer’s own way through was tried", "From outside, signed in as a customer, to its end."),
    (
        "Queues and retries have drained",
        "What piled up meanwhile has been worked off, or will be and is told.",
    ),
    ("Nobody who wrote to us still sees it", "Ask support: the newest reports are older than the fix."),
]
_S = CustomerUpdate.Status
# name, phase, for whom, text
MESSAGES = [
    (
        "Investigating",
        _S.INVESTIGATING,
        Audience.CUSTOMERS,
        "**What we know:** {{ title }}. This affects {{ services }}, since {{ started }}. We do not know the cause"
        " yet, and are looking for it.\n\n"
        "**What to do now:** There is nothing you need to change. If something fails, please try again after our"
        " next update.",
    ),
    (
        "Identified",
        _S.IDENTIFIED,
        Audience.CUSTOMERS,
        "**What we know:** We have found what is wrong with {{ services }}, and are working on putting it right.\n\n"
        "**What to do now:** There is nothing you need to change. If something fails, please try again after our"
        " next update.",
    ),
    (
        "Monitoring",
        _S.MONITORING,
        Audience.CUSTOMERS,
        "**What we know:** What was wrong with {{ services }} is fixed. We are watching whether it stays so before"
        " we call it over.\n\n"
        "**What to do now:** Please try again what did not work. If it still fails, tell our support.",
    ),
    (
        "Resolved",
        _S.RESOLVED,
        Audience.CUSTOMERS,
        "**It is over:** {{ services }} can be used as before. It lasted {{ lasted }}, since {{ started }}.\n\n"
        "**What to do now:** Please try again what did not work. If anything is still wrong, tell our support.",
    ),
    (
        "Investigating, for our own people",
        _S.INVESTIGATING,
        Audience.TEAM,
        "{{ severity }}: {{ title }}. Affected: {{ services }}, since {{ started }}. Customers have not been told.",
    ),
    (
        "Identified, for our own people",
        _S.IDENTIFIED,
        Audience.TEAM,
        "{{ severity }}: {{ title }}. The cause is known; {{ services }} is being put right.",
    ),
    (
        "Monitoring, for our own people",
        _S.MONITORING,
        Audience.TEAM,
        "{{ severity }}: {{ title }}. The fix for {{ services }} is in place and being watched.",
    ),
    (
        "Resolved, for our own people",
        _S.RESOLVED,
        Audience.TEAM,
        "{{ severity }}: {{ title }}. It is over for {{ services }}, after {{ lasted }}.",
    ),
]


def add_defaults(**_) -> None:
    """Fill the empty tables of a new installation; never touch what somebody has edited."""
    if Severity.objects.exists():
        return
    _add_severities()
    for severity in Severity.objects.all():
        for who in SPEAK:
            PublishingRight.objects.get_or_create(severity=severity, who=who)
    for position, (name, how) in enumerate(CHECKS, start=1):
        ValidationCheck.objects.get_or_create(name=name, defaults={"how": how, "position": position})
    for name, phase, audience, text in MESSAGES:
        about = {"phase": phase, "audience": audience, "text": text}
        MessageTemplate.objects.get_or_create(name=name, defaults=about)


def _add_severities():
    for rank, meaning, acknowledge, restore, first, then, is_required, days in STANDARD:
        Severity.objects.create(
            rank=rank,
            name=f"SEV{rank}",
            meaning=meaning,
            acknowledge_minutes=acknowledge,
            restore_minutes=restore,
            first_update_minutes=first,
            update_every_minutes=then,
            is_retro_required=is_required,
            retro_within_days=days,
        )
