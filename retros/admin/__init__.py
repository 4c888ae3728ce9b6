"""The retrospectives in the workspace, split as the models are."""

from retros.admin import catalogue, parts, retrospective

__all__ = ["catalogue", "parts", "retrospective"]
