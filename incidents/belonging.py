"""What of incidents the history keeps back; their parts belong to them by themselves."""

from config.audit.belonging import keeps_back
from incidents.models import Incident

keeps_back(Incident, visibility=Incident.Visibility.RESTRICTED)
