"""The blameless retrospective of one incident or several."""

from datetime import UTC

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.people.calendar import add_working_days
from config.people.models import User
from config.reminding.models import Remindable, to_remind
from config.transitions import WrongState, verb
from incidents.models import Incident
from retros.models.learning import Factor
from retros.models.step import Step
from retros.models.template import Template, Topic

FACILITATE = "retros.facilitate_retrospective"
_CONFIRMATION = ("neutrality_of", "neutrality_because", "neutrality_confirmed_at", "neutrality_confirmed_by")


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
                needs_approval=bool(template and template.needs_approval),
                due_on=due_on or due_day(first),
            )
            for incident in incidents:
                retro.incident_links.create(incident=incident)
            for section in template.sections.all() if template else ():
                retro.sections.create(
                    heading=section.heading,
                    topic=section.topic,
                    guidance=section.guidance,
                    position=section.position,
                )
            _plan(retro)
        return retro


def _plan(retro):
    from retros.checklist import known_kinds  # here, because it asks about this very model

    Step.objects.plan(retro, known_kinds())


def due_day(incident):
    """The day by which the incident's severity wants the retrospective, in working days."""
    resolved = incident.resolved_at or timezone.now()
    return add_working_days(resolved.date(), incident.severity.retro_within_days)


def _may_confirm(retro, user) -> bool:
    """Whoever may lead retrospectives; the person it is about only where there is nobody else."""
    if not user.has_perm(FACILITATE):
        return False
    return user.pk != retro.facilitator_id or not _who_may_lead().exclude(pk=user.pk).exists()


def _who_may_lead():
    codename = FACILITATE.partition(".")[2]
    granted = Q(groups__permissions__codename=codename, groups__permissions__content_type__app_label="retros")
    return User.objects.filter(Q(is_superuser=True) | granted, is_active=True).distinct()


# The modules beside this one read retrospectives, so the verbs import them when they are called.


class Retrospective(Remindable, VersionedModel):
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
    sponsor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sponsored_retros",
        help_text="Who answers for its actions when nobody else can help.",
    )
    incidents = models.ManyToManyField(Incident, through="RetrospectiveIncident", related_name="retros")
    factors = models.ManyToManyField(Factor, through="RetroFactor", related_name="retros")
    template = models.ForeignKey(
        Template, null=True, blank=True, on_delete=models.SET_NULL, related_name="retros", editable=False
    )
    customer_impact = Prose(max_length=20_000, help_text="First of all: what was it like for customers?")
    no_actions_because = Prose(
        "why no action follows",
        max_length=5_000,
        help_text="Only if nothing is to be improved: the reason takes the place of an action item.",
    )
    needs_approval = models.BooleanField(
        default=False, editable=False, help_text="Published only after somebody else has approved it."
    )
    # Who leads it though they were part of what it is about; void when somebody else leads it.
    neutrality_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    neutrality_because = Prose(max_length=2_000, editable=False)
    neutrality_confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    neutrality_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
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
    marks_because = Prose("why words that the coach marked stay", max_length=2_000, editable=False)

    objects = RetrospectiveManager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        permissions = [
            ("facilitate_retrospective", "Can lead, publish and reopen retrospectives"),
            ("review_retrospective", "Can review retrospectives without being asked"),
        ]
        indexes = [
            models.Index(fields=["-opened_at", "-id"]),
            models.Index(fields=["due_on"], name="retro_open_due", condition=~Q(status="published")),
            to_remind(),
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
            models.CheckConstraint(
                name="retro_neutrality_confirmed_whole",
                condition=Q(
                    neutrality_because="",
                    neutrality_of=None,
                    neutrality_confirmed_at=None,
                    neutrality_confirmed_by=None,
                )
                | (
                    Q(
                        neutrality_of__isnull=False,
                        neutrality_confirmed_at__isnull=False,
                        neutrality_confirmed_by__isnull=False,
                    )
                    & ~Q(neutrality_because="")
                ),
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

    @property
    def is_open(self) -> bool:
        """Whether it has still to be published."""
        return not self.is_published

    def is_overdue(self, at=None) -> bool:
        """Whether it should have been published before the day of `at` (UTC)."""
        return not self.is_published and self.due_on < (at or timezone.now()).astimezone(UTC).date()

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("admin:retros_retrospective_change", args=[self.pk])

    def get_review_url(self):
        """Where it is read and commented on."""
        from django.urls import reverse

        return reverse("admin:retros_retrospective_review", args=[self.pk])

    @property
    def workspace_url(self) -> str:
        """Where it is worked on; whoever may only read reads it there."""
        from django.urls import reverse

        return reverse("admin:retros_retrospective_workspace", args=[self.pk])

    def clean(self):
        if self.published_at and self.published_at < self.opened_at:
            raise ValidationError("It cannot be published before it was opened.", code="contradiction")

    def refuse_edit(self):
        """Raise WrongState once it is published; its parts are as fixed as itself."""
        if self.is_published:
            raise WrongState(f"{self} is published: reopen it first.")

    def add_finding(self, *, kind, text):
        """Add a finding after those there are; the same words of the same kind are one finding."""
        with transaction.atomic():
            self.refresh_from_db(from_queryset=type(self)._base_manager.select_for_update(of=("self",)))
            self.refuse_edit()
            last = self.findings.aggregate(last=models.Max("position"))["last"] or 0
            finding, _ = self.findings.get_or_create(kind=kind, text=text, defaults={"position": last + 1})
        return finding

    def fingerprint(self) -> str:
        """Which text it is, as it is stored now: what was approved has the same."""
        from retros.reading import fingerprint

        return fingerprint(self)

    @property
    def is_facilitator_confirmed(self) -> bool:
        """Whether somebody confirmed that this very person leads it, though they were part of it."""
        return self.neutrality_of_id is not None and self.neutrality_of_id == self.facilitator_id

    def _forget_confirmation(self):
        self.neutrality_of = self.neutrality_confirmed_at = self.neutrality_confirmed_by = None
        self.neutrality_because = ""

    def save(self, *args, update_fields=None, **kwargs):
        # Whatever road another facilitator came by: nobody has confirmed them.
        if self.neutrality_of_id and not self.is_facilitator_confirmed:
            self._forget_confirmation()
            update_fields = update_fields and {*update_fields, *_CONFIRMATION}
        super().save(*args, update_fields=update_fields, **kwargs)

    # --- Verbs

    @verb("Send for review", Status.DRAFT, permission=FACILITATE, form="retros.forms.SendForReview")
    def send_for_review(self, *, by, reason="", reviewers=(), at=None):
        """The text stands; others read it now. Who read an earlier version is asked again."""
        from retros import neutrality, reviewing

        if neutrality.is_to_confirm(self):
            raise ValidationError(neutrality.in_words(self), code="neutrality")
        self.status = self.Status.IN_REVIEW
        reviewing.ask_again(self, reviewers, by=by, at=at)

    @verb(
        "Confirm who leads it",
        Status.DRAFT,
        Status.IN_REVIEW,
        permission=_may_confirm,
        form="config.forms.Reason",
    )
    def confirm_facilitator(self, *, by, reason, at=None):
        """They were part of what it is about; somebody else says why they lead it all the same."""
        from retros import neutrality

        if self.is_facilitator_confirmed:
            raise WrongState(f"That {self.facilitator} leads it is confirmed already.")
        if not neutrality.appearances(self):
            raise ValidationError(
                "Who leads it does not appear on its incidents: there is nothing to confirm."
            )
        if by is None:
            raise ValidationError("A person has to confirm it.")
        self.neutrality_of = self.facilitator
        self.neutrality_because = reason
        self.neutrality_confirmed_at = at or timezone.now()
        self.neutrality_confirmed_by = by

    @verb("Ask reviewers", Status.IN_REVIEW, permission=FACILITATE, form="retros.forms.AskReviewers")
    def ask_reviewers(self, *, by, reviewers, reason="", at=None):
        """These people are asked to read it; whoever decided before is asked anew."""
        from retros import reviewing

        if not reviewers:
            raise ValidationError({"reviewers": "Choose at least one person."}, code="required")
        reviewing.ask(self, reviewers, by=by, at=at)

    @verb("Return to draft", Status.IN_REVIEW, permission=FACILITATE, form="config.forms.Reason")
    def return_to_draft(self, *, by, reason):
        """Review found something to work on."""
        self.status = self.Status.DRAFT

    @verb("Publish", Status.IN_REVIEW, permission=FACILITATE, form="retros.forms.Publish")
    def publish(self, *, by, reason="", at=None):
        """It is finished: everybody may learn from it. Wordings that the coach marked stay for a reason."""
        from retros import gate, wording

        if missing := gate.missing(self):
            raise gate.NotReady(missing)
        marks = wording.open_marks(self)
        if marks and not reason.strip():
            raise ValidationError({"reason": wording.why_they_stay(marks)}, code="required")
        self.marks_because = reason if marks else ""
        self.status = self.Status.PUBLISHED
        self.published_at = at or timezone.now()
        self.published_by = by

    @verb("Reopen", Status.PUBLISHED, permission=FACILITATE, form="config.forms.Reason", is_grave=True)
    def reopen(self, *, by, reason):
        """Something was missing; it is a draft again, the history tells why, and so are its reviewers told."""
        from retros import reviewing

        reviewing.end(self, by=by, reason=reason)
        self.status = self.Status.DRAFT
        self.published_at = self.published_by = None
        self.marks_because = ""


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
    topic = models.CharField(max_length=16, choices=Topic, default=Topic.OTHER)
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
    email = models.EmailField(
        "e-mail",
        blank=True,
        default="",
        help_text="For somebody who has no account here, to be asked by mail.",
    )

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
            models.UniqueConstraint(
                "retro",
                Lower("email"),
                condition=~Q(email=""),
                name="address_once_per_retro",
                violation_error_message="Somebody with this address takes part already.",
            ),
            models.CheckConstraint(
                name="address_of_who_has_no_account",
                condition=Q(email="") | Q(user=None),
                violation_error_message="Whoever has an account is written to at the address there.",
            ),
        ]

    def __str__(self):
        return f"{self.user or self.name} ({self.get_hat_display()})"

    @property
    def address(self) -> str:
        """Where they are written to; empty if that is not known, or if they have left."""
        if self.user is None:
            return self.email
        return self.user.email if self.user.is_active else ""
