from django.apps import AppConfig


class CoachConfig(AppConfig):
    """What helps people to write about incidents without blame: rules, their accuracy, and the pages' hints."""

    name = "config.coach"
    label = "coach"
    verbose_name = "Language coach"
