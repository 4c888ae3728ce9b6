"""What is usually said to customers, ready to be filled in: by phase, and as narrowly as wanted."""

from itertools import product

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from config.audit.models import VersionedModel
from config.fields import Line, Prose
from incidents.models.catalogue import Service, Severity
from incidents.models.timeline import CustomerUpdate
from incidents.updates.placeholders import refuse_unknown


class Audience(models.TextChoices):
    """Who an update is for."""

    CUSTOMERS = "customers", "Customers"
    TEAM = "team", "Our own people"


def _once():
    """One template for each combination; a severity or service that is not named is a combination too."""
    fields = ["phase", "audience", "locale"]
    for severity, service in product((True, False), repeat=2):
        named = [name for name, is_named in (("severity", severity), ("service", service)) if is_named]
        yield models.UniqueConstraint(
            fields=[*fields, *named],
            condition=Q(severity__isnull=not severity, service__isnull=not service),
            name=f"template_once{'_'.join(['', *named])}",
            violation_error_message="There is a template for exactly this already.",
        )


class MessageTemplate(VersionedModel):
    """The words for one phase; one for a service or a severity wins over one for all."""

    name = Line(max_length=200, unique=True)
    phase = models.CharField(max_length=16, choices=CustomerUpdate.Status)
    severity = models.ForeignKey(
        Severity,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="templates",
        help_text="Leave empty for every severity.",
    )
    service = models.ForeignKey(
        Service,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="templates",
        help_text="Leave empty for every service.",
    )
    audience = models.CharField("for", max_length=12, choices=Audience, default=Audience.CUSTOMERS)
    locale = models.CharField(
        "language",
        max_length=10,
        default="en",
        validators=[RegexValidator("^[a-z]{2,3}(-[A-Z]{2})?$", "Write a language such as en or pt-BR.")],
        help_text="Such as en, de or pt-BR.",
    )
    text = Prose(
        max_length=10_000, blank=False, help_text="In Markdown, with placeholders such as {{ services }}."
    )

    class Meta:
        verbose_name = "message template"
        ordering = ["phase", "audience", "locale", "name"]
        constraints = list(_once())

    def __str__(self):
        return self.name

    def clean(self):
        refuse_unknown(self.text)
