"""What happened, as people tell it. (Who edited what is the history, and the machine's.)"""

from datetime import UTC

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.transitions import WrongState, verb
from incidents.models.catalogue import Impact, as_imported
from incidents.models.rights import may_publish, where_may_publish
from incidents.public_ids import id_of, is_id


class TimelineEntry(TrackedModel):
    """One thing that happened at one moment."""

    state_field = "kind"  # it has no state of its own; what it is decides what may be corrected

    class Kind(models.TextChoices):
        ALERT = "alert", "Alert"
        STATE = "state", "State change"
        UPDATE = "update", "Customer update"
        NOTE = "note", "Note"
        CORRECTION = "correction", "Correction"
        DOUBT = "doubt", "Contradiction in the source"

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="timeline")
    at = models.DateTimeField("when", default=timezone.now)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.NOTE)
    text = Prose(max_length=20_000, blank=False)
    source = Line(max_length=100, blank=True, default="", help_text="Where we know it from.")
    is_key = models.BooleanField("key event", default=False)
    first_at = models.DateTimeField(
        "first said to be",
        null=True,
        blank=True,
        editable=False,
        help_text="Before its moment was corrected.",
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name_plural = "timeline entries"
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["incident", "at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "external_id"], condition=~Q(external_id=""), name="entry_imported_once"
            )
        ]

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M} {self.text[:80]}"

    @property
    def is_corrected(self) -> bool:
        """Whether it was first said to have happened at another moment."""
        return self.first_at is not None

    # --- Verbs

    # The moments of states and updates follow from the incident and from what customers read: see there.
    @verb(
        "Correct moment",
        Kind.NOTE,
        Kind.ALERT,
        permission="incidents.change_timelineentry",
        form="incidents.forms.CorrectEntry",
    )
    def correct(self, *, by, reason, at=None):
        """It happened at another moment. The entry keeps what was said first, the timeline tells why."""
        if at in (None, self.at):
            raise ValidationError({"at": "That is the moment it has already."}, code="unchanged")
        before, self.at = self.at, at
        self.first_at = self.first_at or before
        what = f"Corrected when “{self.text[:80]}” happened: {_said(before)} → {_said(at)}."
        self.incident.log(self.Kind.CORRECTION, f"{what} {reason}", by=by)


def _said(moment) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


class CustomerUpdateQuerySet(models.QuerySet):
    """Updates, by whether customers have read them."""

    def published(self, at=None):
        """What customers had been told by `at`."""
        return self.filter(published_at__lte=at or timezone.now())

    def waiting(self):
        """Written, and waiting for somebody who may publish it."""
        return self.filter(state=CustomerUpdate.State.SUBMITTED)

    def publishable_by(self, user):
        """Those of incidents about which `user` may speak to customers."""
        return self.filter(where_may_publish(user))


def _may_publish(update, user) -> bool:
    return may_publish(update.incident, user)


class CustomerUpdate(VersionedModel):
    """What we tell customers: a draft until somebody publishes it, then it is only corrected in the open."""

    class Status(models.TextChoices):
        INVESTIGATING = "investigating", "Investigating"
        IDENTIFIED = "identified", "Identified"
        MONITORING = "monitoring", "Monitoring"
        RESOLVED = "resolved", "Resolved"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SUBMITTED = "submitted", "Waiting for approval"
        PUBLISHED = "published", "Published"

    state_field = "state"  # `status` is what customers read

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="updates")
    status = models.CharField(
        max_length=16,
        choices=Status,
        default=Status.INVESTIGATING,
        help_text="What customers read above the text.",
    )
    text = Prose(
        max_length=10_000, blank=False, help_text="In customers' words: what is affected, what to do now."
    )
    next_update_by = models.DateTimeField(
        "next update by", null=True, blank=True, help_text="When customers hear from us again at the latest."
    )
    # At publication, as the status page's API has it; what customers were told does not follow later changes.
    affected = models.JSONField(default=list, blank=True, editable=False)
    # What publishing it changes besides, in the same breath: incidents/updates/carrying.py.
    plan = models.JSONField(default=dict, blank=True, editable=False)
    as_imported = as_imported()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    submitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    sent_back_because = Prose(max_length=2_000, editable=False)
    marks_because = Prose("why what the check marked stays", max_length=2_000, editable=False)
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    objects = CustomerUpdateQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        permissions = [("publish_customerupdate", "Can publish an update to customers")]
        indexes = [models.Index(fields=["incident", "-published_at"])]
        constraints = [
            models.CheckConstraint(
                # Without `published_by`: an imported update was published by nobody we know.
                name="update_published_with_moment",
                condition=Q(state__in=["draft", "submitted"], published_at=None, published_by=None)
                | Q(state="published", published_at__isnull=False),
            ),
            models.CheckConstraint(
                name="update_submitted_with_moment",
                condition=Q(submitted_at__isnull=False) | (~Q(state="submitted") & Q(submitted_by=None)),
            ),
            models.UniqueConstraint(
                fields=["incident", "external_id"], condition=~Q(external_id=""), name="update_imported_once"
            ),
        ]

    def __str__(self):
        return f"{self.get_status_display()}: {self.text[:80]}"

    @property
    def public_id(self) -> str:
        """What customers' programs know it by."""
        return self.external_id if is_id(self.external_id) else id_of("update", self.pk)

    @property
    def is_published(self) -> bool:
        """Whether customers can read it."""
        return self.state == self.State.PUBLISHED

    def clean(self):
        if not self.text.strip():
            raise ValidationError({"text": "Say something before you publish."})

    def refuse_edit(self):
        """Raise WrongState once customers can read it: what was said is only corrected in the open."""
        if self.is_published:
            raise WrongState("Customers have read this update: correct it, and say why.")

    # --- Verbs

    @verb(
        "Publish", State.DRAFT, State.SUBMITTED, permission=_may_publish, form="incidents.forms.PublishUpdate"
    )
    def publish(self, *, by, reason="", at=None):
        """Tell customers, and do what goes with it. From then on the text can only be corrected in the open.

        What the redaction check marks stays for a reason; a key, a password or a mailbox never does.
        """
        from incidents import emails
        from incidents.updates.carrying import carry_out
        from incidents.updates.marking import why_it_stays

        self.marks_because = why_it_stays(self, reason)
        was_submitted = self.state == self.State.SUBMITTED
        self.published_at = at or timezone.now()
        self.published_by = by
        carry_out(self, by=self.submitted_by if was_submitted else by)
        self.affected = self._affected_now()
        self.state = self.State.PUBLISHED
        self.incident.log(
            TimelineEntry.Kind.UPDATE,
            f"{self.get_status_display()}: {self.text}",
            by=by,
            at=self.published_at,
        )
        if was_submitted:
            emails.tell_author(self, by=by)
        from incidents.models.publication import Publication  # which knows updates

        Publication.objects.create(update=self)  # with it, so that no subscriber is ever forgotten

    @verb(
        "Submit for approval",
        State.DRAFT,
        permission="incidents.change_customerupdate",
        form="config.forms.OptionalReason",
    )
    def submit(self, *, by, reason="", at=None):
        """Written by somebody who may not publish at this severity: whoever may is asked to."""
        from incidents import emails

        self.submitted_at = at or timezone.now()
        self.submitted_by = by
        self.sent_back_because = ""
        self.state = self.State.SUBMITTED
        self.incident.log(TimelineEntry.Kind.STATE, f"Waits for approval: {self}", by=by, at=at)
        emails.ask_for_approval(self)

    @verb("Send back", State.SUBMITTED, permission=_may_publish, form="config.forms.Reason")
    def send_back(self, *, by, reason):
        """It should not be said like this: its author is told why, and it is a draft again."""
        from incidents import emails

        self.sent_back_because = reason
        self.state = self.State.DRAFT
        self.incident.log(TimelineEntry.Kind.STATE, f"An update was sent back: {reason}", by=by)
        emails.tell_author(self, by=by)

    @verb(
        "Correct",
        State.PUBLISHED,
        permission=_may_publish,
        form="incidents.forms.CorrectUpdate",
        is_grave=True,
    )
    def correct(self, *, by, reason, text=None, marks_because="", at=None):
        """What customers read was not right: they read the new text, what it said before, and why.

        Subscribers who were sent the old text are told. What the redaction check marks in it, or in the reason, and
        what was not there before, stays for a reason of its own, which customers do not read.
        """
        from incidents.updates.marking import why_it_stays_corrected

        text = self._meta.get_field("text").to_python(text or "").strip()
        if text in ("", self.text):
            raise ValidationError({"text": "Say it otherwise than before."}, code="unchanged")
        self.marks_because = why_it_stays_corrected(self, text=text, reason=reason, because=marks_because)
        made = self.corrections.create(
            before=self.text, after=text, reason=reason, corrected_by=by, corrected_at=at or timezone.now()
        )
        from incidents.models.publication import Publication  # which knows updates

        Publication.objects.create(correction=made)  # whoever was sent the old text hears of it
        self.text = text
        said = _said(self.published_at)
        self.incident.log(
            TimelineEntry.Kind.CORRECTION,
            f"Corrected what customers were told at {said}: {reason}",
            by=by,
            at=at,
        )

    def _affected_now(self) -> list[dict]:
        """How each service stands by this update, and how it stood by the one before."""
        before = self.incident.updates.published(self.published_at).values_list("affected", flat=True).first()
        stood = {one["code"]: one["new_status"] for one in before or ()}
        is_over = self.status == self.Status.RESOLVED
        return [
            {
                "code": row.service.public_id,
                "name": row.service.name,
                "old_status": stood.get(row.service.public_id, Impact.NONE.value),
                "new_status": Impact.NONE.value if is_over else row.impact,
            }
            for row in self.incident.service_impacts.select_related("service")
            if row.service.is_public
        ]
