"""What subscribers are still to hear of, and what they have heard: one row for each thing that customers were told."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from incidents.models.correction import UpdateCorrection
from incidents.models.incident import Incident
from incidents.models.maintenance import Maintenance, MaintenanceUpdate
from incidents.models.timeline import CustomerUpdate

NEWS = timedelta(days=1)  # what is entered later than this after it was said is history: nobody is told of it


class PublicationQuerySet(models.QuerySet):
    """What was said, by whether subscribers were told."""

    def waiting(self):
        """What no message was queued of yet."""
        return self.filter(queued_at=None)

    def ripe(self, at=None):
        """What waits and is public now; and what was not for a day, so that it need not be looked at again.

        An incident is often told about first and made public then: so it waits a day for that.
        """
        public = _is_public("update__incident") | _is_public("correction__update__incident")
        old = Q(made_at__lt=(at or timezone.now()) - NEWS)
        return self.waiting().filter(public | Q(maintenance_update__isnull=False) | old)


def _is_public(incident) -> Q:
    return Q(**{f"{incident}__visibility": Incident.Visibility.PUBLIC, f"{incident}__is_drill": False})


class Publication(models.Model):
    """One thing that customers were told, or told otherwise, of which subscribers hear: written with it or not at all.

    So no worker that dies and no broker that is away can lose it, and what an import brings has none.
    """

    update = models.OneToOneField(
        CustomerUpdate, null=True, on_delete=models.CASCADE, related_name="publication"
    )
    maintenance_update = models.OneToOneField(
        MaintenanceUpdate, null=True, on_delete=models.CASCADE, related_name="publication"
    )
    correction = models.OneToOneField(
        UpdateCorrection, null=True, on_delete=models.CASCADE, related_name="publication"
    )
    made_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(null=True)
    subscribers = models.PositiveIntegerField(default=0)

    objects = PublicationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["id"], name="publication_waiting", condition=Q(queued_at=None))]
        constraints = [
            models.CheckConstraint(
                name="publication_of_one_thing",
                condition=Q(update__isnull=False, maintenance_update=None, correction=None)
                | Q(update=None, maintenance_update__isnull=False, correction=None)
                | Q(update=None, maintenance_update=None, correction__isnull=False),
            )
        ]

    def __str__(self):
        return f"Publication of {self.said}"

    @property
    def said(self) -> CustomerUpdate | MaintenanceUpdate:
        """What was said; of a correction, what says something else now."""
        return self.correction.update if self.correction_id else self.update or self.maintenance_update

    @property
    def about(self) -> Incident | Maintenance:
        """The incident or the maintenance that it is about."""
        return self.maintenance_update.maintenance if self.is_maintenance else self.said.incident

    @property
    def is_maintenance(self) -> bool:
        """Whether it is about work that was announced."""
        return self.maintenance_update_id is not None

    @property
    def is_public(self) -> bool:
        """Whether customers may know of it now."""
        if self.is_maintenance:
            return self.about.announced_at is not None
        return self.said.is_published and self.about.is_public

    @property
    def is_news(self) -> bool:
        """Whether it was said about when it was entered; what is told of last year nobody wants a mail about."""
        at = self.correction.corrected_at if self.correction_id else self.said.published_at
        return self.made_at - at <= NEWS
