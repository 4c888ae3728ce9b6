"""Who may speak to customers at which severity: data, so that a company decides it without us."""

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, OuterRef, Q

from config.audit.models import VersionedModel
from config.people.roles import ROLES
from incidents.models.people import Assignment

PUBLISH = "incidents.publish_customerupdate"


def whoever():
    """Those who can be named; a function, so that a new role needs no migration."""
    return [
        ("What people are", [(name, name) for name in ROLES]),
        ("What they do in the incident", Assignment.Role.choices),
    ]


class PublishingRight(VersionedModel):
    """At this severity these may publish. Where a severity has no such row, whoever has the permission may."""

    severity = models.ForeignKey(
        "incidents.Severity", on_delete=models.CASCADE, related_name="publishing_rights"
    )
    who = models.CharField(
        max_length=40,
        choices=whoever,
        help_text="Everybody with this role, or whoever holds this one in the incident now.",
    )

    class Meta:
        verbose_name = "right to publish"
        verbose_name_plural = "rights to publish"
        ordering = ["severity__rank", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["severity", "who"],
                name="publishing_right_once",
                violation_error_message="They may publish at this severity already.",
            )
        ]

    def __str__(self):
        return f"{self.severity}: {self.get_who_display()}"


def may_publish(incident, user) -> bool:
    """Whether `user` may speak to customers about `incident`, at the severity that it has now."""
    if not user.is_active:
        return False
    if user.is_superuser or incident.severity_id is None:
        return user.is_superuser
    named = _named(incident)
    if not named:
        return user.has_perm(PUBLISH)
    if user.groups.filter(name__in=named).exists():
        return True
    held = incident.assignments.filter(user=user, until_at=None, role__in=named)
    return held.exists()


def where_may_publish(user, incident="incident") -> Q:
    """The same as a condition on rows that have an `incident`: for lists, which cannot ask each row."""
    if not user.is_active:
        return Q(pk__in=[])
    if user.is_superuser:
        return Q()
    rights = PublishingRight.objects.filter(severity=OuterRef(f"{incident}__severity"))
    held = Assignment.objects.filter(incident=OuterRef(incident), user=user.pk, until_at=None)
    at_severity = PublishingRight.objects.filter(severity=OuterRef(OuterRef(f"{incident}__severity")))
    may = Q(Exists(rights.filter(who__in=user.groups.values("name"))))
    may |= Q(Exists(held.filter(role__in=at_severity.values("who"))))
    if user.has_perm(PUBLISH):
        may |= ~Q(Exists(rights)) & Q(**{f"{incident}__severity__isnull": False})
    return may


def who_may(incident) -> str:
    """The same in words, for whoever may not."""
    named = _named(incident)
    labels = dict(PublishingRight._meta.get_field("who").flatchoices)
    return ", ".join(labels.get(one, one) for one in named) or "whoever has the permission to publish"


def approvers(incident, *, besides=None) -> list:
    """Who is asked to approve: those with a part in the incident first, else everybody with the right."""
    named = _named(incident)
    people = get_user_model()._default_manager.filter(is_active=True).order_by("pk")
    holding = people.filter(assignments__incident=incident, assignments__until_at=None).distinct()
    nearby = [one for one in holding if one != besides and may_publish(incident, one)]
    if nearby:
        return nearby
    app, _, codename = PUBLISH.partition(".")
    allowed = Q(groups__permissions__content_type__app_label=app, groups__permissions__codename=codename)
    allowed |= Q(user_permissions__content_type__app_label=app, user_permissions__codename=codename)
    found = people.filter(Q(groups__name__in=named) if named else allowed).distinct()
    seen = [one for one in found if one != besides and _sees(incident, one)]
    return seen or [one for one in people.filter(is_superuser=True) if one != besides]


def _sees(incident, user):
    return type(incident)._default_manager.visible_to(user).filter(pk=incident.pk).exists()


def _named(incident) -> list[str]:
    rows = PublishingRight.objects.filter(severity=incident.severity_id)
    return list(rows.order_by("pk").values_list("who", flat=True))
