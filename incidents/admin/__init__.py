"""The incidents in the workspace, split as the models are."""

from incidents.admin import (
    catalogue,
    customers,
    incident,
    maintenance,
    milestones,
    people,
    subscribers,
    templates,
    timeline,
)

__all__ = [
    "catalogue",
    "customers",
    "incident",
    "maintenance",
    "milestones",
    "people",
    "subscribers",
    "templates",
    "timeline",
]
