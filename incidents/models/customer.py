"""Who our customers are, as far as it takes to say whether an incident affects them. Never public."""

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line
from incidents.models.catalogue import Region, Service

_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def clean_domain(text: str) -> str:
    """The domain in what people write for one: example.com, @example.com, somebody@example.com."""
    return text.strip().rpartition("@")[2].lower().rstrip(".")


def validate_domain(domain: str) -> None:
    """Refuse what no mail address ends in; other letters than English ones in the form that mail uses."""
    if not _DOMAIN.fullmatch(domain):
        raise ValidationError("That is no domain; write one such as example.com.", code="domain")


class CustomerQuerySet(models.QuerySet):
    """Customers, by how somebody on the telephone names one."""

    def named(self, term):
        """Whose name holds `term`, or whose id or domain it is; an address stands for its domain."""
        term = term.strip()
        if not term:
            return self.none()
        found = Q(name__icontains=term) | Q(external_id__iexact=term)
        if "." in term:
            found |= Q(domain=clean_domain(term))
        return self.filter(found)


class Customer(VersionedModel):
    """A company or person we serve: what they use, and from where."""

    name = Line(max_length=200)
    external_id = Line(
        "id elsewhere",
        max_length=100,
        blank=True,
        default="",
        help_text="In your own list of customers: by this an import knows the row again.",
    )
    tier = Line("plan or tier", max_length=100, blank=True, default="")
    domain = models.CharField(
        "contact domain",
        max_length=253,
        blank=True,
        default="",
        validators=[validate_domain],
        help_text="What their mail addresses end in, such as example.com.",
    )
    services = models.ManyToManyField(Service, through="CustomerService", related_name="customers")
    regions = models.ManyToManyField(Region, through="CustomerRegion", related_name="customers")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        permissions = [("use_support_page", "Can use the page for support")]
        indexes = [models.Index(Lower("name"), name="customer_by_name"), models.Index(fields=["domain"])]
        constraints = [
            models.UniqueConstraint(
                Lower("external_id"),
                condition=~Q(external_id=""),
                name="customer_once_per_id",
                violation_error_message="There is a customer with this id already.",
            )
        ]

    def __str__(self):
        return f"{self.name} ({self.external_id})" if self.external_id else self.name

    def clean(self):
        self.domain = clean_domain(self.domain)

    def clean_fields(self, exclude=None):
        self.domain = clean_domain(self.domain)  # before it is checked: people write addresses, too
        super().clean_fields(exclude=exclude)


class CustomerService(TrackedModel):
    """A customer uses a service."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="service_links")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="customer_links")

    class Meta:
        verbose_name = "service used"
        verbose_name_plural = "services used"
        ordering = ["service__position", "service__name"]
        constraints = [
            models.UniqueConstraint(fields=["customer", "service"], name="service_once_per_customer")
        ]

    def __str__(self):
        return str(self.service)


class CustomerRegion(TrackedModel):
    """A customer is served from a region."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="region_links")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="customer_links")

    class Meta:
        verbose_name = "region used"
        verbose_name_plural = "regions used"
        ordering = ["region__name"]
        constraints = [
            models.UniqueConstraint(fields=["customer", "region"], name="region_once_per_customer")
        ]

    def __str__(self):
        return str(self.region)
