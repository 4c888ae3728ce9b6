from django.apps import AppConfig


class HouseConfig(AppConfig):
    """What belongs to no one app: the commands that start everything."""

    name = "config"
    verbose_name = "Aftercare"
