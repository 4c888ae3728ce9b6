from retros.models.learning import Factor, Finding, RetroFactor
from retros.models.retrospective import Participant, Retrospective, RetrospectiveIncident, Section
from retros.models.template import Template, TemplateSection

__all__ = [
    "Factor",
    "Finding",
    "Participant",
    "RetroFactor",
    "Retrospective",
    "RetrospectiveIncident",
    "Section",
    "Template",
    "TemplateSection",
]
