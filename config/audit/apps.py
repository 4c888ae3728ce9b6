from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.module_loading import autodiscover_modules


class AuditConfig(AppConfig):
    name = "config.audit"
    verbose_name = "History"

    def ready(self):
        from config.audit import checks, emails, sweeps  # noqa: F401  register themselves
        from config.audit.connection import watch

        connection_created.connect(watch, dispatch_uid="aftercare.audit")
        autodiscover_modules("belonging")
