"""An incident's story goes on in its retrospective."""

from config.audit.belonging import leads
from retros.models import RetrospectiveIncident

leads(RetrospectiveIncident, start="incident", end="retro")
