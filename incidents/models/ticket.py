"""What support had to answer because of an incident: how many tickets, and which."""

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel
from config.fields import Line
from config.transitions import NotPermitted, signed

COUNT = "incidents.add_ticketcount"
LINK = "incidents.add_supportticket"
DESK = "Support page"  # where the button counts


class TicketCountManager(models.Manager):
    """Counts are never edited: a later one says better."""

    def enter(self, incident, *, by, count, source="", at=None):
        """So many tickets by now, as `source` counts them."""
        _refuse_unless(by, COUNT, "count tickets")
        with transaction.atomic(), signed(by):
            row = self.model(
                incident=incident, count=count, source=source, counted_at=at or timezone.now(), entered_by=by
            )
            row.full_clean()
            row.save()
        return row

    def add_one(self, incident, *, by, at=None):
        """One more on the support page. Two at once are two more: the incident is locked while one is added."""
        _refuse_unless(by, COUNT, "count tickets")
        with transaction.atomic():
            type(incident)._base_manager.select_for_update(of=("self",)).get(pk=incident.pk)
            before = self.filter(incident=incident, source=DESK).values_list("count", flat=True).first() or 0
            return self.enter(incident, by=by, count=before + 1, source=DESK, at=at)


class TicketCount(TrackedModel):
    """How many tickets one source had counted at a moment, in all since the incident began."""

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="ticket_counts")
    source = Line(
        "counted by", max_length=100, blank=True, default="", help_text="The desk or tool, such as Zendesk."
    )
    count = models.PositiveIntegerField("tickets so far", help_text="All since the incident began.")
    counted_at = models.DateTimeField("counted", default=timezone.now)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    objects = TicketCountManager()

    class Meta:
        ordering = ["-counted_at", "-pk"]
        indexes = [models.Index(fields=["incident", "source", "-counted_at"], name="latest_ticket_count")]

    def __str__(self):
        return f"{self.count} by {self.source or 'hand'}"


class SupportTicketManager(models.Manager):
    """Where tickets are linked."""

    def link(self, incident, *, by, reference, url="", source=""):
        """This ticket was about the incident."""
        _refuse_unless(by, LINK, "link tickets")
        with transaction.atomic(), signed(by):
            row = self.model(incident=incident, reference=reference, url=url, source=source, entered_by=by)
            row.full_clean()
            row.save()
        return row


class SupportTicket(TrackedModel):
    """A ticket in the tool of support, by what it is called there."""

    incident = models.ForeignKey("Incident", on_delete=models.CASCADE, related_name="support_tickets")
    source = Line("in", max_length=100, blank=True, default="", help_text="The tool, such as Zendesk.")
    reference = Line(max_length=100, help_text="What it is called there, such as #48213.")
    url = models.URLField(
        "address", max_length=1_000, blank=True, default="", validators=[URLValidator(["http", "https"])]
    )
    linked_at = models.DateTimeField(default=timezone.now, editable=False)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )

    objects = SupportTicketManager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "source", "reference"],
                name="ticket_once_per_incident",
                violation_error_message="This ticket is linked to this incident already.",
            ),
            models.CheckConstraint(name="ticket_has_a_reference", condition=~Q(reference="")),
        ]

    def __str__(self):
        return f"{self.source} {self.reference}".strip()


def _refuse_unless(by, permission, doing):
    if by is not None and not by.has_perm(permission):
        raise NotPermitted(f"{by} may not {doing}.")
