from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = "Incidents"

    def ready(self):
        from incidents import emails, reminders, sweeps  # noqa: F401  register themselves
        from incidents.defaults import add_defaults
        from incidents.subscribers import correcting, news  # noqa: F401  likewise

        post_migrate.connect(add_defaults, sender=self, dispatch_uid="aftercare.severities")
