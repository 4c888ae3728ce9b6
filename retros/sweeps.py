"""Finds the incidents that need a retrospective and have none. May run twice, at once, or late."""

import logging

from django.db import IntegrityError, transaction

from config.outbox.sweeps import sweep
from incidents.models import Incident
from retros.models import Retrospective

log = logging.getLogger(__name__)


def incidents_without_retro():
    """Resolved, real, of a severity that requires a retro, lived through here rather than imported."""
    return (
        Incident.objects.resolved()
        .real()
        .filter(severity__is_retro_required=True, retro_links=None, source="")
        .select_related("severity")
        .order_by("pk")
    )


@sweep
def open_required_retros() -> int:
    """Open a retro for each of them; returns how many were opened."""
    opened = 0
    for incident in incidents_without_retro():
        try:
            with transaction.atomic():
                Retrospective.objects.open_for(incident)
            opened += 1
        except IntegrityError:  # another sweep was quicker: the unique constraint decides
            log.info("%s has a retrospective already", incident.reference)
    return opened
