"""The blameless retrospective of one incident or several."""

from datetime import UTC

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.people.calendar import add_working_days
from config.transitions import WrongState, verb
from incidents.models import Incident
from retros.models.learning import Factor
from retros.models.template import Template

FACILITATE = "retros.facilitate_retrospective"


class RetrospectiveQuerySet(models.QuerySet):
    """Retrospectives, by what a reader asks for."""

    def open(self):
        """Not yet published."""
        return self.exclude(status=Retrospective.Status.PUBLISHED)

    def overdue(self, at=None):
        """Unpublished at `at` though due before that day (UTC)."""
        at = at or timezone.now()
        return self.filter(due_on__lt=at.astimezone(UTC).date()).filter(
            Q(published_at=None) | Q(published_at__gt=at)
        )

    def visible_to(self, user):
        """What `user` may see: no retro of an incident that is hidden from them."""
        if user.has_perm("incidents.view_restricted_incident"):
            return self
        hidden = Incident.objects.filter(pk=OuterRef("incident")).visible_to(user)
        links = RetrospectiveIncident.objects.filter(~Exists(hidden), retro=OuterRef("pk"))
        return self.filter(~Exists(links) | Q(facilitator=user.pk))


class RetrospectiveManager(models.Manager.from_queryset(RetrospectiveQuerySet)):
    """Where retrospectives begin."""

    def open_for(self, *incidents, facilitator=None, template=None, title="", due_on=None):
        """Begin the retrospective of `incidents`, with the sections of the template."""
        first = incidents[0]
        template = template or Template.objects.filter(is_default=True).first()
        with transaction.atomic():
            retro = self.create(
                title=title or first.title,
                facilitator=facilitator,
                template=template,
                due_on=due_on or due_day(first),
            )
            for incident in incidents:
                retro.incident_links.create(incident=incident)
            for section in template.sections.all() if template else ():
                retro.sections.create(
                    heading=section.heading, guidance=section.guidance, position=section.position
                )
        return retro


def due_day(incident):
    """The day by which the incident's severity wants the retrospective, in working days."""
    resolved = incident.resolved_at or timezone.now()
    return add_working_days(resolved.date(), incident.severity.retro_within_days)


class Retrospective(VersionedModel):
    """A retro: prepared by its facilitator, reviewed, published."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_REVIEW = "in_review", "In review"
        PUBLISHED = "published", "Published"

    title = Line(max_length=255)
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT, editable=False)
    facilitator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="retros"
    )
    incidents = models.ManyToManyField(Incident, through="RetrospectiveIncident", related_name="retros")
    factors = models.ManyToManyField(Factor, through="RetroFactor", related_name="retros")
    template = models.ForeignKey(
        Template, null=True, blank=True, on_delete=models.SET_NULL, related_name="retros", editable=False
    )
    customer_impact = Prose(max_length=20_000, help_text="First of all: what was it like for customers?")
    due_on = models.DateField("due")
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    objects = RetrospectiveManager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        permissions = [("facilitate_retrospective", "Can lead, publish and reopen retrospectives")]
        indexes = [
            models.Index(fields=["-opened_at", "-id"]),
            models.Index(fields=["due_on"], name="retro_open_due", condition=~Q(status="published")),
        ]
        constraints = [
            models.CheckConstraint(
                # Without `published_by`: an imported retro was published by nobody we know.
                name="retro_published_with_moment",
                condition=Q(status="published", published_at__isnull=False)
                | (~Q(status="published") & Q(published_at=None, published_by=None)),
            ),
            models.CheckConstraint(
                name="retro_published_after_it_is_opened",
                condition=Q(published_at=None) | Q(published_at__gte=F("opened_at")),
            ),
        ]

    def __str__(self):
        return f"{self.reference} {self.title}" if self.pk else self.title

    @property
    def reference(self) -> str:
        """How people name it: RETRO-0012."""
        return f"RETRO-{self.pk:04d}" if self.pk else "RETRO-new"

    @property
    def is_published(self) -> bool:
        """Whether it is finished and locked."""
        return self.status == self.Status.PUBLISHED

    def is_overdue(self, at=None) -> bool:
        """Whether it should have been published before the day of `at` (UTC)."""
        return not self.is_published and self.due_on < (at or timezone.now()).astimezone(UTC).date()

    def clean(self):
        if self.published_at and self.published_at < self.opened_at:
            raise ValidationError("It cannot be published before it was opened.", code="contradiction")

    def refuse_edit(self):
        """Raise WrongState once it is published; its parts are as fixed as itself."""
        if self.is_published:
            raise WrongState(f"{self} is published: reopen it first.")

    # --- Verbs

    @verb("Send for review", Status.DRAFT, permission=FACILITATE, form="config.forms.OptionalReason")
    def send_for_review(self, *, by, reason=""):
        """The text stands; others read it now."""
        self.status = self.Status.IN_REVIEW

    @verb("Return to draft", Status.IN_REVIEW, permission=FACILITATE, form="config.forms.Reason")
    def return_to_draft(self, *, by, reason):
        """Review found something to work on."""
        self.status = self.Status.DRAFT

    @verb("Publish", Status.IN_REVIEW, permission=FACILITATE, form="config.forms.OptionalReason")
    def publish(self, *, by, reason="", at=None):
        """It is finished: everybody may learn from it."""
        self.status = self.Status.PUBLISHED
        self.published_at = at or timezone.now()
        self.published_by = by

    @verb("Reopen", Status.PUBLISHED, permission=FACILITATE, form="config.forms.Reason", is_grave=True)
    def reopen(self, *, by, reason):
        """Something was missing; it is a draft again, and the history tells why."""
        self.status = self.Status.DRAFT
        self.published_at = self.published_by = None


class RetrospectiveIncident(TrackedModel):
    """The retro is about this incident; an incident has one retro."""

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="incident_links")
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="retro_links")

    class Meta:
        verbose_name = "incident of a retrospective"
        verbose_name_plural = "incidents of retrospectives"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                name="one_retro_per_incident",
                violation_error_message="This incident has a retrospective already.",
            )
        ]

    def __str__(self):
        return str(self.incident)


class Section(VersionedModel):
    """One part of the narrative, in Markdown."""

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveIntegerField(default=0)
    heading = Line(max_length=200)
    guidance = Prose(max_length=5_000, editable=False)
    text = Prose()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["retro", "heading"], name="heading_once_per_retro")]

    def __str__(self):
        return self.heading


class Participant(TrackedModel):
    """Somebody takes part, and from which side they saw it."""

    class Hat(models.TextChoices):
        ON_CALL = "on_call", "On call"
        PRODUCT = "product", "Product"
        SUPPORT = "support", "Support"
        CUSTOMER = "customer", "Customer"

    retro = models.ForeignKey(Retrospective, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="participations",
        verbose_name="person",
    )
    name = Line(max_length=200, blank=True, default="", help_text="For somebody who has no account here.")
    hat = models.CharField(max_length=12, choices=Hat)

    class Meta:
        ordering = ["hat", "pk"]
        constraints = [
            models.CheckConstraint(
                name="participant_is_somebody",
                condition=(Q(user__isnull=False) & Q(name="")) | (Q(user=None) & ~Q(name="")),
                violation_error_message="Choose a person, or write the name of somebody without an account.",
            ),
            models.UniqueConstraint(
                fields=["retro", "user"], condition=Q(user__isnull=False), name="person_once_per_retro"
            ),
        ]

    def __str__(self):
        return f"{self.user or self.name} ({self.get_hat_display()})"
