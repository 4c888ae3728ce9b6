"""What an incident affects, and how badly."""

from django.db import models

from config.audit.models import TrackedModel
from incidents.models.catalogue import Impact, Region, Service
from incidents.models.incident import Incident


class IncidentService(TrackedModel):
    """A service was affected, this badly."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="service_impacts")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="impacts")
    impact = models.CharField(max_length=24, choices=Impact, default=Impact.DEGRADED)

    class Meta:
        verbose_name = "affected service"
        ordering = ["service__position", "service__name"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "service"], name="service_once_per_incident")
        ]

    def __str__(self):
        return f"{self.service}: {self.get_impact_display()}"


class IncidentRegion(TrackedModel):
    """A region was affected, this badly."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="region_impacts")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="impacts")
    impact = models.CharField(max_length=24, choices=Impact, default=Impact.DEGRADED)

    class Meta:
        verbose_name = "affected region"
        ordering = ["region__name"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "region"], name="region_once_per_incident")
        ]

    def __str__(self):
        return f"{self.region}: {self.get_impact_display()}"
