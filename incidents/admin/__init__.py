"""The incidents in the workspace, split as the models are."""

from incidents.admin import catalogue, incident, people, timeline

__all__ = ["catalogue", "incident", "people", "timeline"]
