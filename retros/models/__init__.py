from retros.models.digest import Learning
from retros.models.edition import Confirmation, Edition
from retros.models.learning import Factor, Finding, FindingEvidence, RetroFactor
from retros.models.mark import TimelineMark
from retros.models.meeting import AgendaItem, Impression, Meeting, MeetingNote
from retros.models.perspective import Answer, Perspective, Question
from retros.models.retrospective import Participant, Retrospective, RetrospectiveIncident, Section
from retros.models.review import Comment, ReadMark, Review
from retros.models.step import Step, StepKind, StepRule
from retros.models.template import Template, TemplateSection, Topic

__all__ = [
    "AgendaItem",
    "Answer",
    "Comment",
    "Confirmation",
    "Edition",
    "Factor",
    "Finding",
    "FindingEvidence",
    "Impression",
    "Learning",
    "Meeting",
    "MeetingNote",
    "Participant",
    "Perspective",
    "Question",
    "ReadMark",
    "RetroFactor",
    "Retrospective",
    "RetrospectiveIncident",
    "Review",
    "Section",
    "Step",
    "StepKind",
    "StepRule",
    "Template",
    "TemplateSection",
    "TimelineMark",
    "Topic",
]
