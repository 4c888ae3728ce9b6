"""What can break, where, and how bad is how bad."""

from django.db import models
from django.db.models import Q

from config.audit.models import VersionedModel
from config.fields import Line, Prose
from incidents.public_ids import id_of, is_id


class Impact(models.TextChoices):
    """What customers notice of a service or region; the words of public status pages."""

    NONE = "operational", "No impact"
    DEGRADED = "degraded_performance", "Slow or faulty"
    PARTIAL = "partial_outage", "Out for some"
    MAJOR = "major_outage", "Out for all"


def as_imported():
    """What a status page said that no field of ours holds, so that our own can say it again."""
    return models.JSONField(default=dict, blank=True, editable=False)


class Service(VersionedModel):
    """Something customers use and have a name for."""

    slug = models.SlugField(max_length=100, unique=True)
    name = Line(max_length=200, help_text="What customers call it.")
    description = Prose(max_length=2_000)
    is_public = models.BooleanField("on the status page", default=True)
    tier = models.PositiveSmallIntegerField(
        choices=[(1, "1 – customers cannot work without it"), (2, "2 – important"), (3, "3 – convenient")],
        default=2,
    )
    group = Line(
        max_length=200, blank=True, default="", help_text="The heading it stands under on the status page."
    )
    position = models.PositiveIntegerField(default=0, help_text="Order on pages, lowest first.")
    showcase = models.BooleanField("its last 90 days are shown", default=True)
    as_imported = as_imported()
    source = models.CharField("imported from", max_length=100, blank=True, default="", editable=False)
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="service_imported_once"
            ),
            models.CheckConstraint(condition=Q(tier__in=[1, 2, 3]), name="service_tier_1_to_3"),
        ]

    def __str__(self):
        return self.name

    @property
    def public_id(self) -> str:
        """What customers' programs know it by."""
        return self.external_id if is_id(self.external_id) else id_of("service", self.pk)


class Region(VersionedModel):
    """A place customers are served from."""

    slug = models.SlugField(max_length=100, unique=True)
    name = Line(max_length=200)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Severity(VersionedModel):
    """How bad it is for customers, and what we owe them then."""

    rank = models.PositiveSmallIntegerField(unique=True, help_text="1 is worst.")
    name = Line(max_length=40, unique=True, help_text="Such as SEV1.")
    meaning = Prose(max_length=1_000, help_text="In plain words: when is it this one?")
    acknowledge_minutes = models.PositiveIntegerField("acknowledge within (minutes)", default=15)
    restore_minutes = models.PositiveIntegerField("restore within (minutes)", default=240)
    first_update_minutes = models.PositiveIntegerField("first customer update within (minutes)", default=30)
    update_every_minutes = models.PositiveIntegerField("then an update every (minutes)", default=60)
    are_checks_required = models.BooleanField(
        "no “resolved” without its checks",
        default=False,
        help_text="Each check is made, or left out with a reason, before an incident this bad is resolved.",
    )
    is_retro_required = models.BooleanField("needs a retrospective", default=False)
    retro_within_days = models.PositiveSmallIntegerField("retrospective within (working days)", default=5)

    class Meta:
        verbose_name_plural = "severities"
        ordering = ["rank"]

    def __str__(self):
        return self.name
