"""The retrospectives in the workspace, split as the models are."""

from retros.admin import catalogue, findings, learning, parts, retrospective, said

__all__ = ["catalogue", "findings", "learning", "parts", "retrospective", "said"]
