from incidents.models.catalogue import Impact, Region, Service, Severity
from incidents.models.incident import Incident, IncidentRegion, IncidentService
from incidents.models.people import Assignment
from incidents.models.timeline import CustomerUpdate, TimelineEntry

__all__ = [
    "Assignment",
    "CustomerUpdate",
    "Impact",
    "Incident",
    "IncidentRegion",
    "IncidentService",
    "Region",
    "Service",
    "Severity",
    "TimelineEntry",
]
