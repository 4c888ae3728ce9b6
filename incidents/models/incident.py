"""The incident: what customers went through, and the moments from its start to its end."""

from datetime import UTC, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from config.audit.models import VersionedModel
from config.fields import Line, Prose
from config.transitions import NotPermitted, signed, verb
from incidents.models.catalogue import Impact, Region, Service, Severity, as_imported
from incidents.models.check import looked_at
from incidents.models.people import Assignment
from incidents.models.timeline import TimelineEntry
from incidents.public_ids import new_id

RESPOND = "incidents.respond_incident"
MOMENT = "config.forms.Moment"

# In the order of an incident's life; none may lie before one that stands left of it, where both are known.
MOMENTS = ("started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at", "closed_at")
# Pairs that no correction may reverse. `acknowledged ≤ mitigated` is not one: a fix can outrun the pager.
ORDERED = [
    ("started_at", "detected_at"),
    ("started_at", "declared_at"),
    ("started_at", "acknowledged_at"),
    ("detected_at", "acknowledged_at"),
    ("started_at", "mitigated_at"),
    ("detected_at", "mitigated_at"),
    ("started_at", "resolved_at"),
    ("detected_at", "resolved_at"),
    ("acknowledged_at", "resolved_at"),
    ("mitigated_at", "resolved_at"),
    ("resolved_at", "closed_at"),
]


def _name(moment: str) -> str:
    return moment.removesuffix("_at")


def _may_advise(incident, user) -> bool:
    """Who repairs it and who writes to customers both may know a way around it."""
    return user.has_perm(RESPOND) or user.has_perm("incidents.publish_customerupdate")


class IncidentQuerySet(models.QuerySet):
    """Incidents, by what a reader asks for."""

    def open(self):
        """Not yet resolved."""
        return self.filter(status__in=Incident.OPEN)

    def resolved(self):
        """Over for customers, closed or not."""
        return self.exclude(status__in=Incident.OPEN)

    def real(self):
        """Without drills."""
        return self.filter(is_drill=False)

    def public(self):
        """What customers may know of."""
        return self.filter(visibility=Incident.Visibility.PUBLIC, is_drill=False)

    def visible_to(self, user):
        """What `user` may see: restricted incidents only with the permission, or with a role in them."""
        if user.has_perm("incidents.view_restricted_incident"):
            return self
        mine = Assignment.objects.filter(incident=OuterRef("pk"), user=user.pk)
        return self.filter(
            ~Q(visibility=Incident.Visibility.RESTRICTED) | Q(declared_by=user.pk) | Exists(mine)
        )


class IncidentManager(models.Manager.from_queryset(IncidentQuerySet)):
    """Where incidents begin."""

    def declare(self, *, by, title, severity, at=None, services=(), **fields):
        """Begin an incident; `services` are services, or pairs of service and degree of impact."""
        if by is not None and not by.has_perm(RESPOND):
            raise NotPermitted(f"{by} may not declare an incident.")
        at = at or timezone.now()
        fields = {"started_at": at, "detected_at": at, **fields}
        with transaction.atomic(), signed(by):
            incident = self.model(title=title, severity=severity, declared_at=at, declared_by=by, **fields)
            incident.full_clean()
            incident.save()
            for affected in services:
                service, impact = affected if isinstance(affected, tuple) else (affected, Impact.DEGRADED)
                incident.service_impacts.create(service=service, impact=impact)
            incident.log(TimelineEntry.Kind.STATE, f"Declared as {severity}.", by=by, at=at, is_key=True)
        return incident


class Incident(VersionedModel):
    """One time something went wrong for customers."""

    class Status(models.TextChoices):
        DECLARED = "declared", "Declared"
        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"
        CLOSED = "closed", "Closed"

    class Visibility(models.TextChoices):
        PUBLIC = "public", "Public"
        INTERNAL = "internal", "Internal"
        RESTRICTED = "restricted", "Restricted"

    class Detection(models.TextChoices):
        ALERT = "alert", "By an alert"
        EMPLOYEE = "employee", "By somebody of ours"
        CUSTOMER = "customer", "By a customer"
        PARTNER = "partner", "By a supplier or partner"
        UNKNOWN = "unknown", "Not known"

    OPEN = (Status.DECLARED, Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING)

    public_id = models.CharField(max_length=12, unique=True, default=new_id, editable=False)
    title = Line(max_length=255, help_text="In customers' words: what do they notice?")
    summary = Prose(max_length=20_000, help_text="What happened to customers, in their words.")
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="incidents")
    status = models.CharField(max_length=16, choices=Status, default=Status.DECLARED, editable=False)
    visibility = models.CharField(max_length=12, choices=Visibility, default=Visibility.INTERNAL)
    is_drill = models.BooleanField("drill", default=False, help_text="An exercise, not the real thing.")
    services = models.ManyToManyField(Service, through="IncidentService", related_name="incidents")
    regions = models.ManyToManyField(Region, through="IncidentRegion", related_name="incidents")
    customers_affected = models.PositiveIntegerField(null=True, blank=True)
    customers_affected_note = Line(
        "customers affected, in words",
        max_length=500,
        blank=True,
        default="",
        help_text="Such as “one in five logins”.",
    )
    data_safety = Prose(
        max_length=5_000,
        help_text="Was data lost, changed or seen by others? Say so even if the answer is no.",
    )
    workaround = Prose(
        max_length=5_000,
        editable=False,
        help_text="What customers can do until it is over. Markdown, in their words.",
    )
    workaround_is_public = models.BooleanField("workaround on the status page", default=False, editable=False)
    detection = models.CharField("how we knew", max_length=12, choices=Detection, default=Detection.UNKNOWN)

    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    detected_at = models.DateTimeField(null=True, blank=True, editable=False)
    declared_at = models.DateTimeField(default=timezone.now, editable=False)
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    mitigated_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    source = models.CharField("imported from", max_length=100, blank=True, default="", editable=False)
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)
    source_url = models.URLField(max_length=1_000, blank=True, default="", editable=False)
    as_imported = as_imported()

    objects = IncidentManager()

    class Meta:
        ordering = ["-declared_at", "-pk"]
        permissions = [
            ("respond_incident", "Can declare incidents and change their state"),
            ("correct_incident", "Can correct the moments of an incident"),
            ("view_restricted_incident", "Can see every restricted incident"),
        ]
        indexes = [
            models.Index(fields=["-declared_at", "-id"]),
            models.Index(fields=["status", "-declared_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="incident_imported_once"
            ),
            models.CheckConstraint(
                name="incident_resolved_with_moment",
                condition=Q(status__in=["resolved", "closed"])
                | (~Q(status__in=["resolved", "closed"]) & Q(resolved_at=None)),
            ),
            models.CheckConstraint(
                name="incident_closed_with_moment",
                condition=(Q(status="closed") & Q(closed_at__isnull=False))
                | (~Q(status="closed") & Q(closed_at=None)),
            ),
            *(
                models.CheckConstraint(
                    name=f"incident_{_name(first)}_before_{_name(second)}",
                    condition=Q(**{first: None}) | Q(**{second: None}) | Q(**{f"{second}__gte": F(first)}),
                    violation_error_message=f"It cannot be {_name(second)} before it is {_name(first)}.",
                )
                for first, second in ORDERED
            ),
        ]

    def __str__(self):
        return f"{self.reference} {self.title}" if self.pk else self.title

    @property
    def is_public(self) -> bool:
        """Whether customers may know of it."""
        return self.visibility == self.Visibility.PUBLIC and not self.is_drill

    @property
    def public_workaround(self) -> str:
        """What customers are told they can do while it is open."""
        return self.workaround if self.workaround_is_public and self.is_open else ""

    @property
    def reference(self) -> str:
        """How people name it: INC-0042."""
        return f"INC-{self.pk:04d}" if self.pk else "INC-new"

    @property
    def is_open(self) -> bool:
        """Whether customers may still feel it."""
        return self.status in self.OPEN

    @property
    def time_to_acknowledge(self) -> timedelta | None:
        """From knowing to somebody caring, or None while either is unknown."""
        return self._between("detected_at", "acknowledged_at")

    @property
    def time_to_restore(self) -> timedelta | None:
        """From the start to the end for customers, or None while either is unknown."""
        return self._between("started_at", "resolved_at")

    def _between(self, first, second):
        first, second = getattr(self, first), getattr(self, second)
        return second - first if first and second else None

    def clean(self):
        """Say in words what the database would refuse in code."""
        for first, second in ORDERED:
            before, after = getattr(self, first), getattr(self, second)
            if before and after and after < before:
                raise ValidationError(
                    f"It cannot be {_name(second)} at {after:%Y-%m-%d %H:%M:%S} before it is {_name(first)}"
                    f" at {before:%Y-%m-%d %H:%M:%S %Z}.",
                    code="contradiction",
                )

    def log(self, kind, text, *, by=None, at=None, is_key=False, source="Aftercare"):
        """Add an entry to the timeline."""
        return self.timeline.create(
            kind=kind, text=text, author=by, at=at or timezone.now(), is_key=is_key, source=source
        )

    def _enter(self, status, text, *, by, at):
        self.status = status
        self.log(TimelineEntry.Kind.STATE, text, by=by, at=at, is_key=True)

    # --- Verbs

    @verb("Acknowledge", Status.DECLARED, permission=RESPOND, form=MOMENT)
    def acknowledge(self, *, by, reason="", at=None):
        """Somebody takes care of it from now on."""
        self.acknowledged_at = at = at or timezone.now()
        self._enter(self.Status.INVESTIGATING, "Acknowledged.", by=by, at=at)

    @verb(
        "Identify",
        Status.DECLARED,
        Status.INVESTIGATING,
        Status.MONITORING,
        permission=RESPOND,
        form="incidents.forms.Identify",
    )
    def identify(self, *, by, reason="", at=None, note=""):
        """We know what it is; whoever knows that has acknowledged it."""
        at = at or timezone.now()
        self.acknowledged_at = self.acknowledged_at or at
        self.mitigated_at = None
        self._enter(self.Status.IDENTIFIED, f"Identified: {note}" if note else "Identified.", by=by, at=at)

    @verb(
        "Mitigate",
        Status.DECLARED,
        Status.INVESTIGATING,
        Status.IDENTIFIED,
        permission=RESPOND,
        form="incidents.forms.Identify",
    )
    def mitigate(self, *, by, reason="", at=None, note=""):
        """The fix is in place; we are watching."""
        self.mitigated_at = at = at or timezone.now()
        self.acknowledged_at = self.acknowledged_at or at
        text = f"Fix in place, watching: {note}" if note else "Fix in place, watching."
        self._enter(self.Status.MONITORING, text, by=by, at=at)

    @verb("Resolve", *OPEN, permission=RESPOND, form="incidents.forms.Resolve")
    def resolve(self, *, by, reason="", at=None, note="", checks=(), unchecked_because=""):
        """It is over for customers, as far as was looked at: each check is made, or left out for a reason."""
        looked = looked_at(list(checks), unchecked_because.strip(), demanded_by=self.severity)
        self.resolved_at = at = at or timezone.now()
        self.acknowledged_at = self.acknowledged_at or at
        text = f"Resolved: {note}" if note else "Resolved."
        self._enter(self.Status.RESOLVED, f"{text}{looked}", by=by, at=at)

    @verb(
        "Reopen",
        Status.RESOLVED,
        Status.CLOSED,
        permission=RESPOND,
        form="config.forms.Reason",
        is_grave=True,
    )
    def reopen(self, *, by, reason, at=None):
        """It was not over: the moments of its end are taken back, the timeline keeps them."""
        self.resolved_at = self.closed_at = self.mitigated_at = None
        self._enter(self.Status.INVESTIGATING, f"Reopened: {reason}", by=by, at=at)

    @verb("Close", Status.RESOLVED, permission=RESPOND, form="config.forms.OptionalReason")
    def close(self, *, by, reason="", at=None):
        """Nothing is left to do for responders."""
        self.closed_at = at or timezone.now()
        self._enter(self.Status.CLOSED, f"Closed: {reason}" if reason else "Closed.", by=by, at=at)

    @verb(
        "Change severity", *OPEN, Status.RESOLVED, permission=RESPOND, form="incidents.forms.ChangeSeverity"
    )
    def change_severity(self, *, by, severity, reason, at=None):
        """It is worse, or less bad, than we said."""
        if severity == self.severity:
            raise ValidationError({"severity": f"It is {severity} already."})
        text = f"Severity changed from {self.severity} to {severity}: {reason}"
        self.severity = severity
        self.log(TimelineEntry.Kind.STATE, text, by=by, at=at, is_key=True)

    @verb(
        "Say what customers can do",
        *Status.values,
        permission=_may_advise,
        form="incidents.forms.Workaround",
    )
    def advise(self, *, by, reason="", workaround=None, workaround_is_public=None):
        """What customers can do until it is over; they read it on its page once it is marked public."""
        before = self.workaround, self.workaround_is_public
        self.workaround = before[0] if workaround is None else workaround
        self.workaround_is_public = before[1] if workaround_is_public is None else workaround_is_public
        if self.workaround_is_public and not self.workaround.strip():
            raise ValidationError({"workaround": "Write what customers can do, or take it off the page."})
        if (self.workaround, self.workaround_is_public) == before:
            raise ValidationError({"workaround": "That is what it says already."}, code="unchanged")
        self._meta.get_field("workaround").run_validators(self.workaround)
        where = "on the status page" if self.workaround_is_public else "for us alone"
        text = f"What customers can do, {where}: {self.workaround}" if self.workaround else "No workaround."
        self.log(TimelineEntry.Kind.NOTE, text, by=by)

    @verb(
        "Correct moments",
        *Status.values,
        permission="incidents.correct_incident",
        form="incidents.forms.CorrectMoments",
        is_grave=True,
    )
    def correct_moments(self, *, by, reason, **moments):
        """Set moments to what they really were. The timeline says what they were before, and why."""
        changes = []
        for name, moment in moments.items():
            if name not in (*MOMENTS, "declared_at"):
                raise ValidationError(f"{name} is not a moment of an incident.")
            before = getattr(self, name)
            if moment != before:
                setattr(self, name, moment)
                changes.append(f"{_name(name)}: {_said(before)} → {_said(moment)}")
        if not changes:
            raise ValidationError("No moment differs from what is known.", code="unchanged")
        self._refuse_moments_of_other_states()
        self.log(TimelineEntry.Kind.CORRECTION, f"Corrected {'; '.join(changes)}. {reason}", by=by)

    def _refuse_moments_of_other_states(self):
        if self.declared_at is None:
            raise ValidationError({"declared_at": "An incident was declared at some moment."})
        if self.is_open and self.resolved_at:
            raise ValidationError({"resolved_at": "It is not resolved yet."})
        if (self.status == self.Status.CLOSED) != bool(self.closed_at):
            raise ValidationError({"closed_at": "The moment it was closed goes with being closed."})


def _said(moment) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "unknown"
