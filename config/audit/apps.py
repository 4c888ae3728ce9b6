from django.apps import AppConfig
from django.db.backends.signals import connection_created


class AuditConfig(AppConfig):
    name = "config.audit"
    verbose_name = "History"

    def ready(self):
        from config.audit.connection import watch

        connection_created.connect(watch, dispatch_uid="aftercare.audit")
