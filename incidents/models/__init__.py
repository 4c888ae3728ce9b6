from incidents.models.affected import IncidentRegion, IncidentService
from incidents.models.catalogue import Impact, Region, Service, Severity
from incidents.models.check import ValidationCheck
from incidents.models.correction import UpdateCorrection
from incidents.models.customer import Customer, CustomerRegion, CustomerService
from incidents.models.feedback import Feedback, FeedbackRequest, FeedbackVisit
from incidents.models.incident import Incident
from incidents.models.maintenance import (
    Maintenance,
    MaintenanceRegion,
    MaintenanceService,
    MaintenanceUpdate,
)
from incidents.models.milestone import Milestone
from incidents.models.people import Assignment
from incidents.models.publication import Publication
from incidents.models.rights import PublishingRight
from incidents.models.subscriber import Subscriber, SubscriberRegion, SubscriberService
from incidents.models.template import Audience, MessageTemplate
from incidents.models.ticket import SupportTicket, TicketCount
from incidents.models.timeline import CustomerUpdate, TimelineEntry

__all__ = [
    "Assignment",
    "Audience",
    "Customer",
    "CustomerRegion",
    "CustomerService",
    "CustomerUpdate",
    "Feedback",
    "FeedbackRequest",
    "FeedbackVisit",
    "Impact",
    "Incident",
    "IncidentRegion",
    "IncidentService",
    "Maintenance",
    "MaintenanceRegion",
    "MaintenanceService",
    "MaintenanceUpdate",
    "MessageTemplate",
    "Milestone",
    "Publication",
    "PublishingRight",
    "Region",
    "Service",
    "Severity",
    "Subscriber",
    "SubscriberRegion",
    "SubscriberService",
    "SupportTicket",
    "TicketCount",
    "TimelineEntry",
    "UpdateCorrection",
    "ValidationCheck",
]
