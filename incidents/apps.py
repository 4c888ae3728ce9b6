from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = "Incidents"

    def ready(self):
        from incidents import sweeps  # noqa: F401  register themselves
        from incidents.defaults import add_severities

        post_migrate.connect(add_severities, sender=self, dispatch_uid="aftercare.severities")
